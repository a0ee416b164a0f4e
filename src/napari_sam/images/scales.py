"""The scales at which a plane can be read: the levels of its pyramid, and means in between."""

from __future__ import annotations

from dataclasses import dataclass

from napari_sam.images.image import Image
from napari_sam.images.plane import Plane

__all__ = ["Scale", "coarsest_within", "scales_of"]

_MOST_POOLED = 8  # pixels along a side whose mean is taken, at most
_SMALLEST = 32  # pixels of a plane's shorter side, at least


@dataclass(frozen=True)
class Scale:
    """One scale at which a plane can be read.

    Parameters
    ----------
    level : int
        Of the image's pyramid.
    pooled : int
        Pixels of the level along a side whose mean is a pixel here.
    step : (float, float)
        Pixels of the plane per pixel here, down and along.
    shape : (int, int)
        Rows and columns of the whole plane here.
    """

    level: int
    pooled: int
    step: tuple[float, float]
    shape: tuple[int, int]

    @property
    def longest(self) -> float:
        """Pixels of the plane per pixel, on the side where they are more."""
        return max(self.step)


def scales_of(image: Image, plane: Plane) -> tuple[Scale, ...]:
    """List the scales of a plane, the finest first, each about twice as coarse as the one before.

    Parameters
    ----------
    image : Image
        Whose levels need not be halves; those that are no pictures of this plane are left out.
    plane : Plane

    Returns
    -------
    tuple of Scale

    Examples
    --------
    >>> import numpy as np
    >>> image = Image([np.zeros((600, 800)), np.zeros((150, 200))], "YX")
    >>> scales = scales_of(image, next(image.planes()))
    >>> [(scale.level, scale.pooled, scale.step) for scale in scales]
    [(0, 1, (1, 1)), (0, 2, (2, 2)), (1, 1, (4, 4)), (1, 2, (8, 8)), (1, 4, (16, 16))]
    """
    steps: list[tuple[int, tuple[float, float], tuple[int, int]]] = []
    for number, level in enumerate(image.levels):
        if len(level.shape) != len(image.finest.shape):
            continue
        sides = int(level.shape[plane.axes[0]]), int(level.shape[plane.axes[1]])
        step = _ratio(plane.shape[0], sides[0]), _ratio(plane.shape[1], sides[1])
        if not steps or max(step) > 1.1 * max(steps[-1][1]):
            steps.append((number, step, sides))
    found: list[Scale] = []
    for place, (number, step, sides) in enumerate(steps):
        following = max(steps[place + 1][1]) if place + 1 < len(steps) else float("inf")
        pooled = 1
        while pooled == 1 or (
            pooled <= _MOST_POOLED
            and pooled * max(step) < 0.75 * following
            and min(sides) >= pooled * _SMALLEST
        ):
            shape = -(-sides[0] // pooled), -(-sides[1] // pooled)
            found.append(Scale(number, pooled, (step[0] * pooled, step[1] * pooled), shape))
            pooled *= 2
    return tuple(found)


def _ratio(fine: int, coarse: int) -> float:
    """Pixels of the finest level per pixel: whole where the rest is what rounding makes of it."""
    whole = round(fine / coarse)
    return whole if fine // whole <= coarse <= -(-fine // whole) else fine / coarse


def coarsest_within(scales: tuple[Scale, ...], step: float) -> Scale:
    """Return the coarsest scale whose pixels are no larger than `step`; else the finest.

    Examples
    --------
    >>> fine, coarse = Scale(0, 1, (1, 1), (64, 64)), Scale(1, 1, (4, 4), (16, 16))
    >>> coarsest_within((fine, coarse), 3.9).level, coarsest_within((fine, coarse), 4.0).level
    (0, 1)
    """
    fitting = [scale for scale in scales if scale.longest <= step * (1 + 1e-9)]
    return fitting[-1] if fitting else scales[0]
