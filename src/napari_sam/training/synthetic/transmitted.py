"""Unstained cells in transmitted light: phase contrast, DIC, quantitative phase, brightfield."""

from __future__ import annotations

import numpy as np

from napari_sam.training.synthetic.cells import cell_depth, grown, nuclear_seats
from napari_sam.training.synthetic.fields import Array, blur, noise
from napari_sam.training.synthetic.nuclei import place_nuclei
from napari_sam.training.synthetic.painting import Painter, Painting, tones
from napari_sam.training.synthetic.phase import defocused, differential, phase_contrast
from napari_sam.training.synthetic.placement import clusters, log_uniform
from napari_sam.training.synthetic.territory import Labels, Territory, tidy


def relief(rng: np.random.Generator, labels: Labels, diameter: float, round_cells: bool) -> Array:
    """Optical thickness of cells: a dome, a nucleus with nucleoli, granules, thin edges."""
    shape = labels.shape
    depth = cell_depth(labels)
    level = tones(rng, int(labels.max()), 1.0, rng.uniform(0.05, 0.3))[labels]
    width = diameter * (0.35 if round_cells else rng.uniform(0.08, 0.35))
    dome = np.clip(depth / width, 0, 1)
    dome = np.sqrt(np.clip(1 - (1 - dome) ** 2, 0, 1))
    granules = np.clip(noise(rng, shape, max(1.6, diameter / 18)) - 0.8, 0, 2)
    grain = noise(rng, shape, max(1.5, diameter / 10), 3)
    thick = dome * (0.7 + 0.14 * grain + rng.uniform(0.05, 0.35) * granules)
    if rng.random() < 0.75:
        seats = nuclear_seats(rng, labels, depth, rng.uniform(0.45, 0.7))
        nucleus = np.sqrt(np.clip(1 - seats**2, 0, 1))
        nucleoli = np.clip(noise(rng, shape, max(1.8, diameter / 12)) - 1.0, 0, 1)
        thick = thick + nucleus * (rng.uniform(0.05, 0.5) + 0.5 * nucleoli)
    if not round_cells:
        thick = thick + 0.25 * np.exp(-((depth - 1.5) ** 2) / 3)  # ruffled rim
    return np.where(labels > 0, np.maximum(thick, 0.03) * level, 0).astype(np.float32)


def culture(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Labels, float, bool]:
    """Cells as they lie in a dish: stretched, nearly confluent, or round."""
    diameter = log_uniform(rng, 18, 0.5 * min(shape))
    style = rng.random()
    if style < 0.45:
        density = clusters(rng, shape, 3 * diameter, rng.uniform(0.4, 1.0))
        coverage, stretched = rng.uniform(0.25, 1.0), rng.uniform(0.4, 1)
        land = grown(rng, shape, diameter, coverage, 0.75, stretched, density)
    elif style < 0.7:
        land = grown(rng, shape, diameter, rng.uniform(0.8, 2.0), 0.72, rng.uniform(0, 0.3))
    else:
        density = clusters(rng, shape, 4 * diameter, rng.uniform(0.3, 0.9))
        land = place_nuclei(rng, shape, diameter, rng.uniform(0.2, 1.0), 0.97, density, 0.12)
    return land.labels(40), diameter, style >= 0.7


def debris(rng: np.random.Generator, shape: tuple[int, int], count: int, size: float) -> Array:
    """Unlabelled dirt: small grains and curls, as thickness."""
    land = Territory(shape)
    for _ in range(count):
        place = rng.uniform(0, 1, 2) * shape
        radius = max(0.8, size * float(np.exp(rng.normal(0, 0.4))))
        if rng.random() < 0.8:
            land.blob(place, radius, rng.uniform(1, 2), rng.uniform(0, np.pi))
        else:
            turn = rng.uniform(0, 6.3) + np.cumsum(rng.normal(0, 0.6, 5))
            steps = np.stack([np.sin(turn), np.cos(turn)], 1) * radius * 2
            land.tube(place + np.cumsum(steps, 0), max(0.7, 0.3 * radius))
    return np.where(land.owner > 0, 1 - 0.5 * land.q, 0).astype(np.float32)


def _dirt(rng: np.random.Generator, labels: Labels, diameter: float, chance: float) -> Array:
    if rng.random() > chance:
        return np.zeros(labels.shape, np.float32)
    grains = debris(rng, labels.shape, int(rng.integers(5, 60)), max(0.9, 0.035 * diameter))
    return grains * (labels == 0) * np.float32(rng.uniform(0.2, 0.9))


def _rounded(rng: np.random.Generator, labels: Labels, diameter: float) -> tuple[Labels, Array]:
    """Detached round cells on top of a culture: new labels, and their light.

    They are so thick that the phase turns over: a shining ring around a mottled disc.
    """
    shape = labels.shape
    land = Territory(shape, rng, 0.02 * diameter, 0.4 * diameter)
    for _ in range(int(rng.integers(1, 10))):
        place = rng.uniform(0, 1, 2) * shape
        size = 0.5 * diameter * rng.uniform(0.35, 0.6)
        if land.q[tuple(place.astype(int))] > 1.8:
            land.blob(place, size, rng.uniform(1, 1.15), rng.uniform(0, np.pi))
    top = land.labels(20)
    merged = tidy(np.where(top > 0, top + labels.max(), labels), 40)
    q = land.q
    ring = np.exp(-(((q - 0.92) / 0.16) ** 2)) + 0.35 * np.exp(-np.clip(q - 1, 0, None) / 0.12)
    ring = np.where(q < 1.6, ring, 0)
    core = np.where(q < 0.8, 0.15 + 0.3 * noise(rng, shape, max(1.6, diameter / 10), 2), 0)
    return merged, (rng.uniform(0.35, 0.7) * ring + 0.6 * core).astype(np.float32)


def phase_cells(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Phase contrast of adherent cells: halos, shaded-off bodies, shining round cells."""
    labels, diameter, round_cells = culture(rng, shape)
    light = None
    if rng.random() < 0.5:
        labels, light = _rounded(rng, labels, diameter)
    thick = relief(rng, labels, diameter, round_cells)
    dots = np.clip(noise(rng, shape, max(1.6, diameter / 16)) - 1.5, 0, 1) * (labels > 0)
    thick = thick + rng.uniform(0, 0.8) * dots
    if rng.random() < 0.5:  # some cells lie flat and almost vanish
        thick = thick * tones(rng, int(labels.max()), 0.7, 0.5)[labels]
    thick = (thick + _dirt(rng, labels, diameter, 0.6)).astype(np.float32)
    if rng.random() < 0.35:  # fine optics: only edges and grains are left
        band = blur(thick, 0.6) - blur(thick, rng.uniform(1.6, 3.0))
        image = np.float32(0.5) - np.float32(rng.choice([-1.0, 1, 1]) * 0.9) * band
    else:
        halo = float(np.clip(diameter * rng.uniform(0.06, 0.2), 1.8, 9))
        image = phase_contrast(thick, halo, rng.uniform(0.25, 0.5), rng.uniform(0.8, 1.05))
        rim = blur((labels > 0).astype(np.float32), 1.0) - blur((labels > 0).astype(np.float32), 3)
        image = image - np.float32(rng.uniform(0, 0.5)) * rim
    if light is not None:
        image = np.where(light > 0.12, 0.5 * image + 0.2, image) + blur(light, 0.7)
    image = image + np.float32(rng.uniform(0, 0.015)) * noise(rng, shape, 5, 2)
    return Painting(image.astype(np.float32), labels, "transmission", diameter)


def interference(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """DIC: cells in relief, lit from one side."""
    labels, diameter, round_cells = culture(rng, shape)
    thick = relief(rng, labels, diameter, round_cells)
    thick = thick * np.float32(diameter / 12) + 0.8 * _dirt(rng, labels, diameter, 0.5)
    shear = float(np.clip(0.03 * diameter, 0.7, 2.2))
    image = differential(thick, rng.uniform(0, 2 * np.pi), shear, rng.uniform(0.5, 1.1))
    image = image + np.float32(rng.uniform(0, 0.02)) * noise(rng, shape, 3, 2)
    return Painting(image, labels, "transmission", diameter)


def quantitative(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Quantitative phase: thickness itself over a gently waving zero."""
    labels, diameter, round_cells = culture(rng, shape)
    thick = relief(rng, labels, diameter, round_cells) + 0.4 * _dirt(rng, labels, diameter, 0.4)
    wave = np.float32(rng.uniform(0.01, 0.06)) * noise(rng, shape, 40, 2)
    return Painting(thick + wave, labels, "transmission", diameter)


def brightfield(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Nearly transparent cells a little off focus, sometimes among a lot of dirt."""
    labels, diameter, round_cells = culture(rng, shape)
    thick = relief(rng, labels, diameter, round_cells)
    dirty = rng.random() < 0.5
    thick = thick + _dirt(rng, labels, diameter, 1.0 if dirty else 0.3)
    distance = float(np.clip(diameter * rng.uniform(0.02, 0.07), 0.8, 4))
    sign = rng.choice([-1.0, 1.0])
    image = defocused(thick, distance, sign * rng.uniform(1.0, 2.5), rng.uniform(0, 0.3))
    if dirty:
        far = debris(rng, shape, int(rng.integers(3, 25)), 0.12 * diameter + 1)
        image = image - np.float32(rng.uniform(0.05, 0.2)) * blur(far, rng.uniform(2, 5))
    return Painting(image.astype(np.float32), labels, "transmission", diameter)


def squames(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Thin folded cells, grey on white, with a small dark nucleus each: the object."""
    body = log_uniform(rng, 40, 0.8 * min(shape))
    image = np.full(shape, 0.93, np.float32)
    layers = Territory(shape)
    nucleus = body * rng.uniform(0.1, 0.2)
    for _ in range(int(rng.integers(1, 3))):
        sheet = grown(rng, shape, body, rng.uniform(0.2, 0.7), 0.7)
        labels = sheet.labels(60)
        tone = tones(rng, int(labels.max()), rng.uniform(0.12, 0.3), 0.3)[labels]
        folds = np.exp(-((noise(rng, shape, body / 2.5) / 0.06) ** 2))
        grain = 1 + 0.25 * noise(rng, shape, max(2.0, body / 25), 3) + 0.5 * folds
        rim = 1 + 0.8 * np.exp(-cell_depth(labels) / 2)
        image = image * (1 - np.clip(tone * grain * rim, 0, 0.7))
        seats = np.argwhere(sheet.q < 0.12)
        if len(seats):
            for place in seats[rng.integers(0, len(seats), min(len(seats), 12))]:
                r, c = np.clip(place, 0, np.array(shape) - 1)
                if layers.q[r, c] > 2.2:
                    size = nucleus / 2 * float(np.exp(rng.normal(0, 0.2)))
                    layers.blob((r, c), size, rng.uniform(1, 1.5), rng.uniform(0, np.pi))
    labels = layers.labels(9)
    dark = tones(rng, int(labels.max()), rng.uniform(0.45, 0.8), 0.15)[labels]
    dark = dark * (1 + 0.15 * noise(rng, shape, max(1.5, nucleus / 5), 2))
    image = image * (1 - np.clip(dark, 0, 0.95))
    grains = debris(rng, shape, int(rng.integers(0, 30)), 0.9)
    image = image * (1 - 0.5 * grains * (labels == 0))
    return Painting(image.astype(np.float32), labels, "transmission", nucleus)


PAINTERS: dict[str, Painter] = {
    "phase_cells": phase_cells,
    "dic_cells": interference,
    "quantitative_phase": quantitative,
    "brightfield_cells": brightfield,
    "brightfield_squames": squames,
}
