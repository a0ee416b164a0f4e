"""Where a file lies that another file tells of, and where it is when their folder was moved."""

from __future__ import annotations

import os
from pathlib import Path


def from_here(path: Path, folder: Path) -> str | None:
    """Say where a file lies, seen from a folder; None of another drive.

    Examples
    --------
    >>> from_here(Path("dishes/a.tif"), Path("results"))
    '../dishes/a.tif'
    """
    try:
        return Path(os.path.relpath(path, folder.absolute())).as_posix()
    except ValueError:
        return None


def where_it_is(path: Path, seen: str | None, folder: Path) -> Path:
    """Return where a file is: where it was, or where it lies seen from a folder that was moved."""
    if not seen or path.exists():
        return path
    moved = Path(os.path.normpath(folder.absolute() / seen))
    return moved if moved.exists() else path
