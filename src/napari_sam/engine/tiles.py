"""A plane divided into tiles: where each begins, which objects belong to it, and which is empty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.contrast import is_noise
from napari_sam.images import Block, Scale, Tile, coarsest_within, scales_of

__all__ = ["TilePart", "divide", "holds_nothing", "nearest_first"]

_OBJECT = 32  # pixels of the network across an object, as models with an automatic head see it
_SIDE = 64  # diameters of a tile's side: 2048 pixels of the network
_MARGIN = 6  # diameters around what a tile is for: an object, and what the network sees around it
_ALIGNED = 8  # pixels: networks see means of so many at most
_PLAIN_MARGIN = 1 / 6  # of the field, where nobody knows how large objects are
_WIDEST = 6144  # pixels of the plane along a side of a tile, at most
_FAINT = 0.02  # of the range between black and white: what varies less is seen by nobody
_MEANS = 4  # pixels of the side of the squares whose means vary


@dataclass(frozen=True, eq=False)
class TilePart:
    """A tile with its margin, and the rectangle whose objects are its own.

    Parameters
    ----------
    number : int
        Its place among the tiles of the plane, row by row.
    tile : Tile
        What is read.
    core : (r0, c0, r1, c1)
        Half open, in pixels of the plane at full resolution: cores cover the plane, each pixel
        once.
    slack : float
        An object whose middle lies so near to the core, in pixels of the plane, is taken in as
        well, unless a neighbour has written it.
    """

    number: int
    tile: Tile
    core: tuple[float, float, float, float]
    slack: float

    def owns(self, places: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Tell which objects are its own, by their middles (N, 2) in pixels of the plane."""
        low, high = np.array(self.core[:2]) - 0.5, np.array(self.core[2:]) - 0.5
        inside = (places >= low - self.slack) & (places < high + self.slack)
        return np.asarray(inside.all(axis=1))


def divide(block: Block, field: int, diameter: float | None) -> list[TilePart]:
    """Divide a plane into tiles, row by row.

    Parameters
    ----------
    block : Block
    field : int
        Pixels of a side that a model sees best at once, where no diameter is known.
    diameter : float, optional
        Of the objects, in pixels of the plane; with one that is `napari_sam.engine.sizes.rounded`,
        tiles begin where the coarsest pixels of a network do.

    Returns
    -------
    list of TilePart

    Examples
    --------
    >>> from napari_sam.images import Image
    >>> block = next(Image.of(np.zeros((3000, 5000), np.uint8)).blocks())
    >>> parts = divide(block, 1024, 32.0)
    >>> len(parts), parts[1].core, parts[1].tile.columns
    (8, (0, 1280, 1504, 2560), (1088, 2752))
    """
    scale = _scale_for(block, diameter)
    if diameter is None:
        period, side, margin = 1.0, float(field), field * _PLAIN_MARGIN
    else:
        seen = diameter / scale.longest
        period, side, margin = _period(seen), _SIDE * seen, _MARGIN * seen
    side = min(side, max(_WIDEST / scale.longest, 6 * margin))
    edge = math.ceil(margin / period) * period
    spans = []
    for length in scale.shape:
        count = max(1, math.ceil(length / (side - 2 * edge)))
        step = max(1, math.ceil(length / count / period)) * period
        starts = [int(k * step) for k in range(count) if k * step < length]
        spans.append(list(zip(starts, [*starts[1:], length], strict=True)))
    slack = 0.0 if diameter is None else diameter / 4
    parts: list[TilePart] = []
    for rows in spans[0]:
        for columns in spans[1]:
            tile = Tile(
                block,
                scale,
                _widened(rows, edge, period, scale.shape[0]),
                _widened(columns, edge, period, scale.shape[1]),
            )
            core = (*_at(rows[0], columns[0], scale), *_at(rows[1], columns[1], scale))
            parts.append(TilePart(len(parts), tile, core, slack))
    return parts


def _scale_for(block: Block, diameter: float | None) -> Scale:
    """Choose the scale at which objects are as large as the network sees them, or larger."""
    scales = scales_of(block.image, block.plane)
    return scales[0] if diameter is None else coarsest_within(scales, diameter / _OBJECT)


def _period(diameter: float) -> float:
    """Pixels after which a network's coarsest pixels begin anew, on a whole pixel of the plane."""
    period = diameter
    for _ in range(4):
        if abs(period - round(period)) < 1e-6:
            return float(round(period))
        period *= 2
    return float(_ALIGNED)


def _widened(span: tuple[int, int], edge: float, period: float, length: int) -> tuple[int, int]:
    last = math.ceil(span[1] / period) * period + edge
    return max(int(span[0] - edge), 0), min(int(last), length)


def _at(row: int, column: int, scale: Scale) -> tuple[float, float]:
    """Bring the corner of a pixel to the plane."""
    return row * scale.step[0], column * scale.step[1]


def nearest_first(
    parts: Sequence[TilePart], window: tuple[float, float, float, float]
) -> list[TilePart]:
    """Sort tiles by how far they are from a window of the plane, those within it first."""

    def distance(part: TilePart) -> float:
        r0, c0, r1, c1 = part.core
        down = max(window[0] - r1, r0 - window[2], 0.0)
        along = max(window[1] - c1, c0 - window[3], 0.0)
        return math.hypot(down, along)

    return sorted(parts, key=lambda part: (distance(part), part.number))


def holds_nothing(pixels: npt.NDArray[Any], limits: tuple[float, float]) -> bool:
    """Whether there is nothing to be seen on a tile: one value, or noise and nothing else.

    Parameters
    ----------
    pixels : (h, w) or (h, w, C) array
    limits : (low, high)
        Values of black and white.
    """
    grey = pixels.mean(axis=-1) if pixels.ndim == 3 else pixels
    low, high = limits
    rows, columns = (side // _MEANS * _MEANS for side in grey.shape)
    if not rows or not columns:
        return False
    squares = grey[:rows, :columns].reshape(rows // _MEANS, _MEANS, columns // _MEANS, _MEANS)
    means = np.nan_to_num(squares.mean(axis=(1, 3)), nan=low, posinf=high, neginf=low)
    if np.ptp(np.clip(means, low, high)) < _FAINT * (high - low):
        return True
    return is_noise(grey)
