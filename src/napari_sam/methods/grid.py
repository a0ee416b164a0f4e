"""Where everything-mode asks: grids of points, and crops of the plane.

Crops and grids are those of SAM's automatic mode (Kirillov et al., 2023, appendix D), in
``(row, column)`` here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class PlaneCrop:
    """A rectangle of the plane that is encoded on its own.

    Parameters
    ----------
    top, left, bottom, right : int
        Half open.
    layer : int
        0 is the whole plane, layer n has 4**n crops.
    """

    top: int
    left: int
    bottom: int
    right: int
    layer: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.bottom - self.top, self.right - self.left

    @property
    def area(self) -> int:
        """Pixels."""
        return self.shape[0] * self.shape[1]

    def take(self, plane: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Cut it out of a plane (H, W[, C])."""
        return plane[self.top : self.bottom, self.left : self.right]


def point_grid(points_per_side: int) -> npt.NDArray[np.float64]:
    """Even grid of points, (n * n, 2) ``(row, column)`` as fractions 0..1 of a crop's sides."""
    margin = 1.0 / (2 * points_per_side)
    side = np.linspace(margin, 1.0 - margin, points_per_side)
    rows, columns = np.meshgrid(side, side, indexing="ij")
    return np.stack([rows.ravel(), columns.ravel()], axis=1)


def crops(shape: tuple[int, int], layers: int, overlap_ratio: float) -> list[PlaneCrop]:
    """List the whole plane and then, layer by layer, its overlapping crops.

    Parameters
    ----------
    shape : (H, W)
    layers : int
        Layer n, from 1 on, cuts each side into 2**n.
    overlap_ratio : float
        Overlap of the first layer's crops as a share of the plane's shorter side.
    """
    height, width = shape
    found = [PlaneCrop(0, 0, height, width, 0)]
    for layer in range(1, layers + 1):
        count = 2**layer
        overlap = int(overlap_ratio * min(height, width) * (2 / count))
        tall, wide = (
            math.ceil((overlap * (count - 1) + length) / count) for length in (height, width)
        )
        # Column by column, as the reference: order decides between equal scores.
        for j in range(count):
            left = (wide - overlap) * j
            for i in range(count):
                top = (tall - overlap) * i
                found.append(
                    PlaneCrop(top, left, min(top + tall, height), min(left + wide, width), layer)
                )
    return found
