"""Tiles: rectangles of a plane at one of its scales, read without the rest of the plane.

A pixel of a coarser scale covers a square of the plane's pixels, whose means it holds. Places are
those of pixel centres in both frames: the first pixel of a plane reaches from -0.5 to 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.errors import ImageError, NapariSamError
from napari_sam.images.image import Block
from napari_sam.images.scales import Scale
from napari_sam.regions import Region

__all__ = ["Tile", "read_part", "tile_around"]

_AT_ONCE = 1 << 24  # pixels that are read at once before their means are taken
Window = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Tile:
    """A rectangle of a plane, at a scale.

    Parameters
    ----------
    block : Block
        The image and the plane.
    scale : Scale
    rows, columns : (int, int)
        The first, and the one behind the last, in pixels of the scale.
    """

    block: Block
    scale: Scale
    rows: tuple[int, int]
    columns: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of its pixels."""
        return self.rows[1] - self.rows[0], self.columns[1] - self.columns[0]

    @property
    def edges(self) -> Window:
        """``(r0, c0, r1, c1)`` that it reaches to, in pixels of the plane."""
        low = self.to_plane([(-0.5, -0.5)])[0]
        high = self.to_plane([(self.shape[0] - 0.5, self.shape[1] - 0.5)])[0]
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    @property
    def cut(self) -> tuple[bool, bool, bool, bool]:
        """Whether the plane goes on beyond its top, left, bottom and right edge."""
        height, width = self.scale.shape
        return (
            *(self.rows[0] > 0, self.columns[0] > 0),
            *(self.rows[1] < height, self.columns[1] < width),
        )

    def holds(self, edges: Window, margin: float = 0.0) -> bool:
        """Whether a rectangle of the plane lies within it, so far from the edges it cuts."""
        own = self.edges
        far = [edges[0] - own[0], edges[1] - own[1], own[2] - edges[2], own[3] - edges[3]]
        needed = [margin if cut else -0.5 for cut in self.cut]
        return all(have >= least for have, least in zip(far, needed, strict=True))

    # -- places ----------------------------------------------------------------------------------

    def from_plane(self, places: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Convert ``(row, column)`` places of the plane (N, 2) to those of the tile."""
        moved = (np.asarray(places, np.float64).reshape(-1, 2) + 0.5) / self.scale.step
        return np.asarray(moved - 0.5 - (self.rows[0], self.columns[0]))

    def to_plane(self, places: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Convert ``(row, column)`` places of the tile (N, 2) to those of the plane."""
        corner = np.array([self.rows[0], self.columns[0]])
        moved = np.asarray(places, np.float64).reshape(-1, 2) + corner + 0.5
        return np.asarray(moved * self.scale.step - 0.5)

    def region(self, mask: npt.NDArray[np.bool_], top: int = 0, left: int = 0) -> Region:
        """Bring a mask of the tile, whose first pixel is at ``(top, left)``, to the plane.

        At full resolution pixels are what they are; of a coarser mask, the outline is drawn
        between the pixels.
        """
        small = Region.of(mask, top, left)
        if not small.area:
            return small
        if self.scale.step == (1, 1):
            return Region(small.mask, small.top + self.rows[0], small.left + self.columns[0])
        r0, rows = self._covered(0, small.top + self.rows[0], small.mask.shape[0])
        c0, columns = self._covered(1, small.left + self.columns[0], small.mask.shape[1])
        down = _interpolated(self._framed(small).astype(np.float32), rows)
        return Region.of(_interpolated(down.T, columns).T >= 0.5, r0, c0)

    def _framed(self, region: Region) -> npt.NDArray[np.bool_]:
        """Put a pixel around a mask: background, and beyond the plane what is at its border."""
        values = np.pad(region.mask, 1)
        r0, c0, r1, c1 = region.box
        if r0 + self.rows[0] == 0:
            values[0] = values[1]
        if r1 + self.rows[0] == self.scale.shape[0]:
            values[-1] = values[-2]
        if c0 + self.columns[0] == 0:
            values[:, 0] = values[:, 1]
        if c1 + self.columns[0] == self.scale.shape[1]:
            values[:, -1] = values[:, -2]
        return values

    def _covered(self, axis: int, first: int, count: int) -> tuple[int, npt.NDArray[np.float64]]:
        """Pixels of the plane, along an axis, on and around some pixels of the scale.

        Returns
        -------
        low : int
            The first of them.
        places : (n,) float
            Where they lie, in pixels of the scale and one before `first`.
        """
        step = self.scale.step[axis]
        low = max(int(np.floor((first - 0.5) * step)), 0)
        high = min(int(np.ceil((first + count + 0.5) * step)), self.block.plane.shape[axis])
        places = (np.arange(low, high, dtype=np.float64) + 0.5) / step
        return low, np.asarray(places - 0.5 - first + 1, np.float64)

    # -- pixels ----------------------------------------------------------------------------------

    def read(self) -> npt.NDArray[Any]:
        """Read its pixels, (h, w) or (h, w, C), of the image's type.

        Raises
        ------
        ImageError
            When they cannot be read.
        """
        image, plane, scale = self.block.image, self.block.plane, self.scale
        data = image.levels[scale.level]
        if scale.pooled == 1:
            return read_part(self.block, data, self.rows, self.columns)
        n = scale.pooled
        width = int(data.shape[plane.axes[1]])
        height = int(data.shape[plane.axes[0]])
        columns = self.columns[0] * n, min(self.columns[1] * n, width)
        band = max(1, _AT_ONCE // max(1, n * (columns[1] - columns[0])))
        parts = []
        for first in range(self.rows[0], self.rows[1], band):
            rows = first * n, min(min(first + band, self.rows[1]) * n, height)
            parts.append(_means(read_part(self.block, data, rows, columns), n))
        return np.concatenate(parts)


def _interpolated(values: npt.NDArray[np.float32], at: npt.NDArray[np.float64]) -> Any:
    """Interpolate rows."""
    low = np.clip(np.floor(at).astype(int), 0, len(values) - 2)
    weight = np.clip(at - low, 0, 1).astype(np.float32)[:, None]
    return values[low] * (1 - weight) + values[low + 1] * weight


def _means(pixels: npt.NDArray[Any], n: int) -> npt.NDArray[Any]:
    """Average squares of n by n pixels; those at the end may be smaller."""
    kind = pixels.dtype
    total: npt.NDArray[Any] = pixels
    for axis in (0, 1):
        starts = np.arange(0, total.shape[axis], n)
        counts = np.minimum(n, total.shape[axis] - starts)
        # float32 for bytes: sums of 64 of them are exact.
        wide = np.float32 if kind.itemsize <= 2 else np.float64
        total = np.add.reduceat(total.astype(wide, copy=False), starts, axis=axis)
        total = total / counts.astype(wide).reshape((-1, *[1] * (total.ndim - 1 - axis)))
    return np.asarray(total.astype(kind) if kind.kind == "f" else np.rint(total).astype(kind))


def read_part(
    block: Block, data: Any, rows: tuple[int, int], columns: tuple[int, int]
) -> npt.NDArray[Any]:
    """Read a part of a plane out of a level of its pyramid, (h, w) or (h, w, C).

    Parameters
    ----------
    block : Block
    data : array
        A level of the image.
    rows, columns : (int, int)
        The first, and the one behind the last, in its pixels.

    Raises
    ------
    ImageError
        When it cannot be read.
    """
    plane, finest = block.plane, block.image.finest
    # A pyramid may be coarser along the other axes, too.
    index = tuple(
        None if at is None else int(at * data.shape[axis] // finest.shape[axis])
        for axis, at in enumerate(plane.index)
    )
    try:
        return replace(plane, index=index).part(data, slice(*rows), slice(*columns))
    except (NapariSamError, MemoryError):
        raise
    except Exception as error:
        raise ImageError(
            f"The image cannot be read at rows {rows[0]} to {rows[1]}, columns {columns[0]} to "
            f"{columns[1]}: {error!r}."
        ) from error


def tile_around(block: Block, scale: Scale, centre: tuple[float, float], side: int) -> Tile:
    """Return the tile of a scale around a place, moved to lie within the plane.

    Parameters
    ----------
    block : Block
    scale : Scale
    centre : (float, float)
        ``(row, column)`` in pixels of the plane.
    side : int
        Pixels of the tile along a side; fewer where the plane has no more.
    """
    spans = []
    for place, step, length in zip(centre, scale.step, scale.shape, strict=True):
        size = min(side, length)
        first = round((place + 0.5) / step - size / 2)
        first = min(max(first, 0), length - size)
        spans.append((first, first + size))
    return Tile(block, scale, spans[0], spans[1])
