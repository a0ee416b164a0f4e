"""Electron microscopy: myelinated axons, membranes of packed cells, mitochondria."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

from napari_sam.training.synthetic.fields import Array, blur, noise
from napari_sam.training.synthetic.painting import Painter, Painting, tones
from napari_sam.training.synthetic.placement import lattice, log_uniform, scatter
from napari_sam.training.synthetic.territory import Territory, boundaries, outline, tidy


def axons(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Cross-section of a nerve: the object is the axon inside its ring of myelin.

    Fibres of very unequal size are packed until they touch; the ring is dark, or bright when
    the contrast is that of a scanning microscope.
    """
    diameter = log_uniform(rng, 14, 0.35 * min(shape))
    count = int(min(500, 3.0 * shape[0] * shape[1] / diameter**2 + 4))
    sizes = np.sort(0.5 * diameter * np.exp(rng.normal(0, rng.uniform(0.2, 0.6), count)))[::-1]
    sizes = np.clip(sizes, 4.5, 0.35 * min(shape))
    centres, sizes = scatter(rng, shape, sizes, rng.uniform(0.86, 1.02), tries=6)
    land = Territory(shape, rng, 0.05 * diameter, 0.6 * diameter)
    for centre, size in zip(centres, sizes, strict=True):
        oval = float(np.exp(abs(rng.normal(0, 0.25))))
        land.blob(centre, size, oval, rng.uniform(0, np.pi), outline(rng, 0.06, 6))
    ratio = tones(rng, land.count, rng.uniform(0.55, 0.78), 0.14)
    wobble = 1 + np.float32(rng.uniform(0.03, 0.12)) * noise(rng, shape, 0.45 * diameter, 2)
    core = (land.q < np.clip(ratio, 0.35, 0.86)[land.owner] * wobble) & (land.owner > 0)
    labels = tidy(np.where(core, land.owner, 0), 12)
    fibre = land.owner > 0
    ring = fibre & ~core
    grain = noise(rng, shape, max(1.3, diameter / 14), 2)
    gap = rng.uniform(0.35, 0.8)
    outside = gap + 0.12 * noise(rng, shape, max(2.0, diameter / 5), 3)
    outside -= 0.16 * np.exp(-((noise(rng, shape, diameter / 2.5) / 0.18) ** 2))
    outside -= rng.uniform(0, 0.4) * np.clip(noise(rng, shape, diameter / 4, 2) - 0.7, 0, 1)
    level = tones(rng, int(labels.max()), 0.75, rng.uniform(0.05, 0.2))
    inner = level[labels] + rng.uniform(0.03, 0.1) * grain
    inner -= 0.25 * (noise(rng, shape, max(2.0, diameter / 7)) > 1.9)  # organelles
    depth = rng.uniform(0, 0.25) * np.abs(rng.normal(0, 1, land.count + 1)).astype(np.float32)
    layers = 0.1 + depth[land.owner] + rng.uniform(0.04, 0.12) * noise(rng, shape, 1.5, 3)
    layers += 0.03 * np.sin(land.q * 60) + 0.12 * noise(rng, shape, diameter, 2)
    layers += rng.uniform(0, 0.3) * np.clip(land.q - 0.85, 0, 0.2) / 0.15  # paler outside
    if rng.random() < 0.5:  # layers that came apart
        layers += 0.3 * (np.abs(noise(rng, shape, diameter / 2)) < 0.05)
    image = np.where(ring, layers, np.where(labels > 0, inner, outside)).astype(np.float32)
    if rng.random() < 0.5:
        image = blur(image, float(np.clip(rng.uniform(0.02, 0.06) * diameter, 0.4, 2.5)))
    dropped = fibre & core & (labels == 0)
    image[dropped] = outside[dropped]
    info = {}
    if rng.random() < 0.5:
        image = 1 - image
        image[labels > 0] *= np.float32(rng.uniform(0.2, 1.0))
        info["bright_myelin"] = True
    return Painting(image, labels, "electron", diameter, info)


def _cells(rng: np.random.Generator, shape: tuple[int, int], diameter: float) -> Territory:
    """A plane filled without gaps by bent, unequal profiles."""
    land = Territory(shape, rng, 0.1 * diameter, 0.5 * diameter)
    for centre in lattice(rng, shape, diameter, 0.3):
        size = 0.5 * diameter * float(np.exp(rng.normal(0, 0.35)))
        oval = float(np.exp(abs(rng.normal(0, 0.4))))
        land.blob(centre, size, oval, rng.uniform(0, np.pi), outline(rng, 0.08, 5), limit=2.6)
    return land


def _organelles(rng: np.random.Generator, shape: tuple[int, int], diameter: float) -> Territory:
    """Mitochondria: short bent sausages of unequal size."""
    land = Territory(shape, rng, 0.06 * diameter, 0.8 * diameter)
    count = int(min(150, rng.uniform(0.15, 0.6) * shape[0] * shape[1] / diameter**2 + 2))
    centres, _ = scatter(rng, shape, np.full(count, 0.6 * diameter), 1.1)
    for centre in centres:
        width = diameter * rng.uniform(0.35, 0.6)
        length = diameter * rng.uniform(0.1, 1.4)
        turn = rng.uniform(0, np.pi) + np.cumsum(rng.normal(0, 0.5, 4))
        steps = np.stack([np.sin(turn), np.cos(turn)], 1) * length / 4
        line = centre + np.concatenate([np.zeros((1, 2)), np.cumsum(steps, 0)])
        land.tube(line, width * rng.uniform(0.85, 1.15, 5))
    return land


def _cytoplasm(rng: np.random.Generator, shape: tuple[int, int], diameter: float) -> Array:
    fine = noise(rng, shape, max(1.4, diameter / 18), 2)
    vesicles = noise(rng, shape, max(2.2, diameter / 10))
    image = 0.68 + 0.05 * fine - 0.2 * np.clip(vesicles - 1.5, 0, 1)
    return image + 0.08 * np.clip(-1.4 - vesicles, 0, 1)


def membranes(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Neuropil: every profile between dark membranes is an object."""
    diameter = log_uniform(rng, 20, 0.5 * min(shape))
    land = _cells(rng, shape, diameter)
    owner = land.owner
    width = float(np.clip(diameter * rng.uniform(0.02, 0.05), 0.7, 3.0))
    away = distance_transform_edt(~boundaries(owner)).astype(np.float32)
    line = np.exp(-((away / (width + 0.5)) ** 2))
    line *= np.clip(0.8 + 0.3 * noise(rng, shape, diameter / 2), 0.35, 1.2)
    labels = tidy(np.where(away > 0.6 * width, owner, 0), 20)
    level = tones(rng, int(labels.max()), 1.0, rng.uniform(0.03, 0.16), 0.95)
    image = _cytoplasm(rng, shape, diameter) * level[labels]
    mito = _organelles(rng, shape, 0.35 * diameter)
    part = (mito.q < 1) & (away > 2 * width + 1)
    image = np.where(part, image - 0.25 * np.clip(1.1 - 0.5 * mito.q, 0, 1), image)
    image = image - 0.55 * line
    return Painting(image.astype(np.float32), labels, "electron", diameter)


def mitochondria(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Mitochondria with cristae; the cells around them are not labelled."""
    diameter = log_uniform(rng, 18, 0.3 * min(shape))
    cells = _cells(rng, shape, 2.2 * diameter)
    land = _organelles(rng, shape, diameter)
    labels = land.labels(30)
    line = blur(boundaries(cells.owner).astype(np.float32), max(0.7, 0.03 * diameter))
    line /= max(float(line.max()), 1e-3)
    inside = labels > 0
    image = _cytoplasm(rng, shape, diameter) - 0.45 * line * ~inside
    depth = rng.uniform(0.15, 0.4)
    angle = noise(rng, shape, 1.5 * diameter) * 2
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    period = float(np.clip(diameter / rng.uniform(5, 9), 2.5, 9))
    wave = np.sin((rows * np.sin(angle) + cols * np.cos(angle)) * (2 * np.pi / period))
    level = tones(rng, int(labels.max()), 1.0, 0.15)[labels]
    fill = image - depth * level * (1 + rng.uniform(0, 0.35) * wave)
    fill -= 0.25 * np.exp(-(((land.q - 0.93) / 0.08) ** 2))
    image = np.where(inside, fill, image)
    return Painting(image.astype(np.float32), labels, "electron", 0.6 * diameter)


PAINTERS: dict[str, Painter] = {
    "em_axons": axons,
    "em_membranes": membranes,
    "em_mitochondria": mitochondria,
}
