"""Coarser levels of images that have none, for a look at all of a plane."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.files.lazy import Lazy, as_slice

_BAND = 1024  # rows that are read at once: of most tiled files whole tiles


class Thinned(Lazy):
    """Every so manieth row and column of planes, each of them read when it is looked at.

    What is looked at again and again, by panning, is the plane that is shown: the last one that
    was read is kept.

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
        self._last: tuple[tuple[int, ...], npt.NDArray[Any]] | None = None

    def _read(self, ranges: list[range]) -> npt.NDArray[Any]:
        found = np.empty(tuple(map(len, ranges)), self.dtype)
        within = np.ix_(*ranges[self._rows :])
        for place in np.ndindex(found.shape[: self._rows]):
            position = tuple(ranges[axis][at] for axis, at in enumerate(place))
            found[place] = self._plane(position)[within]
        return found

    def _plane(self, position: tuple[int, ...]) -> npt.NDArray[Any]:
        last = self._last
        if last is None or last[0] != position:
            last = position, thinned(self._source, position, self._step)
            self._last = last
        return last[1]


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
