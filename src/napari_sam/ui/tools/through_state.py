"""What is shown of an object that is followed through slices: `Through` and its view write it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from psygnal import SignalGroupDescriptor

from napari_sam.ui.layers.axes import Further


@dataclass(frozen=True)
class Strip:
    """What is known of an object on every slice.

    Parameters
    ----------
    length : int
        How many slices there are.
    scores : mapping of int to float
        Predicted IoU where the object is.
    given : frozenset of int
        Slices on which a person said where it is.
    ends : (int, int)
        First and last slice that it may be on.
    divisions : frozenset of int
        Frames on which its daughters, or theirs, begin. Where they are, the least certain counts.
    word : str
        What one of the slices is called.
    """

    length: int
    scores: dict[int, float] = field(default_factory=dict)
    given: frozenset[int] = frozenset()
    ends: tuple[int, int] = (0, 0)
    divisions: frozenset[int] = frozenset()
    word: str = "slice"

    def doubtful(self) -> list[int]:
        """List the slices that nobody has said anything about, the least certain first.

        Examples
        --------
        >>> Strip(9, {2: 0.9, 3: 0.5, 4: 0.7, 5: 0.4}, frozenset({5})).doubtful()
        [3, 4, 2]
        """
        found = (index for index in self.scores if index not in self.given)
        return sorted(found, key=lambda index: (self.scores[index], index))


@dataclass(eq=False)
class ThroughState:
    """What the switch and the strip show.

    Attributes
    ----------
    on : bool
        Whether a cell that is marked is followed.
    axes : tuple of Further
        The axes of the chosen image along which it can be; none for a single plane.
    along : Further or None
        The one that is chosen.
    strip : Strip or None
        What is known of the cell being followed.
    at : int or None
        The slice that is displayed, if it is one of the strip's.
    divisions : bool
        Whether a cell that divides over time is followed into its daughters.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    on: bool = False
    axes: tuple[Further, ...] = ()
    along: Further | None = None
    strip: Strip | None = None
    at: int | None = None
    divisions: bool = True
