"""Fluorescence nuclei that limits and noise hide: dim bodies with bright spots, few on grain."""

from __future__ import annotations

import numpy as np

from napari_sam.training.synthetic.fields import Array, blur, noise
from napari_sam.training.synthetic.nuclei import chromatin, place_nuclei
from napari_sam.training.synthetic.painting import Painter, Painting, tones
from napari_sam.training.synthetic.placement import clusters, log_uniform
from napari_sam.training.synthetic.territory import Labels, tidy


def _spots(rng: np.random.Generator, inside: Array, diameter: float, count: int) -> Array:
    """Light of points inside, as bright as everything else together."""
    places = np.flatnonzero(inside.ravel())
    light = np.zeros(inside.shape, np.float32)
    if len(places):
        chosen = rng.choice(places, count)
        strength = np.exp(rng.normal(0, 0.5, count)).astype(np.float32)
        np.maximum.at(light.ravel(), chosen, strength)
    sigma = float(np.clip(rng.uniform(0.02, 0.06) * diameter, 0.6, 4))
    return blur(light, sigma) * np.float32(2 * np.pi * sigma**2)


def spotted(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Dim nuclei with a few spots that outshine them, under noise.

    Chromocentres, labelled loci or replication foci: what is counted is the nucleus.
    """
    diameter = log_uniform(rng, 16, 0.35 * min(shape))
    spacing = rng.uniform(0.9, 1.3)
    land = place_nuclei(rng, shape, diameter, log_uniform(rng, 0.1, 0.7), spacing)
    labels = land.labels(20)
    level = tones(rng, int(labels.max()), rng.uniform(0.06, 0.3), 0.25)[labels]
    body = np.where(labels > 0, level * chromatin(rng, land.q, diameter, 0.1), 0)
    each = int(np.exp(rng.uniform(np.log(1), np.log(12))))
    inner = (labels > 0) & (land.q < 0.85)
    light = _spots(rng, inner, diameter, max(1, each * int(labels.max())))
    signal = body + np.float32(rng.uniform(0.5, 1.2)) * light
    grain = np.float32(rng.uniform(0.0, 0.05)) * np.abs(noise(rng, shape, 1.0))
    return Painting((signal + grain).astype(np.float32), labels, "emission", diameter)


def on_grain(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """One to a few large nuclei on a ground whose grain has every size but theirs."""
    diameter = log_uniform(rng, 0.16 * min(shape), 0.5 * min(shape))
    land = place_nuclei(rng, shape, diameter, rng.uniform(0.08, 0.35), 1.15)
    labels = land.labels(60)
    level = tones(rng, int(labels.max()), 1.0, 0.3)[labels]
    body = np.where(labels > 0, level * chromatin(rng, land.q, diameter, 0.15), 0)
    body *= np.clip((1 - land.q) / rng.uniform(0.03, 0.3), 0, 1)
    grain = noise(rng, shape, log_uniform(rng, 1.3, 0.16 * diameter), int(rng.integers(1, 3)))
    if rng.random() < 0.4:  # blotches: the ground between them is dark
        grain = np.clip(grain, 0, None) ** 2
    ground = log_uniform(rng, 0.02, 0.3) * grain + rng.uniform(0, 0.2)
    signal = np.float32(rng.uniform(0.25, 1.0)) * body + ground
    return Painting(np.maximum(signal, 0).astype(np.float32), labels, "emission", diameter)


def section(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """A thick section: nuclei of three depths over each other, from bright to hardly seen."""
    diameter = log_uniform(rng, 14, 0.25 * min(shape))
    labels: Labels = np.zeros(shape, np.int32)
    signal = np.zeros(shape, np.float32)
    density = clusters(rng, shape, 5 * diameter, rng.uniform(0.4, 0.9))
    for depth in range(3):  # from below to the top
        land = place_nuclei(rng, shape, diameter, rng.uniform(0.25, 0.7), 0.95, density)
        own = land.labels(max(12, int(0.03 * diameter**2)))
        level = tones(rng, int(own.max()), 1.0, rng.uniform(0.3, 0.8))[own]
        light = np.where(own > 0, level * chromatin(rng, land.q, diameter), 0)
        away = 2 - depth
        if away:
            light = blur(light.astype(np.float32), 0.05 * away * diameter)
        signal = signal * np.float32(rng.uniform(0.5, 1)) + light.astype(np.float32)
        if depth == 0:  # the deepest layer is too blurred to be outlined
            signal *= np.float32(rng.uniform(0.1, 0.4))
            continue
        labels = np.where(own > 0, own + labels.max(), labels)
    labels = tidy(labels, max(12, int(0.03 * diameter**2)))
    return Painting(signal.astype(np.float32), labels, "emission", diameter)


PAINTERS: dict[str, Painter] = {
    "nuclei_spotted": spotted,
    "nuclei_on_grain": on_grain,
    "nuclei_section": section,
}
