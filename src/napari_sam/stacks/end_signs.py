"""What slices say about whether an object is still there, each in relation to those before it.

Slices that come later change only what the last few say: what counts of all others is their past,
which does not grow with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from napari_sam.stacks.following import SeenOnSlice
from napari_sam.stacks.light import Light

Signs = npt.NDArray[np.float64]

AHEAD = 3  # slices that have to be known beyond one that is judged
LEAST_CONTRAST = 0.02  # between an object and its surroundings for its brightness to tell anything
SLACK = 0.2  # how much a click or the looks may lose without telling anything
BADLY_FOUND = 0.6  # of its best, how well a click alone finds it below which growth is a swap
NO_GROWTH = log(1.5)  # log growth in time that is none: of objects that touch, sizes vary
MOST_WAIST = 1.0  # log of how much larger both sides are that counts at most


@dataclass(frozen=True)
class Past:
    """What counts of the slices before some others.

    Parameters
    ----------
    areas : tuple of float
        Pixels of the object on the last ones.
    start : Light or None
        How bright it is where it is known.
    left, alone, alike : float
        The best so far of what is left of its brightness, and of these signs.
    covered : float
        The last of this sign.
    widening : bool
        Whether that has risen all the time.
    growth : float
        By how much it has become larger at last, log.
    slowing : bool
        Whether it has grown ever more slowly.
    """

    areas: tuple[float, ...]
    start: Light | None = None
    left: float = 1.0
    alone: float = -np.inf
    alike: float = -np.inf
    covered: float = 0.0
    widening: bool = True
    growth: float = np.inf
    slowing: bool = True

    @classmethod
    def of(cls, area: int) -> Past:
        """Begin with a slice on which the object is known, by its pixels there."""
        return cls((float(area),) * AHEAD)

    def after(self, seen: SeenOnSlice) -> Past:
        """Return what counts with one slice more."""
        start = self.start or seen.before
        growth = float(swelling(np.array([*self.areas[-2:], seen.region.area], float))[0])
        return replace(
            self,
            areas=(*self.areas[1:], float(seen.region.area)),
            start=start,
            left=max(self.left, float(left_of(start, [seen])[0])),
            alone=max(self.alone, seen.alone),
            alike=max(self.alike, seen.alike),
            covered=seen.covered,
            widening=self.widening and seen.covered >= self.covered,
            growth=growth,
            slowing=self.slowing and growth <= self.growth,
        )


def signs_of(past: Past, seen: Sequence[SeenOnSlice]) -> Signs:
    """Return what slices say about an object, one after the other.

    Parameters
    ----------
    past : Past
        The object where it is known, and the slices since then.
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
    left = left_of(past.start or seen[0].before, seen)
    best, worst = _most(past.left, left), _least_ahead(left)
    return np.stack(
        [
            left - (best + worst) / 2,
            _left(past.alone, np.array([one.alone for one in seen])),
            _left(past.alike, np.array([one.alike for one in seen])),
            _in_place(past, np.array([one.covered for one in seen])),
            _waist(past, np.array([one.region.area for one in seen], float)),
        ],
        axis=1,
    )


def signs_in_time(past: Past, seen: Sequence[SeenOnSlice]) -> Signs:
    """Return what frames say about an object, one after the other.

    Parameters
    ----------
    past : Past
        The object where it is known, and the frames since then.
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
    most = _most(past.alone, alone)
    found = np.maximum(alone, np.append(alone[1:], 0.0)) / np.maximum(most, 1e-9)
    growth = swelling(np.array([*past.areas[-2:], *(one.region.area for one in seen)], float))
    slowing = growth <= np.concatenate([[past.growth], growth[:-1]])
    widens = past.slowing & np.logical_and.accumulate(slowing)
    swap = np.where((found < BADLY_FOUND) & ~widens, np.maximum(growth - NO_GROWTH, 0.0), 0.0)
    return np.stack([found, swap], axis=1)


def left_of(start: Light, seen: Sequence[SeenOnSlice]) -> Signs:
    """Return how much of an object's contrast is left; all of it where it had none."""
    contrast = start.inside - start.around
    if abs(contrast) <= LEAST_CONTRAST:
        return np.ones(len(seen))
    inside = np.array([one.light.inside for one in seen])
    return np.asarray(np.clip((inside - start.around) / contrast, -1, 2), np.float64)


def swelling(areas: Signs) -> Signs:
    """Return the log ratio of every area, from the third on, to the larger of the two before."""
    return np.asarray(np.log(np.maximum(areas[2:] / np.maximum(areas[1:-1], areas[:-2]), 1)))


def _in_place(past: Past, covered: Signs) -> Signs:
    """Return which shares of an object lie where it was, but for its widening from a tip."""
    widening = np.diff(covered, prepend=past.covered) >= 0
    return np.where(past.widening & np.logical_and.accumulate(widening), 1.0, covered)


def _waist(past: Past, areas: Signs) -> Signs:
    """Return by how much every area is the smaller one of both sides, log."""
    before = np.concatenate([past.areas, areas])
    behind = sliding_window_view(before, AHEAD).max(axis=1)[:-1]
    waist = np.minimum(np.maximum(behind, areas), -_least_ahead(-areas)) / areas
    return np.asarray(np.minimum(np.log(waist), MOST_WAIST), np.float64)


def _left(best: float, values: Signs) -> Signs:
    """Return how much of a sign is left: 1 of the best so far, less towards the worst ahead."""
    most, least = _most(best, values), _least_ahead(values)
    return np.asarray((values - least + SLACK) / (most - least + SLACK), np.float64)


def _most(best: float, values: Signs) -> Signs:
    """Return the most of every value and those before it."""
    return np.asarray(np.maximum(np.maximum.accumulate(values), best), np.float64)


def _least_ahead(values: Signs) -> Signs:
    """Return the least of every value and those of the next slices."""
    padded = np.concatenate([values, np.full(AHEAD, np.inf)])
    return np.asarray(sliding_window_view(padded, AHEAD + 1).min(axis=1), np.float64)
