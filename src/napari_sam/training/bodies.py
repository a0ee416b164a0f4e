"""Fluorescence as it is in thick specimens: dim bodies, bright things in them, haze of others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

__all__ = ["glowing", "haze", "outshine", "relight"]

Pixels = npt.NDArray[np.float32]
Labels = npt.NDArray[np.integer]


def glowing(image: Pixels, labels: Labels) -> bool:
    """Tell whether objects shine on a dark ground, as all here supposes.

    Parameters
    ----------
    image : ndarray of float32
        (S, S, C), about [0, 1].
    labels : ndarray of int
        (S/2, S/2), 0 is background.
    """
    inside = labels > 0
    if not 0.01 < inside.mean() < 0.9:
        return False
    grey = image[::2, ::2].mean(-1)
    outside = float(grey[~inside].mean())
    return outside < 0.35 and float(grey[inside].mean()) > 1.4 * outside + 0.03


def relight(image: Pixels, labels: Labels, rng: np.random.Generator) -> Pixels:
    """Dim some of the objects to between a tenth and two thirds of their light.

    Parameters
    ----------
    image : ndarray of float32
        (S, S, C), see `glowing`.
    labels : ndarray of int
        (S/2, S/2).
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float32
        Same shape; what an object has above the ground is dimmed, the ground stays.
    """
    count = int(labels.max()) + 1
    factor = np.ones(count, np.float32)
    dimmed = rng.random(count) < rng.uniform(0.2, 0.7)
    factor[dimmed] = np.exp(rng.uniform(np.log(0.1), np.log(0.65), np.count_nonzero(dimmed)))
    factor[0] = 1
    # the light of an object reaches a little beyond its outline
    owner = labels
    if count > 1:
        around = ndi.grey_dilation(labels, size=(5, 5))
        owner = np.where(labels > 0, labels, around)
    ground = np.float32(np.median(image[::2, ::2][labels == 0]))
    change = ndi.gaussian_filter(factor[owner], 0.8)
    change = change.repeat(2, 0).repeat(2, 1)[..., None]
    return (ground + (image - ground) * np.where(image > ground, change, 1)).astype(np.float32)


def outshine(image: Pixels, labels: Labels, rng: np.random.Generator) -> Pixels:
    """Add spots that outshine the objects, so that limits leave the objects dim.

    Parameters
    ----------
    image, labels, rng
        As of `relight`.

    Returns
    -------
    ndarray of float32
        Same shape; spots of about 1 inside objects, or anywhere, over an image that has become
        1.5 to 8 times as dim.
    """
    size = labels.shape[0]
    places = np.flatnonzero(labels.ravel() > 0)
    if rng.random() < 0.3 or len(places) == 0:
        places = np.arange(labels.size)
    spots = np.zeros(labels.shape, np.float32)
    count = int(np.exp(rng.uniform(0, np.log(60))))
    chosen = rng.choice(places, count)
    np.maximum.at(spots.ravel(), chosen, rng.uniform(0.3, 1, count).astype(np.float32))
    sigma = float(np.exp(rng.uniform(np.log(0.5), np.log(0.03 * size))))
    spots = ndi.gaussian_filter(spots, sigma) * np.float32(2 * np.pi * sigma**2)
    dim = np.float32(np.exp(rng.uniform(np.log(1.5), np.log(8))))
    light = np.minimum(spots, 1.2).repeat(2, 0).repeat(2, 1)[..., None]
    return image / dim + light


def haze(image: Pixels, labels: Labels, rng: np.random.Generator) -> Pixels:
    """Add the light of bodies out of focus, which are nobody's objects, over the image.

    A dim body in focus has an outline; one above or below the plane has none. Both are as bright,
    so that only the outline tells them apart.

    Parameters
    ----------
    image, labels, rng
        As of `relight`.

    Returns
    -------
    ndarray of float32
        Same shape; the objects' own light, put elsewhere and blurred by a quarter to two thirds
        of their diameter, is added, and what is brightest is about 1 again.
    """
    areas = np.bincount(labels.ravel())[1:]
    diameter = 2 * float(np.sqrt(4 * np.median(areas[areas > 0]) / np.pi))
    mask = (labels > 0).repeat(2, 0).repeat(2, 1)[..., None]
    ground = np.float32(np.median(image[~mask[..., 0]]))
    light = np.maximum(image - ground, 0) * mask
    light = np.rot90(light, int(rng.integers(1, 4)))
    light = np.roll(light, rng.integers(0, light.shape[0], 2), (0, 1))
    sigma = min(rng.uniform(0.25, 0.67) * diameter, 0.15 * image.shape[0])
    light = ndi.gaussian_filter(light, (sigma, sigma, 0))
    top = float(light.max())
    if top > 0:
        light *= np.float32(rng.uniform(0.15, 1.0) * float(image.max()) / top)
    hazy = image + light
    return (hazy / max(1.0, float(np.quantile(hazy, 0.998)))).astype(np.float32)
