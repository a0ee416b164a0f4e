"""What a person gave as the path of a file: a path, or none."""

from __future__ import annotations

import os
import reprlib
from pathlib import Path

from napari_sam.errors import ParameterError


def given_path(
    value: str | os.PathLike[str],
    expected: str = "A model is given by its name or by the path of a file",
) -> Path | None:
    """Return what a person gave as a path, or None when no file can be called that.

    Raises
    ------
    ParameterError
        When it is no path at all.
    """
    if not isinstance(value, str | os.PathLike) or not isinstance(os.fspath(value), str):
        raise ParameterError(f"{expected}, got {reprlib.repr(value)}.")
    try:
        path = Path(os.fspath(value)).expanduser()
        path.stat()
    except FileNotFoundError:
        return path
    except (OSError, ValueError, RuntimeError):  # too long, not allowed, or nobody's folder
        return None
    return path
