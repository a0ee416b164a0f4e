"""A change is recorded before it is written, so that a crash midway leaves no half of it.

What lies in one window is written in a moment. What lies in several may be met half-way by a kill,
and labels whose pixels are in a file would stay so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, TypeVar

from napari_sam.errors import HalfWrittenError, LabelsError
from napari_sam.labels.change import Change
from napari_sam.labels.steps import Steps

T = TypeVar("T")

Way = Literal["apply", "undo", "redo"]


class Witness(Protocol):
    """Writes down what is about to happen to labels."""

    def begins(self, way: Way, change: Change) -> Steps[None]:
        """Write down that a change is about to be written; ends when that is safe."""

    def stopped(self) -> None:
        """Hear that it was not written after all, and the labels are as before."""


def witnessed(
    witness: Witness | None, way: Way, change: Change, work: Steps[T], wanted: Callable[[], bool]
) -> Steps[T]:
    """Do what writes a change, once it is written down if that may take long.

    Parameters
    ----------
    witness : Witness or None
    way : str
        Whether it is made, taken back or made again.
    change : Change
    work : generator
        Makes the change, all of it or nothing.
    wanted : callable
        Whether the labels still are those that the change is about.

    Raises
    ------
    LabelsError
    """
    if witness is None or not change.pixels.far_apart:
        return (yield from work)
    try:
        yield from witness.begins(way, change)
        if not wanted():
            raise LabelsError("The labels hold other data now. Nothing was changed.")
        return (yield from work)
    except HalfWrittenError:  # what was written down is needed
        raise
    except BaseException:
        witness.stopped()
        raise
