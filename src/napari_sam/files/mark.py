"""By what the file of an image is known again, wherever it lies: told without reading all of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from napari_sam.files.kinds import kind_of

__all__ = ["mark_in", "mark_of"]

_PART = 1 << 16  # bytes at the beginning, in the middle and at the end of a file
_LISTED, _READ = 20_000, 64  # files of a folder
_KEY = "Image mark"


def mark_of(path: Path) -> str:
    """Return what tells an image's file, or its folder of OME-Zarr, from others.

    Two files of the same bytes have the same mark; empty of what cannot be read.
    """
    digest = hashlib.blake2b(digest_size=12)
    try:
        if path.is_dir():
            files = list(islice(_files(path), _LISTED))
            for file in files:
                digest.update(file.relative_to(path).as_posix().encode())
            # All over the image: its first rows may be as dark as those of others.
            for at in range(min(len(files), _READ)):
                _add(digest, files[at * len(files) // min(len(files), _READ)])
        else:
            _add(digest, path)
    except OSError:
        return ""
    return digest.hexdigest()


def _add(digest: hashlib.blake2b, file: Path) -> None:
    with file.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        digest.update(size.to_bytes(8, "little"))
        for place in (0, size // 2, max(size - _PART, 0)):
            stream.seek(place)
            digest.update(stream.read(_PART))


def _files(folder: Path) -> Iterator[Path]:
    """Walk through a folder in an order that is the same everywhere."""
    for inner, folders, names in os.walk(folder):
        folders.sort()
        if Path(inner) == folder:
            folders[:] = [name for name in folders if name != "labels"]  # made of the image
        yield from (Path(inner) / name for name in sorted(names))


def noted(mark: str) -> dict[str, str]:
    """Return what a picture says of the image that it was made of; nothing of an unknown one."""
    return {_KEY: mark} if mark else {}


def mark_in(picture: Path) -> str:
    """Return the mark that a picture says; empty where it says none."""
    with suppress(Exception):  # there is none, or it is damaged: then nothing is known
        if kind_of(picture) == "PNG":
            from PIL.PngImagePlugin import PngImageFile

            with picture.open("rb") as file:
                return str(PngImageFile(file).info.get(_KEY, ""))
    return ""
