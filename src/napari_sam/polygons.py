"""Polygons, filled row by row: the time grows with corners times rows, not times pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Columns = npt.NDArray[np.intp]


def fill(corners: npt.NDArray[np.float64], shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Tell which pixel centres of a plane lie in a polygon or on its edge.

    Parameters
    ----------
    corners : (N, 2) array
        ``(row, column)``, the last one joined with the first; may lie beyond the plane. Where
        the outline crosses itself, inside is what an odd number of windings encloses.
    shape : (H, W)
        Size of the plane.

    Returns
    -------
    (H, W) bool

    References
    ----------
    Foley et al., Computer Graphics: Principles and Practice, section 3.6, the even-odd scan line.

    Examples
    --------
    >>> fill(np.array([(0.0, 0.0), (0.0, 2.0), (2.0, 2.0)]), (3, 4)).astype(int)
    array([[1, 1, 1, 0],
           [0, 1, 1, 0],
           [0, 0, 1, 0]])
    """
    mask = np.zeros(shape, dtype=bool)
    for y, left, right in _runs(corners, shape):
        edges = np.zeros(shape[1] + 1, dtype=np.int64)
        np.add.at(edges, left, 1)
        np.add.at(edges, right, -1)
        mask[y] = np.cumsum(edges[:-1]) > 0
    return mask


def covers(corners: npt.NDArray[np.float64], shape: tuple[int, int]) -> bool:
    """Tell whether a polygon holds the centre of any pixel of a plane; see `fill`.

    Examples
    --------
    >>> covers(np.array([(-2.0, 1.0), (1.0, -2.0), (-2.0, -2.0)]), (5, 5))  # beyond a corner
    False
    """
    return any(True for _ in _runs(corners, shape))


def _runs(
    corners: npt.NDArray[np.float64], shape: tuple[int, int]
) -> Iterator[tuple[int, Columns, Columns]]:
    """Yield the rows that a polygon covers, and where what it holds there begins and ends."""
    height, width = shape
    row, column = corners.T
    next_row, next_column = np.roll(corners, -1, axis=0).T
    first, last = max(0, int(np.ceil(row.min()))), min(height - 1, int(np.floor(row.max())))
    for y in range(first, last + 1):
        crossed = np.flatnonzero((row <= y) != (next_row <= y))
        share = (y - row[crossed]) / (next_row[crossed] - row[crossed])
        x = np.sort(column[crossed] + share * (next_column[crossed] - column[crossed]))
        # Edges along the row, and corners on it where the outline only touches the row.
        along = np.flatnonzero((row == y) & (next_row == y))
        ends = np.sort([column[along], next_column[along]], axis=0)
        touched = column[row == y]
        left = np.ceil(np.concatenate([x[::2], ends[0], touched]))
        right = np.floor(np.concatenate([x[1::2], ends[1], touched])) + 1
        held = (left < right) & (left < width) & (right > 0)
        if held.any():
            yield y, *(np.clip(ends[held], 0, width).astype(np.intp) for ends in (left, right))
