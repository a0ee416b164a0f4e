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
CLOSE = 40.0  # pixels across an object at which its own motion is looked for
CLOSE_RADIUS = 7


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
    small = [_shrink((frame - low) / max(high - low, 1e-9), zoom) for frame in (before, after)]
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


def _shrink(frame: Picture, zoom: float) -> npt.NDArray[np.float32]:
    frame = np.clip(frame, 0, 1).astype(np.float32)
    if zoom == 1.0:
        return np.asarray(ndi.gaussian_filter(frame, 1.0), np.float32)
    smooth = ndi.gaussian_filter(frame, 0.5 / zoom)
    return np.asarray(ndi.zoom(smooth, zoom, order=1, grid_mode=True, mode="nearest"), np.float32)


def carry_mask(
    mask: npt.NDArray[np.bool_], before: Picture, after: Picture
) -> npt.NDArray[np.float32]:
    """Move a mask with the picture.

    Parameters
    ----------
    mask : (H, W) bool
        An object in the first of two frames.
    before, after : (H, W) float
        Both frames around it, about 0 to 1.

    Returns
    -------
    (H, W) float32
        How much of every pixel the object covers in the second frame, 0 to 1.
    """
    diameter = max(int(np.count_nonzero(mask)), 1) ** 0.5
    zoom = min(1.0, CLOSE / diameter)
    small = [_shrink(picture, zoom) for picture in (before, after)]
    flow = optical_flow_ilk(small[1], small[0], radius=CLOSE_RADIUS)
    rows, columns = np.indices(mask.shape, dtype=np.float32)
    at = [(rows + 0.5) * zoom - 0.5, (columns + 0.5) * zoom - 0.5]
    moves = [ndi.map_coordinates(part / zoom, at, order=1, mode="nearest") for part in flow]
    came = [rows + moves[0], columns + moves[1]]
    found = ndi.map_coordinates(mask.astype(np.float32), came, order=1, mode="nearest")
    return np.asarray(found, np.float32)
