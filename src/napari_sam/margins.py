"""Margins: the parts of a plane that were filled up with one value and never recorded.

Turning, registering, deskewing and stitching leave them, and so does cutting out a region. They
say nothing about the image, but as many pixels of one value decide how bright the rest seems.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi
from scipy.spatial import ConvexHull

__all__ = ["recorded"]

Mask = npt.NDArray[np.bool_]

_CORNER = 4  # pixels; a square of one value in a corner is where margins are looked for
_SOLID = 0.99  # of what lies between the margins is not of their value: else it is a background
_CONVEX = 0.97  # of its hull: planes are cut straight, colonies on a dark ground are not
_LEAST, _MOST = 0.01, 0.9  # of the plane are margins
_RIM = 2  # pixels beside a margin that interpolation has mixed with it


def recorded(image: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Mask | None]:
    """Leave out the margins of a plane.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4) array

    Returns
    -------
    part : array
        The rectangle that holds all that was recorded; a view.
    inside : (h, w) array of bool, or None
        Which of its pixels were recorded; None: all of them.

    Notes
    -----
    A ground of one value, around cells whose background was subtracted, is not a margin: it also
    lies between them.

    Examples
    --------
    >>> image = np.pad(np.arange(1, 10001).reshape(100, 100), 30)
    >>> part, inside = recorded(image)
    >>> part.shape, inside
    ((96, 96), None)
    """
    colour = image.ndim == 3 and image.shape[2] in (3, 4)
    if not (image.ndim == 2 or colour) or min(image.shape[:2]) < 4 * _CORNER:
        return image, None
    values = _corner_values(image)
    if not values:
        return image, None
    margin = np.zeros(image.shape[:2], dtype=bool)
    for value in values:
        equal = image == value
        margin |= equal.all(axis=2) if colour else equal
    if margin.mean() > _MOST:
        return image, None
    inside = _cut_straight(~margin)
    if inside is None:
        return image, None
    inside = ndi.binary_erosion(inside, np.ones((3, 3)), _RIM, border_value=1)
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    if len(rows) == 0:
        return image, None
    where = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return image[where], None if inside[where].all() else inside[where]


def _corner_values(image: npt.NDArray[Any]) -> list[Any]:
    """Return the values of which whole squares lie in the corners, each once."""
    found: list[Any] = []
    for rows in (np.s_[:_CORNER], np.s_[-_CORNER:]):
        for columns in (np.s_[:_CORNER], np.s_[-_CORNER:]):
            square = image[rows, columns]
            value = square[0, 0]
            if (square == value).all() and not any(np.array_equal(value, one) for one in found):
                found.append(value)
    return found


def _cut_straight(left: Mask) -> Mask | None:
    """Return the rest of a plane, if it is one piece with few straight sides and no holes."""
    rows = np.flatnonzero(left.any(axis=1))
    if len(rows) < _CORNER:
        return None
    first = left[rows].argmax(axis=1)
    last = left.shape[1] - left[rows, ::-1].argmax(axis=1)
    ends = np.concatenate([first, last])
    # Of every pixel the upper and the lower corner.
    corners = np.concatenate([np.column_stack([np.tile(rows, 2) + down, ends]) for down in (0, 1)])
    area = float((last - first).sum())
    # Pixels of the same value between others are no margin, however many they are.
    if left.size - area < _LEAST * left.size:
        return None
    if left.sum() < _SOLID * area or area < _CONVEX * ConvexHull(corners).volume:
        return None
    inside = np.zeros_like(left)
    columns = np.arange(left.shape[1])
    inside[rows] = (columns >= first[:, None]) & (columns < last[:, None])
    return inside
