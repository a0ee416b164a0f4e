"""Stacks of fluorescent nuclei with anisotropic voxels and blur."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_sam.training.synthetic.fields import Array, blur, noise, stretch_axis
from napari_sam.training.synthetic.placement import log_uniform
from napari_sam.training.synthetic.territory import Labels, tidy

Size = tuple[int, int, int]
#: Arrangements of nuclei in a stack.
NUCLEI_KINDS: tuple[str, ...] = ("nuclei_stack", "tissue_stack", "spheroid_stack")


def noise_3d(rng: np.random.Generator, shape: Size, scale: float, squeeze: float) -> Array:
    """Smooth random volume; bumps are ``squeeze`` times shorter along z."""
    lengths = (scale / squeeze, scale, scale)
    cells = [max(1, round(n / s)) for n, s in zip(shape, lengths, strict=True)]
    field = rng.standard_normal([n + 3 for n in cells], dtype=np.float32)
    for axis, length in enumerate(shape):
        field = stretch_axis(field, length, axis)
    return field / np.float32(0.33)


def _centres(
    rng: np.random.Generator, kind: str, extent: NDArray[np.floating], diameter: float
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Centres and radii in isotropic pixels, thrown into a box or a ball."""
    volume = float(np.prod(extent + diameter))
    crowd = {"nuclei_stack": 0.22, "tissue_stack": 0.75, "spheroid_stack": 0.8}[kind]
    room = {"nuclei_stack": 1.02, "tissue_stack": 0.86, "spheroid_stack": 0.84}[kind]
    count = int(np.clip(crowd * volume / (0.52 * diameter**3), 3, 1500))
    kept = np.empty((count, 3))
    sizes = np.empty(count)
    ball = np.array([0.5 * extent[0], *(extent[1:] / 2)]), 0.42 * float(extent[1:].min())
    tall = max(0.5 * extent[0], 0.25 * ball[1]) / ball[1]
    n = 0
    for _ in range(4 * count):
        place = rng.uniform(-0.3 * diameter, extent + 0.3 * diameter)
        if kind == "spheroid_stack":
            away = (place - ball[0]) / np.array([min(tall, 1.0), 1, 1])
            if float(np.hypot.reduce(away)) > ball[1]:
                continue
        size = 0.5 * diameter * float(np.exp(rng.normal(0, 0.1)))
        gap = kept[:n] - place
        if n and np.any((gap * gap).sum(1) < (room * (sizes[:n] + size)) ** 2):
            continue
        kept[n], sizes[n] = place, size
        n += 1
        if n == count:
            break
    return kept[:n], sizes[:n]


def paint_volume(
    rng: np.random.Generator, kind: str, shape: Size
) -> tuple[Array, Labels, dict[str, Any]]:
    """Noise-free light and exact labels of a stack of nuclei.

    Parameters
    ----------
    kind : str
        One of :data:`NUCLEI_KINDS`.
    shape : (int, int, int)
        Planes, rows, columns. A plane is two to four pixels thick.
    """
    step = rng.uniform(2.0, 4.0)
    extent = np.array([shape[0] * step, shape[1], shape[2]], float)
    largest = min(0.6 * extent[0] + 8, 0.3 * min(shape[1:]))
    diameter = log_uniform(rng, max(10.0, 2.5 * step), max(12.0, largest))
    centres, sizes = _centres(rng, kind, extent, diameter)
    best = np.full(shape, 1.0, np.float32)
    owner = np.zeros(shape, np.int32)
    bend = [0.06 * diameter * noise_3d(rng, shape, 0.7 * diameter, step) for _ in range(2)]
    for number, (centre, size) in enumerate(zip(centres, sizes, strict=True), 1):
        axes, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        half = size * np.exp(rng.normal(0, 0.14, 3))
        reach = 1.25 * half.max() + 2
        low = np.floor((centre - reach) / (step, 1, 1)).astype(int)
        high = np.ceil((centre + reach) / (step, 1, 1)).astype(int) + 1
        low, high = np.maximum(low, 0), np.minimum(high, shape)
        if np.any(low >= high):
            continue
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        z, y, x = np.ogrid[box]
        offset = [
            ((z + 0.5) * step - centre[0]).astype(np.float32),
            (y - centre[1]).astype(np.float32) + bend[0][box],
            (x - centre[2]).astype(np.float32) + bend[1][box],
        ]
        square = np.zeros(owner[box].shape, np.float32)
        for axis, length in zip(axes, half, strict=True):
            along = sum(np.float32(a) * o for a, o in zip(axis, offset, strict=True))
            square += (along / np.float32(length)) ** 2
        q = np.sqrt(square)
        wins = q < best[box]
        np.copyto(owner[box], number, where=wins)
        np.copyto(best[box], q, where=wins)
    labels = tidy(owner, max(8, int(0.01 * diameter**3 / step)))
    level = np.exp(rng.normal(0, 0.28, int(labels.max()) + 1)).astype(np.float32)
    mottle = 1 + 0.2 * noise_3d(rng, shape, max(2.5, diameter / 6), step)
    fine = 1 + 0.14 * noise_3d(rng, shape, max(2.0, diameter / 12), step)
    light = np.where(labels > 0, level[labels] * mottle * fine, 0)
    light *= 1 - 0.35 * best**2
    info = {"kind": kind, "spacing": (round(step, 3), 1.0, 1.0)}
    return np.maximum(light, 0).astype(np.float32), labels, info


def draw_nuclei(
    rng: np.random.Generator, kind: str, shape: Size
) -> tuple[NDArray[np.uint16], Labels, dict[str, Any]]:
    """Draw a stack of nuclei of one of :data:`NUCLEI_KINDS`: image, labels, and ``spacing``."""
    light, labels, info = paint_volume(rng, kind, shape)
    return expose_volume(rng, light, info["spacing"][0]), labels, info


def expose_volume(rng: np.random.Generator, light: Array, step: float) -> NDArray[np.uint16]:
    """Confocal stack: blur that is longer along z, dimmer with depth, shot noise, 12 bit."""
    wide = rng.uniform(0.7, 1.2)
    image = gaussian_filter(light, (2.2 * wide / step, wide, wide), truncate=2.5)
    haze = blur(image.mean(axis=0), 10)
    fade = np.exp(-np.linspace(0, rng.uniform(0, 0.7), light.shape[0]))
    image = image * fade[:, None, None].astype(np.float32) + 0.12 * haze
    image += np.float32(0.02) * (1 + 0.3 * noise(rng, light.shape[1:], 60, 2))
    photons = log_uniform(rng, 60, 600)
    image += np.sqrt(np.maximum(image, 0) / np.float32(photons)) * rng.standard_normal(
        image.shape, dtype=np.float32
    )
    image += np.float32(0.008) * rng.standard_normal(image.shape, dtype=np.float32)
    top = float(np.quantile(image[:, ::4, ::4], 0.999)) * 1.2
    return np.round(100 + 3900 * np.clip(image / top, 0, 1)).astype(np.uint16)
