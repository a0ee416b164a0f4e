"""Labels whose pixels are in a file already: which file that is, and how it is opened again."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np

from napari_sam.errors import DataError
from napari_sam.labels.levels import LabelLevels
from napari_sam.labels.storage import root_of

Place = dict[str, Any]
"""Where pixels lie, in words that JSON has."""


def place_of(pixels: Any) -> Place | None:
    """Tell where an array of labels is written at once, whatever becomes of the program.

    Parameters
    ----------
    pixels : array

    Returns
    -------
    dict or None
        For `open_again`; None of what is kept in memory, and of storage that is not known.
    """
    if isinstance(pixels, LabelLevels):
        places = [place_of(level) for level in pixels.levels]
        return None if None in places else {"kind": "levels", "levels": places}
    if isinstance(pixels, np.memmap):
        # A part of a larger one does not know where it begins; a private copy is in no file.
        if not isinstance(pixels.base, mmap.mmap) or pixels.mode not in ("r+", "w+"):
            return None
        return {
            "kind": "memmap",
            "file": str(Path(str(pixels.filename)).resolve()),
            "offset": int(pixels.offset),
            "dtype": pixels.dtype.str,
            "shape": [int(n) for n in pixels.shape],
            "order": "C" if pixels.flags.c_contiguous else "F",
        }
    root = root_of(pixels)
    if root is None or not root.exists():
        return None
    return {"kind": "zarr", "file": str(root.resolve()), "path": str(pixels.path)}


def open_again(place: Place) -> Any:
    """Open labels where `place_of` found them, to be written.

    Raises
    ------
    DataError
        When they are no longer there, or others are.
    """
    try:
        if place["kind"] == "levels":
            return LabelLevels([open_again(level) for level in place["levels"]])
        if place["kind"] == "memmap":
            return np.memmap(
                place["file"],
                dtype=np.dtype(place["dtype"]),
                mode="r+",
                offset=place["offset"],
                shape=tuple(place["shape"]),
                order=place["order"],
            )
        import zarr

        return zarr.open_array(place["file"], path=place["path"], mode="r+")
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        raise DataError(
            f"The labels in {place.get('file')} cannot be opened again ({error}): were they moved?"
        ) from error
