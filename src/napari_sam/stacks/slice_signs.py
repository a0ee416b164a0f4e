"""What two regions of nearby slices that overlap say about being one object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from napari_sam.stacks.frames import Floats, FrameObjects, Ints, overlaps
from napari_sam.stacks.pair_light import light_along, seen_between
from napari_sam.stacks.slice_regions import SliceRegions

SLICES_BEYOND = 2  # slices beyond a pair on which an object may be larger again
PIECE_COVERED = 0.7  # share of a piece that the whole covers
MOST_DISTANCE = 0.7  # diameters between middles that count at most: long shapes shift theirs
MOST_RATIO = 1.5  # log ratio of sizes that counts at most


class SlicePairs(NamedTuple):
    """Regions (m,) of two slices that overlap.

    ``first`` and ``second`` number regions through the stack, ``shared`` counts the pixels that
    both have, ``apart`` the steps between the slices, ``seen`` the slices between them that were
    not lost; ``signs`` (m, 11) is what `signs_of` says, and `light_along`. Those of a whole stack
    are completed by `valleys` and `surroundings`.
    """

    first: Ints
    second: Ints
    shared: Ints
    apart: Ints
    seen: Ints
    signs: Floats

    @classmethod
    def between(
        cls,
        earlier: SliceRegions,
        later: SliceRegions,
        middle: Sequence[SliceRegions],
        beyond: tuple[SliceRegions | None, SliceRegions | None],
        step: float,
    ) -> SlicePairs:
        """Pair the regions of two slices.

        Parameters
        ----------
        earlier, later : SliceRegions
        middle : sequence of SliceRegions
            Those that lie between them.
        beyond : (SliceRegions or None, SliceRegions or None)
            The slice before the earlier one, and that after the later one.
        step : float
            Distance between neighbouring slices, in widths of a pixel.
        """
        old, new, apart = earlier.objects, later.objects, len(middle) + 1
        a, b, shared = overlaps(earlier.labels, later.labels, old, new)
        seen = seen_between(earlier, later, middle)
        looks = signs_of(old, new, a, b, shared, apart, step)
        light = light_along(earlier, later, seen, beyond, (a, b))
        alike = np.full(len(a), apart), np.full(len(a), len(seen))
        signs = np.concatenate([looks, light], axis=1)
        return cls(earlier.start + a, later.start + b, shared, *alike, signs)

    @classmethod
    def joined(cls, parts: list[SlicePairs]) -> SlicePairs:
        """Put the pairs of all slices together."""
        none = np.empty(0, np.int64)
        nothing = cls(none, none, none, none, none, np.empty((0, 11)))
        return cls(*(np.concatenate(columns) for columns in zip(nothing, *parts, strict=True)))


def signs_of(
    earlier: FrameObjects,
    later: FrameObjects,
    a: Ints,
    b: Ints,
    shared: Ints,
    apart: int,
    step: float,
) -> Floats:
    """Return what pairs of regions of two slices look like, (m, 8).

    IoU, share of the smaller one that is covered, distance in diameters up to `MOST_DISTANCE`,
    difference of log sizes, steps between the slices in diameters, slices skipped; what they share,
    over the most that either shares with anything on the other's slice, for the one and the other,
    the lesser first.
    """
    sizes = earlier.sizes[a], later.sizes[b]
    diameter = np.sqrt(earlier.diameters[a] * later.diameters[b])
    distance = np.linalg.norm(earlier.places[a] - later.places[b], axis=1)
    rivalry = [shared / _most(side, shared) for side in (a, b)]
    signs = [
        shared / (sizes[0] + sizes[1] - shared),
        shared / np.minimum(*sizes),
        np.minimum(distance / diameter, MOST_DISTANCE),
        np.abs(np.log(sizes[0] / sizes[1])),
        np.minimum(apart * step / diameter, 2.0),
        np.full(len(a), apart - 1.0),
        np.minimum(*rivalry),
        np.maximum(*rivalry),
    ]
    return np.stack(signs, axis=1)


def _most(side: Ints, shared: Ints) -> Floats:
    """Return the most pixels that the region of every pair shares with any other region."""
    most = np.zeros(int(side.max(initial=-1)) + 1)
    np.maximum.at(most, side, shared)
    return most[side]


def valleys(pairs: SlicePairs, sizes: npt.NDArray[Any]) -> Floats:
    """Tell how much smaller pairs are than what follows on both sides of them.

    An object gets larger along z, and then smaller. Where it gets smaller and then larger again,
    one object ends on top of the next, however much of each other they cover.

    Parameters
    ----------
    pairs : SlicePairs
    sizes : (n,) int
        Pixels of every region. Pieces that the same region covers count as one.

    Returns
    -------
    (m, 2) float
        The lesser of the log ratios of the largest region beyond either side, itself included,
        over the smaller side; and by how much that grows where slices between the two count too.

    Examples
    --------
    Two objects of three slices each, one on top of the other:

    >>> sizes, one = np.array([30, 80, 40, 40, 80, 30]), np.ones(5, int)
    >>> first = np.arange(5)
    >>> pairs = SlicePairs(
    ...     first, first + 1, np.minimum(sizes[:5], sizes[1:]), one, one - 1, np.empty((5, 8))
    ... )
    >>> valleys(pairs, sizes)[:, 0].round(1).tolist()  # where they meet, and one slice beside
    [0.0, 0.7, 0.7, 0.7, 0.0]
    """
    below, above = _partners(pairs, len(sizes))
    area = np.maximum(*(_pooled(sizes, way, pairs) for way in (below, above)))
    left, right = _peak(area, below)[pairs.first], _peak(area, above)[pairs.second]
    low = np.minimum(area[pairs.first], area[pairs.second])
    least, at = low.copy(), pairs.first
    for step in range(1, int(pairs.apart.max(initial=1))):
        at = np.where(at >= 0, above[at], -1)
        between = (at >= 0) & (step < pairs.apart)
        least = np.where(between, np.minimum(least, area[at]), least)
    valley, deeper = (
        np.minimum(np.log(np.minimum(left, right) / smallest), MOST_RATIO)
        for smallest in (low, least)
    )
    return np.stack([valley, deeper - valley], axis=1)


def surroundings(pairs: SlicePairs, count: int) -> Floats:
    """Tell how pairs fit in with the other slices.

    Thin slices of packed cells and thick ones of scattered nuclei look alike in single pairs: an
    IoU of a third says that two are one object where slices lie far apart, and that they are not
    where all others have more.

    Parameters
    ----------
    pairs : SlicePairs
        Of a whole stack.
    count : int
        Regions of the stack.

    Returns
    -------
    (m, 3) float
        Whether the way from slice to slice, each time to the region that shares most, leads from
        the one to the other: 1, 0, or one half where it comes to an end. The same for all pairs:
        the median IoU of regions of neighbouring slices that share most with each other; and of
        all that such slices share, the part that these share.

    Examples
    --------
    Of two regions the next slice shows one again, and of the other a scrap that both cover:

    >>> signs = np.array([[0.6], [0.2], [0.1]])
    >>> first, second, one = np.array([0, 1, 0]), np.array([2, 3, 3]), np.ones(3, int)
    >>> pairs = SlicePairs(first, second, np.array([6, 2, 1]), one, one - 1, signs)
    >>> surroundings(pairs, 4).round(2).tolist()
    [[1.0, 0.4, 0.89], [1.0, 0.4, 0.89], [1.0, 0.4, 0.89]]
    """
    below, above = _partners(pairs, count)
    next_to = pairs.apart == 1
    mutual = next_to & (above[pairs.first] == pairs.second) & (below[pairs.second] == pairs.first)
    usual = float(np.median(pairs.signs[mutual, 0])) if mutual.any() else 0.5
    shared = pairs.shared[mutual].sum() / max(pairs.shared[next_to].sum(), 1)
    at, before = pairs.first, below[pairs.second]
    for step in range(1, int(pairs.apart.max(initial=1))):
        at = np.where((step < pairs.apart) & (at >= 0), above[at], at)
    leads = np.where((at < 0) | (before < 0), 0.5, at == before)
    leads[next_to] = 1.0
    return np.stack([leads, np.full(len(leads), usual), np.full(len(leads), shared)], axis=1)


def missed(pairs: SlicePairs, count: int) -> Ints:
    """Count the slices between pairs that show nothing of either.

    Parameters
    ----------
    pairs : SlicePairs
        Of a whole stack.
    count : int
        Regions of the stack.

    Returns
    -------
    (m,) int
        What a region shares most with on the next slice is shown there. Lost slices are none.

    Examples
    --------
    Slice 1 shows the first of two objects and not the second:

    >>> first, second, apart = np.array([0, 2, 0, 1]), np.array([2, 3, 3, 4]), [1, 1, 2, 2]
    >>> shared, seen = np.array([9, 9, 8, 7]), np.array([0, 0, 1, 1])
    >>> pairs = SlicePairs(first, second, shared, np.array(apart), seen, np.empty((4, 8)))
    >>> missed(pairs, 5).tolist()
    [0, 0, 0, 1]
    """
    left = pairs.seen.copy()
    for end, onwards in zip((pairs.second, pairs.first), _partners(pairs, count), strict=True):
        at = end
        for step in range(1, int(pairs.apart.max(initial=1))):
            at = np.where((step < pairs.apart) & (at >= 0), onwards[at], -1)
            left -= at >= 0
    return np.maximum(left, 0)


def _partners(pairs: SlicePairs, count: int) -> tuple[Ints, Ints]:
    """Return what every region shares most with on the slice before, and on the next one."""
    next_to = pairs.apart == 1
    a, b, shared = pairs.first[next_to], pairs.second[next_to], pairs.shared[next_to]
    return _best(count, b, a, shared), _best(count, a, b, shared)


def _pooled(sizes: npt.NDArray[Any], partner: Ints, pairs: SlicePairs) -> Floats:
    """Return the size of every region together with others that its partner covers as well."""
    share = np.zeros(len(sizes))
    for one, other in ((pairs.first, pairs.second), (pairs.second, pairs.first)):
        covered = partner[one] == other
        share[one[covered]] = pairs.shared[covered] / sizes[one[covered]]
    pieces = (partner >= 0) & (share >= PIECE_COVERED)
    total = np.bincount(partner[pieces], sizes[pieces], len(sizes))
    return np.where(pieces, total[partner], sizes).astype(np.float64)


def _best(count: int, of: Ints, partner: Ints, shared: Ints) -> Ints:
    """Return the partner that every region shares most with, -1 where there is none."""
    order = np.argsort(shared, kind="stable")
    best = np.full(count, -1)
    best[of[order]] = partner[order]
    return best


def _peak(area: Floats, onwards: Ints) -> Floats:
    """Return the largest size within reach of every region, itself included."""
    peak, at = area.copy(), np.arange(len(area))
    for _ in range(SLICES_BEYOND):
        at = np.where(at >= 0, onwards[at], -1)
        peak = np.where(at >= 0, np.maximum(peak, area[at]), peak)
    return peak
