"""Planes of an array on disk that were read last: what is wanted twice is read once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.images.image import Image

__all__ = ["Recent", "behind", "remembering"]

_KEPT = 1 << 28  # bytes of planes that are kept, 256 MB

Key = tuple[int | None, ...]


class Recent:
    """An array that keeps the planes that were read last, and always one.

    Parameters
    ----------
    source : array
        Dask, zarr or alike. It must not change meanwhile.

    Examples
    --------
    >>> stack = Recent(np.arange(24).reshape(2, 3, 4))
    >>> int(stack[1, :, :].sum()), stack[1, 2:, :].tolist(), stack.shape
    (210, [[20, 21, 22, 23]], (2, 3, 4))
    """

    def __init__(self, source: Any) -> None:
        self.source = source
        self.shape = tuple(int(length) for length in source.shape)
        self.dtype = np.dtype(source.dtype)
        self.ndim = len(self.shape)
        self.size = int(np.prod(self.shape, dtype=np.int64))
        self.nbytes = self.size * self.dtype.itemsize
        self._held: dict[Key, npt.NDArray[Any]] = {}
        self._lock = threading.Lock()

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        """Read as the source does; whole planes, and parts of those that are kept, from memory."""
        parts = key if isinstance(key, tuple) else (key,)
        parts = (*parts, *[slice(None)] * (self.ndim - len(parts)))
        if not all(isinstance(part, int | np.integer | slice) for part in parts):
            return np.asarray(self.source[key])
        at: Key = tuple(None if isinstance(part, slice) else int(part) for part in parts)
        within = tuple(part for part in parts if isinstance(part, slice))
        with self._lock:
            plane = self._held.get(at)
        if plane is None:
            read = np.asarray(self.source[key])
            is_whole = all(part == slice(None) for part in within)
            if is_whole and 0 < len(within) < self.ndim:
                self._keep(at, read)
            return read
        self._keep(at, plane)
        return plane[within]

    def _keep(self, at: Key, plane: npt.NDArray[Any]) -> None:
        """Keep a plane as the last one, and those before it as far as there is room."""
        with self._lock:
            self._held.pop(at, None)
            self._held[at] = plane
            total = sum(one.nbytes for one in self._held.values())
            while total > _KEPT and len(self._held) > 1:
                total -= self._held.pop(next(iter(self._held))).nbytes

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.asarray(self.source, dtype=dtype)


def remembering(image: Image) -> Image:
    """Return an image whose planes need not be read again while they are among the last ones.

    Of arrays in memory nothing is copied: it is the same image.

    Parameters
    ----------
    image : Image
    """
    if isinstance(image.finest, np.ndarray | Recent):
        return image
    levels = image.levels
    kept = Recent(levels[0])
    several = isinstance(image.pixels, Sequence)
    return replace(image, pixels=[kept, *levels[1:]] if several else kept)


def behind(pixels: Any) -> Any:
    """Return the array from which planes are read, whether they are remembered or not."""
    return pixels.source if isinstance(pixels, Recent) else pixels
