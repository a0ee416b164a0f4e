"""Dim rims of objects in space, taken away from them.

Light out of focus makes an object look wider than it is, and longer along z. A model that knows
slices alone takes that light for a part of the object. What is hardly brighter than the ground
beside the object, compared with its inside, is left out: by all slices of an object that was found,
and by those on which one was shown that is followed. An object that is darker than the ground has
no such rim, and neither has a slice whose inside would go with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_sam.regions import Mask
from napari_sam.stacks.frames import Floats, FrameObjects, Ints
from napari_sam.stacks.slice_regions import Picture, SliceRegions

#: Share of the way from the ground to the inside at which an object ends. Compared on generated and
#: real stacks, see docs/stacks-figures.md.
END_LEVEL = 0.2
GROUND_WIDTH = 4  # pixels around a region that show the ground
INSIDE_DEPTH = 0.5  # share of a region's greatest depth from which on a pixel is inside
#: By how many standard deviations the inside has to be brighter than the ground, at least:
#: membranes around a dark inside are no ground.
CONTRAST = 1.0
#: The same of an object that was shown: few slices tell less, and in electron microscopy what is
#: dark beside it is a membrane.
CONTRAST_SHOWN = 2.5
BRIGHT_AGAIN = 0.35  # share of the way from ground to inside from which on it is bright beyond
LEAST_GROUND = 5  # pixels of ground from which on it can be told
WALL_WIDTH = 2  # pixels from any object up to which ground may be a wall between two
#: Share of the ground that lies beyond walls, of half of the objects at least: where it is less
#: they are packed, and what is dark between them are walls.
LEAST_OPEN = 0.3
MOST_RIM = 0.6  # share of a region that can be rim; one that would lose more stays as it is
LEAST_CORE = 0.5  # share of a region's inside that has to be bright for the dim part to be rim
LEAST_PIECE = 0.1  # share of a piece of the mask that a part of it has to keep, or is a scrap


class Levels(NamedTuple):
    """How bright regions (n,) are inside and around them.

    ``deep`` and ``beside`` count pixels, ``inside`` and ``ground`` (n, 2) are the sums of their
    brightness and of its square; ``open`` counts those beside that lie beyond walls.
    """

    deep: Ints
    inside: Floats
    beside: Ints
    ground: Floats
    open: Ints

    @classmethod
    def of(cls, slice_: SliceRegions) -> Levels:
        """Measure the regions of a slice; nothing is known of one that shows nothing.

        Parameters
        ----------
        slice_ : SliceRegions
        """
        labels, objects, picture = slice_.labels, slice_.objects, slice_.picture
        count = len(objects)
        if picture is None or not count:
            nothing, dark = np.zeros(count, np.int64), np.zeros((count, 2))
            return cls(nothing, dark, nothing, dark, nothing)
        regions = _numbered(labels, objects)
        own = regions > 0
        lowest = ndi.minimum_filter(regions, 3, mode="constant")
        within = own & (lowest == ndi.maximum_filter(regions, 3, mode="constant"))
        depth = ndi.distance_transform_edt(within)[own] + 1
        number = regions[own] - 1
        deepest = np.zeros(count)
        np.maximum.at(deepest, number, depth)
        deep = depth >= INSIDE_DEPTH * deepest[number]
        around = ndi.maximum_filter(regions, 2 * GROUND_WIDTH + 1, mode="constant")
        near = ~own & (around > 0)
        open_ = near & ~ndi.maximum_filter(own, 2 * WALL_WIDTH + 1, mode="constant")
        return cls(
            *_sums(number[deep], picture[own][deep], count),
            *_sums(around[near] - 1, picture[near], count),
            np.bincount(around[open_] - 1, minlength=count),
        )

    @classmethod
    def joined(cls, parts: list[Levels]) -> Levels:
        """Put the regions of all slices together."""
        return cls(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _numbered(labels: npt.NDArray[np.integer[Any]], objects: FrameObjects) -> npt.NDArray[np.int32]:
    """Number the regions of a slice 1..n, however large their ids are: filters count in floats."""
    regions = np.zeros(labels.shape, np.int32)
    own = labels > 0
    regions[own] = np.searchsorted(objects.ids, labels[own]) + 1
    return regions


def _sums(which: Ints, light: Picture, count: int) -> tuple[Ints, Floats]:
    """Count the pixels of numbers 0..count - 1; add up their light and its square, (count, 2)."""
    exact = light.astype(np.float64)
    sums = [np.bincount(which, one, count) for one in (exact, exact**2)]
    return np.bincount(which, minlength=count), np.stack(sums, axis=1)


def ends_of(levels: Levels, numbers: Ints) -> Floats:
    """Tell how bright every region has to be, by all regions of its object.

    Parameters
    ----------
    levels : Levels
        Of regions (m,).
    numbers : (m,) int
        Their objects, 0 for none.

    Returns
    -------
    (m,) float
        Minus infinity where nothing is taken away.
    """
    inside, wide, deep = _means(levels.deep, levels.inside, numbers)
    ground, uneven, beside = _means(levels.beside, levels.ground, numbers)
    clear = inside - ground > CONTRAST * np.sqrt((wide + uneven) / 2)
    known = (deep > 0) & (beside >= LEAST_GROUND) & clear
    if _are_packed(np.bincount(numbers, levels.open, len(deep)), beside):
        known[:] = False
    known[0] = False
    end = np.where(known, ground + END_LEVEL * (inside - ground), -np.inf)
    return np.asarray(end[numbers])


def _are_packed(open_: npt.NDArray[Any], beside: npt.NDArray[Any]) -> bool:
    """Tell by the ground beside every object, the first one none, if there is little but walls."""
    seen = beside[1:] > 0
    shares = open_[1:][seen] / beside[1:][seen]
    return bool(len(shares)) and float(np.median(shares)) < LEAST_OPEN


def _means(pixels: Ints, sums: Floats, numbers: Ints) -> tuple[Floats, Floats, npt.NDArray[Any]]:
    """Return the mean brightness of every object, its variance, and its number of pixels."""
    count = int(numbers.max(initial=0)) + 1
    total = np.bincount(numbers, pixels, count)
    bright, squares = (np.bincount(numbers, column, count) for column in sums.T)
    mean = bright / np.maximum(total, 1)
    return mean, np.maximum(squares / np.maximum(total, 1) - mean**2, 0), total


def beyond(levels: Levels, ends: Floats, numbers: Ints, sheets: Ints) -> npt.NDArray[np.bool_]:
    """Tell which regions are dim inside, and have only such ones between them and an end.

    Parameters
    ----------
    levels : Levels
        Of regions (m,).
    ends : (m,) float
        See `ends_of`.
    numbers, sheets : (m,) int
        Their objects and slices.

    Returns
    -------
    (m,) bool

    Examples
    --------
    The second slice of four is dim, and stays, and so is the last one, which is none of the object:

    >>> one, sums = np.ones(4, int), np.array([[8.0, 64], [1, 1], [8, 64], [1, 1]])
    >>> beyond(Levels(one, sums, one, 0 * sums, one), np.full(4, 2.0), one, np.arange(4)).tolist()
    [False, False, False, True]
    """
    dim = (levels.deep > 0) & (levels.inside[:, 0] / np.maximum(levels.deep, 1) < ends)
    count = int(numbers.max(initial=0)) + 1
    first, last = np.full(count, np.iinfo(np.int64).max), np.full(count, -1)
    np.minimum.at(first, numbers[~dim], sheets[~dim])
    np.maximum.at(last, numbers[~dim], sheets[~dim])
    return dim & ((sheets < first[numbers]) | (sheets > last[numbers]))


def without_rims(
    labels: npt.NDArray[np.integer[Any]], objects: FrameObjects, picture: Picture, ends: Floats
) -> npt.NDArray[np.integer[Any]]:
    """Return a slice whose regions are as bright as they have to be.

    Parameters
    ----------
    labels : (H, W) integer array
    objects : FrameObjects
        Of the slice.
    picture : (H, W) float
        How bright the slice is, smoothed.
    ends : (n,) float
        What the pixels of every region have to reach.
    """
    bare, regions = labels.copy(), _numbered(labels, objects)
    for region, place in enumerate(ndi.find_objects(regions)):
        if not np.isfinite(ends[region]):
            continue
        whole = regions[place] == region + 1
        bare[place][whole & ~without_rim(whole, picture[place], ends[region])] = 0
    return bare


def without_rim(mask: Mask, picture: Picture, end: float) -> Mask:
    """Return what of a mask (h, w) is as bright as it has to be, without holes and scraps.

    All of it where little would be left, or little of its inside: that is no rim.

    Examples
    --------
    >>> picture = np.array([[1, 1, 5, 7, 6, 1.0]])
    >>> without_rim(picture > 0, picture, 2.0).tolist()
    [[False, False, True, True, True, False]]
    >>> without_rim(picture > 0, picture, 6.5).all()
    np.True_
    """
    dim = mask & (picture <= end)
    if not dim.any():
        return mask
    left = _without_scraps(mask & ndi.binary_fill_holes(mask & ~dim), mask)
    inside = _deep(mask)
    for part, least in ((mask, 1 - MOST_RIM), (inside, LEAST_CORE)):
        if np.count_nonzero(left & part) < least * np.count_nonzero(part):
            return mask
    return left


def _without_scraps(left: Mask, mask: Mask) -> Mask:
    """Leave out pieces that are small beside the piece of a mask that they were part of."""
    pieces, count = ndi.label(left)
    if count < 2:
        return left
    before, _ = ndi.label(mask)
    owner = np.zeros(count + 1, np.int64)
    owner[pieces[left]] = before[left]
    sizes, whole = np.bincount(pieces[left]), np.bincount(before[mask])
    kept = sizes > LEAST_PIECE * whole[owner]
    return np.asarray(kept[pieces] & left)


def _deep(mask: Mask) -> Mask:
    """Return the inside of a mask: what is at least half as far from its border as any of it."""
    depth = ndi.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    return np.asarray(depth >= INSIDE_DEPTH * depth.max())


class ShownLight(NamedTuple):
    """How bright an object is on a slice where it was shown: pixels inside, around and beyond."""

    inside: Picture
    around: Picture
    beyond: Picture

    @classmethod
    def of(cls, mask: Mask, picture: Picture) -> ShownLight:
        """Take the pixels of an object (h, w), and of a picture that shows what is beside it."""
        away = ndi.distance_transform_edt(~mask)
        around = ~mask & (away <= GROUND_WIDTH)
        beyond = ~mask & ~around & (away <= 2 * GROUND_WIDTH)
        return cls(picture[_deep(mask)], picture[around], picture[beyond])


def end_of(samples: Sequence[ShownLight]) -> float:
    """Tell how bright an object has to be, by slices on which it was shown.

    Neighbours may lie around it that nobody knows of, so the darker quarter there is the ground.
    Where it is bright again beyond, that was a wall to the next.

    Returns
    -------
    float
        Minus infinity where nothing is taken away.
    """
    inside, around, beyond = (
        np.concatenate(pixels).astype(np.float64) for pixels in zip(*samples, strict=True)
    )
    if len(around) < LEAST_GROUND:
        return -np.inf
    level, ground = float(inside.mean()), float(np.percentile(around, 25))
    if level - ground <= CONTRAST_SHOWN * np.sqrt((inside.var() + around.var()) / 2):
        return -np.inf
    if len(beyond) and np.median(beyond) > ground + BRIGHT_AGAIN * (level - ground):
        return -np.inf
    return ground + END_LEVEL * (level - ground)
