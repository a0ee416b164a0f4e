"""The numbers of the tables: IoU, average precision, and where a corrective click goes."""

from __future__ import annotations

import numpy as np

from napari_sam.regions import deepest

__all__ = [
    "THRESHOLDS",
    "average_precision",
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
        return deepest(missed), 1
    return deepest(extra), 0
