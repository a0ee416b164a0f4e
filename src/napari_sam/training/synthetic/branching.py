"""Cells with long thin processes in fluorescence: neurons, glia, fibroblasts with filopodia."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_sam.training.synthetic.fields import noise
from napari_sam.training.synthetic.painting import Painter, Painting, tones
from napari_sam.training.synthetic.placement import log_uniform, scatter
from napari_sam.training.synthetic.territory import Territory, outline


def _process(
    rng: np.random.Generator, start: NDArray[np.floating], heading: float, length: float
) -> NDArray[np.float64]:
    """A path that wanders off from a cell body."""
    count = 10
    turns = heading + np.cumsum(rng.normal(0, 0.22, count))
    steps = np.stack([np.sin(turns), np.cos(turns)], 1) * (length / count)
    return start + np.concatenate([np.zeros((1, 2)), np.cumsum(steps, 0)])


def _grow(
    rng: np.random.Generator, land: Territory, centre: NDArray[np.floating], body: float
) -> None:
    """Add one cell: a body, its processes, and branches of these."""
    number = land.blob(
        centre, body, rng.uniform(1, 1.8), rng.uniform(0, np.pi), outline(rng, 0.1, 6)
    )
    arms = int(rng.integers(2, 7))
    base = rng.uniform(0, 2 * np.pi)
    thin = max(0.9, body * rng.uniform(0.1, 0.25))
    for arm in range(arms):
        heading = base + 2 * np.pi * arm / arms + rng.normal(0, 0.4)
        length = body * float(np.exp(rng.normal(1.3, 0.4)))
        line = _process(rng, centre, heading, length)
        width = thin * np.linspace(1.6, 0.6, len(line))
        width[0] = min(0.7 * body, 3 * thin)
        land.tube(line, width, number=number)
        if rng.random() < 0.6:
            fork = int(rng.integers(3, 8))
            branch = _process(rng, line[fork], heading + rng.choice([-1, 1]) * 0.8, 0.5 * length)
            land.tube(branch, 0.8 * thin * np.linspace(1, 0.6, len(branch)), number=number)


def branching(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Cells whose processes are several times as long as their bodies, and dimmer."""
    body = log_uniform(rng, 5, 0.08 * min(shape))
    room = rng.uniform(1.6, 3.5) * body
    count = int(np.clip(rng.uniform(0.3, 1.0) * shape[0] * shape[1] / (3.2 * room**2), 1, 60))
    centres, _ = scatter(rng, shape, np.full(count, room), 1.0)
    land = Territory(shape, rng, 0.1 * body, 2 * body)
    for centre in centres:
        _grow(rng, land, centre, body)
    labels = land.labels(30)
    inside = labels > 0
    level = tones(rng, int(labels.max()), 1.0, rng.uniform(0.1, 0.5))[labels]
    near = np.full(shape, np.inf, np.float32)
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    for r, c in centres:
        np.minimum(near, np.hypot(rows - r, cols - c).astype(np.float32), out=near)
    # thick at the body, and with less and less in the light's way along a process
    thick = np.clip(1.15 - 0.5 * np.minimum(land.q, 1) ** 2, 0, 1)
    dim = rng.uniform(0.08, 0.6) + (1 - rng.uniform(0.08, 0.6)) * np.exp(-((near / body) ** 2))
    texture = np.maximum(1 + rng.uniform(0.05, 0.3) * noise(rng, shape, max(1.5, body / 4), 2), 0.1)
    signal = np.where(inside, level * thick * dim * texture, 0)
    if rng.random() < 0.5:  # the nucleus is left out, or shines
        nucleus = np.exp(-((near / (0.55 * body)) ** 4))
        signal = signal * (1 + rng.choice([-0.7, 1.0]) * nucleus)
    return Painting(signal.astype(np.float32), labels, "emission", 1.5 * body)


PAINTERS: dict[str, Painter] = {"branching_cells": branching}
