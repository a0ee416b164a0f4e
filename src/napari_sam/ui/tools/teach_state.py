"""What the Teach page shows: one evented object, written by `Teach` alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from psygnal import SignalGroupDescriptor

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_sam.models.lesson import Lesson
    from napari_sam.training.apart import TaughtApart


def _is(before: Any, after: Any) -> bool:
    return before is after


@dataclass(eq=False)
class TeachState:
    """Everything the Teach page shows.

    Attributes
    ----------
    source : Labels layer or None
        All of whose cells are learnt from; None for the cells that a person kept or corrected.
    cells, images : int
        How many there are, as far as it is known.
    exhaustive : bool
        Whether all cells of these slices are marked.
    why_not : str
        Why nothing can be taught now; empty when it can.
    running : float or None
        Fraction done of the lesson under way.
    result : TaughtApart or None
        What came of the last one, about which the person has not decided yet.
    base : str
        Which model that lesson was for.
    proposed : str
        What the taught model may be called.
    lessons : tuple of Lesson
        What the chosen model was taught.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor(
        equality_operators=dict.fromkeys(("source", "result", "lessons"), _is)
    )

    source: Labels | None = None
    cells: int = 0
    images: int = 0
    exhaustive: bool = False
    why_not: str = ""
    running: float | None = None
    result: TaughtApart | None = None
    base: str = ""
    proposed: str = ""
    lessons: tuple[Lesson, ...] = ()
