"""Samples of a plane that is too large to be read: parts that stand for the whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.images.image import Block
from napari_sam.images.scales import Scale, scales_of
from napari_sam.images.tile import Tile, read_part

__all__ = ["is_large", "overview", "patches_of", "sample_of"]

IN_MEMORY = 1 << 24  # pixels of a plane in memory that is read whole, 4096²
ON_DISK = 1 << 22  # and of one that is read or computed when it is looked at, 2048²
_OVERVIEW = 1 << 22  # pixels of the level that shows where something is
_PART = 128  # pixels of the side of a part
_PARTS = 8  # of them along a side
_PROBES = (12, 24, 48)  # places along a side that are looked at until there is something to see


def is_large(block: Block) -> bool:
    """Whether a plane is better read in parts than whole."""
    here = all(isinstance(level, np.ndarray) for level in block.image.levels)
    here = here and not isinstance(block.image.finest, np.memmap)
    height, width = block.plane.shape
    return height * width > (IN_MEMORY if here else ON_DISK)


def overview(block: Block) -> tuple[Scale, npt.NDArray[Any]] | None:
    """Read the finest level of the pyramid that is small enough to be read whole.

    Parameters
    ----------
    block : Block

    Returns
    -------
    scale : Scale
    pixels : (h, w) or (h, w, C) array
        None where there is no such level.
    """
    for scale in scales_of(block.image, block.plane):
        height, width = scale.shape
        if scale.pooled == 1 and height * width <= _OVERVIEW:
            return scale, Tile(block, scale, (0, height), (0, width)).read()
    return None


def sample_of(block: Block) -> npt.NDArray[Any]:
    """Read what a plane's contrast can be told from.

    Of a small plane that is all of it. Of a large one it is a mosaic of small parts at full
    resolution, so that noise and small objects look as they do: half of them in a grid over the
    plane, and half where the small level of a pyramid varies most. Without a pyramid all are in
    the grid, unless nothing is to be seen there.

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
    places = _grid(block.plane.shape, _PARTS)
    found = overview(block)
    parts = [] if found else [read_around(block, place, _PART) for place in places]
    if not any(_spread(part) for part in parts):
        lively = _lively(block, found)
        places[::2] = np.resize(lively, (len(places[::2]), 2))
        parts = [read_around(block, place, _PART) for place in places]
    lines = [np.concatenate(parts[at : at + _PARTS], axis=1) for at in range(0, len(parts), _PARTS)]
    return np.concatenate(lines)


def patches_of(block: Block, side: int, count: int) -> list[npt.NDArray[Any]]:
    """Read squares from all over a plane, where something is to be seen.

    Parameters
    ----------
    block : Block
    side : int
        Pixels of a square.
    count : int
        How many, at most.

    Returns
    -------
    list of (side, side) or (side, side, C) arrays
        At full resolution; smaller where the plane is.
    """
    chosen: list[npt.NDArray[np.float64]] = []
    for place in _lively(block, overview(block)):
        if all(np.abs(place - other).max() >= side for other in chosen):
            chosen.append(place)
    some = np.unique(np.linspace(0, len(chosen) - 1, count).round().astype(int))
    return [read_around(block, chosen[at], side) for at in some]


def read_around(block: Block, place: npt.NDArray[np.float64], side: int) -> npt.NDArray[Any]:
    """Read a square around a place, moved to lie within the plane, at full resolution."""
    spans = []
    for at, length in zip(place, block.plane.shape, strict=True):
        size = min(side, length)
        first = int(np.clip(at - size // 2, 0, length - size))
        spans.append((first, first + size))
    return read_part(block, block.image.finest, spans[0], spans[1])


def _lively(block: Block, found: tuple[Scale, npt.NDArray[Any]] | None) -> npt.NDArray[np.float64]:
    """Places of a large plane where something is to be seen, from the liveliest on.

    Without a pyramid places are looked at in a grid, which gets finer while all of them are of one
    value: slides are filled with zeros around small pieces of tissue.
    """
    if found is not None:
        return _most_varied(*found)
    for count in _PROBES:
        places = _grid(block.plane.shape, count)
        spread = np.array([_spread(read_around(block, place, _PART)) for place in places])
        if spread.any() or count * _PART > max(block.plane.shape):
            break
    order = np.argsort(-spread, kind="stable")
    return places[order[: max(1, np.count_nonzero(spread > spread.max() / 4))]]


def _spread(pixels: npt.NDArray[Any]) -> float:
    grey = pixels.mean(axis=-1) if pixels.ndim == 3 else pixels
    return float(np.nan_to_num(grey.astype(np.float64), posinf=0.0, neginf=0.0).std())


def _grid(shape: tuple[int, int], count: int) -> npt.NDArray[np.float64]:
    """Places spread evenly; every second line is moved, so that no column is favoured."""
    at = (np.arange(count) + 0.5) / count
    rows, columns = np.meshgrid(at, at, indexing="ij")
    columns[1::2] = (columns[1::2] + 0.5 / count) % 1.0
    return np.stack([rows.ravel() * shape[0], columns.ravel() * shape[1]], axis=1)


def _most_varied(scale: Scale, pixels: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Places of the plane where a small picture of it varies, from the liveliest on.

    Places that vary less than a quarter as much as the first are left out.
    """
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
    order = np.argsort(-spread, axis=None, kind="stable")
    enough = np.count_nonzero(spread >= spread.max() / 4)
    rows, columns = np.unravel_index(order[: max(1, enough)], spread.shape)
    places = np.stack([(rows + 0.5) * side[0], (columns + 0.5) * side[1]], axis=1)
    return np.asarray(places * scale.step)
