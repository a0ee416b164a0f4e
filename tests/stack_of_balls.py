"""A stack of two bright balls, one of which a test follows through its slices."""

from __future__ import annotations

from typing import Any

import numpy as np

SHAPE = (12, 90, 100)
CENTRE = (5, 40, 50)
NEIGHBOUR = (5, 40, 74)
RADIUS = 9


def ball(centre: tuple[int, int, int] = CENTRE, radius: float = RADIUS, depth: float = 3.4) -> Any:
    z, y, x = np.indices(SHAPE)
    apart = ((y - centre[1]) ** 2 + (x - centre[2]) ** 2) / radius**2
    return ((z - centre[0]) / depth) ** 2 + apart < 1


def picture(*objects: Any) -> Any:
    rng = np.random.default_rng(0)
    image = rng.integers(5, 16, SHAPE).astype(np.uint8)
    for one in objects:
        image[one] = 200 + rng.integers(-8, 8, int(one.sum()))
    return image


BALL = ball()
STACK = picture(BALL, ball(NEIGHBOUR))


def overlap(a: Any, b: Any) -> float:
    return np.count_nonzero(a & b) / np.count_nonzero(a | b)
