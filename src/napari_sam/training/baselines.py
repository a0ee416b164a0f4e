"""Classical segmentation, measured beside the model on the same images and prompts."""

from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu
from skimage.segmentation import watershed

__all__ = ["otsu_watershed", "watershed_from_box", "watershed_from_click"]


def _grey(image: np.ndarray) -> np.ndarray:
    """One float channel, lightly smoothed."""
    image = np.asarray(image, np.float32)
    return ndi.gaussian_filter(image.mean(-1) if image.ndim == 3 else image, 1.0)


def _foreground(grey: np.ndarray) -> np.ndarray:
    """Otsu's threshold; the smaller of the two sides is the foreground."""
    bright = grey > threshold_otsu(grey) if np.ptp(grey) > 0 else np.zeros(grey.shape, bool)
    return bright if bright.mean() <= 0.5 else ~bright


def otsu_watershed(image: np.ndarray) -> np.ndarray:
    """Otsu's threshold, then a watershed of the distance transform.

    Parameters
    ----------
    image : ndarray
        (H, W) or (H, W, 3).

    Returns
    -------
    ndarray of int32
        (H, W) labels of at least 15 pixels.  Seeds are maxima of the smoothed distance, at
        least 5 pixels or half a typical radius apart.
    """
    inside = ndi.binary_fill_holes(_foreground(_grey(image)))
    distance = ndi.gaussian_filter(ndi.distance_transform_edt(inside), 1.0)
    pieces, count = ndi.label(inside)
    if count == 0:
        return np.zeros(inside.shape, np.int32)
    depth = ndi.maximum(distance, pieces, np.arange(1, count + 1))
    apart = max(5, int(np.median(depth[depth > 1.5]) / 2) if (depth > 1.5).any() else 5)
    peaks = peak_local_max(distance, min_distance=apart, labels=pieces, exclude_border=False)
    markers = np.zeros(inside.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = watershed(-distance, markers, mask=inside)
    small = np.bincount(labels.ravel()) < 15
    labels[small[labels]] = 0
    return labels.astype(np.int32)


def _split(image: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Watershed of the gradient between two seeds."""
    grey = _grey(image)
    slope = np.hypot(ndi.sobel(grey, 0), ndi.sobel(grey, 1))
    markers = np.where(inside, 1, np.where(outside, 2, 0)).astype(np.int32)
    return watershed(slope, markers) == 1


def watershed_from_click(image: np.ndarray, point: tuple[int, int]) -> np.ndarray:
    """Mask (H, W) around a click: the other seed is what Otsu takes for the other side."""
    grey = _grey(image)
    side = _foreground(grey)
    if not side[point]:
        side = ~side
    rows, cols = np.ogrid[: grey.shape[0], : grey.shape[1]]
    seed = (rows - point[0]) ** 2 + (cols - point[1]) ** 2 <= 4
    return _split(image, seed, ~ndi.binary_dilation(side, iterations=2) & ~seed)


def watershed_from_box(image: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """Mask (H, W) in a box (row0, col0, row1, col1): its middle against everything outside."""
    r0, c0, r1, c1 = box
    rows, cols = np.ogrid[: image.shape[0], : image.shape[1]]
    dr = (rows - (r0 + r1) / 2) / max((r1 - r0) / 2, 1)
    dc = (cols - (c0 + c1) / 2) / max((c1 - c0) / 2, 1)
    seed = dr**2 + dc**2 <= 0.35**2
    seed[int((r0 + r1) / 2), int((c0 + c1) / 2)] = True
    return _split(image, seed, (np.abs(dr) > 1.02) | (np.abs(dc) > 1.02))
