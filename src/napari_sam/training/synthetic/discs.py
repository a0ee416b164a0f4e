"""Red blood cells: biconcave discs, alone, touching and overlapping, in colour or grey."""

from __future__ import annotations

import numpy as np

from napari_sam.training.synthetic.fields import noise
from napari_sam.training.synthetic.nuclei import place_nuclei
from napari_sam.training.synthetic.painting import Painter, Painting, tones
from napari_sam.training.synthetic.phase import defocused
from napari_sam.training.synthetic.placement import clusters, log_uniform


def red_cells(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """A smear or suspension of red cells, pale in the middle, rims that refract."""
    diameter = log_uniform(rng, 12, 0.3 * min(shape))
    density = clusters(rng, shape, 4 * diameter, rng.uniform(0.5, 1.0))
    spacing = rng.uniform(0.8, 1.1)
    land = place_nuclei(rng, shape, diameter, rng.uniform(0.3, 1.4), spacing, density, 0.08)
    labels = land.labels(20)
    inside = labels > 0
    q = np.minimum(land.q, 1.2)
    hollow = rng.uniform(0, 0.9) * np.exp(-((q / rng.uniform(0.3, 0.6)) ** 2))
    rim = np.sqrt(np.clip(1.02 - q**2, 0, 1))
    level = tones(rng, int(labels.max()), 1.0, rng.uniform(0.03, 0.2))[labels]
    thick = np.where(inside, level * rim * (1 - hollow), 0).astype(np.float32)
    thick *= 1 + np.float32(0.05) * noise(rng, shape, max(1.5, diameter / 8), 2)
    if rng.random() < 0.5:
        focus = max(0.8, 0.05 * diameter)
        image = defocused(thick, focus, rng.uniform(-1.5, 1.5), rng.uniform(0.05, 0.5))
        return Painting(image, labels, "transmission", diameter)
    dye = np.array([rng.uniform(0.05, 0.4), rng.uniform(0.4, 1.2), rng.uniform(0.3, 1.0)])
    if rng.random() < 0.3:
        dye = rng.permutation(dye)
    glass = np.array([rng.uniform(0.8, 0.97), rng.uniform(0.8, 0.97), rng.uniform(0.78, 0.97)])
    light = glass * np.exp(-thick[..., None] * dye)
    edge = np.exp(-(((land.q - 1) / 0.08) ** 2))[..., None]
    light = light - rng.uniform(0, 0.25) * edge
    return Painting(np.clip(light, 0, 1).astype(np.float32), labels, "colour", diameter)


PAINTERS: dict[str, Painter] = {"red_cells": red_cells}
