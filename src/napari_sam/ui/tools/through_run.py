"""One cell that is followed through slices: what was said of it, and what is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam.engine.carrying import Carried, Carrying, Told
from napari_sam.engine.view import View
from napari_sam.images import Plane
from napari_sam.labels.change import Change
from napari_sam.prompts import Prompt
from napari_sam.regions import NOTHING, Region
from napari_sam.ui.layers.axes import Further
from napari_sam.ui.tools.through_state import Strip

if TYPE_CHECKING:
    from napari.layers import Image


@dataclass(eq=False)
class Run:
    """A cell on its way.

    Parameters
    ----------
    image : Image layer
    view : View
        Of the slice where it was marked first.
    along : Further
        The axis along which it is followed.
    carrying : Carrying
    beside : list of Plane
        Slices with marks that only say what the cell is not; they go when it goes.
    log : tuple of Change
        What had happened to the labels when following began.

    Attributes
    ----------
    told, carried
        What the person said, and what is known by that.
    prompts : dict of int to tuple of Prompt
        The marks of the slices that were marked.
    filled : set of int
        Slices between marked ones that were filled by shape.
    drawn : set of int
        Slices whose outline was changed by hand.
    rough : dict of int to Region
        What was known of a slice before it was corrected, which the marks there refine.
    ends : list of Told
        What was said before each end that was set by hand.
    order : list of int
        The slices of the marks, as they were made.
    kept : Change or None
        The step that it became, when that was taken back.
    """

    image: Image
    view: View
    along: Further
    carrying: Carrying
    beside: list[Plane] = field(default_factory=list)
    log: tuple[Change, ...] = ()
    told: Told = field(init=False)
    carried: Carried = field(default_factory=Carried)
    prompts: dict[int, tuple[Prompt, ...]] = field(default_factory=dict)
    filled: set[int] = field(default_factory=set)
    drawn: set[int] = field(default_factory=set)
    rough: dict[int, Region] = field(default_factory=dict)
    looked_at: set[int] = field(default_factory=set)
    ends: list[Told] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    kept: Change | None = None

    def __post_init__(self) -> None:
        self.told = Told({}, 0, self.along.length - 1)

    def copy(self) -> Run:
        """Return another one of which the same is known, to go on from here once more."""
        other = copy(self)
        other.prompts, other.rough = dict(self.prompts), dict(self.rough)
        other.filled, other.drawn = set(self.filled), set(self.drawn)
        other.beside, other.ends = list(self.beside), list(self.ends)
        other.looked_at, other.order = set(self.looked_at), list(self.order)
        return other

    # -- where it is ------------------------------------------------------------------------------

    def place(self, plane: Plane | None) -> int | None:
        """Return which of its slices a plane is; None when it is none of them."""
        axis = self.along.axis
        at = None if plane is None or plane.ndim != self.view.plane.ndim else plane.index[axis]
        return at if at is not None and self.carrying.planes[at] == plane else None

    def planes(self, places: Any) -> list[Plane]:
        """Return the planes of some slices."""
        return [self.carrying.planes[at] for at in places]

    def region(self, at: int | None) -> Region | None:
        """Return the cell on a slice; None where it is not, or not known."""
        step = None if at is None else self.carried.steps.get(at)
        return step.region if step and step.region.area else None

    def everyone(self, at: int | None) -> list[Region]:
        """Return the cell on a slice, or its daughters, those that are there."""
        family = (self.carried.steps, *self.carried.daughters.values())
        found = [] if at is None else [steps[at] for steps in family if at in steps]
        return [step.region for step in found if step.region.area]

    def daughters(self) -> dict[int, dict[Plane, Region]]:
        """Return the daughters on every slice, by their numbers."""
        return {
            number: {self.carrying.planes[at]: step.region for at, step in steps.items()}
            for number, steps in self.carried.daughters.items()
            if any(step.region.area for step in steps.values())
        }

    def regions(self) -> dict[Plane, Region]:
        """Return the cell on every slice; empty where the labels have it and it is not."""
        found = {at: step.region for at, step in self.carried.steps.items() if step.region.area}
        gone = dict.fromkeys(self.carrying.drawn, NOTHING)
        return {self.carrying.planes[at]: region for at, region in (gone | found).items()}

    def strip(self) -> Strip:
        """Return what is shown of all slices."""
        scores: dict[int, float] = {}
        for steps in (self.carried.steps, *self.carried.daughters.values()):
            for at, step in steps.items():
                if step.region.area:
                    scores[at] = min(step.score, scores.get(at, step.score))
        given = self.carried.given | set(self.told.shown)
        ends = self.told.first, self.told.last
        begin = frozenset(min(steps) for steps in self.carried.daughters.values() if steps)
        return Strip(self.along.length, scores, given, ends, begin, self.along.word)

    # -- what a person says -----------------------------------------------------------------------

    def show(self, at: int, region: Region, score: float, prompts: tuple[Prompt, ...]) -> bool:
        """Take in where the cell is on a slice; False when that was known."""
        known = self.told.shown.get(at)
        if known is not None and _same(known[0], region):
            if at in self.prompts:
                self._mark(at, prompts)  # marks that change nothing are marks
            return False
        self._unfill(at)
        shown = {**self.told.shown, at: (region, score)}
        first, last = min(self.told.first, at), max(self.told.last, at)
        self.told = Told(shown, first, last, self.told.absent - {at})
        self._mark(at, prompts)
        self.drawn.discard(at)
        return True

    def _mark(self, at: int, prompts: tuple[Prompt, ...]) -> None:
        """Take in the marks of a slice: more of them than before are the last ones."""
        more = _count(prompts) - _count(self.prompts.get(at, ()))
        self.prompts[at] = prompts
        if more > 0:
            self.order.append(at)
        elif more < 0 and at in self.order:
            del self.order[len(self.order) - 1 - self.order[::-1].index(at)]

    @property
    def last_marked(self) -> int:
        """The slice with the last mark."""
        return next((at for at in reversed(self.order) if at in self.prompts), max(self.prompts))

    def draw(self, at: int, region: Region) -> Callable[[], None]:
        """Take in an outline that was changed by hand, without a mark; returns what undoes it."""
        before = self.told.shown.get(at)
        among = [places for places in (self.drawn, self.filled) if at in places]
        self.told = replace(self.told, shown={**self.told.shown, at: (region, 1.0)})
        self.drawn.add(at)
        self.filled.discard(at)

        def undraw() -> None:
            shown = {z: said for z, said in self.told.shown.items() if z != at}
            self.told = replace(self.told, shown=shown if before is None else {**shown, at: before})
            self.drawn.discard(at)
            for places in among:
                places.add(at)

        return undraw

    def begin_anew(self, carrying: Carrying, log: tuple[Change, ...]) -> None:
        """Be followed by something else, which hears what was said."""
        carrying.of_daughters = self.carried.corrected
        self.carrying, self.carried, self.log = carrying, Carried(), log

    @property
    def said(self) -> int:
        """How many marks there are, on all slices."""
        return sum(map(_count, self.prompts.values()))

    def forget(self, at: int) -> None:
        """Take back what was said of a slice."""
        self._unfill(at)
        shown = {z: said for z, said in self.told.shown.items() if z != at}
        self.told = replace(self.told, shown=shown)
        self.prompts.pop(at, None)
        self.order = [marked for marked in self.order if marked != at]
        self.rough.pop(at, None)
        self.drawn.discard(at)

    @property
    def marked(self) -> list[int]:
        """The slices with marks that say where the cell is."""
        return sorted(set(self.told.shown) - self.filled - self.drawn)

    def fill(self, regions: Mapping[int, Region]) -> None:
        """Take in what lies between slices that were given, by shape."""
        sure = min((score for _, score in self.told.shown.values()), default=1.0)
        new = {at: (region, sure) for at, region in regions.items()}
        self.told = replace(self.told, shown={**self.told.shown, **new})
        self.filled |= set(new)

    def _unfill(self, at: int) -> None:
        """Let go of what was filled from a slice that has changed."""
        low = max((z for z in self.marked if z < at), default=-1)
        high = min((z for z in self.marked if z > at), default=self.along.length)
        gone = {z for z in self.filled if low < z < high}
        self.filled -= gone
        shown = {z: said for z, said in self.told.shown.items() if z not in gone}
        self.told = replace(self.told, shown=shown)

    def not_here(self, at: int) -> str:
        """Say that the cell is not on a slice, or take that back; returns what that means."""
        word, told = self.along.word, self.told
        given = sorted(self.carried.given | set(told.shown))
        if at > told.last:
            before = [end for end in self.ends if end.last >= at]
            self.told = replace(told, last=before[-1].last if before else self.along.length - 1)
        elif at < told.first:
            before = [end for end in self.ends if end.first <= at]
            self.told = replace(told, first=before[-1].first if before else 0)
        elif at in told.absent:
            self.told = replace(told, absent=told.absent - {at})
        elif at in self.marked:
            return f"You marked the cell on this {word}. Take the marks back first (Ctrl+Z)."
        elif at > given[-1]:
            self.ends.append(told)
            self.told = replace(told, last=at - 1)
            return f"The cell is not on {word} {at}, nor behind it."
        elif at < given[0]:
            self.ends.append(told)
            self.told = replace(told, first=at + 1)
            return f"The cell is not on {word} {at}, nor before it."
        else:
            self.told = replace(told, absent=told.absent | {at})
            return f"The cell is left out on {word} {at}."
        return "The cell may be here again."

    def next_doubtful(self) -> int | None:
        """Return the least certain slice that was not offered yet; all once more after the last."""
        doubtful = self.strip().doubtful()
        fresh = [at for at in doubtful if at not in self.looked_at]
        if not fresh:
            self.looked_at.clear()
            fresh = doubtful
        if not fresh:
            return None
        self.looked_at.add(fresh[0])
        return fresh[0]


def _count(prompts: tuple[Prompt, ...]) -> int:
    """Count the marks of a slice."""
    return sum(len(p.points) + len(p.strokes) + len(p.boxes) for p in prompts)


def _same(one: Region, other: Region) -> bool:
    return one is other or (one.box == other.box and np.array_equal(one.mask, other.mask))
