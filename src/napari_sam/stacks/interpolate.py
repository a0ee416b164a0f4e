"""Slices between drawn ones, by shape: each border moves evenly from one mask to the next."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_sam import checks
from napari_sam.counts import counted
from napari_sam.errors import LabelsError, ParameterError
from napari_sam.progress import Progress, silent
from napari_sam.regions import Region, extent
from napari_sam.stacks.frames import check_labels

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def between(first: Mask, second: Mask, fraction: float) -> Mask:
    """Return the shape some way from one mask to another.

    Both are brought to the place in between, and their distances to the border are averaged, so
    that an object that moves is not lost on its way.

    Parameters
    ----------
    first, second : (H, W) bool
        Neither empty.
    fraction : float
        0 is the first mask, 1 the second.

    Examples
    --------
    >>> first, second = np.zeros((2, 5, 12), bool)
    >>> first[1:4, 1:4] = second[1:4, 7:10] = True
    >>> np.argwhere(between(first, second, 0.5)).mean(axis=0).tolist()
    [2.0, 5.0]

    References
    ----------
    Herman, Zheng, Bucholtz: Shape-based interpolation. IEEE Computer Graphics and Applications
    12 (1992). Raya, Udupa: Shape-based interpolation of multidimensional objects. IEEE
    Transactions on Medical Imaging 9 (1990).
    """
    if not 0 <= fraction <= 1:
        raise ParameterError(f"fraction must lie between 0 and 1, got {fraction}.")
    if not first.any() or not second.any():
        raise LabelsError("An empty mask has no shape to go from or to.")
    if fraction in (0, 1):
        return np.asarray((first, second)[int(fraction)], bool).copy()
    rows, columns = extent(first | second)
    result = np.zeros(first.shape, dtype=bool)
    parts = [np.pad(mask[rows, columns], 1) for mask in (first, second)]
    centres = [np.argwhere(part).mean(axis=0) for part in parts]
    place = centres[0] + fraction * (centres[1] - centres[0])
    depths = [
        _moved(_depth(part), place - centre) for part, centre in zip(parts, centres, strict=True)
    ]
    mixed = (1 - fraction) * depths[0] + fraction * depths[1]
    result[rows, columns] = (mixed > 0)[1:-1, 1:-1]
    if not result.any():  # thin shapes that cross: the place itself is still inside
        row, column = np.rint(place).astype(int) - 1
        result[rows.start + row, columns.start + column] = True
    return result


def interpolate(
    labels: Any,
    number: int,
    *,
    slices: Iterable[int] | None = None,
    progress: Progress = silent,
) -> dict[int, Mask]:
    """Fill the slices of an object that lie between drawn ones.

    Parameters
    ----------
    labels : (Z, H, W) integer array
        Labels with the object on some slices, along z or t. Not changed. Dask and zarr arrays
        are read slice by slice.
    number : int
        The object's id.
    slices : iterable of int, optional
        The slices to go by, all with the object on them; by default every slice that has it.
        What is labelled on the slices between them counts as not there yet.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Returns
    -------
    dict of int to (H, W) bool
        The object on every slice that lacks it, between the first and the last drawn one. No
        pixel of another object is taken.

    Raises
    ------
    LabelsError, ParameterError, Cancelled

    Examples
    --------
    >>> labels = np.zeros((5, 9, 9), int)
    >>> labels[0, 4, 4] = labels[4, 2:7, 2:7] = 3
    >>> [int(mask.sum()) for mask in interpolate(labels, 3).values()]
    [1, 9, 9]
    """
    checks.reports(progress)
    number = checks.whole(number, "number", 1)
    data = check_labels(labels)
    if len(data.shape) != 3:
        raise LabelsError(f"Slices are interpolated in (Z, H, W), got shape {tuple(data.shape)}.")
    drawn = _drawn(data, number, slices)
    found: dict[int, Mask] = {}
    gaps = [(a, b) for a, b in pairwise(drawn) if b > a + 1]
    total = max(sum(b - a - 1 for a, b in gaps), 1)
    for low, high in gaps:
        first, second = (np.asarray(data[z]) == number for z in (low, high))
        for z in range(low + 1, high):
            progress(len(found) / total)
            others = np.asarray(data[z])
            mask = between(first, second, (z - low) / (high - low))
            found[z] = mask & ((others == 0) | (others == number))
    progress(1.0)
    return found


def fill_regions(known: Mapping[int, Region]) -> dict[int, Region]:
    """Fill the slices between those on which an object is known, by shape.

    Parameters
    ----------
    known : mapping of int to Region
        By slice; none empty.

    Returns
    -------
    dict of int to Region
        Only what was not known.

    Examples
    --------
    >>> square = np.ones((5, 5), bool)
    >>> found = fill_regions({0: Region(square, 2, 2), 4: Region(square, 2, 10)})
    >>> [region.left for region in found.values()]
    [4, 6, 8]
    """
    found: dict[int, Region] = {}
    for low, high in pairwise(sorted(known)):
        boxes = known[low].box, known[high].box
        top, left = (min(box[k] for box in boxes) for k in (0, 1))
        bottom, right = (max(box[k] for box in boxes) for k in (2, 3))
        masks = [known[z].on((bottom - top, right - left), top, left) for z in (low, high)]
        for z in range(low + 1, high):
            mask = between(masks[0], masks[1], (z - low) / (high - low))
            found[z] = Region.of(mask, top, left)
    return found


def _numbers(slices: Any) -> set[int]:
    """Return the slices that were listed, each once."""
    if not isinstance(slices, Iterable) or isinstance(slices, str):
        raise ParameterError(f"slices must be a list of slices, got {reprlib.repr(slices)}.")
    return {checks.whole(z, "A slice") for z in slices}


def _drawn(data: Any, number: int, slices: Iterable[int] | None) -> list[int]:
    """Return the slices to go by, checked."""
    if number <= 0:
        raise ParameterError(f"An object's id is a positive number, got {number}.")
    depth = data.shape[0]
    given = list(range(depth)) if slices is None else sorted(_numbers(slices))
    if any(not 0 <= z < depth for z in given):
        raise ParameterError(f"Slices lie between 0 and {depth - 1}, got {given}.")
    drawn = [z for z in given if (np.asarray(data[z]) == number).any()]
    if slices is not None and len(drawn) < len(given):
        missing = sorted(set(given) - set(drawn))
        raise LabelsError(f"Object {number} is not on the slices {missing}: draw it there first.")
    if len(drawn) < 2:
        raise LabelsError(
            f"Object {number} is on {counted(len(drawn), 'slice')}: draw it on two at least, with "
            "the slices to fill between them."
        )
    return drawn


def _depth(mask: Mask) -> Floats:
    """Return the distance to the border, which runs between pixels: positive inside."""
    inside = ndi.distance_transform_edt(mask)
    outside = ndi.distance_transform_edt(~mask)
    return np.asarray(np.where(mask, inside - 0.5, 0.5 - outside))


def _moved(depth: Floats, by: Floats) -> Floats:
    """Shift a map of depths; beyond its edge the object is as far as at the edge."""
    return np.asarray(ndi.shift(depth, by, order=1, mode="nearest"), np.float64)
