"""From the network's instance maps to labels: seeds, watershed, and a score per object."""

from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi
from skimage.segmentation import watershed

__all__ = ["labels_from_maps"]


def labels_from_maps(
    foreground: np.ndarray,
    centre: np.ndarray,
    boundary: np.ndarray,
    *,
    foreground_threshold: float = 0.5,
    centre_threshold: float = 0.4,
    boundary_threshold: float = 0.65,
    smoothing: float = 1.0,
    min_area: int = 8,
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a plane's probability maps into objects.

    A pixel belongs to an object where ``foreground`` is high.  Seeds are the connected parts
    where ``centre`` is high and ``boundary`` is low; each floods the foreground downhill from
    centres to borders.  A piece of foreground without a seed becomes an object of its own.

    Parameters
    ----------
    foreground, centre, boundary : ndarray of float
        (H, W) probabilities in [0, 1]: inside any object; depth inside the own object, 1 at
        its middle; closeness to an object's border.
    foreground_threshold, centre_threshold, boundary_threshold : float
        Foreground is above the first; seeds are above the second and below the third.
    smoothing : float
        Sigma in map pixels of the Gaussian over the centre map before seeds are taken.
        More merges fragments, less separates small neighbours.
    min_area : int
        Objects of fewer map pixels are dropped.

    Returns
    -------
    labels : ndarray of int32
        (H, W), 0 background, ids 1..n without gaps, in the order of seeds (top to bottom).
    scores : ndarray of float32
        (n,), 0 to 1: mean foreground probability inside the object times how deep the centre
        map says it is, so that a half-seen or flat object scores low.

    Raises
    ------
    ValueError
        If the maps are not three equal planes.
    """
    foreground, centre, boundary = (
        np.asarray(m, np.float32) for m in (foreground, centre, boundary)
    )
    if foreground.ndim != 2 or not foreground.shape == centre.shape == boundary.shape:
        raise ValueError(
            "labels_from_maps expects three planes of one shape, got "
            f"{foreground.shape}, {centre.shape} and {boundary.shape}."
        )
    inside = foreground > foreground_threshold
    if not inside.any():
        return np.zeros(inside.shape, np.int32), np.zeros(0, np.float32)
    smooth = ndi.gaussian_filter(centre, smoothing, truncate=3) if smoothing > 0 else centre
    eight = np.ones((3, 3), bool)
    seeds = (smooth > centre_threshold) & (boundary < boundary_threshold) & inside
    markers, count = ndi.label(seeds, eight)
    pieces, total = ndi.label(inside)
    seeded = np.zeros(total + 1, bool)
    seeded[pieces[seeds]] = True
    seeded[0] = True
    lonely = ~seeded[pieces]
    if lonely.any():
        renumber = np.zeros(total + 1, np.int32)
        renumber[~seeded] = np.arange(count + 1, count + 1 + np.count_nonzero(~seeded))
        markers = np.where(lonely, renumber[pieces], markers)
    # integer levels: the flood is several times faster than on floats
    height = ((1 - smooth + boundary) * 100).astype(np.int16)
    labels = watershed(height, markers.astype(np.int32), mask=inside).astype(np.int32)
    return _clean(labels, foreground, smooth, min_area)


def _clean(
    labels: np.ndarray, foreground: np.ndarray, centre: np.ndarray, min_area: int
) -> tuple[np.ndarray, np.ndarray]:
    """Drop small objects, number the others 1..n and score them."""
    flat = labels.ravel()
    area = np.bincount(flat)
    keep = area >= max(1, min_area)
    keep[0] = False
    lookup = np.zeros(len(area), np.int32)
    lookup[keep] = np.arange(1, keep.sum() + 1)
    mean = np.bincount(flat, foreground.ravel(), len(area)) / np.maximum(area, 1)
    peak = np.zeros(len(area), np.float32)
    index = np.flatnonzero(keep)
    if len(index):
        peak[index] = ndi.maximum(centre, labels, index)
    scores = mean * np.clip(peak / 0.7, 0, 1)
    return lookup[labels], scores[keep].astype(np.float32)
