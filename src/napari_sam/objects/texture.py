"""How objects of a plane look inside, beyond their brightness: bands of texture, core, contrast."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_sam.objects.shape import on_rim

__all__ = ["NAMES", "texture"]

#: What is measured, in this order.
NAMES = (
    "height",
    "core",
    "grain",
    "fine",
    "coarse",
    "steepness",
    "skewness",
    "unevenness",
)
#: Sigmas in pixels between which bands of texture lie.
SIGMAS = (1.0, 2.0, 4.0)
#: Pixels around an object that are its surroundings; and where its inside begins.
AROUND, INSIDE = 5, 2.0
#: Height below which textures are not measured by it, and the least texture.
LOWEST, FLAT = 0.03, 1e-3
Floats = npt.NDArray[np.float64]


def texture(
    labels: npt.NDArray[np.integer[Any]], grey: npt.NDArray[np.floating[Any]]
) -> npt.NDArray[np.float32]:
    """Measure every object of a plane.

    Parameters
    ----------
    labels : (H, W) integer array
        Ids 1..n, 0 is background.
    grey : (H, W) array of float
        About 0 to 1.

    Returns
    -------
    (n, len(NAMES)) float32
        By id: mean brightness less that of the surroundings, the height; how much brighter the
        core is than the mean, as a share of the height; logarithms of the texture inside, in
        three bands of size and as the gradient, as shares of the height; skewness of the
        brightness; and its spread as a share of the height. 0 for an id that no pixel has.

    Examples
    --------
    >>> labels = np.zeros((40, 60), int)
    >>> labels[5:25, 5:25], labels[5:25, 30:50] = 1, 2
    >>> stripes = np.where(np.arange(60) % 4 < 2, 0.7, 0.3) * (labels > 0)
    >>> plain, striped = texture(labels, np.where(labels == 1, 0.5, stripes))
    >>> plain[0].round(2), bool(striped[7] > plain[7])
    (np.float32(0.5), True)
    """
    count = int(labels.max(initial=0))
    plane = np.asarray(grey, np.float64)
    inside = labels > 0
    ids, values = labels[inside].astype(np.intp), plane[inside]
    area = np.maximum(np.bincount(ids, minlength=count + 1)[1:], 1)

    def mean(of: Floats, which: npt.NDArray[np.bool_] | None = None) -> Floats:
        """Mean over each object, or over a part of it where there is any."""
        if which is None:
            return np.asarray(np.bincount(ids, of, count + 1)[1:] / area)
        some = np.bincount(ids[which], minlength=count + 1)[1:]
        total = np.bincount(ids[which], of[which], count + 1)[1:]
        return np.where(some > 0, total / np.maximum(some, 1), mean(of))

    depth = ndi.distance_transform_edt(inside & ~on_rim(labels))[inside] + 1
    deepest = np.ones(count + 1)
    np.maximum.at(deepest, ids, depth)
    within = depth > np.minimum(INSIDE, 0.3 * deepest[ids])
    brightness = mean(values)
    height = brightness - _surroundings(labels, plane, count)
    scale = np.maximum(np.abs(height), LOWEST)
    off = values - brightness[ids - 1]
    spread = np.sqrt(mean(off**2))
    measured = [height, (mean(values, depth > 0.75 * deepest[ids]) - brightness) / scale]
    for band in _bands(plane):
        measured.append(np.log(np.sqrt(mean(band[inside] ** 2, within)) / scale + FLAT))
    steep = ndi.gaussian_gradient_magnitude(plane, SIGMAS[0])[inside]
    measured.append(np.log(mean(steep, within) / scale + FLAT))
    measured.append(mean(off**3) / np.maximum(spread, FLAT) ** 3)
    measured.append(spread / scale)
    found = np.stack(measured, axis=1)
    found[np.bincount(ids, minlength=count + 1)[1:] == 0] = 0
    return np.asarray(found, np.float32)


def _bands(grey: Floats) -> list[Floats]:
    """Return differences of ever smoother versions of a plane."""
    smooth = [grey, *(ndi.gaussian_filter(grey, sigma) for sigma in SIGMAS)]
    return [sharp - blurred for sharp, blurred in itertools.pairwise(smooth)]


def _surroundings(labels: npt.NDArray[np.integer[Any]], grey: Floats, count: int) -> Floats:
    """Return the mean of what is close to each object and in none; 0 where there is nothing."""
    outside = labels == 0
    if not count or not outside.any():
        return np.zeros(count)
    away, nearest = ndi.distance_transform_edt(outside, return_indices=True)
    ring = (away > 1) & (away <= AROUND)
    belongs = labels[tuple(nearest[:, ring])].astype(np.intp)
    some = np.bincount(belongs, minlength=count + 1)[1:]
    total = np.bincount(belongs, grey[ring], count + 1)[1:]
    # Of one that is surrounded by others, the plane's background.
    usual = float(np.median(grey[outside]))
    return np.where(some > 0, total / np.maximum(some, 1), usual)
