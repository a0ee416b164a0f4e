"""Strokes: lines that a person draws along an object, in the few places that a model hears."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_PLACES = 6  # more make masks worse rather than better: models are taught with few clicks


def along(vertices: npt.NDArray[np.float64], count: int = _PLACES) -> npt.NDArray[np.float64]:
    """Spread places evenly along a line.

    Parameters
    ----------
    vertices : (N, 2) array
        Corners of the line, ``(row, column)``.
    count : int
        At least two.

    Returns
    -------
    (count, 2) array
        The first and the last corner, and places in between at the same distance of each other.

    Examples
    --------
    >>> along(np.array([(0.0, 0.0), (0.0, 6.0), (2.0, 6.0)]), 5).tolist()
    [[0.0, 0.0], [0.0, 2.0], [0.0, 4.0], [0.0, 6.0], [2.0, 6.0]]
    """
    steps = np.linalg.norm(np.diff(vertices, axis=0), axis=1)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.linspace(0.0, length[-1], count)
    return np.stack([np.interp(at, length, vertices[:, axis]) for axis in (0, 1)], axis=1)
