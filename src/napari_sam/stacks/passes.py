"""One way from a slice where an object was shown, and where the object ends on that way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from napari_sam.regions import Region
from napari_sam.stacks.ending import THROUGH_SLICES, EndingRule, HowFar, Judge
from napari_sam.stacks.following import SeenOnSlice, Step

Follow = Callable[[Step, int, Region, int], list[SeenOnSlice]]
"""``follow(start, before, region, index)``: what slice `index` shows of an object, shown on one
slice and known on `before`.

If that slice was lost, what those up to the next one show; nothing where it is nowhere.
"""


class Pass:
    """An object followed from slice to slice, one way, whether it is still there or not.

    What a slice shows follows from the slice before, and in the end from the slice where the
    object was shown: as long as that stays, all of it holds.

    Parameters
    ----------
    start : Step
        Where it was shown.
    way : {1, -1}
        To later slices, or to earlier ones.
    """

    def __init__(self, start: Step, way: int) -> None:
        self.start, self.way = start, way
        self.seen: list[SeenOnSlice] = []
        #: Whether nothing at all is left of the object beyond.
        self.lost = False

    def at(self, index: int) -> SeenOnSlice | None:
        """Return what is known of a slice."""
        place = (index - self.start.index) * self.way - 1
        return self.seen[place] if 0 <= place < len(self.seen) else None

    def reaches(self, index: int) -> bool:
        """Whether nothing is to be found out any more up to a slice, or to the whole way."""
        return self.lost or len(self.seen) >= (index - self.start.index) * self.way

    def go_on(self, follow: Follow) -> None:
        """Follow the object by one slice, and by those that were lost before it."""
        before = self.start.index + len(self.seen) * self.way
        region = self.seen[-1].region if self.seen else self.start.region
        found = follow(self.start, before, region, before + self.way)
        self.seen.extend(found)
        self.lost = not found


@dataclass(frozen=True, eq=False)
class Own:
    """What an object is like on its own slices, from the one that shows most of it to one end.

    Parameters
    ----------
    area : int
        Pixels on the first of them.
    seen : list of SeenOnSlice
        The others.
    """

    area: int
    seen: list[SeenOnSlice] = field(default_factory=list)


def own_slices(
    chain: Sequence[Pass], drawn: Callable[[Step, SeenOnSlice | None], SeenOnSlice]
) -> Own:
    """Put together what is known between the slices where an object was shown.

    Parameters
    ----------
    chain : sequence of Pass
        One way, each from a shown slice to the next; the last one begins at the outermost.
    drawn : callable
        Looks at a slice where it was shown, given what the way to there saw on it.

    Returns
    -------
    Own
    """
    own = Own(chain[0].start.region.area)
    for along, following in pairwise(chain):
        shown = following.start
        between = range(along.start.index + along.way, shown.index, along.way)
        passed = [along.at(index) for index in between]
        own.seen.extend(one for one in passed if one is not None)
        own.seen.append(drawn(shown, along.at(shown.index)))
    return own


class Outwards:
    """Hears what a pass sees until the object has ended.

    Parameters
    ----------
    along : Pass
    rule : EndingRule
    own : Own, optional
        What the object is like, where it was shown on other slices, too.
    """

    def __init__(
        self, along: Pass, rule: EndingRule = THROUGH_SLICES, own: Own | None = None
    ) -> None:
        own = own or Own(along.start.region.area)
        self.along, self._judge = along, Judge(own.area, rule, own.seen)
        self._made: list[Step] = []
        self._told = 0
        self._judged: tuple[tuple[int, bool], HowFar] | None = None

    def done(self, reach: int) -> bool:
        """Whether all is known and told, if nobody looks beyond a slice."""
        verdict = self._how_far(reach)
        return verdict.over and self._told >= verdict.certain

    def steps(self, reach: int, there: bool = False) -> list[Step]:
        """Return the slices that show the object, up to one: all, or as far as can be told."""
        if there:
            return self._steps(max((reach - self.along.start.index) * self.along.way, 0))
        return self._steps(self._how_far(reach).likely)

    def advance(self, follow: Follow, reach: int) -> list[Step]:
        """Look at one more slice if need be; return the steps that are certain by it."""
        if not self._how_far(reach).over:
            self.along.go_on(follow)
        told, self._told = self._told, self._how_far(reach).certain
        return self._steps(self._told, told)

    def _steps(self, count: int, first: int = 0) -> list[Step]:
        start, way = self.along.start.index, self.along.way
        for seen in self.along.seen[len(self._made) : count]:
            index = start + way * (len(self._made) + 1)
            self._made.append(Step(index, seen.region, seen.score))
        return self._made[first:count]

    def _how_far(self, reach: int) -> HowFar:
        along = self.along
        possible = max((reach - along.start.index) * along.way, 0)
        state = min(len(along.seen), possible), along.reaches(reach)
        if self._judged is None or self._judged[0] != state:
            self._judged = state, self._judge.judge(along.seen, *state)
        return self._judged[1]
