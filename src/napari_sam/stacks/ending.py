"""Where an object ends: some signs together, and the slices after it, decide.

No sign says it by itself, or on the same scale in every kind of image. So each is looked at in
relation to the object's own slices: how bright and how certain it was at its best, and how much
of that is left some slices further. A small model of them says for each slice how much more likely
the object still is there than not; it ends where that makes most sense of the whole sequence.

In time an object does not end as it does along z. It becomes larger and smaller, and the whole
picture fades, but it stays until it leaves the field, dies or divides. So frames are heard by a
rule of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from napari_sam.stacks.following import SeenOnSlice
from napari_sam.stacks.logistic import Logistic

Signs = npt.NDArray[np.float64]

#: Of `signs_of`. Printed by ``benchmarks/fit_endings.py --data FOLDER --objects 8 --volumes 4``
#: before answers to box and click were averaged; printed anew it is no better on averaged ones.
PRESENCE = Logistic((0.25, 0.61, 1.62, 5.44, -0.45), -6.59)
#: Of `signs_in_time`. Printed by the same with the first generation of weights; fitted anew it is
#: stricter, and gives up cells that are there (``benchmarks/stacks.py movies``).
STAYING = Logistic((1.62, -24.61), -0.57)
AHEAD = 3  # slices that have to be known beyond one that is judged
FLAT = 0.02  # brightness by which an object has to differ from its surroundings to tell anything
FAINT = 0.2  # how much a click or the looks may lose without telling anything
UNFOUND = 0.6  # of its best, how well a click alone finds it below which growth is a swap
PULSE = log(1.5)  # growth in time, log, that is none: touching, or half outside, it varies
SLIM = 1.0  # log of how much larger both sides are that says all there is to say
SURE = 3.0  # log-odds that a single slice may say at most
ENOUGH = 4.5  # log-odds against the object, summed up, at which nobody looks further
SETTLED = 2.0  # the same where slices ahead have been heard already


def signs_of(area: int, seen: Sequence[SeenOnSlice]) -> Signs:
    """Return what slices say about an object, one after the other from where it is known.

    Parameters
    ----------
    area : int
        Pixels of the object where it is known.
    seen : sequence of SeenOnSlice
        The slices after that.

    Returns
    -------
    (n, 5) float
        By how much the object is brighter than halfway between the brightest so far and the
        faintest of the slices ahead, in units of its contrast where it is known (darker objects
        likewise); how well a click alone finds it again, between its best so far, 1, and its worst
        ahead; how much it looks as on the slice before, likewise; which share of it lies where it
        was on the slice before, or 1 while that rises from the first slice on, because what was
        shown near its tip widens, less and less; and how much larger it is on both sides, log: a
        waist, where one object may end on top of the next.
    """
    if not seen:
        return np.empty((0, 5))
    start = seen[0].before
    contrast = start.inside - start.around
    left = np.ones(len(seen) + 1)
    if abs(contrast) > FLAT:
        inside = np.array([one.light.inside for one in seen])
        left[1:] = np.clip((inside - start.around) / contrast, -1, 2)
    best, worst = np.maximum.accumulate(left)[1:], _least_ahead(left[1:])
    return np.stack(
        [
            left[1:] - (best + worst) / 2,
            _left(np.array([one.alone for one in seen])),
            _left(np.array([one.alike for one in seen])),
            _in_place(np.array([one.covered for one in seen])),
            _waist(np.array([area, *(one.region.area for one in seen)], float)),
        ],
        axis=1,
    )


def signs_in_time(area: int, seen: Sequence[SeenOnSlice]) -> Signs:
    """Return what frames say about an object, one after the other from where it is known.

    Parameters
    ----------
    area : int
        Pixels of the object where it is known.
    seen : sequence of SeenOnSlice
        The frames after that.

    Returns
    -------
    (n, 2) float
        How well a click alone finds it, on this frame or the next, in units of its best so far;
        and, where that is badly, how much larger it is than on the two frames before, log, beyond
        half as large again.
    """
    if not seen:
        return np.empty((0, 2))
    alone = np.array([one.alone for one in seen])
    most = np.maximum.accumulate(alone)
    found = np.maximum(alone, np.append(alone[1:], 0.0)) / np.maximum(most, 1e-9)
    swelling = _swelling(np.array([area, area, *(one.region.area for one in seen)], float))
    swap = np.where(found < UNFOUND, np.maximum(swelling - PULSE, 0.0), 0.0)
    return np.stack([found, swap], axis=1)


def _swelling(areas: Signs) -> Signs:
    """Return the log ratio of every area, from the third on, to the larger of the two before.

    What widens from the first one on, ever more slowly, is not counted.
    """
    growth = np.log(np.maximum(areas[2:] / np.maximum(areas[1:-1], areas[:-2]), 1))
    slowing = growth <= np.concatenate([[np.inf], growth[:-1]])
    return np.where(np.logical_and.accumulate(slowing), 0.0, growth)


def _in_place(covered: Signs) -> Signs:
    """Return which shares of an object lie where it was, but for its widening from a tip."""
    widening = np.diff(covered, prepend=0.0) >= 0
    return np.where(np.logical_and.accumulate(widening), 1.0, covered)


def _waist(areas: Signs) -> Signs:
    """Return by how much every area, from the second on, is the smaller one of both sides, log."""
    behind = sliding_window_view(np.concatenate([np.zeros(AHEAD - 1), areas]), AHEAD).max(axis=1)
    ahead = -_least_ahead(-areas)
    waist = np.minimum(np.maximum(behind[:-1], areas[1:]), ahead[1:]) / areas[1:]
    return np.asarray(np.minimum(np.log(waist), SLIM), np.float64)


def _left(values: Signs) -> Signs:
    """Return how much of a sign is left: 1 of the best so far, less towards the worst ahead."""
    most, least = np.maximum.accumulate(values), _least_ahead(values)
    return np.asarray((values - least + FAINT) / (most - least + FAINT), np.float64)


def _least_ahead(values: Signs) -> Signs:
    """Return the least of every value and those of the next slices."""
    padded = np.concatenate([values, np.full(AHEAD, np.inf)])
    return np.asarray(sliding_window_view(padded, AHEAD + 1).min(axis=1), np.float64)


@dataclass(frozen=True)
class EndingRule:
    """How slices are heard.

    Parameters
    ----------
    signs : callable
        What they say: from the area where the object is known, and the slices after that, to
        (n, k) float.
    presence : Logistic
        How much more likely than not that makes the object.
    """

    signs: Callable[[int, Sequence[SeenOnSlice]], Signs]
    presence: Logistic


THROUGH_SLICES = EndingRule(signs_of, PRESENCE)
OVER_TIME = EndingRule(signs_in_time, STAYING)


@dataclass(frozen=True)
class HowFar:
    """On how many slices an object is, counted from where it is known.

    Parameters
    ----------
    certain : int
        At least, whatever comes.
    likely : int
        As far as can be told by now.
    over : bool
        Whether both are final.
    """

    certain: int
    likely: int
    over: bool


def judge(
    area: int,
    seen: Sequence[SeenOnSlice],
    whole: bool,
    rule: EndingRule = THROUGH_SLICES,
    own: Sequence[SeenOnSlice] = (),
) -> HowFar:
    """Tell how many of the slices show the object.

    Parameters
    ----------
    area : int
        Pixels of the object where it is known: on the first slice that it is known on.
    seen : sequence of SeenOnSlice
        The slices to be judged.
    whole : bool
        Whether there are no slices beyond these.
    rule : EndingRule
    own : sequence of SeenOnSlice
        Slices before these that are known to show it, from the second one on: what it is like.

    Returns
    -------
    HowFar
    """
    end, certain, likely = End(SETTLED), 0, 0
    odds = odds_of(area, seen, rule, own)
    settled = len(odds) if whole else len(odds) - AHEAD
    for heard, (number, one) in enumerate(odds, start=1):
        if end.hear(one):
            likely = number
        if heard <= settled:
            certain = likely
        if end.over:
            return HowFar(certain, likely, heard <= settled)
    return HowFar(certain, likely, whole)


def odds_of(
    area: int, seen: Sequence[SeenOnSlice], rule: EndingRule, own: Sequence[SeenOnSlice] = ()
) -> list[tuple[int, float]]:
    """Return what slices say for the object, log-odds, but for those that were lost.

    Parameters
    ----------
    area, seen, rule, own
        See `judge`.

    Returns
    -------
    list of (int, float)
        The number of every slice that says something, from 1, and what.
    """
    heard = [number for number, one in enumerate(seen, start=1) if not one.lost]
    before = [one for one in own if not one.lost]
    signs = rule.signs(area, [*before, *(seen[number - 1] for number in heard)])[len(before) :]
    return [(n, float(odds)) for n, odds in zip(heard, rule.presence.log_odds(signs), strict=True)]


class End:
    """Adds up what slices say, one by one.

    Parameters
    ----------
    enough : float
        Log-odds against the object, summed up, at which nobody looks further.

    Examples
    --------
    >>> end = End()
    >>> [end.hear(odds) for odds in (2.0, 1.0, -2.0, -1.0, -3.0)]
    [1, 1, 0, 0, 0]
    >>> end.over
    True
    """

    def __init__(self, enough: float = ENOUGH) -> None:
        self._enough = enough
        self._sum = 0.0
        self._most = 0.0
        self.waiting = 0

    def hear(self, log_odds: float) -> int:
        """Take in the next slice; return how many slices, to this one, are now certain."""
        self._sum += float(np.clip(log_odds, -SURE, SURE))
        self.waiting += 1
        if self._sum < self._most:
            return 0
        self._most = self._sum
        settled, self.waiting = self.waiting, 0
        return settled

    @property
    def over(self) -> bool:
        """Whether the object has ended where slices were last certain."""
        return self._most - self._sum >= self._enough
