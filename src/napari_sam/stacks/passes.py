"""One way from a slice where an object was shown, and where the object ends on that way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage as ndi

from napari_sam.regions import Region
from napari_sam.stacks.crops import Window
from napari_sam.stacks.ending import THROUGH_SLICES, Rule, Verdict, judge
from napari_sam.stacks.following import NOBODY, Seen, Step

Follow = Callable[[int, Region, int], Seen | None]
"""``follow(before, region, index)``: what slice `index` shows of an object known on `before`."""


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
        self.seen: list[Seen] = []
        #: Whether nothing at all is left of the object beyond.
        self.lost = False

    def at(self, index: int) -> Seen | None:
        """Return what is known of a slice."""
        place = (index - self.start.index) * self.way - 1
        return self.seen[place] if 0 <= place < len(self.seen) else None

    def reaches(self, index: int) -> bool:
        """Whether nothing is to be found out any more up to a slice, or to the whole way."""
        return self.lost or len(self.seen) >= (index - self.start.index) * self.way

    def go_on(self, follow: Follow) -> None:
        """Follow the object by one slice."""
        before = self.start.index + len(self.seen) * self.way
        region = self.seen[-1].region if self.seen else self.start.region
        seen = follow(before, region, before + self.way)
        if seen is None:
            self.lost = True
        else:
            self.seen.append(seen)


class Outwards:
    """Hears what a pass sees until the object has ended.

    Parameters
    ----------
    along : Pass
    rule : Rule
    """

    def __init__(self, along: Pass, rule: Rule = THROUGH_SLICES) -> None:
        self.along, self._rule = along, rule
        self._made: list[Step] = []
        self._told = 0
        self._judged: tuple[tuple[int, bool], Verdict] | None = None

    def done(self, reach: int) -> bool:
        """Whether all is known and told, if nobody looks beyond a slice."""
        verdict = self._judge(reach)
        return verdict.over and self._told >= verdict.certain

    def steps(self, reach: int) -> list[Step]:
        """Return the slices that show the object, as far as can be told, up to one."""
        return self._steps(self._judge(reach).likely)

    def advance(self, follow: Follow, reach: int) -> list[Step]:
        """Look at one more slice if need be; return the steps that are certain by it."""
        if not self._judge(reach).over:
            self.along.go_on(follow)
        steps = self._steps(self._judge(reach).certain)
        news, self._told = steps[self._told :], len(steps)
        return news

    def _steps(self, count: int) -> list[Step]:
        start, way = self.along.start.index, self.along.way
        for seen in self.along.seen[len(self._made) : count]:
            index = start + way * (len(self._made) + 1)
            self._made.append(Step(index, seen.region, seen.score))
        return self._made[:count]

    def _judge(self, reach: int) -> Verdict:
        along = self.along
        possible = max((reach - along.start.index) * along.way, 0)
        state = min(len(along.seen), possible), along.reaches(reach)
        if self._judged is None or self._judged[0] != state:
            seen = along.seen[: state[0]]
            self._judged = state, judge(along.start.region.area, seen, state[1], self._rule)
        return self._judged[1]


def meet(forth: Pass, back: Pass) -> dict[int, Step]:
    """Combine what came from both ends of a gap: the object is there, as on both sides.

    Parameters
    ----------
    forth, back : Pass
        From the shown slice before the gap, and from that after it.

    Returns
    -------
    dict of int to Step
        Every slice of the gap.
    """
    low, high = forth.start.index, back.start.index
    found = {}
    for index in range(low + 1, high):
        sides = [
            Step(index, seen.region, seen.score) if seen is not None else None
            for seen in (forth.at(index), back.at(index))
        ]
        found[index] = _mixed(sides[0], sides[1], (index - low) / (high - low), index)
    return found


def _mixed(first: Step | None, second: Step | None, fraction: float, index: int) -> Step:
    """Mix what two sides say: the nearer a shown slice, the more it counts."""
    if first is None or second is None:
        return first or second or Step(index, NOBODY, float("nan"))
    r0, c0, r1, c1 = (
        pick(a, b)
        for pick, a, b in zip(
            (min, min, max, max), first.region.box, second.region.box, strict=True
        )
    )
    window = Window(r0 - 1, c0 - 1, (r1 - r0 + 2, c1 - c0 + 2))
    depth = np.zeros(window.shape)
    for step, share in ((first, 1 - fraction), (second, fraction)):
        mask = window.mask(step.region)
        depth += share * (ndi.distance_transform_edt(mask) - ndi.distance_transform_edt(~mask))
    region = window.region(depth > 0)
    score = (1 - fraction) * first.score + fraction * second.score
    if not region.area:
        return first if fraction < 0.5 else second
    return Step(index, region, score)
