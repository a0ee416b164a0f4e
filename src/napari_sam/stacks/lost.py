"""Slices that were lost when a stack or movie was taken: black, saturated, far out of focus.

Such a slice says nothing of what is on it. It is told by its neighbours: they show fine detail on
both sides, and it hardly any. Where an object ends, or all of them do, nothing comes back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

#: Of the detail of its neighbours, what a lost slice shows less than. Ordinary slices of the stacks
#: and movies of ``benchmarks/stack_samples.py`` have at least .84, and .50 to .10 when they are
#: blurred by a Gaussian of 4 pixels, .18 to .04 by one of 8.
LOST_DETAIL = 0.3
MOST_LOST = 2  # slices lost one after the other beyond which an object is not looked for
_BLOCK = 4  # pixels of a side that are averaged: noise is no detail


def detail(picture: npt.NDArray[np.floating[Any]]) -> float:
    """Return how much fine detail a picture shows; 0 where all of it has one value.

    Parameters
    ----------
    picture : (H, W) float

    Returns
    -------
    float
        How much blocks of pixels differ from those around them, root of the mean square.

    Examples
    --------
    >>> sharp = np.zeros((40, 40))
    >>> sharp[16:24, 16:24] = 1
    >>> detail(np.full((40, 40), 0.7)), detail(ndi.gaussian_filter(sharp, 8)) < 0.1 * detail(sharp)
    (0.0, True)
    """
    rows, columns = (size // _BLOCK for size in picture.shape)
    if rows and columns:
        blocks = picture[: rows * _BLOCK, : columns * _BLOCK]
        picture = blocks.reshape(rows, _BLOCK, columns, _BLOCK).mean(axis=(1, 3))
    return float(np.sqrt(np.mean(ndi.laplace(picture, mode="nearest") ** 2)))


def is_lost(shown: float, before: float, after: float) -> bool:
    """Tell by their detail whether a slice was lost that lies between two others.

    Examples
    --------
    >>> is_lost(0.01, 0.2, 0.18), is_lost(0.01, 0.2, 0.01)  # the object alone has ended there
    (True, False)
    """
    return shown < LOST_DETAIL * min(before, after)


def count_lost(shown: Callable[[int], float], before: int, way: int, depth: int) -> int:
    """Count the slices that were lost directly after one, up to one that shows something again.

    Parameters
    ----------
    shown : callable
        Returns the detail of a slice.
    before : int
        A slice that was not lost.
    way : {1, -1}
        To later slices, or to earlier ones.
    depth : int
        How many slices there are.

    Returns
    -------
    int
        0 where none was, or where nothing comes back within reach.

    Examples
    --------
    >>> stack = [0.2, 0.2, 0.0, 0.0, 0.2]
    >>> count_lost(stack.__getitem__, 1, 1, 5), count_lost(stack.__getitem__, 1, 1, 4)
    (2, 0)
    """
    known, most = shown(before), 0.0
    for gone in range(MOST_LOST + 1):
        at = before + way * (gone + 1)
        if not 0 <= at < depth:
            return 0
        now = shown(at)
        if gone and is_lost(most, known, now):
            return gone
        if not is_lost(now, known, known):
            return 0
        most = max(most, now)
    return 0
