"""Labels whose pixels lie in a file or a folder: where, and whether that is still there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_sam.labels.levels import LabelLevels

_FOLDERS = ("LocalStore", "DirectoryStore", "NestedDirectoryStore")  # of zarr 3 and 2
_ABOUT = ("zarr.json", ".zarray")  # what tells zarr that there is an array


def gone(pixels: Any) -> Path | None:
    """Return the file or folder of an array that is no longer there.

    Whatever were written then would be lost without a word: zarr makes a new folder for it, in
    which nobody finds an array, and a memory map writes into a file that has no name any more.

    Parameters
    ----------
    pixels : array

    Returns
    -------
    Path or None
        None while it is there, and of pixels in memory or in a storage that is not known.
    """
    if isinstance(pixels, LabelLevels):
        return next(filter(None, map(gone, pixels.levels)), None)
    if isinstance(pixels, np.memmap):
        file = pixels.filename
        if file is None or pixels.mode not in ("r+", "w+"):  # a copy, or not to be written
            return None
        return None if Path(file).exists() else Path(file)
    root = root_of(pixels)
    if root is None or type(pixels.store).__name__ not in _FOLDERS:
        return None
    folder = root / str(pixels.path)
    return None if any((folder / name).is_file() for name in _ABOUT) else folder


def root_of(pixels: Any) -> Path | None:
    """Return where the store of a zarr array lies; None of what is none, or lies in memory."""
    store = getattr(pixels, "store", None)
    root = getattr(store, "root", None) or getattr(store, "path", None)
    if not type(pixels).__module__.startswith("zarr") or not isinstance(root, str | Path):
        return None
    return Path(root)
