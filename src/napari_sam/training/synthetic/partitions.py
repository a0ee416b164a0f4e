"""Planes without gaps: cortex, plant tissue in the electron microscope, endothelium."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

from napari_sam.training.synthetic.fields import Array, blur, noise
from napari_sam.training.synthetic.painting import Painter, Painting, tones
from napari_sam.training.synthetic.placement import lattice, log_uniform
from napari_sam.training.synthetic.territory import Labels, Territory, boundaries, outline, tidy


def _unequal(rng: np.random.Generator, shape: tuple[int, int], diameter: float) -> Territory:
    """Large profiles among small ones, bent and stretched, without gaps."""
    land = Territory(shape, rng, 0.14 * diameter, 0.6 * diameter)
    spread = rng.uniform(0.5, 0.9)
    for centre in lattice(rng, shape, 0.55 * diameter, 0.35):
        size = 0.25 * diameter * float(np.exp(rng.normal(0, spread)))
        oval = float(np.exp(abs(rng.normal(0, 0.5))))
        land.blob(centre, size, oval, rng.uniform(0, np.pi), outline(rng, 0.12, 6), limit=3.2)
    return land


def _away(labels: Labels) -> Array:
    """Distance of every pixel to the nearest boundary between objects."""
    return np.asarray(distance_transform_edt(~boundaries(labels)), np.float32)


def cortex(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Neuropil of the cortex: dendrites and the thin axons packed between them."""
    diameter = log_uniform(rng, 30, 0.5 * min(shape))
    owner = _unequal(rng, shape, diameter).owner
    width = float(np.clip(diameter * rng.uniform(0.012, 0.035), 0.6, 2.5))
    away = _away(owner)
    labels = tidy(np.where(away > 0.7 * width, owner, 0), 20)
    line = np.exp(-((away / (width + 0.4)) ** 2))
    line *= np.clip(0.85 + 0.35 * noise(rng, shape, diameter / 3), 0.2, 1.2)  # grazed membranes
    level = tones(rng, int(labels.max()), 0.7, rng.uniform(0.04, 0.15), 0.66)[labels]
    image = level + rng.uniform(0.03, 0.09) * noise(rng, shape, max(1.4, diameter / 25), 2)
    vesicles = np.clip(noise(rng, shape, max(1.8, diameter / 16)) - 1.1, 0, 1)
    synapse = np.clip(noise(rng, shape, diameter / 3) - 1.2, 0, 1) * np.exp(-away / (3 * width))
    image = image - rng.uniform(0, 0.35) * vesicles - 0.5 * synapse
    mitochondria = np.clip((noise(rng, shape, diameter / 3.5) - 1.3) * 6, 0, 1)
    stripes = 0.15 * noise(rng, shape, 2.0, 1)
    inside = np.clip((away - 2 * width) / 2, 0, 1)
    image = image - rng.uniform(0.1, 0.35) * mitochondria * inside * (1 + stripes)
    image = image - rng.uniform(0.3, 0.6) * line
    return Painting(image.astype(np.float32), labels, "electron", 0.6 * diameter)


def plant(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Plant cells in section: pale walls, a thin seam of cytoplasm, a vacuole, starch."""
    diameter = log_uniform(rng, 28, 0.45 * min(shape))
    land = Territory(shape, rng, 0.06 * diameter, 0.8 * diameter)
    for centre in lattice(rng, shape, diameter, rng.uniform(0.12, 0.3)):
        size = 0.5 * diameter * float(np.exp(rng.normal(0, 0.25)))
        land.blob(centre, size, rng.uniform(1, 1.6), rng.uniform(0, np.pi), limit=2.4)
    away = _away(land.owner)
    wall = float(np.clip(diameter * rng.uniform(0.02, 0.08), 0.8, 6))
    labels = tidy(np.where(away > wall, land.owner, 0), 30)
    bright = rng.random() < 0.5
    level = tones(rng, int(labels.max()), 0.55, 0.12)[labels]
    vacuole = np.clip((away - wall - rng.uniform(0.03, 0.15) * diameter) / 2, 0, 1)
    image = level + rng.uniform(-0.2, 0.25) * vacuole
    image = image + 0.06 * noise(rng, shape, max(1.5, diameter / 20), 2) * (1 - 0.7 * vacuole)
    grains = np.clip((noise(rng, shape, diameter / 6) - 1.3) * 5, 0, 1) * (labels > 0)
    image = image + rng.choice([-0.3, 0.3]) * grains
    tone = rng.uniform(0.75, 0.95) if bright else rng.uniform(0.1, 0.35)
    seam = np.exp(-((away / max(0.3 * wall, 0.6)) ** 2))
    image = np.where(labels > 0, image, tone + 0.03 * noise(rng, shape, 3, 2))
    image = image - rng.uniform(0, 0.25) * seam
    membrane = np.exp(-(((away - wall) / 1.2) ** 2))
    image = image - rng.uniform(0, 0.3) * membrane
    return Painting(image.astype(np.float32), labels, "electron", diameter)


def endothelium(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Specular reflection of a corneal endothelium: polygons with hardly darker borders."""
    pitch = log_uniform(rng, 9, 0.2 * min(shape))
    land = Territory(shape, rng, 0.05 * pitch, 1.5 * pitch)
    for centre in lattice(rng, shape, pitch, rng.uniform(0.08, 0.2)):
        size = 0.5 * pitch * float(np.exp(rng.normal(0, rng.uniform(0.02, 0.2))))
        land.blob(centre, size, limit=3.0)
    away = _away(land.owner)
    width = float(np.clip(rng.uniform(0.04, 0.1) * pitch, 0.7, 3))
    labels = tidy(np.where(away > 0.6 * width, land.owner, 0), 12)
    line = np.exp(-((away / (width + 0.3)) ** 2))
    seen = np.clip(0.8 + 0.45 * noise(rng, shape, 4 * pitch, 2), 0.05, 1.3)
    level = tones(rng, int(labels.max()), 1.0, rng.uniform(0.02, 0.2))[labels]
    level = np.where(labels > 0, level, 1.0)
    image = level * (1 + 0.06 * noise(rng, shape, max(1.5, pitch / 5), 2))
    image = image - rng.uniform(0.1, 0.5) * line * seen
    # only where the surface mirrors the lamp is it bright
    mirror = np.exp(-(np.abs(noise(rng, shape, 0.7 * max(shape))) ** 2) * rng.uniform(0, 1.2))
    image = blur((image * mirror).astype(np.float32), rng.uniform(0.3, 1.0))
    dots = np.clip(noise(rng, shape, max(1.5, pitch / 7)) - 2.2, 0, 1)
    return Painting((0.2 + 0.6 * image + 0.6 * dots).astype(np.float32), labels, "electron", pitch)


PAINTERS: dict[str, Painter] = {
    "em_cortex": cortex,
    "em_plant": plant,
    "endothelium": endothelium,
}
