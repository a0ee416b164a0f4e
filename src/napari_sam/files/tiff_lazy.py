"""Large TIFF images: read where they are looked at, and nothing else."""

from __future__ import annotations

import math
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.errors import DataError
from napari_sam.files.lazy import Lazy, as_slice
from napari_sam.files.unpacked import Unpacked

_LARGEST_PART = 1 << 31
"""Bytes that are unpacked at once: a strip or tile larger than this is refused."""


def lazily(path: Path, series: Any) -> Any:
    """Return an array-like of a series of an open TIFF file, that reads when it is looked at.

    Raises
    ------
    DataError
        When the file holds a plane in so large a piece that nothing less could be read.
    """
    keyframe = series.keyframe
    kind = np.dtype(series.dtype).newbyteorder(series.parent.byteorder)
    mappable = keyframe.is_memmappable and kind.isnative and not series.is_multifile
    if mappable and series.dataoffset is not None:
        return np.memmap(path, kind, mode="r", offset=series.dataoffset, shape=series.shape)
    part = math.prod(_part_shape(keyframe)) * keyframe.dtype.itemsize
    if part > _LARGEST_PART:
        raise DataError(
            f"{path.name}: its planes of {keyframe.shape} are packed in pieces of "
            f"{part / 1e9:.1f} GB, too large to unpack. Save it as a tiled TIFF."
        )
    within = len(keyframe.shape)
    leading = series.shape[:-within]
    whole_pages = series.shape[-within:] == keyframe.shape and len(series) == math.prod(leading)
    if not whole_pages or keyframe.imagedepth > 1:
        return series.asarray()
    return TiffPages(path, series, leading)


def _part_shape(page: Any) -> tuple[int, ...]:
    if page.is_tiled:
        return (*page.tile, page.samplesperpixel)
    rows = min(int(page.rowsperstrip), int(page.imagelength))
    return (rows, page.imagewidth, page.samplesperpixel)


class TiffPages(Lazy):
    """The pages of a TIFF file as one array; of each, only the strips or tiles that are needed.

    Parameters
    ----------
    path : Path
    series : tifffile.TiffPageSeries
        Of an open file; the file is opened again whenever something is read.
    leading : tuple of int
        Lengths of the axes before those of a page.
    """

    def __init__(self, path: Path, series: Any, leading: tuple[int, ...]) -> None:
        self._name = path.name
        self._pages = [page for page in series if page is not None]
        self._files = [Path(page.parent.filehandle.path) for page in self._pages]
        self._leading = leading
        self.shape = series.shape
        self.dtype = np.dtype(series.dtype)
        # A strip is as wide as the plane: the windows beside one that is read need it as well.
        self._unpacked = Unpacked()

    def __reduce__(self) -> Any:
        # Files that are open, and what is known of their pages, stay with this process.
        raise DataError(
            f"{self._name} is read part by part and cannot be sent to another process, or copied: "
            "send its path, and call napari_sam.read_image(path) there."
        )

    def _read(self, ranges: list[range]) -> npt.NDArray[Any]:
        before = len(self._leading)
        out = np.empty([len(wanted) for wanted in ranges], self.dtype)
        places = product(*(enumerate(wanted) for wanted in ranges[:before]))
        for place in places:
            number = 0
            for (_, position), length in zip(place, self._leading, strict=True):
                number = number * length + position
            out[tuple(at for at, _ in place)] = self._page(number, ranges[before:])
        return out

    def _page(self, number: int, ranges: list[range]) -> npt.NDArray[Any]:
        if not all(len(wanted) for wanted in ranges):
            return np.empty([len(wanted) for wanted in ranges], self.dtype)
        page = self._pages[number]
        try:
            return _window(self._files[number], page, ranges, self._unpacked)
        except (DataError, MemoryError):
            raise
        except Exception as error:  # damaged bytes make every decoder fail in its own way
            raise DataError(
                f"{self._name}: plane {number} cannot be read; is the file damaged? ({error})"
            ) from error


def _window(path: Path, page: Any, ranges: list[range], unpacked: Unpacked) -> npt.NDArray[Any]:
    """Read a part of a page: `ranges` of its axes ``YX``, ``YXS`` or ``SYX``."""
    keyframe = page.keyframe
    if keyframe.is_memmappable:
        kind = keyframe.dtype.newbyteorder(page.parent.byteorder)
        mapped = np.memmap(path, kind, mode="r", offset=page.dataoffsets[0], shape=keyframe.shape)
        return np.array(mapped[tuple(as_slice(wanted) for wanted in ranges)])
    axes = keyframe.axes
    rows, columns = ranges[axes.index("Y")], ranges[axes.index("X")]
    top, left = min(rows), min(columns)
    height, width = max(rows) + 1 - top, max(columns) + 1 - left
    planes, _, _, _, samples = keyframe.shaped
    block = np.full((planes, height, width, samples), keyframe.nodata, keyframe.dtype)
    with path.open("rb") as file:
        for index, (offset, count) in enumerate(
            zip(page.dataoffsets, page.databytecounts, strict=True)
        ):
            plane, r0, c0, rows_in, columns_in = _place(keyframe, index)
            missed = r0 >= top + height or r0 + rows_in <= top
            if missed or c0 >= left + width or c0 + columns_in <= left or count == 0:
                continue
            unpack = partial(_unpack, file, keyframe, index, offset, count)
            wide = columns_in > width
            part = unpacked.take((path, offset), unpack) if wide else unpack()
            if part is not None:
                _copy(part, (r0 - top, c0 - left), block[plane])
    found = block.reshape(_lengths(axes, planes, height, width, samples))
    key = []
    for letter, wanted in zip(axes, ranges, strict=True):
        start = {"Y": top, "X": left}.get(letter, 0)
        key.append(as_slice(range(wanted.start - start, wanted.stop - start, wanted.step)))
    return np.asarray(found[tuple(key)])


def _unpack(
    file: Any, keyframe: Any, index: int, offset: int, count: int
) -> npt.NDArray[Any] | None:
    """Unpack a strip or tile, (rows, columns, samples)."""
    file.seek(offset)
    part, _, shape = keyframe.decode(
        file.read(count), index, jpegtables=keyframe.jpegtables, jpegheader=keyframe.jpegheader
    )
    return None if part is None else np.asarray(part[0, : shape[1], : shape[2]])


def _lengths(axes: str, planes: int, height: int, width: int, samples: int) -> tuple[int, ...]:
    length = {"Y": height, "X": width, "S": max(planes, samples)}
    return tuple(length[letter] for letter in axes)


def _place(page: Any, index: int) -> tuple[int, int, int, int, int]:
    """Return sample plane, first row and column, and rows and columns of a strip or tile."""
    if page.is_tiled:
        rows, columns = page.tile[-2:]
        across, down = math.ceil(page.imagewidth / columns), math.ceil(page.imagelength / rows)
        plane, within = divmod(index, across * down)
        return plane, within // across * rows, within % across * columns, rows, columns
    rows = min(int(page.rowsperstrip), int(page.imagelength))
    plane, within = divmod(index, math.ceil(page.imagelength / rows))
    return plane, within * rows, 0, rows, int(page.imagewidth)


def _copy(part: npt.NDArray[Any], at: tuple[int, int], block: npt.NDArray[Any]) -> None:
    """Copy what lies within from a part whose corner is `at`, which may be outside."""
    r0, c0 = at
    top, left = max(r0, 0), max(c0, 0)
    bottom = min(r0 + part.shape[0], block.shape[0])
    right = min(c0 + part.shape[1], block.shape[1])
    block[top:bottom, left:right] = part[top - r0 : bottom - r0, left - c0 : right - c0]
