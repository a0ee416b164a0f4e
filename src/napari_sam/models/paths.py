"""What a person gave as the path of a file: a path, or none."""

from __future__ import annotations

import os
import reprlib
from pathlib import Path

from napari_sam.errors import ParameterError

_SAVED = "model.safetensors"  # what transformers calls every file of weights


def checkpoint_at(path: Path | None) -> Path | None:
    """Return the whole path of the checkpoint that a path means; None where there is none.

    A folder of ``transformers`` means the weights in it. A file that is a link stays one: what
    belongs to it lies beside the link, as in the cache of Hugging Face, and not where it points.
    """
    if path is not None and path.is_dir():
        path = path / _SAVED
    if path is None or not path.is_file():
        return None
    return path.parent.resolve() / path.name


def checkpoint_name(file: Path) -> str:
    """Name a checkpoint by its file, or by its folder where all files are called the same.

    Examples
    --------
    >>> checkpoint_name(Path("mine.pt")), checkpoint_name(Path("/sam2.1-tiny/model.safetensors"))
    ('mine', 'sam2.1-tiny')
    """
    return file.parent.name if file.name == _SAVED and file.parent.name else file.stem


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
