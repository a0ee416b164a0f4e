"""From micro-sam's maps to labels: seeds where both distances are short, and a watershed.

References
----------
Archit et al., Segment Anything for Microscopy, Nature Methods 2025, *Automatic instance
segmentation*.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi
from skimage.segmentation import watershed

from napari_sam.methods.instances import number
from napari_sam.methods.smoothing import smooth

SEED = 0.5  # both distances of a seed are shorter
FOREGROUND = 0.5
FOREGROUND_SMOOTHING = 1.0
DISTANCE_SMOOTHING = 1.6
_LEVELS = 65_535  # of the flood; whole numbers are several times faster than floats
_EIGHT = np.ones((3, 3), bool)

Map = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]


def labels_from_distances(
    foreground: npt.ArrayLike,
    centre_distances: npt.ArrayLike,
    boundary_distances: npt.ArrayLike,
    *,
    centre_distance_threshold: float = SEED,
    boundary_distance_threshold: float = SEED,
    foreground_threshold: float = FOREGROUND,
    foreground_smoothing: float = FOREGROUND_SMOOTHING,
    distance_smoothing: float = DISTANCE_SMOOTHING,
    min_size: int = 0,
) -> Labels:
    """Cut the maps of micro-sam's decoder into objects, as ``micro_sam`` does.

    Pixels of the foreground where both distances are short are seeds; those that touch, corners
    included, are one. From each the boundary distances are flooded uphill, within the foreground.
    A piece of foreground without a seed is nothing.

    Parameters
    ----------
    foreground : (H, W) array of float
        Probability of being in an object.
    centre_distances, boundary_distances : (H, W) array of float
        0 in the middle of an object, 1 at its border and outside.
    centre_distance_threshold, boundary_distance_threshold : float
        Both distances of a seed are below.
    foreground_threshold : float
        The foreground is above it.
    foreground_smoothing, distance_smoothing : float
        Sigma in pixels of the Gaussians over the maps; 0 leaves them as they are.
    min_size : int
        Objects of fewer pixels are dropped.

    Returns
    -------
    (H, W) int32
        0 background, ids 1..n without gaps.

    Raises
    ------
    ValueError
        If the maps are not three planes of one shape.

    Examples
    --------
    >>> inside = np.zeros((40, 60))
    >>> inside[10:30, 5:25] = inside[10:30, 35:55] = 1
    >>> labels_from_distances(inside, 1 - inside, 1 - inside).max()
    np.int32(2)
    """
    maps = [np.asarray(m, np.float32) for m in (foreground, centre_distances, boundary_distances)]
    shapes = [one.shape for one in maps]
    if len(shapes[0]) != 2 or len(set(shapes)) != 1:
        raise ValueError(f"labels_from_distances expects three planes of one shape, got {shapes}.")
    centre, boundary = (mirrored(one, distance_smoothing) for one in maps[1:])
    inside = mirrored(maps[0], foreground_smoothing) > foreground_threshold
    thresholds = (centre_distance_threshold, boundary_distance_threshold)
    labels = flood_distances(centre, boundary, inside, *thresholds)
    if min_size > 0:
        kept = np.bincount(labels.ravel()) >= min_size
        kept[0] = False
        labels = number(kept)[labels]
    return labels


def mirrored(values: Map, sigma: float) -> Map:
    """Filter with a Gaussian, the plane's outermost pixels being the mirror's own."""
    return smooth(values, sigma, mode="mirror")


def flood_distances(
    centre: Map,
    boundary: Map,
    inside: npt.NDArray[np.bool_],
    centre_threshold: float,
    boundary_threshold: float,
) -> Labels:
    """Flood the foreground from where both distances are short; all maps (H, W)."""
    seeds = (centre < centre_threshold) & (boundary < boundary_threshold) & inside
    markers, _ = ndi.label(seeds, _EIGHT)
    levels = np.rint(np.clip(boundary, 0, 1) * _LEVELS).astype(np.int32)
    return np.asarray(watershed(levels, markers, mask=inside), np.int32)
