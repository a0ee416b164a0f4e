"""A movie of a bright disc that divides into two, which move apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SHAPE = (100, 120)
FRAMES = 14
BORN = 5
Disc = tuple[int, int, int]


def disc(row: int, column: int, radius: int) -> np.ndarray:
    down, along = np.indices(SHAPE)
    return (down - row) ** 2 + (along - column) ** 2 <= radius**2


def mother(t: int) -> Disc:
    return 50, 50 + t, 10


def daughters(t: int, born: int = BORN) -> tuple[Disc, Disc]:
    """Two halves of her that move apart."""
    away = 9 + min(t - born, 3)
    return (50 - away, 50 + t, 7), (50 + away, 50 + t, 7)


def movie(frames: Sequence[Sequence[Disc]]) -> np.ndarray:
    bright = [np.any([disc(*one) for one in some], axis=0) for some in frames]
    return np.where(bright, 200, 10).astype(np.uint8)


def dividing(born: int = BORN, frames: int = FRAMES) -> np.ndarray:
    return movie([[mother(t)] if t < born else daughters(t, born) for t in range(frames)])
