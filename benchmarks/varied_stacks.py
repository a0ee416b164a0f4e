"""Stacks unlike each other to teach by: generated and real ones, disturbed and drawn otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import ndimage as ndi
from skimage.segmentation import expand_labels

from napari_sam.training.synthetic import generate_volume
from stack_samples import Stack, real

SHRUNK = (1, 1, 2, 3)  # how many pixels of a generated stack become one
SIDES = (96, 112, 128)
WIDEST, NARROWEST = 4.0, -3.0  # pixels by which objects are drawn wider than they are


def varied(kind: str, seed: int, rng: np.random.Generator) -> Stack:
    """Generate a stack, disturb it, and draw all its objects a bit too wide or too narrow."""
    shrunk, side = int(rng.choice(SHRUNK)), int(rng.choice(SIDES))
    depth = 24 if shrunk == 1 else 32
    sample = generate_volume(kind, seed, (depth, side * shrunk, side * shrunk))
    image, labels = sample.image.astype(np.float32), sample.labels
    step = float(sample.info["spacing"][0]) / shrunk
    if shrunk > 1:
        image = image.reshape(depth, side, shrunk, side, shrunk).mean((2, 4))
        labels = np.ascontiguousarray(labels[:, shrunk // 2 :: shrunk, shrunk // 2 :: shrunk])
    image = disturbed(scaled(image), step, rng)
    sizes = np.bincount(labels.ravel())[1:]
    across = np.cbrt(np.median(sizes[sizes > 0]) * step) if sizes.any() else 10.0
    wider = float(np.clip(rng.normal(0.03, 0.09) * across, NARROWEST, WIDEST))
    labels = redrawn(labels, wider, (step, 1.0, 1.0))
    return Stack(f"{kind} {seed}", counted(image), labels, (step, 1.0, 1.0))


def varied_real(folder: Path, name: str, rng: np.random.Generator) -> Iterator[Stack]:
    """Yield a real stack of a folder, if it is there, upside down or not, brighter or darker."""
    for stack in real(folder, [name]):
        image, labels = scaled(stack.image.astype(np.float32)), stack.labels
        if rng.random() < 0.5:
            image, labels = image[::-1], np.ascontiguousarray(labels[::-1])
        image = np.maximum(image, 0) ** np.exp(rng.normal(0, 0.3))
        if rng.random() < 0.5:
            image = image + rng.uniform(0, 0.04) * _noise(rng, image.shape)
        if rng.random() < 0.2:
            image = image.max() - image
        labels = redrawn(labels, float(rng.normal(0, 0.6)), stack.spacing)
        yield Stack(stack.name, counted(image), labels, stack.spacing)


def redrawn(labels: np.ndarray, wider: float, spacing: tuple[float, float, float]) -> np.ndarray:
    """Draw objects wider, or narrower, by some widths of a pixel; none takes another's place."""
    if abs(wider) <= 0.3:
        return labels
    if wider > 0:
        return expand_labels(labels, wider, spacing=spacing).astype(np.int32)
    wall = np.zeros(labels.shape, bool)
    for axis in range(3):
        differ = np.diff(labels, axis=axis) != 0
        for after in (slice(1, None), slice(None, -1)):
            wall[(*[slice(None)] * axis, after)] |= differ
    away = ndi.distance_transform_edt(~wall, sampling=spacing)
    return np.where(away >= -wider - 0.5, labels, 0).astype(np.int32)


def disturbed(image: np.ndarray, step: float, rng: np.random.Generator) -> np.ndarray:
    """Add what microscopes do to a stack (Z, H, W) from about 0 to 1."""
    depth, *plane = image.shape
    if rng.random() < 0.6:  # light from further above and below
        image = ndi.gaussian_filter1d(image, rng.uniform(0.3, 2.5) / max(step, 0.5), axis=0)
    if rng.random() < 0.35:
        blur = rng.uniform(0.3, 1.3)
        image = ndi.gaussian_filter(image, (0, blur, blur))
    image = np.maximum(image, 0) ** np.exp(rng.normal(0, 0.35))
    if rng.random() < 0.35:  # uneven light
        field = ndi.zoom(
            rng.normal(0, 1, (2, 3, 3)), (depth / 2, plane[0] / 3, plane[1] / 3), order=1
        )
        image = image * np.exp(0.5 * field)
    if rng.random() < 0.25:  # other things out of focus
        other = np.roll(image[::-1], (plane[0] // 2, plane[1] // 3), (1, 2))
        image = image + rng.uniform(0.1, 0.4) * ndi.gaussian_filter(other, (1, 2, 2))
    if rng.random() < 0.1:
        image = image.max() - image
    photons = np.exp(rng.uniform(np.log(15), np.log(600))) if rng.random() < 0.6 else 1e4
    image = image + np.sqrt(np.maximum(image, 0) / photons) * _noise(rng, image.shape)
    return image + rng.uniform(0, 0.03) * _noise(rng, image.shape)


def _noise(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32)


def scaled(image: np.ndarray) -> np.ndarray:
    """Bring the brightness of a stack to about 0 to 1."""
    low, high = np.percentile(image[:, ::3, ::3], (0.5, 99.8))
    return np.clip((image - low) / (high - low + 1e-6), 0, 1.3)


def counted(image: np.ndarray) -> np.ndarray:
    """Return a stack from about 0 to 1 as a camera counts."""
    return np.round(500 + 3000 * image).clip(0, 65535).astype(np.uint16)
