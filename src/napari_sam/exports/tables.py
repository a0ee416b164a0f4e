"""Tables: a row per object as CSV, with physical columns when the pixel size is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_sam.exports.objects import Labelled
from napari_sam.files import in_one_piece
from napari_sam.segmentation import measure, with_units


def write(path: Path, what: Labelled) -> None:
    """Write a row per object; measured from the labels where nothing is known already."""
    found = measured(what.labels) if what.table is None else what.table
    with in_one_piece(path) as temporary:
        with_units(found, what.pixel_size).to_csv(temporary, index=False)


def measured(labels: npt.NDArray[np.integer[Any]]) -> pd.DataFrame:
    """Describe every object of labels of which nothing else is known.

    Returns
    -------
    pandas.DataFrame
        Of a plane as of `napari_sam.segmentation.measure`, of more axes as of `measure_stack`.
    """
    return measure(labels) if labels.ndim == 2 else measure_stack(labels)


def measure_stack(labels: npt.NDArray[np.integer[Any]]) -> pd.DataFrame:
    """Describe every object of labels with more than two axes.

    Returns
    -------
    pandas.DataFrame
        Columns ``label, voxels, first_plane, last_plane`` (along the first axis),
        ``centroid_0, centroid_1, ...`` (along every axis, in voxels).
    """
    where = np.flatnonzero(labels)
    ids, order = np.unique(labels.ravel()[where], return_inverse=True)
    count = len(ids)
    voxels = np.bincount(order, minlength=count)
    positions = np.unravel_index(where, labels.shape)
    first = np.full(count, labels.shape[0])
    last = np.full(count, -1)
    np.minimum.at(first, order, positions[0])
    np.maximum.at(last, order, positions[0])
    table = pd.DataFrame({"label": ids.astype(np.int64), "voxels": voxels})
    table["first_plane"], table["last_plane"] = first, last
    for axis, position in enumerate(positions):
        table[f"centroid_{axis}"] = np.bincount(order, position, count) / voxels
    return table
