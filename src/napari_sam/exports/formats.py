"""The one table of export formats."""

from __future__ import annotations

import importlib
import os
import reprlib
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_sam.errors import DataError, ImageError
from napari_sam.exports.objects import Labelled, are_intensities, check_labels
from napari_sam.files.kinds import IMAGE_SUFFIXES
from napari_sam.id_columns import NO_OBJECT, whole_numbers
from napari_sam.pixel_size import PixelSize


class Format(NamedTuple):
    """Where a format lives and how its files end; one without an ending is a folder."""

    module: str
    suffix: str


FORMATS = {
    "coco": Format("napari_sam.exports.coco", ".json"),
    "ctc": Format("napari_sam.exports.ctc", ""),
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
    axes: str | None = None,
) -> Path:
    """Write labels in the format of another program.

    Parameters
    ----------
    labels : (..., H, W) integer array
        0 is background.
    path : path
        The file to write, of "ctc" the folder; the format's suffix is added when it has none.
    to : {"coco", "csv", "ctc", "geojson", "imagej"}
    table : pandas.DataFrame, optional
        A row per object, as in `Segmentation.table`: gives scores and measurements.
    pixel_size : PixelSize, optional
        Gives areas and positions in physical units, where the format holds them.
    name : str
        File name of the image the labels belong to.
    axes : str, optional
        A letter per axis, such as ``"TYX"``: tells slices from times. A stack of which nothing
        is said is one of slices.

    Returns
    -------
    Path
        The file or folder written.

    Warns
    -----
    UserWarning
        When the labels look like the pixels of an image.

    Raises
    ------
    DataError
        When the format is not known, `path` is none, a folder or that of an image, or the table is
        none.
    LabelsError
        When the labels are not labels, or `axes` does not describe them.
    ImageError
        When the pixel size is none.
    """
    target = _target(path, to)
    array = check_labels(labels)
    if are_intensities(array):
        warnings.warn(
            f"This looks like an image and not like its labels: hardly any two neighbouring pixels "
            f"have the same number, and each number, {int(array.max())} at most, becomes an "
            "object. Give the label image, which `napari-sam segment` or the panel makes of it.",
            stacklevel=2,
        )
    what = Labelled(array, table, pixel_size, name, axes)
    _ = what.letters  # refused now
    if table is not None:
        _check_table(table)
    if pixel_size is not None and not isinstance(pixel_size, PixelSize):
        raise ImageError(
            f"A pixel size is a PixelSize(row, column, unit), got {reprlib.repr(pixel_size)}."
        )
    if not isinstance(name, str):
        raise DataError(f"The name of an image is text, got {name!r}.")
    importlib.import_module(FORMATS[to].module).write(target, what)
    return target


def _target(path: str | Path, to: str) -> Path:
    if not isinstance(to, str) or to not in FORMATS:
        raise DataError(f"There is no format {to!r}. Known: {', '.join(sorted(FORMATS))}.")
    if not isinstance(path, str | os.PathLike) or not Path(path).name or "\0" in str(path):
        raise DataError(f"{reprlib.repr(path)} is not the path of a file to write.")
    target = Path(path)
    suffix = FORMATS[to].suffix
    if not target.suffix and suffix:
        target = target.with_suffix(suffix)
    if suffix and target.suffix.lower() in IMAGE_SUFFIXES:  # an image would be lost by a slip
        raise DataError(f"{target} is called like an image: files of {to} end in {suffix}.")
    if target.is_dir() and suffix:
        raise DataError(f"{target} is a folder: give the name of a file to write.")
    return target


def _check_table(table: Any) -> None:
    if not isinstance(table, pd.DataFrame) or "label" not in table.columns:
        raise DataError("The table of an export is a DataFrame with a column 'label'.")
    ids = whole_numbers(table["label"])
    if (ids == NO_OBJECT).any() or len(np.unique(ids)) < len(ids):
        raise DataError("The column 'label' of the table must hold each object's id, once.")
