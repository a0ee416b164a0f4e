"""What the panel shows: one evented object, each field of which is written in one file.

Whoever wants another value asks the owner of the field: `Workbench` for what is said and for
the roles of layers, a page for what is its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from psygnal import SignalGroupDescriptor

from napari_sam.images import Plane
from napari_sam.prompts import FOREGROUND, Prompt
from napari_sam.regions import Region
from napari_sam.segmentation import Candidates, Overlap
from napari_sam.ui.find_options import FindOptions

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Points, Shapes

    from napari_sam.engine.pictures import Picture
    from napari_sam.engine.view import View
    from napari_sam.models.capabilities import Suits

Pen = Literal["", "scribble", "lasso", "brush", "eraser"]
ChipKind = Literal["empty", "wait", "ready", "missing", "problem"]


@dataclass(frozen=True)
class Chip:
    """The small sign beside the model: what it can do for this image right now."""

    kind: ChipKind
    text: str


@dataclass(frozen=True)
class Advice:
    """What a page says about the slice that is shown, while nothing else is to be told.

    Parameters
    ----------
    waiting, ready : str
        While the model encodes the slice, and once it has; empty to say nothing.
    others : str
        How a person sees other outlines of a proposed cell, with ``{keys}`` for the digits.
        Empty on a page that proposes none.
    """

    waiting: str = ""
    ready: str = ""
    others: str = ""


@dataclass(frozen=True, eq=False)
class Answer:
    """What the model said about the prompts on one plane.

    Parameters
    ----------
    image : Image layer
        Whose plane it was.
    plane : Plane
        The plane the prompts were on; the only place where this answer may be shown or written.
    prompts : tuple of Prompt
        One per object.
    found : tuple of Candidates
        One per prompt.
    picture : Picture
        The plane around the objects, for the thumbnails.
    view : View
        The pixels that were looked at.
    painted : frozenset of int
        Places of the objects whose outline a person has changed by hand.
    """

    image: Image
    plane: Plane
    prompts: tuple[Prompt, ...]
    found: tuple[Candidates, ...]
    picture: Picture
    view: View
    painted: frozenset[int] = frozenset()

    @property
    def choices(self) -> int:
        """How many candidates there are to choose from."""
        return max(len(candidates) for candidates in self.found)

    def regions(self, choice: int | Sequence[int]) -> list[Region]:
        """The pixels of every object at a rank of the candidates: of all, or one for each."""
        return [found.regions[rank] for found, rank in self._ranked(choice)]

    def score(self, choice: int | Sequence[int]) -> float:
        """Mean score of the objects at a rank of the candidates."""
        return float(np.mean([found.scores[rank] for found, rank in self._ranked(choice)]))

    def _ranked(self, choice: int | Sequence[int]) -> list[tuple[Candidates, int]]:
        ranks = [choice] * len(self.found) if isinstance(choice, int) else choice
        pairs = zip(self.found, ranks, strict=True)
        return [(found, min(rank, len(found) - 1)) for found, rank in pairs]


def _same(before: Any, after: Any) -> bool:
    """Layers and arrays are compared by identity, plain values by value."""
    plain = isinstance(before, (str, int, float, bool, Chip, Advice, type(None)))
    return before is after or (plain and type(before) is type(after) and before == after)


@dataclass(eq=False)
class State:
    """Everything the panel shows.

    Attributes
    ----------
    image, points, shapes, mask, target : layer or None
        Chosen layers. None means "none" for shapes and mask, and "new" for points and target.
    tool : str
        Name of the page.
    advice : Advice
        Of the page.
    each_point : bool
        Whether every point marks a cell of its own.
    cell_per_click : bool
        Whether each click keeps the cell before it.
    in_hand : int
        Number of the kept cell whose outline clicks refine; 0 for none.
    polarity : {1, 0}
        What a left click says: 1 object, 0 background.
    filled : bool
        Whether proposed cells are filled instead of outlined.
    drawing : bool
        Whether a drag draws a box.
    pen : str
        What a drag on the canvas draws instead of moving the view; empty for nothing.
    brush_size : int
        Of brush and eraser, the diameter in pixels.
    overlap : {"keep", "overwrite"}
    hover : bool
        Whether the mask under the cursor is shown.
    model : str
        Name of the chosen model.
    suits : mapping
        Options of methods that suit it where nobody chose others.
    chip : Chip
    marked : bool
        Whether anything is marked on the displayed plane.
    kept : bool
        Whether there is a kept object that undo can take back.
    kept_count : int
        How many objects the labels hold that cells are kept in.
    answer : Answer or None
    choice : int
        Which candidate was chosen last, 0 the best.
    choices : tuple of int
        Which candidate is chosen of each proposed object.
    status : str
        One sentence: what happens now, or what to do next.
    problem : bool
        Whether the status tells of something that did not work.
    progress : float or None
        Fraction done of what runs, None when nothing does.
    merge : Labels or None
        Where found cells go: None is a new layer.
    find : FindOptions
        How to find all.
    estimated : float or None
        The diameter in pixels that the last search estimated.
    found_count : int or None
        How many objects the last search found.
    unsaved : str
        Labels of this image that were not saved before, in a sentence; empty when there are none.
    accept_key : str
        The key that accepts now; a layer being drawn on needs Enter for itself.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor(
        equality_operators=dict.fromkeys(
            ("image", "points", "shapes", "mask", "target", "answer", "merge"), _same
        )
    )

    image: Image | None = None
    points: Points | None = None
    shapes: Shapes | None = None
    mask: Labels | None = None
    target: Labels | None = None
    tool: str = ""
    advice: Advice = Advice()
    each_point: bool = False
    cell_per_click: bool = False
    in_hand: int = 0
    polarity: int = FOREGROUND
    filled: bool = False
    drawing: bool = False
    pen: Pen = ""
    brush_size: int = 10
    overlap: Overlap = "keep"
    hover: bool = False
    model: str = "cells"
    suits: Suits = field(default_factory=dict)
    chip: Chip = field(default_factory=lambda: Chip("empty", "no image"))
    marked: bool = False
    kept: bool = False
    kept_count: int = 0
    answer: Answer | None = None
    choice: int = 0
    choices: tuple[int, ...] = ()
    status: str = ""
    problem: bool = False
    progress: float | None = None
    merge: Labels | None = None
    find: FindOptions = field(default_factory=FindOptions)
    estimated: float | None = None
    found_count: int | None = None
    unsaved: str = ""
    accept_key: str = "Enter"
