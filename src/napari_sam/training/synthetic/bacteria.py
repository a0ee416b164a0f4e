"""Rods, curved cells, filaments and cocci, alone and in dense colonies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_sam.training.synthetic.fields import Array, noise
from napari_sam.training.synthetic.painting import Painter, Painting, tones
from napari_sam.training.synthetic.phase import phase_contrast
from napari_sam.training.synthetic.placement import clusters, log_uniform, scatter
from napari_sam.training.synthetic.territory import Labels, Territory


def spine(
    centre: NDArray[np.floating],
    angle: float,
    length: float,
    curl: float,
    pieces: int,
) -> NDArray[np.float64]:
    """Centre line of a bent object; ``curl`` is its whole turn in radians."""
    turn = np.linspace(-0.5, 0.5, pieces) * curl + angle
    steps = np.stack([np.sin(turn), np.cos(turn)], axis=1) * (length / max(pieces, 1))
    path = np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])
    return path - path.mean(0) + centre


def pack_rods(
    rng: np.random.Generator,
    shape: tuple[int, int],
    width: float,
    aspect: float,
    curl: float = 0.1,
    density: Array | None = None,
    tries: int = 1200,
    room: float = 0.96,
    order: float = 5.0,
    limit: int = 420,
    snug: float = 0.0,
) -> Territory:
    """Rods thrown one by one; each grows from its middle until it meets another.

    Parameters
    ----------
    room : float
        Least distance between centre lines, in widths.
    order : float
        Neighbours share an orientation that wanders over this many widths.
    snug : float
        Share of the rods that move sideways until they touch a neighbour, as in a full colony.
    """
    land = Territory(shape)
    radius = width / 2
    field = noise(rng, shape, order * width * max(1.0, aspect / 2)) * 1.3 + rng.uniform(0, np.pi)
    places = rng.uniform((-width, -width), (shape[0] + width, shape[1] + width), (tries, 2))
    luck, moves = rng.random((2, tries))
    bound = np.array(shape) - 1
    nearest = 2 * room
    for place, chance, move in zip(places, luck, moves, strict=True):
        r, c = (int(x) for x in np.clip(place, 0, bound))
        q = float(land.q[r, c])
        if q < nearest or (density is not None and density[r, c] < chance):
            continue
        if move < snug and q < 3.4 and 0 < r < bound[0] and 0 < c < bound[1]:
            away = land.q[r + 1, c] - land.q[r - 1, c], land.q[r, c + 1] - land.q[r, c - 1]
            steep = float(np.hypot(*away))
            if 0 < steep < 10:
                place = place - np.array(away) * ((q - nearest - 0.02) * radius / steep)
        bent = rng.normal(0, curl)
        pieces = 2 if abs(bent) < 0.12 else 2 * int(np.clip(abs(bent) * 2, 1, 5))
        length = width * max(0.15, aspect * float(np.exp(rng.normal(0, 0.28))) - 1)
        line = spine(place, float(field[r, c]) + rng.normal(0, 0.1), length, bent, pieces)
        free = _grow(land, line, width, nearest)
        if free is not None:
            land.tube(free, radius * rng.uniform(0.93, 1.05), feel=3.5 if snug else 2.0)
            if land.count >= limit:
                break
    return land


def _grow(
    land: Territory, line: NDArray[np.float64], width: float, nearest: float
) -> NDArray[np.float64] | None:
    """The part of a centre line around its middle that is free, or None if too short."""
    length = float(np.hypot(*(line[1] - line[0]))) * (len(line) - 1)
    count = 2 * max(1, round(length / width)) + 1
    ends = np.linspace(0, len(line) - 1, count)
    base = np.minimum(ends.astype(int), len(line) - 2)
    part = (ends - base)[:, None]
    points = line[base] * (1 - part) + line[base + 1] * part
    bound = np.array(land.shape) - 1
    seen = np.clip(points, 0, bound).astype(int)
    blocked = np.flatnonzero(land.q[seen[:, 0], seen[:, 1]] < nearest)
    middle = count // 2
    low = int(blocked[blocked <= middle].max(initial=-1)) + 1
    high = int(blocked[blocked >= middle].min(initial=count)) - 1
    if high - low < min(2, count - 1):
        return None
    if len(line) == 3:  # straight: two points are enough
        return points[[low, high]]
    return points[low : high + 1 : 1]


def colony_density(rng: np.random.Generator, shape: tuple[int, int], width: float) -> Array | None:
    """Scattered cells, a few microcolonies, or a full field."""
    style = rng.random()
    if style < 0.3:
        return None
    if style < 0.65:
        return clusters(rng, shape, 10 * width, rng.uniform(0.2, 0.6))
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    density = np.zeros(shape, np.float32)
    for _ in range(int(rng.integers(1, 5))):
        centre = rng.uniform(0.1, 0.9, 2) * shape
        reach = log_uniform(rng, 4 * width, 0.5 * min(shape) + 5 * width)
        lumpy = 1 + 0.15 * noise(rng, shape, max(6.0, reach / 2))
        distance = np.hypot(rows - centre[0], cols - centre[1]) / (reach * lumpy)
        density = np.maximum(density, (distance < 1).astype(np.float32))
    return density


def _body(q: Array, labels: Labels) -> Array:
    """Thickness of round rods: 1 on the centre line, 0 at the rim."""
    return np.where(labels > 0, np.sqrt(np.clip(1 - 0.9 * q * q, 0, 1)), 0).astype(np.float32)


def trap(rng: np.random.Generator, shape: tuple[int, int], width: float) -> tuple[Array, Array]:
    """Walls of a microfluidic chamber: brightness to add, and where cells may grow."""
    walls, free = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    axis = int(rng.integers(2))
    low, high = np.sort(rng.uniform(0.05, 0.95, 2)) * shape[axis]
    if high - low < 6 * width:
        return walls, free
    along = np.arange(shape[axis], dtype=np.float32)
    profile = np.zeros_like(along)
    for place in (low, high):
        gap = (along - place) / (0.5 * width)
        ripple = np.cos(gap * rng.uniform(1.2, 2.4)) * np.exp(-np.abs(gap) / rng.uniform(1.5, 4))
        profile += np.float32(rng.uniform(0.1, 0.35)) * ripple.astype(np.float32)
    inside = ((along > low + width) & (along < high - width)).astype(np.float32)
    spread = (slice(None), None) if axis == 0 else (None, slice(None))
    outside = np.float32(rng.normal(0, 0.08)) * (1 - inside)
    return walls + (profile + outside)[spread], free * inside[spread]


def _phase(
    rng: np.random.Generator, land: Territory, width: float, walls: Array | None = None
) -> Painting:
    labels = land.labels(max(8, int(0.4 * width**2)))
    level = tones(rng, int(labels.max()), 1.0, rng.uniform(0.05, 0.2))
    thick = _body(land.q, labels) * level[labels]
    thick *= 1 + np.float32(rng.uniform(0, 0.15)) * noise(rng, labels.shape, max(1.5, width / 3))
    halo = width * rng.uniform(0.8, 2.2)
    image = phase_contrast(thick, halo, rng.uniform(0.3, 0.5), rng.uniform(0.7, 1.1))
    if walls is not None:
        image = image + walls
    image = image + np.float32(rng.uniform(0, 0.02)) * noise(rng, labels.shape, 3 * width, 2)
    return Painting(image, labels, "transmission", width)


def rods_phase(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Phase-dark rods in packed colonies, often inside a growth chamber."""
    width = log_uniform(rng, 5, 13)
    density = colony_density(rng, shape, width)
    walls = None
    if rng.random() < 0.4:
        walls, free = trap(rng, shape, width)
        density = free if density is None else density * free
    aspect = rng.uniform(2, 5)
    full = rng.random() < 0.65
    land = pack_rods(
        rng,
        shape,
        width,
        aspect,
        rng.uniform(0, 0.25),
        density,
        2400 if full else 700,
        rng.uniform(0.88, 1.0),
        log_uniform(rng, 3, 12),
        snug=0.9 if full else 0.0,
    )
    return _phase(rng, land, width, walls)


def rods_bright(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Fluorescent rods, filled or with a stained membrane, of unequal brightness."""
    width = log_uniform(rng, 5, 14)
    density = colony_density(rng, shape, width)
    curl = rng.uniform(0, 0.25)
    snug = rng.choice([0.0, 0.9])
    aspect, order = rng.uniform(1.8, 5), log_uniform(rng, 3, 12)
    land = pack_rods(rng, shape, width, aspect, curl, density, 1700, 0.97, order, snug=snug)
    labels = land.labels(max(8, int(0.4 * width**2)))
    level = tones(rng, int(labels.max()), 1.0, rng.uniform(0.1, 0.6))
    body = _body(land.q, labels)
    style = rng.random()
    if style < 0.25:  # membrane stain: the rim is brighter
        body = np.where(labels > 0, 0.3 + 0.9 * np.clip(land.q, 0, 1) ** 3, 0).astype(np.float32)
    elif style < 0.45:  # nucleoids
        spots = np.clip(noise(rng, shape, 0.7 * width) + 0.6, 0.15, 2)
        body = body * (0.3 + 0.7 * spots)
    signal = body * level[labels]
    signal *= 1 + np.float32(rng.uniform(0, 0.2)) * noise(rng, shape, max(1.5, width / 3))
    return Painting(np.maximum(signal, 0), labels, "emission", width)


def curved(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Comma-shaped and crescent cells, in phase contrast or fluorescence."""
    width = log_uniform(rng, 5, 11)
    density = colony_density(rng, shape, width)
    land = pack_rods(
        rng, shape, width, rng.uniform(3, 6), rng.uniform(0.7, 1.8), density, 900, 1.05
    )
    if rng.random() < 0.6:
        return _phase(rng, land, width)
    labels = land.labels(max(8, int(0.4 * width**2)))
    level = tones(rng, int(labels.max()), 1.0, rng.uniform(0.1, 0.5))
    return Painting(_body(land.q, labels) * level[labels], labels, "emission", width)


def filaments(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Cells that did not divide: long, smoothly bent, side by side with short ones."""
    width = log_uniform(rng, 5, 12)
    aspect = rng.uniform(8, min(shape) / width * 0.7 + 8)
    curl = rng.uniform(0.3, 1.6)
    land = pack_rods(rng, shape, width, aspect, curl, None, 350, 1.0, 8.0, 90)
    if rng.random() < 0.5:
        return _phase(rng, land, width)
    labels = land.labels(max(8, int(0.5 * width**2)))
    level = tones(rng, int(labels.max()), 1.0, rng.uniform(0.1, 0.4))
    body = _body(land.q, labels) * level[labels]
    if rng.random() < 0.4:  # septa
        body *= 0.55 + 0.45 * (noise(rng, shape, width) > -0.8)
    return Painting(body.astype(np.float32), labels, "emission", width)


def cocci(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Round cells in pairs, chains and grape-like clusters."""
    diameter = log_uniform(rng, 6.5, 20)
    land = Territory(shape)
    density = clusters(rng, shape, 6 * diameter, rng.uniform(0.2, 0.8))
    starts, _ = scatter(rng, shape, np.full(60, diameter), 1.2, density)
    seats: list[NDArray[np.floating]] = []
    for start in starts:
        place, heading = start, rng.uniform(0, 2 * np.pi)
        for _ in range(int(rng.choice([1, 2, 2, 4, 8]))):
            if not seats or np.min(np.hypot(*(np.array(seats) - place).T)) > 0.85 * diameter:
                seats.append(place)
                land.blob(place, diameter / 2 * rng.uniform(0.9, 1.1), rng.uniform(1, 1.2), heading)
            heading += rng.normal(0, 0.6)
            place = place + 0.93 * diameter * np.array([np.sin(heading), np.cos(heading)])
    if rng.random() < 0.5:
        return _phase(rng, land, diameter)
    labels = land.labels(8)
    level = tones(rng, int(labels.max()), 1.0, rng.uniform(0.1, 0.4))
    return Painting(_body(land.q, labels) * level[labels], labels, "emission", diameter)


PAINTERS: dict[str, Painter] = {
    "rods_phase": rods_phase,
    "rods_fluorescence": rods_bright,
    "bacteria_curved": curved,
    "bacteria_filaments": filaments,
    "cocci": cocci,
}
