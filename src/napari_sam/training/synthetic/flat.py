"""Flat cells in phase contrast: grey as their ground, told by halos, ruffles and nuclei."""

from __future__ import annotations

import numpy as np

from napari_sam.training.synthetic.cells import cell_depth, grown, nuclear_seats
from napari_sam.training.synthetic.fields import blur, noise
from napari_sam.training.synthetic.painting import Painter, Painting, tones
from napari_sam.training.synthetic.phase import phase_contrast
from napari_sam.training.synthetic.placement import clusters, log_uniform


def flat_cells(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Spread cells so thin that bodies are as grey as the ground; some are rounded and shine."""
    diameter = log_uniform(rng, 22, 0.5 * min(shape))
    density = clusters(rng, shape, 3 * diameter, rng.uniform(0.5, 1.0))
    coverage, stretched = rng.uniform(0.3, 1.6), rng.uniform(0.2, 1)
    labels = grown(rng, shape, diameter, coverage, 0.74, stretched, density).labels(40)
    depth = cell_depth(labels)
    inside = labels > 0
    level = tones(rng, int(labels.max()), 1.0, 0.4)[labels]
    thin = np.clip(depth / (rng.uniform(0.03, 0.15) * diameter), 0, 1)
    thick = np.where(inside, thin * level * rng.uniform(0.05, 0.4), 0)
    seats = nuclear_seats(rng, labels, depth, rng.uniform(0.4, 0.65))
    nucleus = np.sqrt(np.clip(1 - seats**2, 0, 1))
    nucleoli = np.clip(noise(rng, shape, max(1.8, diameter / 12)) - 1.2, 0, 1)
    thick = thick + nucleus * (rng.uniform(0.05, 0.5) + rng.uniform(0, 1) * nucleoli) * inside
    dots = np.clip(noise(rng, shape, max(1.5, diameter / 20)) - rng.uniform(0.9, 1.8), 0, 1)
    near = np.exp(-np.maximum(seats - 1, 0))  # granules gather around the nucleus
    thick = thick + rng.uniform(0.1, 0.8) * dots * near * inside
    ruffle = np.exp(-(((depth - 1.5) / 1.5) ** 2)) * np.clip(noise(rng, shape, diameter / 3), 0, 2)
    thick = thick + rng.uniform(0, 0.5) * ruffle * inside
    halo = float(np.clip(diameter * rng.uniform(0.08, 0.3), 2, 14))
    image = phase_contrast(
        thick.astype(np.float32), halo, rng.uniform(0.25, 0.6), rng.uniform(0.8, 1.2)
    )
    body = blur(inside.astype(np.float32), rng.uniform(0.8, 1.6))
    glow = blur(inside.astype(np.float32), halo) - body
    image = image + np.float32(rng.uniform(0, 0.25)) * np.where(inside, 0.4, 1) * glow
    image = image + np.float32(rng.uniform(0, 0.02)) * noise(rng, shape, 4, 2)
    return Painting(image.astype(np.float32), labels, "transmission", diameter)


PAINTERS: dict[str, Painter] = {"phase_flat": flat_cells}
