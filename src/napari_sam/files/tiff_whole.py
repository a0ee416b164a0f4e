"""Whether all of a TIFF image is there: a file cut short is never taken for a smaller image."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import tifffile

from napari_sam.errors import DataError

_LARGEST = 1 << 42  # bytes; what claims to be larger than 4 TB is damaged


def check(tif: tifffile.TiffFile, series: Any, path: Path) -> None:
    """Check that a series has every plane it speaks of, and the file every byte of them.

    Raises
    ------
    DataError
    """
    if series.nbytes > _LARGEST:
        raise DataError(
            f"{path.name} is damaged: it describes an image of shape {series.shape}, "
            f"{series.nbytes:.1e} bytes."
        )
    pages = list(series)
    missing = sum(page is None for page in pages)
    if missing:
        raise DataError(
            f"{path.name} lacks {missing} of its {len(pages)} planes: the file is cut, or another "
            "file of the same image is missing. Copy it again, with all its parts."
        )
    planes = math.prod(series.shape) // max(math.prod(series.keyframe.shape), 1)
    stated, held = _stated_planes(tif), _held_planes(tif)
    if stated is not None and stated > held:
        raise _cut(path, f"it speaks of {stated} planes, but {held} are there")
    # ImageJ alone writes stacks of one page whose end it leaves open.
    if not (tif.is_imagej and stated is not None) and not _chain_ends(tif):
        raise _cut(path, f"after {len(tif.pages)} planes it points to one that is not there")
    if len(pages) not in (1, planes):
        raise _cut(path, f"it speaks of {planes} planes, but {len(pages)} are there")
    if len(pages) == 1 and planes > 1:
        _check_contiguous(tif, series, path)
        return
    for number, page in enumerate(pages):
        _check_page(page, number, path)


def _cut(path: Path, what: str) -> DataError:
    return DataError(f"{path.name} is cut or damaged: {what}. Copy or save it again.")


def _stated_planes(tif: tifffile.TiffFile) -> int | None:
    """Return how many planes the file's own description speaks of."""
    if tif.is_ome:
        return None  # compared already: what is missing are pages of None
    if tif.is_imagej:
        stated = (tif.imagej_metadata or {}).get("images", 1)
        return stated if isinstance(stated, int) else None
    if tif.is_shaped:
        page: Any = tif.pages.first if hasattr(tif.pages, "first") else tif.pages[0]
        shape = (tif.shaped_metadata or ({},))[0].get("shape", page.shape)
        return int(math.prod(shape) // max(math.prod(page.shape), 1))
    return None


def _held_planes(tif: tifffile.TiffFile) -> int:
    """Count the planes of all series."""
    every = 0
    for series in tif.series:
        every += math.prod(series.shape) // max(math.prod(series.keyframe.shape), 1)
    return max(every, len(tif.pages))


def _chain_ends(tif: tifffile.TiffFile) -> bool:
    """Tell whether the last page says that no other follows."""
    at = tif.pages.next_page_offset
    if at is None:
        return True
    layout = tif.tiff
    file = tif.filehandle
    file.seek(at)
    try:
        (following,) = struct.unpack(layout.offsetformat, file.read(layout.offsetsize))
    except struct.error:
        return False
    return int(following) == 0


def _check_contiguous(tif: tifffile.TiffFile, series: Any, path: Path) -> None:
    """One page stands for all planes, which follow each other in the file without a gap."""
    start = series.dataoffset
    held = tif.filehandle.size
    if start is None or start + series.nbytes > held:
        raise _cut(path, f"its pixels take {series.nbytes} bytes, more than the file has")


def _check_page(page: Any, number: int, path: Path) -> None:
    keyframe = page.keyframe
    file = page.parent.filehandle
    offsets, counts = page.dataoffsets, page.databytecounts
    parts = math.prod(keyframe.chunked)
    where = f"plane {number}" if number else "its first plane"
    if len(offsets) < parts or len(counts) != len(offsets):
        raise _cut(path, f"{where} has {len(offsets)} of {parts} parts")
    end = max((o + c for o, c in zip(offsets, counts, strict=True)), default=0)
    if end > file.size:
        raise _cut(path, f"the pixels of {where} end {end - file.size} bytes behind the file's end")
    plain = keyframe.compression == 1 and keyframe.bitspersample % 8 == 0
    if plain and not keyframe.is_subsampled and sum(counts) < keyframe.nbytes:
        raise _cut(path, f"{where} has {sum(counts)} of {keyframe.nbytes} bytes")
