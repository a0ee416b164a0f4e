"""How a plane is read at a zoom: the automatic head over tiles that see beyond their edges."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_sam.models.cells.network import Features
from napari_sam.models.cells.readers import Reader
from napari_sam.models.cells.windows import Pyramid
from napari_sam.models.model import SURROUNDINGS, InstanceMaps
from napari_sam.progress import Progress, silent
from napari_sam.prompts import Window

__all__ = [
    "OBJECT",
    "STRIDE",
    "ReadTile",
    "clip_zoom",
    "features_of",
    "maps_from",
    "read_maps",
    "sampled",
    "tiles",
]

OBJECT = 32.0  # window pixels across an object, as in training
ZOOMS = (1 / 24, 8.0)  # limits that training kept to
STRIDE = 2  # window pixels per map pixel
TILE = 2048  # window pixels of a tile's side that are kept, at most
HALO = 160  # window pixels of context around a tile


def clip_zoom(zoom: float) -> float:
    """Keep a zoom within what the network was trained on."""
    return float(np.clip(zoom, *ZOOMS))


def read_maps(
    network: Reader,
    pyramid: Pyramid,
    diameter: float,
    progress: Progress = silent,
    region: Window | None = None,
) -> InstanceMaps:
    """Run the automatic head over a plane, in tiles with a halo, at one object size.

    With a region, only there and around it; elsewhere the maps are 0.
    """
    zoom = clip_zoom(OBJECT / diameter)
    height, width = pyramid.shape
    rows, columns = ceil(height * zoom / STRIDE), ceil(width * zoom / STRIDE)
    scale = STRIDE / zoom
    maps = np.zeros((3, rows, columns), dtype=np.float32)
    top, bottom, left, right = 0, rows, 0, columns
    if region is not None:
        top, bottom = _span(region[0], region[2], diameter, scale, rows)
        left, right = _span(region[1], region[3], diameter, scale, columns)
    parts = tiles((top, bottom), (left, right), (rows, columns))
    for done, part in enumerate(parts):
        progress(done / len(parts))
        seen = _maps_of(network, pyramid, part.seen, zoom)
        maps[:, part.rows, part.columns] = seen[:, part.inner[0], part.inner[1]]
    progress(1.0)
    return InstanceMaps(maps[0], maps[1], maps[2], (scale, scale), pyramid.shape, diameter)


class ReadTile(NamedTuple):
    """A part of a plane that is read at once, in map pixels.

    Attributes
    ----------
    rows, columns : slice
        What is kept of it, in the whole.
    seen : (r0, c0, r1, c1)
        What is read, with a halo where there is something to see.
    inner : (slice, slice)
        What is kept of what is read.
    """

    rows: slice
    columns: slice
    seen: tuple[int, int, int, int]
    inner: tuple[slice, slice]


def tiles(
    rows: tuple[int, int], columns: tuple[int, int], shape: tuple[int, int]
) -> list[ReadTile]:
    """Divide a span of map pixels of a plane with so many of them into tiles with a halo."""
    tall, wide = _step(rows[1] - rows[0]), _step(columns[1] - columns[0])
    edge = HALO // STRIDE
    found = []
    for r0 in range(*rows, tall):
        for c0 in range(*columns, wide):
            r1, c1 = min(r0 + tall, rows[1]), min(c0 + wide, columns[1])
            above, before = min(r0, edge), min(c0, edge)
            below, after = min(shape[0] - r1, edge), min(shape[1] - c1, edge)
            seen = (r0 - above, c0 - before, r1 + below, c1 + after)
            inner = (slice(above, above + r1 - r0), slice(before, before + c1 - c0))
            found.append(ReadTile(slice(r0, r1), slice(c0, c1), seen, inner))
    return found


def _span(first: float, last: float, diameter: float, scale: float, count: int) -> tuple[int, int]:
    """Return the map pixels of a region's side and its surroundings.

    They start where the network's coarsest pixels start in an undivided plane.
    """
    coarsest = 32 // STRIDE
    around = SURROUNDINGS * diameter
    low, high = int((first - around) / scale), ceil((last + around) / scale) + 1
    return max(0, low // coarsest * coarsest), min(count, high)


def _step(count: int) -> int:
    """Divide a side, in map pixels, into tiles of about the same size: halos are wasted work.

    Tiles start where the network's coarsest pixels start in an undivided plane, so that both
    see the same.
    """
    coarsest = 32 // STRIDE
    tiles = ceil(count * STRIDE / TILE)
    return ceil(count / tiles / coarsest) * coarsest


def _maps_of(
    network: Reader, pyramid: Pyramid, pixels: tuple[int, int, int, int], zoom: float
) -> npt.NDArray[np.float32]:
    """Run the automatic head on a region given in map pixels ``(r0, c0, r1, c1)``."""
    rows, columns = pixels[2] - pixels[0], pixels[3] - pixels[1]
    return maps_from(network, features_of(network, pyramid, pixels, zoom))[:, :rows, :columns]


def maps_from(network: Reader, features: Features) -> npt.NDArray[np.float32]:
    """Return the automatic head's three maps of a region's features, 0 to 1."""
    maps = network.instances(features)
    found: npt.NDArray[np.float32] = maps[0, :3].float().sigmoid().cpu().numpy()
    return found


def features_of(
    network: Reader, pyramid: Pyramid, pixels: tuple[int, int, int, int], zoom: float
) -> Features:
    """Encode a region given in map pixels; what is returned may reach beyond it."""
    return network.encode(sampled(network, pyramid, pixels, zoom))


def sampled(
    network: Reader, pyramid: Pyramid, pixels: tuple[int, int, int, int], zoom: float
) -> Tensor:
    """Re-sample a region given in map pixels as a network takes it; it may reach beyond it."""
    rows, columns = pixels[2] - pixels[0], pixels[3] - pixels[1]
    # The network halves five times; what that adds is black, like all beyond the plane.
    size = ceil(rows * STRIDE / 32) * 32, ceil(columns * STRIDE / 32) * 32
    corner = pixels[0] * STRIDE / zoom - 0.5, pixels[1] * STRIDE / zoom - 0.5
    edges = (*corner, corner[0] + size[0] / zoom, corner[1] + size[1] / zoom)
    image = pyramid.sample(edges, size).contiguous(memory_format=torch.channels_last)
    return image.to(network.precision)
