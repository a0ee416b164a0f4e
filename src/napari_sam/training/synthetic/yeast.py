"""Budding yeast in fluorescence, phase contrast and brightfield."""

from __future__ import annotations

import numpy as np

from napari_sam.training.synthetic.fields import blur, noise
from napari_sam.training.synthetic.painting import Painter, Painting, tones
from napari_sam.training.synthetic.phase import defocused, phase_contrast
from napari_sam.training.synthetic.placement import clusters, log_uniform, scatter
from napari_sam.training.synthetic.territory import Territory


def yeast(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Budding yeast in clumps; a bud with a visible neck is an object of its own."""
    diameter = log_uniform(rng, 14, 0.3 * min(shape))
    density = clusters(rng, shape, 4 * diameter, rng.uniform(0.3, 0.9))
    wanted = np.full(min(160, int(1.1 * shape[0] * shape[1] / diameter**2) + 2), diameter / 2)
    centres, sizes = scatter(rng, shape, wanted * rng.uniform(0.8, 1.1), 0.97, density)
    land = Territory(shape, rng, 0.012 * diameter, diameter)
    for centre, size in zip(centres, sizes, strict=True):
        size = size * float(np.exp(rng.normal(0, 0.12)))
        angle, oval = rng.uniform(0, np.pi), rng.uniform(1.0, 1.35)
        land.blob(centre, size, oval, angle)
        if rng.random() < 0.4:
            bud = size * rng.uniform(0.35, 0.75)
            away = (size * oval**0.5 + 0.8 * bud) * np.array([np.sin(angle), np.cos(angle)])
            land.blob(centre + away, bud, rng.uniform(1, 1.2), angle)
    labels = land.labels(20)
    inside = labels > 0
    style = rng.random()
    vacuole = np.clip(noise(rng, shape, diameter / 3) - 0.7, 0, 1)
    grain = noise(rng, shape, max(1.5, diameter / 10), 2)
    rim = np.exp(-(((land.q - 0.97) / 0.1) ** 2)).astype(np.float32)
    if style < 0.3:
        level = tones(rng, int(labels.max()), 1.0, 0.35)
        body = level[labels] * (1 + 0.15 * grain) * (1 - 0.7 * vacuole)
        if rng.random() < 0.4:
            body = body * (0.25 + rim)
        return Painting((inside * body).astype(np.float32), labels, "emission", diameter)
    dome = np.where(inside, np.sqrt(np.clip(1 - 0.9 * land.q**2, 0, 1)), 0).astype(np.float32)
    dome *= 1 + 0.12 * grain - 0.5 * vacuole
    if style < 0.65:
        image = phase_contrast(dome + 0.5 * inside, diameter * rng.uniform(0.15, 0.4), 0.4, 0.95)
        image = image + np.float32(rng.uniform(0, 0.25)) * blur(vacuole * inside, 0.8)
    else:
        sign = rng.choice([-1.0, 1.0])
        rim_width = float(np.clip(diameter * rng.uniform(0.05, 0.12), 1, 6))
        image = defocused(dome, rim_width, sign * rng.uniform(1.0, 2.2), rng.uniform(0, 0.12))
        image = image - np.float32(0.22 * sign) * blur(rim * inside, 0.6)
    return Painting(image.astype(np.float32), labels, "transmission", diameter)


PAINTERS: dict[str, Painter] = {"yeast": yeast}
