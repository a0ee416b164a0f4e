"""Generated images with two or more populations of objects, and which object is of which.

Some objects of a generated image are drawn anew in another way: the rest is one population, they
are the other.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage as ndi

from napari_sam.training.synthetic import generate

Painter = Callable[[np.ndarray, np.ndarray, float, np.random.Generator], np.ndarray]


def _dim(object_: np.ndarray, mask: np.ndarray, ground: float, _: object) -> np.ndarray:
    return ground + 0.5 * (object_ - ground)


def _spotted(
    object_: np.ndarray, mask: np.ndarray, ground: float, rng: np.random.Generator
) -> np.ndarray:
    seeds = np.zeros(mask.shape)
    inside = np.argwhere(mask)
    for row, column in inside[rng.choice(len(inside), max(3, len(inside) // 60))]:
        seeds[row, column] = 1
    spots = ndi.gaussian_filter(seeds, 1.3)
    height = object_[mask].mean() - ground
    return object_ * 0.8 + 0.9 * height * spots / max(spots.max(), 1e-6)


def _hollow(object_: np.ndarray, mask: np.ndarray, ground: float, _: object) -> np.ndarray:
    depth = ndi.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    inner = np.clip(depth / max(depth.max(), 1) - 0.25, 0, 0.6) / 0.6
    return object_ - 0.65 * (object_ - ground) * inner


def _striped(
    object_: np.ndarray, mask: np.ndarray, ground: float, rng: np.random.Generator
) -> np.ndarray:
    rows, columns = np.indices(mask.shape)
    angle = rng.uniform(0, np.pi)
    wave = np.sin((rows * np.cos(angle) + columns * np.sin(angle)) * 2 * np.pi / 6)
    return object_ + 0.35 * (object_[mask].mean() - ground) * wave


#: How an object of the second population looks, given what it looked like.
LOOKS: dict[str, Painter] = {
    "dim": _dim,
    "spotted": _spotted,
    "hollow": _hollow,
    "striped": _striped,
}
#: Populations that differ in what they are: kinds of which both are on one image.
MIXED = (
    ("rods_fluorescence", "cocci"),
    ("nuclei_sparse", "nuclei_tiny"),
    ("nuclei_sparse", "rods_fluorescence"),
)
KINDS = ("nuclei_sparse", "nuclei_dense", "nuclei_confocal")


def relit(
    kind: str, look: str, seed: int, shape: tuple[int, int] = (384, 384)
) -> tuple[np.ndarray, np.ndarray, dict[int, int]]:
    """Generate an image some objects of which look otherwise.

    Returns
    -------
    image, labels : ndarray
    population : dict of int to int
        0 or 1 by id.
    """
    rng = np.random.default_rng(seed)
    image, labels, *_ = generate(kind, seed, shape)
    image, labels = np.asarray(image, np.float64).copy(), np.asarray(labels)
    ground = float(np.median(image[labels == 0]))
    population = {}
    for number, where in enumerate(ndi.find_objects(labels), 1):
        if where is None:
            continue
        population[number] = int(rng.random() < 0.5)
        if population[number]:
            mask = labels[where] == number
            painted = LOOKS[look](image[where], mask, ground, rng)
            image[where] = np.where(mask, painted, image[where])
    return image, labels, population


def mixed(
    first: str, second: str, seed: int, shape: tuple[int, int] = (384, 384)
) -> tuple[np.ndarray, np.ndarray, dict[int, int]]:
    """Generate two kinds of objects onto one image; of two that meet the later one goes."""
    image, labels, population = np.zeros(shape), np.zeros(shape, np.int32), {}
    for which, kind in enumerate((first, second)):
        other, theirs, *_ = generate(kind, seed, shape)
        other, theirs = np.asarray(other, np.float64), np.asarray(theirs)
        low, high = np.percentile(other, (1, 99.8))
        other = (other - low) / max(high - low, 1e-9)
        near = ndi.binary_dilation(labels > 0, iterations=3)
        for number, where in enumerate(ndi.find_objects(theirs), 1):
            if where is None:
                continue
            wide = tuple(slice(max(s.start - 3, 0), s.stop + 3) for s in where)
            mask = theirs[wide] == number
            if which and (mask & near[wide]).any():
                continue
            halo = ndi.binary_dilation(mask, iterations=2)
            image[wide] = np.where(halo, np.maximum(image[wide], other[wide]), image[wide])
            population[int(labels.max()) + 1] = which
            labels[wide][mask] = labels.max() + 1
        if which == 0:
            ground = np.where(ndi.binary_dilation(theirs > 0, iterations=3), 0, other)
            image = np.maximum(image, np.where(labels > 0, 0, ground))
    return image, labels, population
