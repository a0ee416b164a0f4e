"""What kind of image file it is: by its name, and by its first bytes, which names may belie."""

from __future__ import annotations

import reprlib
from pathlib import Path
from typing import Any

from napari_sam.errors import DataError
from napari_sam.files.microscopes import MICROSCOPE_SUFFIXES
from napari_sam.files.names import way_within
from napari_sam.files.ngff import is_ngff

TIFF_SUFFIXES = (".tif", ".tiff")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")
IMAGE_SUFFIXES = TIFF_SUFFIXES + PICTURE_SUFFIXES + MICROSCOPE_SUFFIXES

_BEGINNINGS = {
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",  # BigTIFF
    b"MM\0+": "TIFF",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"BM": "BMP",
}


def as_path(value: Any) -> Path:
    """Return where a file or folder is, or may be made.

    Raises
    ------
    DataError
        When it is no path.
    """
    try:
        path = Path(value)
        if "\0" in str(path):  # which some ways of asking for a file pass over
            raise ValueError("it holds a NUL")
        path.is_file()
    except (TypeError, ValueError, OSError) as error:  # no path; a name too long
        got = reprlib.repr(value)
        raise DataError(f"{got} is not the path of a file or folder ({error}).") from error
    return path


def kind_of(path: str | Path) -> str:
    """Tell what a file is.

    Returns
    -------
    str
        ``"TIFF"``, ``"PNG"``, ``"JPEG"``, ``"BMP"``, ``"microscope"`` for what bioio reads, or
        ``"OME-Zarr"``, which is a folder.

    Raises
    ------
    DataError
        When there is no such file, it cannot be opened, or it is none of these.
    """
    path = as_path(path)
    there = path.is_file()
    if is_ngff(path):
        return "OME-Zarr"
    if path.is_dir():
        raise DataError(
            f"{path} is a folder, not an image file: give one of its files, or run "
            "'napari-sam segment' on all of them."
        )
    if not there:
        within = way_within(path)
        if within:
            group = path.parents[len(within) - 1]
            raise DataError(
                f"There is no {'/'.join(within)} in {group}: is the plate copied as a whole?"
            )
        raise DataError(f"There is no file {path}.")
    suffix = path.suffix.lower()
    if suffix not in IMAGE_SUFFIXES:
        raise DataError(
            f"{path.name}: files of type {suffix or '(none)'} cannot be read. "
            f"Known types: {', '.join(IMAGE_SUFFIXES)}."
        )
    if suffix in MICROSCOPE_SUFFIXES:
        return "microscope"  # its reader tells whether it is one
    try:
        with path.open("rb") as file:
            beginning = file.read(4)
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{path.name} cannot be opened: {reason}.") from error
    for bytes_, kind in _BEGINNINGS.items():
        if beginning.startswith(bytes_):
            return kind
    what = "is empty" if not beginning else "is no TIFF, PNG, JPEG or BMP inside"
    raise DataError(f"{path.name} {what}: it cannot be read; is it damaged, or renamed?")
