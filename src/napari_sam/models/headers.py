"""What a checkpoint file says it holds, told without torch and without reading a weight."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_sam.errors import CheckpointError

_LONGEST = 100_000_000  # bytes of a safetensors header, as its library allows
#: How files begin that people take for checkpoints.
_OTHERS = (
    (b"\x89HDF", "an HDF5 file, such as Keras and StarDist write"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x1f\x8b", "a gzip archive: unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it first"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"GGUF", "a GGUF file of a language model"),
    (b"%PDF", "a PDF document"),
    (b"version https://git-lfs", "a pointer of Git LFS: fetch the file itself with 'git lfs pull'"),
)


@dataclass(frozen=True, eq=False)
class Header:
    """What a checkpoint file says it holds.

    Parameters
    ----------
    where : str
        The file's name, for messages.
    shapes : mapping of str to tuple of int
        The shape of every tensor; names of nested dicts are joined by dots.
    metadata : mapping of str to str
        Words that a safetensors file carries.
    """

    where: str
    shapes: Mapping[str, tuple[int, ...]]
    metadata: Mapping[str, str] = field(default_factory=dict)

    def has(self, *parts: str) -> bool:
        """Whether the names of some tensors contain these parts, each of them.

        Examples
        --------
        >>> Header("a.pth", {"model.image_encoder.neck.0.weight": (256, 768, 1, 1)}).has("neck.0")
        True
        """
        return all(any(part in name for name in self.shapes) for part in parts)


def look_at(path: Path) -> str:
    """Tell what kind of file this is by its first bytes.

    Returns
    -------
    str
        ``"safetensors"``, or ``"torch"`` for whatever may be a PyTorch file.

    Raises
    ------
    CheckpointError
        When there is no such file, it cannot be opened, or it is something else.
    """
    try:
        if not path.is_file():
            what = "a folder" if path.is_dir() else "no file"
            raise CheckpointError(f"There is no checkpoint file at {path}: that is {what}.")
        with open(path, "rb") as file:
            head = file.read(64)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be opened: {error}.") from error
    if not head:
        raise CheckpointError(f"{path.name} is empty. Download it again.")
    if head.lstrip()[:1] == b"<":
        raise CheckpointError(
            f"{path.name} is a web page, not a checkpoint: the download gave an error or login "
            "page. Download it again and check that the file is as large as announced."
        )
    for magic, what in _OTHERS:
        if head.startswith(magic):
            raise CheckpointError(f"{path.name} is {what}, not a checkpoint.")
    if head.startswith(b"PK"):
        return "torch"
    length = int.from_bytes(head[:8], "little")
    named = path.suffix == ".safetensors"
    return "safetensors" if named or (head[8:9] == b"{" and length < _LONGEST) else "torch"


def read_safetensors_header(path: Path) -> Header:
    """Read the names, shapes and words of a safetensors file.

    Raises
    ------
    CheckpointError
        When the header is damaged, or the file is shorter or longer than it says.
    """
    try:
        size = os.stat(path).st_size
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(_LONGEST, size - 8):
                raise ValueError("its header is longer than the file")
            rows = json.loads(file.read(length))
        metadata, shapes = _rows(rows, size - 8 - length)
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise CheckpointError(
            f"{path.name} cannot be read as safetensors ({error}): it is damaged or cut short. "
            "Copy or download it again."
        ) from error
    return Header(path.name, shapes, metadata)


def _rows(rows: Any, size: int) -> tuple[dict[str, str], dict[str, tuple[int, ...]]]:
    if not isinstance(rows, dict):
        raise ValueError("its header is no table")
    words = rows.pop("__metadata__", None) or {}
    if not isinstance(words, dict):
        raise ValueError("its words are no table")
    shapes, end = {}, 0
    for name, row in rows.items():
        shape = tuple(row["shape"])
        if not all(isinstance(side, int) and side >= 0 for side in shape):
            raise ValueError(f"{name!r} has an impossible shape")
        first, last = row["data_offsets"]
        if not 0 <= first <= last <= size or math.prod(shape) > 8 * size:
            raise ValueError(f"{name!r} is not in the file")
        shapes[name], end = shape, max(end, last)
    if end != size:
        raise ValueError("it is longer or shorter than its header says")
    return {str(key): str(value) for key, value in words.items()}, shapes
