"""The one table of export formats."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_sam.errors import DataError
from napari_sam.exports.objects import check_labels
from napari_sam.pixel_size import PixelSize


class Format(NamedTuple):
    """Where a format lives and how its files end."""

    module: str
    suffix: str


FORMATS = {
    "coco": Format("napari_sam.exports.coco", ".json"),
    "csv": Format("napari_sam.exports.tables", ".csv"),
    "geojson": Format("napari_sam.exports.geojson", ".geojson"),
    "imagej": Format("napari_sam.exports.imagej", ".zip"),
}


def export(
    labels: npt.NDArray[np.integer[Any]],
    path: str | Path,
    to: str,
    *,
    table: pd.DataFrame | None = None,
    pixel_size: PixelSize | None = None,
    name: str = "image",
) -> Path:
    """Write labels in the format of another program.

    Parameters
    ----------
    labels : (..., H, W) integer array
        0 is background.
    path : path
        The file to write; the format's suffix is added when it has none.
    to : {"coco", "csv", "geojson", "imagej"}
    table : pandas.DataFrame, optional
        A row per object, as in `Segmentation.table`: gives scores and measurements.
    pixel_size : PixelSize, optional
        Gives areas and positions in physical units, where the format holds them.
    name : str
        Name of the image the labels belong to.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    DataError
        When the format is not known.
    LabelsError
        When the labels are not labels.
    """
    if to not in FORMATS:
        raise DataError(f"There is no format {to!r}. Known: {', '.join(sorted(FORMATS))}.")
    target = Path(path)
    if not target.suffix:
        target = target.with_suffix(FORMATS[to].suffix)
    writer = importlib.import_module(FORMATS[to].module)
    writer.write(target, check_labels(labels), table=table, pixel_size=pixel_size, name=name)
    return target
