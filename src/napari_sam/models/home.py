"""The folder for what is downloaded and kept, which several people may share."""

from __future__ import annotations

import os
from pathlib import Path

import pooch

from napari_sam.errors import DataError


def home() -> Path:
    """Return the folder for downloaded files: ``NAPARI_SAM_HOME``, or the user's cache folder.

    Raises
    ------
    DataError
        When ``NAPARI_SAM_HOME`` names nobody's folder.
    """
    chosen = os.environ.get("NAPARI_SAM_HOME")
    try:
        return Path(chosen).expanduser() if chosen else Path(pooch.os_cache("napari-sam-bio"))
    except RuntimeError as error:
        raise DataError(f"NAPARI_SAM_HOME is {chosen!r}, which is nobody's folder.") from error


def share(path: str | os.PathLike[str]) -> None:
    """Let a file be read by whom any new file may be read: temporary files are their owner's."""
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(path, 0o666 & ~umask)
