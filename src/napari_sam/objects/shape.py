"""Shape and brightness of every object of a plane, all at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["NAMES", "on_rim", "shape_and_brightness"]

#: What is measured, in this order.
NAMES = (
    "log_area",
    "elongation",
    "compactness",
    "mean",
    "spread",
    "contrast",
    "low",
    "high",
    "tilt",
)
Floats = npt.NDArray[np.float64]


def shape_and_brightness(
    labels: npt.NDArray[np.integer[Any]], grey: npt.NDArray[np.floating[Any]]
) -> npt.NDArray[np.float32]:
    """Measure every object of a plane.

    Parameters
    ----------
    labels : (H, W) integer array
        Ids 1..n, 0 is background.
    grey : (H, W) array of float
        About 0 to 1.

    Returns
    -------
    (n, len(NAMES)) float32
        By id: natural logarithm of the area in pixels; elongation (logarithm of the longer over
        the shorter axis of the ellipse of equal second moments); compactness (4 pi area /
        perimeter squared); mean and standard deviation of the brightness; mean minus that of the
        border; its darkest and brightest tenth; and how much brighter the middle is than the
        rim. 0 for an id that no pixel has.

    Examples
    --------
    >>> labels = np.zeros((40, 60), int)
    >>> labels[5:25, 5:25], labels[5:15, 30:50] = 1, 2
    >>> square, bar = shape_and_brightness(labels, np.where(labels == 2, 0.5, 0.25))
    >>> np.exp(square[0]).round(), np.exp(bar[1]).round()
    (np.float32(400.0), np.float32(2.0))
    >>> square[3], bar[3]
    (np.float32(0.25), np.float32(0.5))
    """
    count = int(labels.max(initial=0))
    where = np.flatnonzero(labels)
    ids = labels.ravel()[where].astype(np.intp)
    rows, columns = np.divmod(where, max(labels.shape[1], 1))
    values = grey.ravel()[where].astype(np.float64)

    def total(weights: npt.NDArray[Any] | None = None) -> Floats:
        return np.bincount(ids, weights, count + 1)[1:].astype(float)

    area = total()
    many = np.maximum(area, 1)
    mean = total(values) / many
    spread = np.sqrt(np.maximum(total(values**2) / many - mean**2, 0))
    rim = on_rim(labels).ravel()[where]
    perimeter = np.maximum(total(rim), 1)
    border = total(values * rim) / perimeter
    inner = np.maximum(area - perimeter, 1)
    middle = np.where(area > perimeter, total(values * ~rim) / inner, mean)
    low, high = _tenths(ids, values, count)
    measured = (
        np.log(many),
        _elongation(rows, columns, many, total),
        4 * np.pi * area / perimeter**2,
        mean,
        spread,
        mean - border,
        low,
        high,
        middle - border,
    )
    found = np.stack(measured, axis=1)
    found[area == 0] = 0
    return np.asarray(found, np.float32)


def _elongation(
    rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp], area: Floats, total: Any
) -> Floats:
    """Return the logarithm of the ratio of the axes of the ellipse of equal second moments."""
    row, column = total(rows) / area, total(columns) / area
    # A pixel is not a point: its own second moment is a twelfth.
    down = total(rows.astype(float) ** 2) / area - row**2 + 1 / 12
    along = total(columns.astype(float) ** 2) / area - column**2 + 1 / 12
    across = total(rows * columns.astype(float)) / area - row * column
    middle = (down + along) / 2
    half = np.sqrt(((down - along) / 2) ** 2 + across**2)
    ratio = (middle + half) / np.maximum(middle - half, 1 / 12)
    return np.asarray(0.5 * np.log(np.maximum(ratio, 1)))


def on_rim(labels: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.bool_]:
    """Tell which pixels have a neighbour, above, below, left or right, of another id."""
    rim = np.zeros(labels.shape, bool)
    rim[[0, -1]] = rim[:, [0, -1]] = True
    down, along = labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]
    rim[1:] |= down
    rim[:-1] |= down
    rim[:, 1:] |= along
    rim[:, :-1] |= along
    return rim & (labels > 0)


def _tenths(ids: npt.NDArray[np.intp], values: Floats, count: int) -> tuple[Floats, Floats]:
    """Return the 10th and the 90th percentile of every object's values."""
    order = np.lexsort((values, ids))
    ordered = values[order]
    ends = np.cumsum(np.bincount(ids, minlength=count + 1))
    sizes = ends[1:] - ends[:-1]
    if not len(ordered):
        return np.zeros(count), np.zeros(count)
    low, high = (
        ordered[np.minimum(ends[:-1] + (share * sizes).astype(int), len(ordered) - 1)]
        for share in (0.1, 0.9)
    )
    return low, high
