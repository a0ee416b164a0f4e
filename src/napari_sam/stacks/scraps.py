"""Scraps among the objects of a stack: light out of focus, slices cut unlike their neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.stacks.frames import Ints

#: Share of the extent along z that is usual in its stack for what is as wide, below which an object
#: is a scrap of others.
SHORT = 0.5
CUT_OFF = 0.25  # of that is enough where the stack's first or last slice cuts an object off
ROUND_LENGTH = 0.5  # of its width: what is so long along z is no scrap, though most be fibres
LEAST_SLICES = 3  # slices of a usual object below which the stack is too flat to tell scraps


def scraps(
    numbers: Ints, sheets: Ints, sizes: npt.NDArray[Any], end: int, step: float
) -> npt.NDArray[np.bool_]:
    """Tell which objects are seen on far fewer slices than others as wide.

    What is usual is told by half of the stack's own pixels: scraps, though there be more of them
    than of objects, have few, and it hardly matters how far apart slices are said to be.

    Parameters
    ----------
    numbers, sheets, sizes : (m,) int
        The object, from 1, the slice and the pixels of every region.
    end : int
        The last slice.
    step : float
        Distance between slices in widths of a pixel.

    Returns
    -------
    (n + 1,) bool
        By object; the first entry is background.
    """
    count = int(numbers.max(initial=0)) + 1
    widest, volume = np.zeros(count), np.bincount(numbers, sizes, count)
    np.maximum.at(widest, numbers, np.sqrt(sizes))
    low, high = np.full(count, end), np.zeros(count, np.int64)
    np.minimum.at(low, numbers, sheets)
    np.maximum.at(high, numbers, sheets)
    extent = high - low + 1
    if not volume.any() or _usual(extent, volume) < LEAST_SLICES:
        return np.zeros(count, bool)
    whole = (low > 0) & (high < end)
    lengths = _usual(extent / np.maximum(widest, 1.0), volume)
    least = min(SHORT * lengths, ROUND_LENGTH / step) * widest * np.where(whole, 1.0, CUT_OFF)
    return np.asarray(extent < least)


def _usual(values: npt.NDArray[Any], volume: npt.NDArray[Any]) -> float:
    """Return what half of the pixels are below."""
    order = np.argsort(values, kind="stable")
    return float(values[order[np.searchsorted(np.cumsum(volume[order]), volume.sum() / 2)]])
