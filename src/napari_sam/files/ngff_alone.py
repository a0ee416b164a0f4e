"""Labels as an OME-Zarr of their own, beside the other results of an image."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sam.errors import LabelsError
from napari_sam.files.ngff import require_zarr
from napari_sam.files.ngff_pyramid import datasets_of, properties, write_group
from napari_sam.files.signature import MADE_BY, SOFTWARE
from napari_sam.pixel_size import PixelSize

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["write_labels_group"]

_UNITS = {
    "pm": "picometer",
    "angstrom": "angstrom",
    "nm": "nanometer",
    "um": "micrometer",
    "mm": "millimeter",
    "cm": "centimeter",
    "dm": "decimeter",
    "m": "meter",
}
_VERSION = 3  # of zarr, which is that of OME-Zarr 0.5


def write_labels_group(
    path: Path,
    labels: Any,
    axes: str,
    pixel_size: PixelSize | None = None,
    tables: Iterable[pd.DataFrame] = (),
) -> None:
    """Write labels as OME-Zarr 0.5: a pyramid, with scale, units and a row per object.

    Parameters
    ----------
    path : Path
        A folder to be made; write it with `napari_sam.files.atomic.folder_in_one_piece`.
    labels : integer array
        Read some rows at a time.
    axes : str
        A letter per axis, such as ``"ZYX"``.
    pixel_size : PixelSize, optional
    tables : iterable of pandas.DataFrame
        A row per object with a column ``label``: kept as properties.

    Raises
    ------
    LabelsError
        When the axes do not fit.
    InstallationError
        When zarr is not installed.

    References
    ----------
    https://ngff.openmicroscopy.org/0.5/#labels-md
    """
    require_zarr()
    if len(axes) != len(labels.shape) or len(set(axes)) != len(axes) or axes[-2:] != "YX":
        raise LabelsError(
            f"axes {axes!r} has not one letter for each axis of shape {tuple(labels.shape)}, "
            "rows and columns last."
        )
    scale = [_length(letter, pixel_size) for letter in axes]
    described = [_axis(letter, pixel_size) for letter in axes]
    multiscale = {"axes": described, "datasets": datasets_of(tuple(labels.shape), scale)}
    label = {"properties": rows} if (rows := properties(tables)) else {}
    write_group(path, labels, multiscale, label, _VERSION, {MADE_BY: SOFTWARE})


def _length(letter: str, size: PixelSize | None) -> float:
    lengths = {} if size is None else {"Y": size.row, "X": size.column, "Z": size.slice}
    return lengths.get(letter) or 1.0


def _axis(letter: str, size: PixelSize | None) -> dict[str, str]:
    name = letter.lower()
    if letter not in "ZYX":
        return {"name": name, "type": "time"} if letter == "T" else {"name": name}
    axis = {"name": name, "type": "space"}
    known = size is not None and (letter != "Z" or size.slice is not None)
    if known and size is not None and size.unit in _UNITS:
        axis["unit"] = _UNITS[size.unit]
    return axis
