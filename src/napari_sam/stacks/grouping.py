"""Regions of slices gathered to objects: all pairs that speak for or against, solved together."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
import numpy.typing as npt

SAME_SLICE = 1.5  # what speaks against two regions of one slice being one object
TIP = 0.1  # share of an object's pixels that its tip has at most
COVERED = 0.5  # share of a tip's region that the object next to it covers at least

Ints = npt.NDArray[np.integer[Any]]


def gather_regions(
    first: Ints, second: Ints, gains: npt.NDArray[np.floating[Any]], slices: Ints
) -> npt.NDArray[np.int64]:
    """Divide regions into objects so that what is joined gains most.

    The best pair is joined first; then whatever spoke for and against either speaks for and
    against both together, and the next best pair follows, until nothing gains. So evidence of all
    slices counts: one bad slice neither tears an object apart nor glues two that run side by side.

    Parameters
    ----------
    first, second : (m,) int
        Pairs of regions, from 0.
    gains : (m,) float
        Log-odds that a pair is one object; negative where it speaks against.
    slices : (n,) int
        The slice of every region.

    Returns
    -------
    (n,) int
        The object of every region, from 0 without gaps, in the order of their first regions.

    Examples
    --------
    Two regions of slice 1 that both continue one of slice 0 are pieces of it:

    >>> slices = np.array([0, 1, 1])
    >>> gather_regions(np.array([0, 0]), np.array([1, 2]), np.array([5.0, 1.0]), slices).tolist()
    [0, 0, 1]
    >>> gather_regions(np.array([0, 0]), np.array([1, 2]), np.array([5.0, 4.0]), slices).tolist()
    [0, 0, 0]

    References
    ----------
    Keuper et al.: Efficient decomposition of image and mesh graphs by lifted multicuts. ICCV
    2015 (greedy additive edge contraction).
    """
    count = len(slices)
    belongs = list(range(count))
    links: list[dict[int, float]] = [{} for _ in range(count)]
    on: list[dict[int, int]] = [{int(z): 1} for z in slices]
    for a, b, gain in zip(first.tolist(), second.tolist(), gains.tolist(), strict=True):
        links[a][b] = links[a].get(b, 0.0) + gain
        links[b][a] = links[b].get(a, 0.0) + gain

    def worth(a: int, b: int) -> float:
        few, many = sorted((on[a], on[b]), key=len)
        shared = sum(min(n, many[z]) for z, n in few.items() if z in many)
        return links[a][b] - SAME_SLICE * shared

    heap = [(-worth(a, b), a, b) for a in range(count) for b in links[a] if a < b]
    heapq.heapify(heap)
    while heap:
        negative, a, b = heapq.heappop(heap)
        if negative >= 0:
            break
        if belongs[a] != a or belongs[b] != b or -negative != worth(a, b):
            continue  # joined since, or no longer worth that: it is in the heap again
        if len(links[a]) < len(links[b]):
            a, b = b, a
        belongs[b] = a
        for z, n in on[b].items():
            on[a][z] = on[a].get(z, 0) + n
        links[a].pop(b)
        for c, gain in links[b].items():
            if c == a:
                continue
            links[c].pop(b)
            links[a][c] = links[c][a] = links[a].get(c, 0.0) + gain
        links[b] = {}
        for c in links[a]:
            heapq.heappush(heap, (-worth(a, c), a, c))
    return _numbered(belongs)


def join_tips(
    numbers: Ints, first: Ints, second: Ints, shared: npt.NDArray[Any], regions: tuple[Ints, Ints]
) -> npt.NDArray[np.int64]:
    """Give small objects that only go on where a far larger one ends to that one.

    At its tip an object shrinks to a few pixels at once, as nothing else that is one object does.

    Parameters
    ----------
    numbers : (n,) int
        The object of every region, from 0.
    first, second : (m,) int
        Pairs of regions of neighbouring slices that overlap.
    shared : (m,) number
        Pixels that both have.
    regions : ((n,) int, (n,) int)
        Pixels of every region, and its slice.

    Returns
    -------
    (n,) int
        As of `gather_regions`.

    Examples
    --------
    >>> pairs = np.array([0, 1]), np.array([1, 2]), np.array([80, 4])
    >>> regions = np.array([90, 80, 4]), np.array([5, 6, 7])
    >>> join_tips(np.array([0, 0, 1]), *pairs, regions).tolist()
    [0, 0, 0]
    """
    sizes, slices = regions
    volume = np.bincount(numbers, sizes)
    on: list[set[int]] = [set() for _ in volume]
    for number, z in zip(numbers.tolist(), slices.tolist(), strict=True):
        on[number].add(z)
    most = dict.fromkeys(range(len(volume)), (0.0, -1))
    for one, other in ((first, second), (second, first)):
        beside = (numbers[one] != numbers[other]) & (shared >= COVERED * sizes[one])
        ends = numbers[one[beside]].tolist(), numbers[other[beside]].tolist()
        for tip, whole, count in zip(*ends, shared[beside].tolist(), strict=True):
            most[tip] = max(most[tip], (count, whole))
    belongs = list(range(len(volume)))
    for tip in np.argsort(volume, kind="stable").tolist():
        whole = most[tip][1]
        while whole >= 0 and belongs[whole] != whole:
            whole = belongs[whole]
        if whole in (-1, tip) or volume[tip] >= TIP * volume[whole] or on[tip] & on[whole]:
            continue
        belongs[tip] = whole
        volume[whole] += volume[tip]
        on[whole] |= on[tip]
    return _numbered(belongs)[numbers]


def _numbered(belongs: list[int]) -> npt.NDArray[np.int64]:
    roots = []
    for region in range(len(belongs)):
        root = region
        while belongs[root] != root:
            root = belongs[root]
        belongs[region] = root
        roots.append(root)
    _, where, numbers = np.unique(roots, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(where, kind="stable"), kind="stable")
    return np.asarray(order[numbers], np.int64)
