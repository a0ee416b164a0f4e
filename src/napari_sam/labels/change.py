"""A change of labels: its pixels, the rows of its objects, and how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from napari_sam.images import Plane
from napari_sam.labels.rows import RowChange
from napari_sam.labels.runs import Runs
from napari_sam.prompts import Prompt


@dataclass(frozen=True, eq=False)
class Origin:
    """What a change was made from, as far as that is known.

    Parameters
    ----------
    plane : Plane, optional
        The plane of the image that a person looked at.
    prompts : tuple of Prompt
        One per object, what the person said about it.
    model : str
        The model that answered.
    choices : tuple of int
        Which candidate of each prompt's answer was taken, 0 the best.
    by_hand : bool
        Whether a person changed an outline before it was taken.
    method : str
        The method of a search.
    options : mapping
        What was chosen of its options, as plain values.
    """

    plane: Plane | None = None
    prompts: tuple[Prompt, ...] = ()
    model: str = ""
    choices: tuple[int, ...] = ()
    by_hand: bool = False
    method: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Change:
    """One step of a `Document`. Whatever it holds is not to be written to.

    Parameters
    ----------
    told : str
        What was done, in a sentence for the person: ``"Deleted cell 4."``
    pixels : Runs
        May be none.
    rows : RowChange, optional
        A document sets it once more when rows were measured later, see `Document.complete`.
    kind : str
        ``"accept"``, ``"correct"``, ``"delete"``, ``"merge"``, ``"split"``, ``"mark"``,
        ``"paint"``, ``"search"``, ``"propagate"``, ``"track"`` or a tool's own word.
    origin : Origin, optional
    when : int
        Nanoseconds since 1970 when it was made or done again; 0 for what was painted before the
        document was opened. The document sets it.
    """

    told: str
    pixels: Runs
    rows: RowChange | None = None
    kind: str = "edit"
    origin: Origin | None = None
    when: int = 0

    @property
    def ids(self) -> tuple[int, ...]:
        """All objects that the change is about, in order."""
        of_rows = self.rows.ids if self.rows is not None else ()
        return tuple(sorted({*self.pixels.ids, *of_rows}))

    @property
    def new_ids(self) -> tuple[int, ...]:
        """Objects that gain pixels."""
        gained = {int(i) for i in self.pixels.after}
        return tuple(sorted(gained - {0}))

    @property
    def highest_id(self) -> int:
        """The highest id that the change knows of, 0 when it has none."""
        of_rows = self.rows.ids if self.rows is not None else ()
        return max((*self.pixels.ids, *of_rows), default=0)


class MovedStep(NamedTuple):
    """A step that was taken back or done again, and how many pixels somebody had changed since.

    Those pixels were left as they are.
    """

    change: Change
    left_alone: int

    @property
    def told(self) -> str:
        """What the step did, to be said in the middle of a sentence, and what was left alone."""
        said, count = self.change.told, self.left_alone
        left = f" {count} pixels that were changed since stay as they are." if count else ""
        return f"{said[:1].lower()}{said[1:]}{left}"
