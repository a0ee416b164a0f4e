"""Coarser levels of images that have none, for a look at all of a plane."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.files.lazy import Lazy, as_slice

_KEPT = 1 << 28  # bytes of planes that are kept
_FEWEST = 3  # and at least so many of them: napari looks at two while it opens a stack
_BAND = 1024  # rows that are read at once: of most tiled files whole tiles


class Thinned(Lazy):
    """Every so manieth row and column of planes, each of them read when it is looked at.

    What is looked at again and again, by panning, is the plane that is shown: those that were
    looked at last are kept.

    Parameters
    ----------
    source : (..., H, W) array-like, or (..., H, W, 3)
    step : int
    rgb : bool
        Whether the last axis is colour.
    """

    def __init__(self, source: Any, step: int, rgb: bool = False) -> None:
        self._source, self._step = source, step
        self._rows = len(source.shape) - 2 - rgb
        leading, rest = source.shape[: self._rows], source.shape[self._rows :]
        self.shape = (*leading, *(-(-side // step) for side in rest[:2]), *rest[2:])
        self.dtype = np.dtype(source.dtype)
        plane = int(np.prod(self.shape[self._rows :])) * self.dtype.itemsize
        self._most = max(_FEWEST, _KEPT // plane)
        self._held: dict[tuple[int, ...], npt.NDArray[Any]] = {}
        self._lock = threading.Lock()  # the window and the model look at the same time

    def _read(self, ranges: list[range]) -> npt.NDArray[Any]:
        found = np.empty(tuple(map(len, ranges)), self.dtype)
        within = np.ix_(*ranges[self._rows :])
        for place in np.ndindex(found.shape[: self._rows]):
            position = tuple(ranges[axis][at] for axis, at in enumerate(place))
            found[place] = self._plane(position)[within]
        return found

    def _plane(self, position: tuple[int, ...]) -> npt.NDArray[Any]:
        with self._lock:
            plane = self._held.pop(position, None)
        if plane is None:
            plane = thinned(self._source, position, self._step)
        with self._lock:
            self._held[position] = plane
            while len(self._held) > self._most:
                del self._held[next(iter(self._held))]
        return plane


def thinned(source: Any, position: tuple[int, ...], step: int) -> npt.NDArray[Any]:
    """Take every so manieth row and column of a plane; memory holds some rows of it at a time.

    Parameters
    ----------
    source : (..., H, W) array-like, or (..., H, W, 3)
    position : tuple of int
        Of the plane, on the axes before its rows.
    step : int

    Examples
    --------
    >>> thinned(np.arange(24).reshape(2, 3, 4), (1,), 2)
    array([[12, 14],
           [20, 22]])
    """
    height = source.shape[len(position)]
    band = _BAND - _BAND % step or step
    rows = [
        np.asarray(source[(*position, as_slice(range(at, min(at + band, height))))])
        for at in range(0, height, band)
    ]
    return np.concatenate([some[::step, ::step] for some in rows])
