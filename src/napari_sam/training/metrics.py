"""The numbers of the tables: IoU, average precision, and where a corrective click goes."""

from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi

__all__ = [
    "THRESHOLDS",
    "average_precision",
    "deepest_point",
    "iou_matrix",
    "next_click",
]

#: IoU thresholds of the mean average precision.
THRESHOLDS = np.round(np.arange(0.5, 1.0, 0.05), 2)


def iou_matrix(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """IoU of every true object with every found object.

    Parameters
    ----------
    truth, found : ndarray of int
        (H, W) label images.

    Returns
    -------
    ndarray of float64
        (number of true ids, number of found ids), in the order of their ids.
    """
    true_ids, a = np.unique(truth, return_inverse=True)
    found_ids, b = np.unique(found, return_inverse=True)
    both = (
        np.bincount(
            a.ravel() * len(found_ids) + b.ravel(), minlength=len(true_ids) * len(found_ids)
        )
        .reshape(len(true_ids), len(found_ids))
        .astype(float)
    )
    union = both.sum(1, keepdims=True) + both.sum(0, keepdims=True) - both
    return (both / union)[true_ids != 0][:, found_ids != 0]


def average_precision(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """TP / (TP + FP + FN) at every threshold of :data:`THRESHOLDS`.

    A true and a found object match where their IoU is at least the threshold; above 0.5 no
    object can match two.  Without any object on either side the score is 1.

    Returns
    -------
    ndarray of float64
        (10,).
    """
    iou = iou_matrix(truth, found)
    if iou.size == 0:
        return np.full(len(THRESHOLDS), 1.0 if sum(iou.shape) == 0 else 0.0)
    best = iou.max(1)
    hits = np.array([(best >= t).sum() for t in THRESHOLDS], float)
    hits = np.minimum(hits, iou.shape[1])
    return hits / (iou.shape[0] + iou.shape[1] - hits)


def deepest_point(mask: np.ndarray) -> tuple[int, int]:
    """The pixel of a mask that is farthest from its border, (row, col).

    Raises
    ------
    ValueError
        If the mask is empty.
    """
    if not mask.any():
        raise ValueError("An empty mask has no deepest point.")
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    part = mask[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    depth = ndi.distance_transform_edt(np.pad(part, 1))[1:-1, 1:-1]
    row, col = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(row + rows[0]), int(col + cols[0])


def next_click(truth: np.ndarray, answer: np.ndarray) -> tuple[tuple[int, int], int] | None:
    """Where the next click goes: the deepest point of the larger error.

    Parameters
    ----------
    truth, answer : ndarray of bool
        (H, W).

    Returns
    -------
    ((row, col), label) or None
        Label 1 where the object was missed, 0 where too much was taken; None without error.
    """
    missed, extra = truth & ~answer, answer & ~truth
    if not missed.any() and not extra.any():
        return None
    if missed.sum() >= extra.sum():
        return deepest_point(missed), 1
    return deepest_point(extra), 0
