"""A cell through time, and its daughters once it has divided, each under its own number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from napari_sam.models.model import Model
from napari_sam.prompts import Prompt
from napari_sam.regions import Region, common
from napari_sam.stacks.carry import Carry
from napari_sam.stacks.division import SAME_COVERED, Divisions, diameter_of, middle_of
from napari_sam.stacks.following import Step
from napari_sam.stacks.lineage import REACH
from napari_sam.stacks.recalled import Recalled
from napari_sam.stacks.shown import Shown

Follower = Carry | Recalled
"""What follows one cell."""
Make = Callable[[Model, "tuple[float, float] | None"], Follower]
"""Makes what follows one more cell, from a model and contrast limits."""
FIRST = 1  # the number of the cell that was shown


@dataclass(eq=False)
class Member:
    """One cell of a family.

    Parameters
    ----------
    carry : Carry or Recalled
    parent : int
        The number of its mother; 0 of the first one.
    born : Step or None
        Where it was found first, of daughters.
    divided : int or None
        The first frame of its daughters.
    asked : int
        The last frame on which it was asked whether it has divided.
    corrected : set of int
        The frames on which a person said where it is, of daughters.
    """

    carry: Follower
    parent: int = 0
    born: Step | None = None
    divided: int | None = None
    asked: int = -1
    corrected: set[int] = field(default_factory=set)


class Descendants:
    """Follows a cell as `Carry` does, until it divides, and then its daughters in their turn.

    A cell divides beyond the last frame that it was shown on: where a person says that it is, it
    has not divided before. What is said of a frame on which daughters are is said of the one that
    lies there or was lost near it; where it holds both, it says that they are one.

    Parameters
    ----------
    make : callable
        Makes what follows a cell: called with a model and contrast limits.
    model : Model
        Follows them.
    finder : callable
        Returns a model with an automatic head, who sees divisions, when one is needed.

    Attributes
    ----------
    members : dict of int to Member
        By their numbers; the cell that was shown is 1.
    """

    def __init__(self, make: Make, model: Model, finder: Callable[[], Model]) -> None:
        self._make, self._model, self._finder = make, model, finder
        self.first = Member(make(model, None))
        self.members = {FIRST: self.first}
        self._divisions: Divisions | None = None
        self._range = 0, self.first.carry.slices.depth - 1
        self._absent: set[int] = set()
        #: What was said of daughters; and of which frames it belongs to nobody that is known.
        self._corrected: dict[int, tuple[Region, float]] = {}
        self._waiting: set[int] = set()

    @property
    def steps(self) -> dict[int, Step]:
        """What is known of the cell that was shown."""
        return self.first.carry.steps

    @property
    def shown(self) -> list[int]:
        """The frames on which a person said where one of them is."""
        return sorted({*self.first.carry.shown, *self._corrected})

    @property
    def corrected(self) -> frozenset[int]:
        """Those of them on which that is a daughter."""
        return frozenset(self._corrected)

    @property
    def parents(self) -> dict[int, int]:
        """From the number of every daughter to that of her mother."""
        return {number: one.parent for number, one in self.members.items() if one.parent}

    # -- what a person says -----------------------------------------------------------------------

    def take(self, model: Model) -> bool:
        """Go on with a model; False where it cannot be exchanged."""
        if model is not self._model:
            self._model, self._divisions = model, None
        taken = [one.carry.take(model) for one in self.members.values()]
        return all(taken)

    def limit(self, first: int, last: int) -> None:
        """Say beyond which frames none is followed."""
        self._range = first, last
        for one in self.members.values():
            self._confine(one)

    @property
    def absent(self) -> set[int]:
        """Frames on which none is, though it is on both sides."""
        return self._absent

    @absent.setter
    def absent(self, frames: set[int]) -> None:
        self._absent = frames
        for one in self.members.values():
            self._confine(one)

    def _confine(self, one: Member) -> None:
        first, last = self._range
        one.carry.limit(first if one.born is None else max(first, one.born.index), last)
        one.carry.absent = set(self._absent)

    def show(self, index: int, what: Shown, score: float | None = None) -> None:
        """Say where the cell is on a frame, or a daughter, for the first time or again."""
        if index in self._corrected:
            self.forget(index)
        if not isinstance(what, Prompt):
            what = self.first.carry.slices.region(index, what)
            number = self._lying(index, what)
            if number != FIRST:
                self._corrected[index] = what, 1.0 if score is None else score
                self._correct(number, index)
                return
        self.first.carry.show(index, what, score)
        self._reunite(FIRST)

    def forget(self, index: int) -> None:
        """Take back what was said of a frame."""
        if self._corrected.pop(index, None) is None:
            self.first.carry.forget(index)
            self._reunite(FIRST)
            return
        self._waiting.discard(index)
        for number, one in list(self.members.items()):
            if one.born is not None and index in one.corrected:
                one.corrected.remove(index)
                one.carry.forget(index)
                if index == one.born.index:
                    one.carry.show(index, one.born.region, one.born.score)
                self._reunite(number)
                return

    def expect(self, index: int, region: Region, score: float) -> None:
        """Say where a daughter is who may not be known yet."""
        self.forget(index)
        self._corrected[index] = region, score
        self._waiting.add(index)

    def _lying(self, index: int, region: Region) -> int:
        """Return the number of whom a region on a frame means.

        The daughter who lies there; or who was last seen near it, if she was lost; and who
        divided, if it holds two daughters: she has not.
        """
        divided = self.first.divided
        if divided is None or index < divided:
            return FIRST
        there: dict[int, Region] = {}
        lost: dict[int, float] = {}
        for number, one in self.members.items():
            known = one.carry.steps
            if index in known and known[index].region.area and one.born is not None:
                there[number] = known[index].region
            elif one.divided is None and one.born is not None and one.born.index <= index:
                last = max((z for z in known if z < index), default=one.born.index)
                where = known[last].region if last in known else one.born.region
                apart = float(np.linalg.norm(middle_of(where) - middle_of(region)))
                lost[number] = apart / diameter_of(region)
        shared = {number: common(one, region) for number, one in there.items()}
        held = [n for n, one in there.items() if shared[n] > SAME_COVERED * one.area]
        if len(held) > 1:
            return min(self.members[number].parent for number in held)
        if any(shared.values()):
            return max(shared, key=lambda number: shared[number])
        near = min(lost, key=lambda number: lost[number], default=FIRST)
        return near if lost.get(near, REACH) < REACH else FIRST

    def _correct(self, number: int, index: int) -> None:
        """Let a daughter hear what was said of her."""
        one = self.members[number]
        one.carry.show(index, *self._corrected[index])
        one.corrected.add(index)
        self._waiting.discard(index)
        self._reunite(number)

    def _reunite(self, number: int) -> None:
        """Forget the daughters of a cell: it is asked again whether it divides."""
        one = self.members[number]
        one.divided, one.asked = None, -1
        one.carry.divide(None)
        for child in [key for key, other in self.members.items() if other.parent == number]:
            self._reunite(child)
            self._waiting |= self.members.pop(child).corrected

    # -- following --------------------------------------------------------------------------------

    @property
    def done(self) -> bool:
        """Whether nothing is left to be found."""
        return not self._open() and not self._waiting

    @property
    def fraction(self) -> float:
        """How much is done, 0 to 1, as far as that can be told."""
        return float(np.mean([one.carry.fraction for one in self.members.values()]))

    def advance(self) -> None:
        """Look at one more frame of the cell that has come least far."""
        still = self._open()
        if self.done:
            return  # such as where an end was set beyond which nothing is known
        if not still:  # what was said of a daughter who is not found is said of the cell
            index = min(self._waiting)
            self.first.carry.show(index, *self._corrected.pop(index))
            self._waiting.remove(index)
            self._reunite(FIRST)
            return
        number = min(still, key=lambda key: len(self.members[key].carry.steps))
        one = self.members[number]
        at = self._next(one)
        if at is None:
            one.carry.advance()
        else:
            self._ask(number, at)
        for index in sorted(self._waiting):
            lying = self._lying(index, self._corrected[index][0])
            if lying != FIRST:
                self._correct(lying, index)

    def _open(self) -> list[int]:
        found = self.members.items()
        return [key for key, one in found if not one.carry.done or self._next(one) is not None]

    def _next(self, one: Member) -> int | None:
        """Return the next frame of which it is to be asked whether a cell has divided there."""
        shown = one.carry.shown
        if one.divided is not None or not shown:
            return None
        asked, known = max(one.asked, shown[-1]), one.carry.steps
        before = min((z for z in known if z >= asked and known[z].region.area), default=None)
        return None if before is None or before >= self._range[1] else before + 1

    def _ask(self, number: int, at: int) -> None:
        """Ask whether a cell has divided on a frame, and welcome its daughters."""
        one = self.members[number]
        one.asked, slices = at, one.carry.slices
        if self._divisions is None:
            self._divisions = Divisions(self.first.carry.slices, self._finder(), one.carry.others)
        known = {z: step.region for z, step in one.carry.steps.items() if step.region.area}
        daughters = self._divisions.at(at, {z: region for z, region in known.items() if z < at})
        if daughters is None:
            return
        one.divided = at
        one.carry.divide(at)
        for step in daughters:
            child = Member(self._make(self._model, slices.limits), number, step)
            self.members[max(self.members) + 1] = child
            self._confine(child)
            child.carry.show(at, step.region, step.score)
