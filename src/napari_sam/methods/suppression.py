"""Non-maximum suppression: of boxes that overlap much, the best one stays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def suppress(
    boxes: npt.NDArray[np.floating], scores: npt.NDArray[np.floating], threshold: float
) -> npt.NDArray[np.intp]:
    """Choose boxes from the best score down, dropping what overlaps a chosen one.

    Gives what ``torchvision.ops.nms`` gives, in its precision, without importing torchvision.

    Parameters
    ----------
    boxes : (N, 4) array
        ``(x0, y0, x1, y1)``.
    scores : (N,) array
        Of equal ones the first is the better.
    threshold : float
        A box goes when its IoU with a better, chosen one is larger.

    Returns
    -------
    (K,) int
        Places of the chosen boxes, best first.
    """
    corners = boxes.astype(np.float32)
    x0, y0, x1, y1 = corners.T
    areas = (x1 - x0) * (y1 - y0)
    left = np.argsort(-scores.astype(np.float32), kind="stable")
    chosen = []
    while len(left):
        best, rest = left[0], left[1:]
        chosen.append(best)
        wide = np.minimum(x1[best], x1[rest]) - np.maximum(x0[best], x0[rest])
        high = np.minimum(y1[best], y1[rest]) - np.maximum(y0[best], y0[rest])
        shared = np.maximum(wide, 0) * np.maximum(high, 0)
        with np.errstate(invalid="ignore"):  # two boxes without area: NaN, which is not larger
            overlap = shared / (areas[best] + areas[rest] - shared)
        left = rest[~(overlap.astype(np.float64) > threshold)]
    return np.array(chosen, dtype=np.intp)
