"""What the row of a folder shows: one evented object, written by `Walk` alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from psygnal import SignalGroupDescriptor

from napari_sam.batch.series import State

Counts = tuple[int, int, int]


@dataclass(eq=False)
class FolderState:
    """Where a person is in a folder.

    Attributes
    ----------
    folder : str
        What the series is called; empty while none is open.
    count : int
        How many images it holds.
    place : int
        Which of them is shown, counted from 0.
    name : str
        Of the file that is shown.
    state : {"to do", "found", "reviewed"}
        How far it is.
    counts : (int, int, int)
        How many images are to do, found and reviewed.
    seen : tuple of int
        The channel that is seen, or those that are seen together.
    channels : int
        How many there are.
    busy : bool
        Whether something is read or written, so that the next step has to wait.
    least_certain_first : bool
        Whether the images are gone through from the least certain one on.
    finding : str
        How far the search in all of them is; empty when there is none.
    share : float
        The part of it that is done, 0..1.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    folder: str = ""
    count: int = 0
    place: int = 0
    name: str = ""
    state: State = "to do"
    counts: Counts = (0, 0, 0)
    seen: tuple[int, ...] = (0,)
    channels: int = 1
    busy: bool = False
    least_certain_first: bool = False
    finding: str = ""
    share: float = 0.0
