"""Cells that came in pieces on one frame of a movie are joined again."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.stacks.frames import describe, overlaps

FIT = 0.5  # IoU of all pieces together with the cell of another frame, at least
GAIN = 0.1  # by which it is above that of any piece alone

Frame = npt.NDArray[np.integer[Any]]


def mend_pieces(movie: Any) -> int:
    """Join what is one cell both on the frame before and on the frame after.

    A cell that divides is in two on the frame after too, and is left as it is.

    Parameters
    ----------
    movie : (T, H, W) or (T, Z, H, W) integer array
        Objects of each frame. Three are read at a time; those that change are written.

    Returns
    -------
    int
        How many cells were joined.

    Examples
    --------
    >>> movie = np.zeros((3, 6, 12), int)
    >>> movie[:, 1:5, 2:10] = 7
    >>> movie[1, 1:5, 6:10] = 9
    >>> mend_pieces(movie), np.unique(movie[1]).tolist()
    (1, [0, 7])
    """
    count = 0
    if len(movie) < 3:
        return count
    before, here = np.asarray(movie[0]), np.asarray(movie[1])
    for t in range(1, len(movie) - 1):
        after = np.asarray(movie[t + 1])
        whole = pieces(here, before) & pieces(here, after)
        if whole:
            here = here.copy()
            for ids in whole:
                here[np.isin(here, list(ids))] = min(ids)
            movie[t] = here
        count += len(whole)
        before, here = here, after
    return count


def pieces(frame: Frame, other: Frame) -> set[frozenset[int]]:
    """Find objects of a frame that together are one object of another frame.

    Examples
    --------
    >>> pieces(np.array([[1, 1, 0, 2, 2]]), np.array([[4, 4, 4, 4, 4]]))
    {frozenset({1, 2})}
    """
    first, second = describe(frame), describe(other)
    rows, columns, shared = overlaps(frame, other, first, second)
    inside = shared > 0.5 * first.sizes[rows]
    rows, columns, shared = rows[inside], columns[inside], shared[inside]
    found = set()
    for whole in np.flatnonzero(np.bincount(columns, minlength=len(second)) > 1):
        of = columns == whole
        sizes, common, size = first.sizes[rows[of]], shared[of], second.sizes[whole]
        alone = float((common / (sizes + size - common)).max())
        together = float(common.sum() / (sizes.sum() + size - common.sum()))
        if together >= max(FIT, alone + GAIN):
            found.add(frozenset(first.ids[rows[of]].tolist()))
    return found
