"""How the picture moves from one frame or slice to the next."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi
from skimage.registration import optical_flow_ilk, phase_cross_correlation

Floats = npt.NDArray[np.float64]
Picture = npt.NDArray[np.floating[Any]]

OBJECT = 10.0  # pixels across an object at which the motion of many is looked for
RADIUS = 9  # pixels around a place that are taken to move together
WARPS = 10


def motion_at(before: Picture, after: Picture, places: Floats, diameter: float) -> Floats:
    """Follow places from one frame to the next.

    Parameters
    ----------
    before, after : (H, W) float
        Two frames.
    places : (n, 2) float
        ``(row, column)`` in the first.
    diameter : float
        Of the objects, in pixels: motion is looked for at their scale, whatever the image's.

    Returns
    -------
    (n, 2) float
        By how many pixels each place has moved.
    """
    zoom = min(1.0, OBJECT / diameter)
    low, high = np.percentile(before, (1, 99.8))
    small = [shrink((frame - low) / max(high - low, 1e-9), zoom) for frame in (before, after)]
    shift, _, _ = phase_cross_correlation(small[0], small[1], normalization=None)
    start = -np.asarray(shift, np.float64)
    # Where a place of the later frame came from; followed backwards until both agree.
    moved = np.asarray(ndi.shift(small[0], start, order=1, mode="nearest"), np.float32)
    flow = optical_flow_ilk(small[1], moved, radius=RADIUS, num_warp=WARPS)
    found = np.broadcast_to(start, places.shape)
    for _ in range(4):
        at = (places * zoom + found).T
        back = [ndi.map_coordinates(part, at, order=1, mode="nearest") for part in flow]
        found = start - np.stack(back, axis=1)
    return np.asarray(found / zoom, np.float64)


def shrink(frame: Picture, zoom: float) -> npt.NDArray[np.float32]:
    """Return a frame, cut to 0..1 and slightly smoothed, at a zoom of at most 1."""
    frame = np.clip(frame, 0, 1).astype(np.float32)
    if zoom == 1.0:
        return np.asarray(ndi.gaussian_filter(frame, 1.0), np.float32)
    smooth = ndi.gaussian_filter(frame, 0.5 / zoom)
    return np.asarray(ndi.zoom(smooth, zoom, order=1, grid_mode=True, mode="nearest"), np.float32)
