"""A row per three-dimensional object."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.stacks.frames import describe

if TYPE_CHECKING:
    import pandas as pd


def describe_objects(
    labels: Any,
    regions: tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]] | None = None,
    spacing: tuple[float, float, float] | None = None,
    source: str = "",
) -> pd.DataFrame:
    """Measure the objects of a stack, slice by slice.

    Parameters
    ----------
    labels : (Z, H, W) integer array
        Ids 1..n.
    regions : (numbers, scores, sizes) of (m,) arrays, optional
        The object, score and pixels of every region of a slice; an object's score is the mean
        over its regions, by size.
    spacing : (z, row, column), optional
        Adds ``volume``, in the cube of its unit.
    source : str
        Where the objects come from.

    Returns
    -------
    pandas.DataFrame
        ``label, score, voxels, slices, centroid_slice, centroid_row, centroid_col, z0, r0, c0,
        z1, r1, c1, source``: on how many slices the object is, and the box that holds it, half
        open.

    Examples
    --------
    >>> labels = np.zeros((4, 8, 8), int)
    >>> labels[1:3, 2:5, 2:4] = 1
    >>> row = describe_objects(labels, spacing=(2.0, 0.5, 0.5)).iloc[0]
    >>> int(row["voxels"]), int(row["slices"]), float(row["volume"]), int(row["z1"])
    (12, 2, 6.0, 3)
    """
    import pandas as pd

    count = 0
    sums = np.zeros((1, 5))  # voxels, slices, and voxels times their place
    low, high = np.zeros((1, 3), np.int64), np.zeros((1, 3), np.int64)
    for z in range(labels.shape[0]):
        plane = np.asarray(labels[z])
        objects = describe(plane)
        most = int(objects.ids[-1]) if len(objects) else 0
        if most > count:
            more = most - count
            sums = np.pad(sums, ((0, more), (0, 0)))
            low = np.pad(low, ((0, more), (0, 0)), constant_values=np.iinfo(np.int64).max)
            high = np.pad(high, ((0, more), (0, 0)), constant_values=-1)
            count = most
        centre = np.column_stack([np.full(len(objects), z), objects.places])
        sums[objects.ids, 0] += objects.sizes
        sums[objects.ids, 1] += 1
        sums[objects.ids, 2:] += centre * objects.sizes[:, None]
        first, last = _boxes(plane, objects.ids, z)
        low[objects.ids] = np.minimum(low[objects.ids], first)
        high[objects.ids] = np.maximum(high[objects.ids], last)
    ids = np.flatnonzero(sums[:, 0])
    voxels = sums[ids, 0]
    names = ("centroid_slice", "centroid_row", "centroid_col")
    table = pd.DataFrame(
        {
            "label": ids,
            "score": np.full(len(ids), np.nan)
            if regions is None
            else mean_scores(*regions, count)[ids],
            "voxels": voxels.astype(np.int64),
            "slices": sums[ids, 1].astype(np.int64),
            **{name: sums[ids, 2 + k] / voxels for k, name in enumerate(names)},
            **{name: low[ids, k] for k, name in enumerate(("z0", "r0", "c0"))},
            **{name: high[ids, k] for k, name in enumerate(("z1", "r1", "c1"))},
        }
    )
    if spacing is not None:
        table["volume"] = table["voxels"] * prod(spacing)
    table["source"] = source
    return table


def _boxes(
    plane: npt.NDArray[np.integer[Any]], ids: npt.NDArray[np.int64], z: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the corners (n, 3) of the objects of a slice, half open."""
    where = np.flatnonzero(plane > 0)
    place = np.searchsorted(ids, plane.ravel()[where])
    first = np.full((len(ids), 3), z)
    last = np.full((len(ids), 3), z + 1)
    for axis, along in enumerate(np.unravel_index(where, plane.shape), 1):
        first[:, axis] = np.iinfo(np.int64).max
        last[:, axis] = -1
        np.minimum.at(first[:, axis], place, along)
        np.maximum.at(last[:, axis], place, along + 1)
    return first, last


def mean_scores(
    numbers: npt.NDArray[Any], scores: npt.NDArray[Any], sizes: npt.NDArray[Any], count: int
) -> npt.NDArray[np.float64]:
    """Return the mean score of the regions of objects 0..count, (count + 1,), weighed by pixels.

    Examples
    --------
    >>> numbers, scores = np.array([1, 1, 2]), np.array([0.9, 0.5, np.nan])
    >>> mean_scores(numbers, scores, np.array([30, 10, 5]), 2).round(2).tolist()
    [nan, 0.8, nan]
    """
    known = ~np.isnan(scores)
    weight = np.bincount(numbers[known], sizes[known], minlength=count + 1)
    total = np.bincount(numbers[known], (scores * sizes)[known], minlength=count + 1)
    return np.where(weight > 0, total / np.maximum(weight, 1), np.nan)
