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


def folders() -> tuple[Path, ...]:
    """Return the folders in which files of models are looked for: that of downloads comes first.

    ``NAPARI_SAM_MODELS`` may name others, such as one that a whole institute reads, or one filled
    by hand on a computer without a network; several are separated as in ``PATH``. Nothing is
    written there.
    """
    named = os.environ.get("NAPARI_SAM_MODELS", "").split(os.pathsep)
    return (home() / "models", *(_folder(name) for name in named if name))


def _folder(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise DataError(f"NAPARI_SAM_MODELS names {name!r}, which is nobody's folder.") from error


def share(path: str | os.PathLike[str]) -> None:
    """Let a file be read by whom any new file may be read: temporary files are their owner's."""
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(path, 0o666 & ~umask)
