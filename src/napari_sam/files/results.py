"""Labels with their table, written and read as a batch keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.errors import DataError, LabelsError
from napari_sam.files.atomic import in_one_piece
from napari_sam.files.beside import stem_of_labels
from napari_sam.files.kinds import as_path
from napari_sam.files.labels import read_labels, tiff_path, write_labels
from napari_sam.pixel_size import PixelSize

if TYPE_CHECKING:
    import pandas as pd

Labels = npt.NDArray[np.integer[Any]]


def table_path(labels: Path) -> Path:
    """Return where the table of labels lies.

    Examples
    --------
    >>> table_path(Path("plate/a_labels.tif")).name
    'a_objects.csv'
    """
    return labels.with_name(f"{stem_of_labels(labels)}_objects.csv")


def table_beside(path: Path, labels: Labels) -> pd.DataFrame | None:
    """Read the table beside labels, which knows scores and intensities.

    Parameters
    ----------
    path : Path
        Of the labels.
    labels : integer array
        What it holds, rows and columns last; of tracks, frames first.

    Returns
    -------
    pandas.DataFrame or None
        Of these objects: rows of others that are gone, such as rejected ones, are left out. A
        mother that is not there before her daughter, as labels can be painted on, is left out, too.
        None when it is not there, or an object has no row, or is not as large as its row tells:
        labels can be edited afterwards.
    """
    import pandas as pd

    try:
        table = pd.read_csv(table_path(path))
        if "parent" in table:  # of tracks: the area is that of a frame
            told: dict[int, int] = dict(zip(table["label"], table["frames"], strict=True))
            seen = [np.unique(frame[frame > 0]) for frame in labels]
            begins = {one: t for t in reversed(range(len(seen))) for one in seen[t].tolist()}
            found = dict(zip(*np.unique(np.concatenate(seen), return_counts=True), strict=True))
        else:
            told = dict(zip(table["label"], _sizes(table), strict=True))
            found = dict(zip(*np.unique(labels[labels > 0], return_counts=True), strict=True))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if any(told.get(label) != size for label, size in found.items()):
        return None
    table = table[table["label"].isin(list(found))].reset_index(drop=True)
    if "parent" in table:  # one that is gone, or was not there before, is nobody's mother
        before = table["parent"].map(begins) < table["label"].map(begins)
        table["parent"] = table["parent"].where(before, 0)
    return table


def _sizes(table: pd.DataFrame) -> pd.Series[int]:
    """Return how many pixels, or voxels, each object had."""
    return table["voxels" if "voxels" in table else "area"]


def read_results(path: str | Path) -> tuple[Labels, pd.DataFrame]:
    """Read labels and the table beside them.

    Parameters
    ----------
    path : str or Path
        Of the labels.

    Raises
    ------
    DataError
        When the labels cannot be read.
    LabelsError
        When they are no labels, or no table of the same objects lies beside them.
    """
    path = as_path(path)
    labels = np.asarray(read_labels(path).finest)
    table = table_beside(path, labels)
    if table is None:
        raise LabelsError(
            f"Beside {path.name} lies no table of the same objects, {table_path(path).name}. "
            "napari_sam.read_labels reads labels alone, and napari_sam.segmentation.measure "
            "makes a table of a plane."
        )
    return labels, table


def write_results(
    path: str | Path,
    labels: Labels,
    table: pd.DataFrame,
    axes: str,
    pixel_size: PixelSize | None = None,
    overwrite: bool = False,
) -> Path:
    """Write labels as a TIFF and their table beside them, see `Segmentation.save`."""
    path = tiff_path(path)
    there = [file for file in (path, table_path(path)) if file.exists()]
    if there and not overwrite:
        names = " and ".join(str(file) for file in there)
        raise DataError(f"{names} would be replaced: choose another name, or overwrite=True.")
    with in_one_piece(table_path(path)) as temporary:
        table.to_csv(temporary, index=False)
        write_labels(path, np.asarray(labels), axes, pixel_size)
    return path
