"""Small pictures of where objects were found, for people to recognise the place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.contrast import normalise
from napari_sam.images import Tile
from napari_sam.regions import Region, box_of

__all__ = ["Picture", "picture_of"]

_AROUND = 0.4  # of the objects' size that is shown around them
_LEAST = 8  # and at least so many pixels more


@dataclass(frozen=True, eq=False)
class Picture:
    """A part of a plane as a model saw it.

    Parameters
    ----------
    pixels : (h, w) or (h, w, 3) float32 array
        In [0, 1].
    corner : (float, float)
        Where on the plane the middle of the first pixel lies.
    step : (float, float)
        Pixels of the plane per pixel.
    """

    pixels: npt.NDArray[np.float32]
    corner: tuple[float, float] = (0.0, 0.0)
    step: tuple[float, float] = (1.0, 1.0)

    def rows(self, at: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Rows of the plane on which rows of the picture lie."""
        return _on_plane(at, self.corner[0], self.step[0])

    def columns(self, at: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Columns of the plane on which columns of the picture lie."""
        return _on_plane(at, self.corner[1], self.step[1])


def _on_plane(at: npt.NDArray[np.intp], first: float, step: float) -> npt.NDArray[np.intp]:
    return np.asarray(np.rint(first + at * step), dtype=np.intp)


def picture_of(
    pixels: npt.NDArray[Any],
    regions: Sequence[Region],
    limits: tuple[float, float],
    tile: Tile | None = None,
) -> Picture:
    """Cut out the square around all regions, with a margin to recognise the place.

    Parameters
    ----------
    pixels : (H, W) or (H, W, C) array
        The plane, or a tile of it.
    regions : sequence of Region
        On the plane.
    limits : (low, high)
        Values of black and white.
    tile : Tile, optional
        Where the pixels lie, if they are not the plane.
    """
    box = box_of(regions)
    if box is None:
        return Picture(np.zeros((1, 1), np.float32))
    (r0, c0), (r1, c1) = box[:2], (box[2] - 1, box[3] - 1)
    if tile is not None:
        (r0, c0), (r1, c1) = np.rint(tile.from_plane([(r0, c0), (r1, c1)])).astype(int)
    side = int((1 + _AROUND) * max(r1 - r0, c1 - c0)) + _LEAST
    top = max(int(r0 + r1 - side) // 2, 0)
    left = max(int(c0 + c1 - side) // 2, 0)
    crop = normalise(pixels[top : top + side, left : left + side], limits)
    if tile is None:
        return Picture(crop, (top, left))
    down, along = tile.to_plane([(top, left)])[0]
    return Picture(crop, (float(down), float(along)), tile.scale.step)
