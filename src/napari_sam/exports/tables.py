"""Tables: a row per object as CSV, with physical columns when the pixel size is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from skimage.measure import regionprops_table

from napari_sam.files import in_one_piece
from napari_sam.pixel_size import PixelSize
from napari_sam.segmentation import measure, with_units


def write(
    path: Path,
    labels: npt.NDArray[np.integer[Any]],
    *,
    table: pd.DataFrame | None = None,
    pixel_size: PixelSize | None = None,
    name: str = "image",
) -> None:
    """Write a row per object.

    Parameters
    ----------
    path : Path
    labels : (..., H, W) integer array
    table : pandas.DataFrame, optional
        What is known already; measured from the labels when not given.
    pixel_size : PixelSize, optional
        Adds columns in its unit.
    name : str
        Not used.
    """
    found = table
    if found is None:
        found = measure(labels) if labels.ndim == 2 else measure_stack(labels)
    with in_one_piece(path) as temporary:
        with_units(found, pixel_size).to_csv(temporary, index=False)


def measure_stack(labels: npt.NDArray[np.integer[Any]]) -> pd.DataFrame:
    """Describe every object of labels with more than two axes.

    Returns
    -------
    pandas.DataFrame
        Columns ``label, voxels, first_plane, last_plane`` (along the first axis),
        ``centroid_0, centroid_1, ...`` (along every axis, in voxels).
    """
    found = pd.DataFrame(regionprops_table(labels, properties=("label", "area", "bbox")))
    table = pd.DataFrame({"label": found["label"], "voxels": found["area"].astype(np.int64)})
    table["first_plane"] = found["bbox-0"]
    table["last_plane"] = found[f"bbox-{labels.ndim}"] - 1
    coordinates = np.nonzero(labels)
    ids = labels[coordinates]
    order = np.searchsorted(table["label"], ids)
    for axis, position in enumerate(coordinates):
        total = np.bincount(order, weights=position, minlength=len(table))
        table[f"centroid_{axis}"] = total / table["voxels"]
    return table
