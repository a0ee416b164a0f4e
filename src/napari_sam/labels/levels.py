"""Labels of a plane too large to be drawn at once: several levels that are written as one array."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from math import ceil, floor, isqrt, prod
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.errors import LabelsError

__all__ = ["LabelLevels", "empty_levels", "is_in_memory", "levels_of", "pieces", "sparse_zeros"]

_SMALLEST = 1024  # pixels of the longer side of the coarsest level, at most
_STEP = 2
_HUGE = 1 << 22  # bytes from which NumPy asks for huge pages
_AT_ONCE = 1 << 22  # pixels that are read at once
_CHUNK = 1024  # pixels of a side by which files are often divided


class LabelLevels:
    """The levels of a pyramid of labels, read and written as its finest one.

    Coarser levels take every second, fourth, ... pixel along rows and columns: no new ids arise.

    Parameters
    ----------
    levels : sequence of arrays
        NumPy or zarr, the finest first; leading axes are the same in all.

    Examples
    --------
    >>> levels = LabelLevels([np.zeros((4, 6), int), np.zeros((2, 3), int)])
    >>> levels[1:3, 2:5] = 7
    >>> levels.levels[1].tolist(), levels.shape
    ([[0, 0, 0], [0, 7, 7]], (4, 6))
    """

    def __init__(self, levels: Sequence[Any]) -> None:
        self.levels = tuple(levels)

    @cached_property
    def steps(self) -> tuple[int, ...]:
        """Pixels of the finest level along a side per pixel of each level.

        Raises
        ------
        LabelsError
            When the levels are not halves, quarters, ... of the finest one: they can be read, but
            not written.
        """
        return tuple(_step(self.shape, tuple(level.shape)) for level in self.levels)

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis, at full resolution."""
        return tuple(int(side) for side in self.levels[0].shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of pixels, at full resolution."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the ids."""
        found: np.dtype[Any] = np.dtype(self.levels[0].dtype)
        return found

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        return np.asarray(self.levels[0][key])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        whole = np.asarray(self.levels[0])
        return whole if dtype is None else whole.astype(dtype)

    def __setitem__(self, key: Any, value: Any) -> None:
        steps = self.steps  # what cannot be written whole is not begun
        self.levels[0][key] = value
        parts = key if isinstance(key, tuple) else (key,)
        parts = (*parts, *[slice(None)] * (self.ndim - len(parts)))
        *leading, rows, columns = parts
        down, along = (
            range(*part.indices(side)) if isinstance(part, slice) else range(part, part + 1)
            for part, side in zip((rows, columns), self.shape[-2:], strict=True)
        )
        if not (len(down) and len(along)):
            return
        written = np.asarray(value)
        known = written.shape[-2:] == (len(down), len(along)) and down.step == along.step == 1
        for level, step in zip(self.levels[1:], steps[1:], strict=True):
            fine, coarse = [], []
            for wanted, side in zip((down, along), level.shape[-2:], strict=True):
                first, last = -(-min(wanted) // step), max(wanted) // step + 1
                coarse.append(slice(first, min(last, int(side))))
                fine.append(slice(first * step, coarse[-1].stop * step, step))
            if any(part.stop <= part.start for part in coarse):
                continue  # it lies between the pixels of this level
            if known:  # and need not be read once more, which takes long on a disk
                top, left = (
                    slice(part.start - wanted[0], part.stop - wanted[0], step)
                    for part, wanted in zip(fine, (down, along), strict=True)
                )
                taken = written[..., top, left]
            else:
                taken = self.levels[0][(*leading, *fine)]
            level[(*leading, *coarse)] = taken


def _step(fine: tuple[int, ...], coarse: tuple[int, ...]) -> int:
    """Pixels of the finest level along a side per pixel of another one."""
    if len(fine) == len(coarse) >= 2 and fine[:-2] == coarse[:-2] and 0 not in coarse:
        ratios = sorted(a / b for a, b in zip(fine[-2:], coarse[-2:], strict=True))
        for step in range(max(1, floor(ratios[0])), ceil(ratios[1]) + 1):
            sides = zip(fine[-2:], coarse[-2:], strict=True)
            if all(a // step <= b <= -(-a // step) for a, b in sides):
                return step
    raise LabelsError(
        f"A level of shape {coarse} does not fit labels of shape {fine}: each takes every "
        "second pixel of the one before."
    )


def is_in_memory(pixels: Any) -> bool:
    """Whether labels are lost when the program ends: others are on disk already."""
    if isinstance(pixels, LabelLevels):
        return all(map(is_in_memory, pixels.levels))
    store = type(getattr(pixels, "store", None)).__name__
    return isinstance(pixels, np.ndarray) or store in ("MemoryStore", "KVStore")  # of zarr


def levels_of(pixels: npt.NDArray[Any]) -> LabelLevels:
    """Copy labels into levels, piece by piece and only those with objects."""
    levels = LabelLevels(empty_levels(pixels.shape, pixels.dtype))
    for where in pieces(pixels.shape):
        piece = pixels[where]
        if piece.any():
            levels[where] = piece
    return levels


def pieces(shape: tuple[int, ...], most: int = _AT_ONCE) -> Iterator[tuple[int | slice, ...]]:
    """Iterate over what selects all pixels in parts: planes, and squares of large ones.

    Objects lie together: of a large plane that holds few of them, most squares are empty, where
    most rows would not be.

    Parameters
    ----------
    shape : tuple of int
        At least two axes.
    most : int
        Pixels of a part.

    Examples
    --------
    >>> list(pieces((2, 5, 8), most=30))[:2]
    [(0, slice(0, 5, None), slice(0, 5, None)), (0, slice(0, 5, None), slice(5, 8, None))]
    """
    height, width = shape[-2:]
    side = max(height, width, 1)
    if height * width > most:
        side = max(1, isqrt(most))
        side -= side % _CHUNK if side > _CHUNK else 0
    for leading in np.ndindex(*shape[:-2]):
        for top in range(0, height, side):
            for left in range(0, width, side):
                rows, columns = min(top + side, height), min(left + side, width)
                yield (*leading, slice(top, rows), slice(left, columns))


def empty_levels(shape: tuple[int, ...], dtype: Any = np.int32) -> list[npt.NDArray[Any]]:
    """Make labels without objects; memory is taken only where something is written.

    Parameters
    ----------
    shape : tuple of int
        At full resolution.
    dtype : type of whole numbers

    Returns
    -------
    list of arrays
        The finest first.

    Raises
    ------
    LabelsError
        When the system does not allow so much.

    Examples
    --------
    >>> [level.shape for level in empty_levels((3, 5000, 3000))]
    [(3, 5000, 3000), (3, 2500, 1500), (3, 1250, 750), (3, 625, 375)]
    """
    levels = []
    *leading, height, width = shape
    while True:
        levels.append(sparse_zeros((*leading, height, width), np.dtype(dtype)))
        if max(height, width) <= _SMALLEST:
            return levels
        height, width = -(-height // _STEP), -(-width // _STEP)


def sparse_zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Make an array of zeros of which only pages that are written take memory.

    NumPy asks Linux for huge pages, of which a tile of a slide touches all that lie beside it too:
    gigabytes, and seconds to clear them.

    Parameters
    ----------
    shape : tuple of int
    dtype : numpy.dtype

    Raises
    ------
    LabelsError
        When the system does not allow so much.
    """
    size = prod(shape) * dtype.itemsize
    try:
        if size < _HUGE or sys.platform != "linux":
            return np.zeros(shape, dtype)  # calloc: no page is touched
        pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (MemoryError, OSError, OverflowError, ValueError) as error:  # NumPy has a limit too
        raise LabelsError(
            f"There is not enough memory for labels of {shape}. Make an array of zarr for them: a "
            "Labels layer of the viewer, or out= in Python."
        ) from error
    with suppress(OSError):  # a kernel without huge pages
        pages.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(pages, dtype).reshape(shape)
