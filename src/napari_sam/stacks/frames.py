"""The objects of one frame or slice, and how those of two frames overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam import checks
from napari_sam.array_kinds import is_array
from napari_sam.errors import LabelsError
from napari_sam.images import array_of, check_plane

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class FrameObjects:
    """What linking needs to know of the objects of one frame.

    Parameters
    ----------
    ids : (n,) int
        Their ids in this frame, increasing.
    sizes : (n,) int
        Pixels.
    places : (n, D) float
        Centroids, in pixels.
    edges : (n,) bool
        Touches the border of the frame.
    """

    ids: Ints
    sizes: Ints
    places: Floats
    edges: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def diameters(self) -> Floats:
        """Side of a square or cube of equal size, in pixels."""
        return np.asarray(self.sizes ** (1 / self.places.shape[1]), np.float64)


def check_labels(labels: Any) -> Any:
    """Refuse what cannot be labels of a stack or movie; return it as something with a shape.

    Raises
    ------
    LabelsError
    """
    labels = array_of(labels)
    data = labels if is_array(labels) else checks.array(labels, "labels", LabelsError)
    if len(data.shape) < 3 or 0 in data.shape:
        raise LabelsError(
            "Labels of a stack or movie have at least 3 axes, frames first, and some "
            f"pixels; got shape {tuple(data.shape)}."
        )
    if np.dtype(data.dtype).kind not in "iu":
        raise LabelsError(f"Labels are integers with 0 as background, got type {data.dtype}.")
    return data


def describe(frame: npt.NDArray[np.integer[Any]]) -> FrameObjects:
    """Measure the objects of a frame (H, W) or (Z, H, W).

    Examples
    --------
    >>> frame = np.array([[0, 7, 7], [0, 0, 0], [4, 0, 0]])
    >>> found = describe(frame)
    >>> found.ids.tolist(), found.sizes.tolist(), found.places.tolist()
    ([4, 7], [1, 2], [[2.0, 0.0], [0.0, 1.5]])
    """
    where = np.flatnonzero(frame > 0)
    ids, numbers = np.unique(frame.ravel()[where], return_inverse=True)
    count = len(ids)
    sizes = np.bincount(numbers, minlength=count)
    at = np.unravel_index(where, frame.shape)
    places = np.empty((count, frame.ndim))
    edges = np.zeros(count, dtype=bool)
    for axis, along in enumerate(at):
        places[:, axis] = np.bincount(numbers, along, count) / np.maximum(sizes, 1)
        edges[numbers[(along == 0) | (along == frame.shape[axis] - 1)]] = True
    return FrameObjects(ids.astype(np.int64), sizes.astype(np.int64), places, edges)


def overlaps(
    before: npt.NDArray[np.integer[Any]],
    after: npt.NDArray[np.integer[Any]],
    first: FrameObjects,
    second: FrameObjects,
    drift: Floats | None = None,
) -> tuple[Ints, Ints, Ints]:
    """Count the pixels that objects of two frames share.

    Parameters
    ----------
    before, after : integer arrays of one shape
    first, second : FrameObjects
        Of these frames.
    drift : (n, D) float, optional
        By how many pixels each object of the first frame is moved before.

    Returns
    -------
    rows, columns : (m,) int
        Places in `first` and `second` of the pairs that share some.
    shared : (m,) int

    Examples
    --------
    >>> before, after = np.array([[3, 3, 0, 0]]), np.array([[0, 0, 5, 5]])
    >>> first, second = describe(before), describe(after)
    >>> [found.tolist() for found in overlaps(before, after, first, second)]
    [[], [], []]
    >>> moved = np.array([[0.0, 1.2]])
    >>> [found.tolist() for found in overlaps(before, after, first, second, moved)]
    [[0], [0], [1]]
    """
    there = np.flatnonzero(before > 0)
    rows = np.searchsorted(first.ids, before.ravel()[there])
    if drift is not None and np.abs(drift).max(initial=0) >= 0.5:
        steps = np.rint(drift).astype(np.intp)[rows].T
        to = np.stack(np.unravel_index(there, before.shape)) + steps
        inside = ((to >= 0) & (to < np.reshape(before.shape, (-1, 1)))).all(axis=0)
        there, rows = np.ravel_multi_index(tuple(to[:, inside]), before.shape), rows[inside]
    numbers = after.ravel()[there]
    rows, columns = rows[numbers > 0], np.searchsorted(second.ids, numbers[numbers > 0])
    pairs, shared = np.unique(rows * max(len(second), 1) + columns, return_counts=True)
    rows, columns = np.divmod(pairs, max(len(second), 1))
    return rows.astype(np.int64), columns.astype(np.int64), shared.astype(np.int64)


def grey(pixels: npt.NDArray[Any]) -> Floats:
    """Return how bright a frame (H, W) or (H, W, C) is, (H, W); what is not finite is 0.

    Raises
    ------
    ImageError

    Examples
    --------
    >>> grey(np.array([[[0, 3, 6], [9, 9, 9]]])).tolist()
    [[3.0, 9.0]]
    """
    frame = np.nan_to_num(check_plane(pixels).astype(np.float64), posinf=0.0, neginf=0.0)
    return frame.mean(axis=2) if frame.ndim == 3 else frame


def repaint(
    frame: npt.NDArray[np.integer[Any]], objects: FrameObjects, numbers: npt.NDArray[np.int32]
) -> npt.NDArray[np.int32]:
    """Return a frame with other ids for its objects.

    Parameters
    ----------
    frame : integer array
    objects : FrameObjects
        Of this frame.
    numbers : (n,) int32
        The new ids.
    """
    painted = np.zeros(frame.shape, np.int32)
    where = np.flatnonzero(frame > 0)
    painted.ravel()[where] = numbers[np.searchsorted(objects.ids, frame.ravel()[where])]
    return painted
