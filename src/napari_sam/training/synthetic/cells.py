"""Fluorescence of whole cells: membranes, plant walls, cytoplasm, spread cells, composites."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

from napari_sam.training.synthetic.fields import Array, blur, noise, strands
from napari_sam.training.synthetic.nuclei import chromatin, specks
from napari_sam.training.synthetic.painting import Painter, Painting, tones
from napari_sam.training.synthetic.placement import clusters, lattice, log_uniform, radii, scatter
from napari_sam.training.synthetic.territory import (
    Labels,
    Territory,
    boundaries,
    outline,
    stellate,
    tidy,
)


def epithelium(
    rng: np.random.Generator,
    shape: tuple[int, int],
    diameter: float,
    jitter: float,
    elongation: float = 1.0,
    limit: float = 2.6,
) -> Territory:
    """Cells side by side; with a small ``limit`` there are holes between them."""
    land = Territory(shape, rng, rng.uniform(0.01, 0.06) * diameter, 0.5 * diameter)
    common = rng.uniform(0, np.pi)
    density = clusters(rng, shape, 5 * diameter, 0.7) if limit < 2 else None
    for centre in lattice(rng, shape, diameter, jitter):
        if density is not None:
            r, c = np.clip(centre.astype(int), 0, np.array(shape) - 1)
            if density[r, c] < 0.5:
                continue
        size = 0.5 * diameter * float(np.exp(rng.normal(0, 0.15)))
        angle = rng.normal(common, 0.15) if elongation > 1.3 else rng.uniform(0, np.pi)
        oval = elongation * float(np.exp(abs(rng.normal(0, 0.12))))
        land.blob(centre, size, oval, angle, limit=limit)
    return land


def rim_distance(owner: Labels) -> Array:
    """Pixels to the nearest change of owner."""
    return distance_transform_edt(~boundaries(owner)).astype(np.float32)


def membranes(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Bright cell outlines in a sheet; cells reach the middle of the membrane."""
    diameter = log_uniform(rng, 12, 0.5 * min(shape))
    holes = rng.random() < 0.35
    land = epithelium(
        rng, shape, diameter, rng.uniform(0.08, 0.22), rng.uniform(1, 1.5), 1.15 if holes else 2.6
    )
    labels = land.labels(16)
    width = float(np.clip(diameter * rng.uniform(0.02, 0.06), 0.7, 5))
    away = rim_distance(labels)
    line = np.exp(-((away / width) ** 2) / 2).astype(np.float32)
    patchy = np.clip(1 + rng.uniform(0.1, 0.45) * noise(rng, shape, 0.6 * diameter, 2), 0.15, 2)
    signal = line * patchy * (1 + 0.2 * noise(rng, shape, 1.5))
    inside = labels > 0
    level = tones(rng, int(labels.max()), rng.uniform(0.02, 0.25), 0.4)
    texture = np.maximum(1 + 0.3 * noise(rng, shape, max(1.5, diameter / 9), 2), 0)
    signal = signal + level[labels] * texture
    if rng.random() < 0.3:  # vesicles
        dots = np.clip(noise(rng, shape, max(1.8, diameter / 16)) - 1.9, 0, 1)
        signal = signal + rng.uniform(0.3, 1.0) * dots * inside
    if rng.random() < 0.25:  # nuclei, dimmer than the membranes
        seat = np.clip((0.5 - land.q) * 8, 0, 1) * inside
        signal = signal + rng.uniform(0.1, 0.5) * seat
    return Painting(np.maximum(signal, 0).astype(np.float32), labels, "emission", diameter)


def walls(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Plant cell walls: thick, straight, of unequal size; the cell is what they enclose."""
    diameter = log_uniform(rng, 20, 0.5 * min(shape))
    land = epithelium(rng, shape, diameter, rng.uniform(0.05, 0.3), rng.uniform(1, 2.4))
    width = float(np.clip(diameter * rng.uniform(0.03, 0.07), 1.0, 7))
    away = rim_distance(land.owner)
    labels = tidy(np.where(away > 0.7 * width, land.owner, 0), 16)
    edge = np.clip((width + 0.5 - away) / 1.5, 0, 1)
    signal = edge * np.clip(1 + 0.25 * noise(rng, shape, 1.5 * diameter, 2), 0.3, 2)
    signal = signal * (1 + 0.12 * noise(rng, shape, max(1.5, width)))
    inside = labels > 0
    if rng.random() < 0.4:  # chloroplasts
        dots = np.clip(noise(rng, shape, max(2.0, diameter / 9)) - 1.0, 0, 1)
        signal = signal + rng.uniform(0.2, 0.8) * dots * inside
    cloud = np.clip(0.06 + 0.05 * noise(rng, shape, 0.7 * diameter, 2), 0, 1)
    return Painting((signal + cloud).astype(np.float32), labels, "emission", diameter)


def grown(
    rng: np.random.Generator,
    shape: tuple[int, int],
    diameter: float,
    coverage: float,
    spacing: float,
    stretched: float = 0.0,
    density: Array | None = None,
) -> Territory:
    """Adherent cells: lobed bodies, a share of them stretched into spindles and stars."""
    sizes = radii(rng, shape, diameter, coverage, 0.22)
    centres, sizes = scatter(rng, shape, sizes, spacing, density)
    land = Territory(shape, rng, 0.05 * diameter, 0.45 * diameter)
    rough = rng.uniform(0.05, 0.16)
    common = rng.uniform(0, np.pi)
    aligned = rng.random() < 0.4
    for centre, size in zip(centres, sizes, strict=True):
        oval = float(np.exp(abs(rng.normal(0.1, 0.3))))
        angle = rng.normal(common, 0.35) if aligned else rng.uniform(0, np.pi)
        if rng.random() >= stretched:
            land.blob(centre, size, oval, angle, outline(rng, rough, 7))
        elif rng.random() < 0.5:
            oval = rng.uniform(1.5, 6.0)
            land.blob(centre, 0.8 * size, oval, angle, stellate(rng, 2, 0.5))
        else:
            arms = int(rng.integers(3, 7))
            land.blob(centre, 0.9 * size, oval, angle, stellate(rng, arms, rng.uniform(0.5, 1.3)))
    return land


def nuclear_seats(rng: np.random.Generator, labels: Labels, depth: Array, share: float) -> Array:
    """One nucleus per cell (0 centre, 1 rim), round the deepest point of the cell."""
    land = Territory(labels.shape, rng, 0.6, 12)
    count = int(labels.max())
    flat = np.lexsort((depth.ravel(), labels.ravel()))
    ends = np.searchsorted(labels.ravel()[flat], np.arange(1, count + 1), side="right") - 1
    for place in flat[ends] if count else []:
        r, c = divmod(int(place), labels.shape[1])
        size = max(1.5, share * float(depth[r, c]))
        shift = rng.normal(0, 0.15 * size, 2)
        land.blob((r + shift[0], c + shift[1]), size, rng.uniform(1, 1.5), rng.uniform(0, np.pi))
    return np.where(labels > 0, land.q, 99.0).astype(np.float32)


def cell_depth(labels: Labels) -> Array:
    """Distance of every pixel of a cell to the rim of its cell."""
    inner = (labels > 0) & ~boundaries(labels)
    return distance_transform_edt(np.pad(inner, 1))[1:-1, 1:-1].astype(np.float32)


def cytoplasm(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Whole cells filled with a cytoplasmic marker, nuclei darker or brighter inside."""
    diameter = log_uniform(rng, 22, 0.5 * min(shape))
    if rng.random() < 0.5:
        land = epithelium(rng, shape, diameter, 0.2, rng.uniform(1, 1.6), rng.uniform(1.0, 1.5))
    else:
        coverage = rng.uniform(0.4, 1.4)
        land = grown(rng, shape, diameter, coverage, rng.uniform(0.75, 1), rng.choice([0, 0.5]))
    labels = land.labels(30)
    depth = cell_depth(labels)
    seats = nuclear_seats(rng, labels, depth, rng.uniform(0.5, 0.75))
    level = tones(rng, int(labels.max()), 1.0, rng.uniform(0.15, 0.5))
    thick = np.clip(depth / (0.25 * diameter), 0, 1) ** rng.uniform(0.25, 0.8)
    body = level[labels] * (0.25 + 0.75 * thick)
    mottle = np.float32(rng.uniform(0.1, 0.35)) * noise(rng, shape, max(1.6, diameter / 11), 3)
    body = body * np.maximum(1 + mottle, 0.1)
    nucleus = np.clip((1 - seats) * 5, 0, 1)
    signal = body * (1 + nucleus * rng.choice([-0.75, -0.45, 0.3, 0.8]))
    if rng.random() < 0.4:  # brighter rim where the membrane holds the dye
        signal = signal + 0.4 * level[labels] * np.exp(-((depth - 1) ** 2) / 3)
    signal = np.where(labels > 0, signal, 0).astype(np.float32)
    if rng.random() < 0.3:
        signal += specks(rng, shape, 15, 0.5)
    return Painting(signal, labels, "emission", diameter)


def spread(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Flat cells with stress fibres and protrusions."""
    diameter = log_uniform(rng, 40, 0.7 * min(shape))
    land = grown(
        rng, shape, diameter, rng.uniform(0.3, 1.0), rng.uniform(0.7, 1.0), rng.uniform(0.4, 1)
    )
    labels = land.labels(60)
    depth = cell_depth(labels)
    seats = nuclear_seats(rng, labels, depth, 0.55)
    angle = rng.uniform(0, np.pi) + rng.normal(0, rng.uniform(0.1, 1.5), int(labels.max()) + 1)
    bent = angle.astype(np.float32)[labels] + 0.03 * noise(rng, shape, 0.5 * diameter)
    bundles = strands(rng, bent, float(np.clip(diameter / rng.uniform(25, 45), 1.4, 5)))
    contrast = rng.uniform(0.1, 0.5)
    level = tones(rng, int(labels.max()), 1.0, 0.3)[labels]
    edge = np.exp(-depth / max(1.5, 0.03 * diameter))
    body = 0.35 + contrast * np.clip(bundles + 0.4, 0, 2.5) + rng.uniform(0.1, 0.8) * edge
    body = body + rng.uniform(-0.25, 0.5) * np.clip((1 - seats) * 4, 0, 1)
    body = body + 0.1 * noise(rng, shape, 2)
    signal = np.where(labels > 0, np.maximum(level * body, 0.02), 0).astype(np.float32)
    return Painting(signal, labels, "emission", diameter)


def composite(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Two or three colours: cytoplasm or membranes with nuclei in another colour."""
    painting = cytoplasm(rng, shape) if rng.random() < 0.6 else membranes(rng, shape)
    labels, diameter = painting.labels, painting.scale
    seats = nuclear_seats(rng, labels, cell_depth(labels), rng.uniform(0.45, 0.7))
    blue = np.where(seats < 1, chromatin(rng, seats, diameter / 2), 0)
    body = painting.signal + np.float32(0.02)
    body = body / max(float(np.quantile(body, 0.995)), 1e-3)
    body = body + np.sqrt(np.maximum(body, 0) / log_uniform(rng, 50, 1000)) * rng.standard_normal(
        shape, dtype=np.float32
    )
    tint = rng.permutation([rng.uniform(0.8, 1.0), rng.uniform(0, 0.6), rng.uniform(0, 0.2)])
    second = np.array([rng.uniform(0, 0.4), rng.uniform(0, 0.5), 1.0]) * rng.uniform(0.5, 1)
    image = body[..., None] * tint + blur(blue.astype(np.float32), 0.7)[..., None] * second
    return Painting(np.clip(image, 0, 1).astype(np.float32), labels, "colour", diameter)


PAINTERS: dict[str, Painter] = {
    "membranes": membranes,
    "cell_walls": walls,
    "cytoplasm": cytoplasm,
    "spread_cells": spread,
    "cells_composite": composite,
}
