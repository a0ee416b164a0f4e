"""Samples of a plane that is too large to be read: parts that stand for the whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.images.image import Block
from napari_sam.images.scales import Scale, scales_of
from napari_sam.images.tile import Tile, read_part

__all__ = ["is_large", "overview", "sample_of"]

IN_MEMORY = 1 << 24  # pixels of a plane in memory that is read whole, 4096²
ON_DISK = 1 << 22  # and of one that is read or computed when it is looked at, 2048²
_OVERVIEW = 1 << 22  # pixels of the level that shows where something is
_PART = 128  # pixels of the side of a part
_PARTS = 8  # of them along a side


def is_large(block: Block) -> bool:
    """Whether a plane is better read in parts than whole."""
    here = all(isinstance(level, np.ndarray) for level in block.image.levels)
    here = here and not isinstance(block.image.finest, np.memmap)
    height, width = block.plane.shape
    return height * width > (IN_MEMORY if here else ON_DISK)


def overview(block: Block, most: int = _OVERVIEW) -> tuple[Scale, npt.NDArray[Any]] | None:
    """Read the finest level of the pyramid that is small enough to be read whole.

    Parameters
    ----------
    block : Block
    most : int
        Pixels of it.

    Returns
    -------
    scale : Scale
    pixels : (h, w) or (h, w, C) array
        None where there is no such level.
    """
    for scale in scales_of(block.image, block.plane):
        height, width = scale.shape
        if scale.pooled == 1 and height * width <= most:
            return scale, Tile(block, scale, (0, height), (0, width)).read()
    return None


def sample_of(block: Block) -> npt.NDArray[Any]:
    """Read what a plane's contrast can be told from.

    Of a small plane that is all of it. Of a large one it is a mosaic of small parts at full
    resolution, so that noise and small objects look as they do: half of them in a grid over the
    plane, and half where the small level of a pyramid varies most, if there is one.

    Parameters
    ----------
    block : Block

    Returns
    -------
    (h, w) or (h, w, C) array
        Of the image's type; at most 1024 pixels a side of a large plane.
    """
    if not is_large(block):
        return block.read()
    height, width = block.plane.shape
    places = _grid(height, width)
    found = overview(block)
    if found is not None:
        places[::2] = _lively(*found, count=len(places[::2]))
    sides = min(_PART, height), min(_PART, width)
    parts = []
    for row, column in places:
        top = int(np.clip(row - sides[0] // 2, 0, height - sides[0]))
        left = int(np.clip(column - sides[1] // 2, 0, width - sides[1]))
        finest = block.image.finest
        parts.append(read_part(block, finest, (top, top + sides[0]), (left, left + sides[1])))
    lines = [np.concatenate(parts[at : at + _PARTS], axis=1) for at in range(0, len(parts), _PARTS)]
    return np.concatenate(lines)


def _grid(height: int, width: int) -> npt.NDArray[np.float64]:
    """Places spread evenly; every second line is moved, so that no column is favoured."""
    at = (np.arange(_PARTS) + 0.5) / _PARTS
    rows, columns = np.meshgrid(at, at, indexing="ij")
    columns[1::2] = (columns[1::2] + 0.5 / _PARTS) % 1.0
    return np.stack([rows.ravel() * height, columns.ravel() * width], axis=1)


def _lively(scale: Scale, pixels: npt.NDArray[Any], count: int) -> npt.NDArray[np.float64]:
    """Places of the plane where a small picture of it varies most."""
    grey = pixels.mean(axis=-1) if pixels.ndim == 3 else pixels
    grey = np.nan_to_num(grey.astype(np.float64), posinf=0.0, neginf=0.0)
    side = [
        min(max(1, round(_PART / step)), length)
        for step, length in zip(scale.step, grey.shape, strict=True)
    ]
    tall, wide = (length // s for length, s in zip(grey.shape, side, strict=True))
    cut = grey[: tall * side[0], : wide * side[1]].reshape(tall, side[0], wide, side[1])
    means = cut.mean(axis=(1, 3))
    # One pixel of the picture may be as large as a part: then neighbours tell how it varies.
    spread = cut.std(axis=(1, 3))
    if min(tall, wide) > 1:
        spread = spread + np.hypot(*np.gradient(means))
    best = np.argsort(-spread, axis=None, kind="stable")[:count]
    best = np.resize(best, count)
    rows, columns = np.unravel_index(best, spread.shape)
    places = np.stack([(rows + 0.5) * side[0], (columns + 0.5) * side[1]], axis=1)
    return np.asarray(places * scale.step)
