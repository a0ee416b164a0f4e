"""Arrays that read what is taken out of them, rearranged without being read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from napari_sam.errors import ImageError


class ArrayLike(Protocol):
    """What a plane is read from: an array of NumPy, or one of a file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""

    def __getitem__(self, key: Any) -> Any: ...


def spread(key: Any, ndim: int) -> tuple[int | slice, ...]:
    """Return one integer or slice per axis of what stands between square brackets.

    Raises
    ------
    ImageError
        For index arrays and new axes, which arrays of files do not know.
    """
    parts = key if isinstance(key, tuple) else (key,)
    if Ellipsis in [part for part in parts if not isinstance(part, np.ndarray)]:
        at = [part is Ellipsis for part in parts].index(True)
        missing = ndim - (len(parts) - 1)
        parts = (*parts[:at], *[slice(None)] * missing, *parts[at + 1 :])
    parts = (*parts, *[slice(None)] * (ndim - len(parts)))
    simple = all(isinstance(part, int | np.integer | slice) for part in parts)
    if len(parts) != ndim or not simple:
        raise ImageError(
            f"An image on disk of {ndim} axes is read by numbers and ranges, not {key}."
        )
    return tuple(part if isinstance(part, slice) else int(part) for part in parts)


class Lazy:
    """What arrays of files have in common; a child reads ranges."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes that all of it would take."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        parts = spread(key, self.ndim)
        ranges: list[range] = []
        for part, length in zip(parts, self.shape, strict=True):
            if isinstance(part, slice):
                ranges.append(range(*part.indices(length)))
                continue
            if not -length <= part < length:
                raise IndexError(f"{part} is out of bounds for an axis of {length}")
            ranges.append(range(part % length, part % length + 1))
        read = self._read(ranges)
        return read[tuple(slice(None) if isinstance(part, slice) else 0 for part in parts)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        whole = self[...]
        return whole if dtype is None else whole.astype(dtype)

    def _read(self, ranges: list[range]) -> npt.NDArray[Any]:
        raise NotImplementedError


class Rearranged(Lazy):
    """Another array with some axes fixed at a position and the others in another order.

    Parameters
    ----------
    source : array-like
    fixed : dict of int to int
        Position on each axis of the source that is left out.
    order : sequence of int
        Axes of the source, in the order in which they appear here.
    """

    def __init__(self, source: ArrayLike, fixed: dict[int, int], order: Sequence[int]) -> None:
        self._source = source
        self._fixed = fixed
        self._order = tuple(order)
        self.shape = tuple(source.shape[axis] for axis in self._order)
        self.dtype = source.dtype

    def _read(self, ranges: list[range]) -> npt.NDArray[Any]:
        key: list[slice | int] = [0] * len(self._source.shape)
        for axis, position in self._fixed.items():
            key[axis] = position
        for axis, wanted in zip(self._order, ranges, strict=True):
            key[axis] = as_slice(wanted)
        found = np.asarray(self._source[tuple(key)])
        kept = sorted(self._order)
        return found.transpose([kept.index(axis) for axis in self._order])


def as_slice(wanted: range) -> slice:
    """Return the slice that takes the positions of a range."""
    stop: int | None = wanted.stop if wanted.stop >= 0 else None
    return slice(wanted.start, stop, wanted.step)


def rearranged(pixels: Any, fixed: dict[int, int], order: Sequence[int]) -> Any:
    """Fix some axes and reorder the others, of an array in memory or on disk, or a pyramid."""
    if isinstance(pixels, list):
        return [rearranged(level, fixed, order) for level in pixels]
    if not isinstance(pixels, np.ndarray):
        return Rearranged(pixels, fixed, order)
    taken = pixels[tuple(fixed.get(axis, slice(None)) for axis in range(pixels.ndim))]
    kept = sorted(order)
    return taken.transpose([kept.index(axis) for axis in order])
