"""Of several sizes, the one at which neighbouring planes show the same objects.

What is found on one plane is certain at many sizes: parts of objects are, and so are clusters.
But parts are cut otherwise on the next slice or frame, and what is grain there lies elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.methods.finding_cells import find_cells
from napari_sam.models.model import Model
from napari_sam.progress import Progress, silent

__all__ = ["PlanePair", "candidates", "steadiest"]

#: Two neighbouring planes and the values of black and white of each.
PlanePair = tuple[tuple[npt.NDArray[Any], tuple[float, float]], ...]

DISAGREEING = 1.35  # ratio of the quartiles from which on planes do not agree on a size
SIZE_STEP = 1.19  # ratio of sizes that are compared
MOST_CHANGE = 2.0  # times smaller or larger than the usual size, at most
MIDDLE_SIDE = 16  # of the part of a plane that is looked at, in usual diameters
SAME_OBJECT = 0.5  # overlap from which on two masks show one object
MISSED_WEIGHT = 0.5  # of an object that is not seen again, against one that is
CLEARLY_MORE = 1.3  # times as many have to be seen again at another size than at the usual one


def candidates(
    usual: float, diameters: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]
) -> list[float]:
    """Return sizes worth comparing with the usual one; none where planes agree on it.

    Parameters
    ----------
    usual : float
        The median, about.
    diameters, weights : (n,) array
        What each plane says, and how much it counts.

    Examples
    --------
    >>> candidates(21.0, np.array([20.0, 21.0, 22.0]), np.ones(3))
    []
    >>> [round(size) for size in candidates(15.0, np.array([10.0, 10, 20, 20]), np.ones(4))]
    [10, 12, 14, 17, 20]
    """
    order = np.argsort(diameters, kind="stable")
    total = np.cumsum(weights[order])
    at = np.searchsorted(total, total[-1] * np.array([0.1, 0.25, 0.75, 0.9]))
    lowest, low, high, highest = diameters[order][at]
    if high < DISAGREEING * low:
        return []
    first, last = max(lowest, usual / MOST_CHANGE), min(highest, usual * MOST_CHANGE)
    count = 1 + round(float(np.log(last / first) / np.log(SIZE_STEP)))
    return [float(size) for size in np.geomspace(first, last, count)]


def steadiest(
    pairs: Sequence[Callable[[], PlanePair]],
    usual: float,
    others: Sequence[float],
    model: Model,
    progress: Progress = silent,
) -> float:
    """Return the size at which clearly most objects of a plane are seen again on the next one.

    Parameters
    ----------
    pairs : sequence of callable
        Each reads two neighbouring planes.
    usual, others : float, sequence of float
        Diameters in pixels; the usual one is returned unless another one is clearly better.
    model : Model
        With an automatic head.
    progress : callable
    """
    sizes = [usual, *others]
    again = np.zeros(len(sizes))
    for done, read in enumerate(pairs):
        pair = [(_middle(pixels, round(MIDDLE_SIDE * usual)), limits) for pixels, limits in read()]
        for number, size in enumerate(sizes):
            progress((done + number / len(sizes)) / len(pairs))
            first, second = (_seen(pixels, limits, size, model) for pixels, limits in pair)
            again[number] += _seen_again(first, second)
    progress(1.0)
    best = int(again.argmax())
    return sizes[best] if again[best] > CLEARLY_MORE * max(again[0], 0.0) else usual


def _middle(pixels: npt.NDArray[Any], most: int) -> npt.NDArray[Any]:
    """Cut out the middle of a plane, at most so many pixels a side."""
    start = [max(0, (side - most) // 2) for side in pixels.shape[:2]]
    return pixels[start[0] : start[0] + most, start[1] : start[1] + most]


def _seen(
    pixels: npt.NDArray[Any], limits: tuple[float, float], size: float, model: Model
) -> npt.NDArray[np.integer[Any]]:
    """Find the objects of a size."""
    embedding = model.encode_window(pixels, limits=limits)
    return find_cells(pixels, embedding, model, diameter=size).choose().labels


def _seen_again(first: npt.NDArray[np.integer[Any]], second: npt.NDArray[np.integer[Any]]) -> float:
    """Count the objects that two planes share, less a part of those they do not."""
    counts = int(first.max()), int(second.max())
    both = np.zeros((counts[0] + 1, counts[1] + 1))
    np.add.at(both, (first.ravel(), second.ravel()), 1)
    union = both.sum(axis=1, keepdims=True) + both.sum(axis=0) - both
    shared = int(np.count_nonzero(both[1:, 1:] > SAME_OBJECT * union[1:, 1:]))
    return shared - MISSED_WEIGHT * (sum(counts) - 2 * shared)
