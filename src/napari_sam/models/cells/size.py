"""How large the objects of a plane are, and the maps of the automatic head at that size.

The network sees objects best when they are about 32 pixels across. Nobody tells it their size,
so it looks at the plane at one zoom, measures what it finds, and looks again at the zoom that
this suggests until both agree.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil, log
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage as ndi
from torch import Tensor

from napari_sam.models.cells.network import CellsNetwork, Features
from napari_sam.models.cells.windows import Pyramid
from napari_sam.models.model import SURROUNDINGS, InstanceMaps
from napari_sam.progress import Progress, silent
from napari_sam.prompts import Window

OBJECT = 32.0  # window pixels across an object, as in training
ZOOMS = (1 / 24, 8.0)  # limits that training kept to
STRIDE = 2  # window pixels per map pixel
TILE = 2048  # window pixels of a tile's side that are kept, at most
HALO = 160  # window pixels of context around a tile
LOOK = 512  # side of the region, in window pixels, on which sizes are measured
FIRST_ZOOMS = (1.0, 0.5, 2.0, 0.25)  # tried in turn until objects show up
AGREE = 1.7  # ratio up to which the size found and the size looked for agree
CLOSER = 0.85  # of the disagreement a second look has to leave less than this
SURE = 0.999  # of the confidence that a size found by itself has, for a size that was shown
GRAIN = 3.0  # times as large as what was shown: objects that rule it out once they are confirmed
FEW = 5  # objects from which a look is worth trusting
WHOLE = 3  # objects away from the border from which the others do not count
SEED = 0.5  # height of the centre map that makes a seed


@dataclass(frozen=True, eq=False)
class Objects:
    """Rough regions of a plane's objects, enough to tell their sizes.

    Parameters
    ----------
    regions : (h, w) int32
        On the maps' pixels; 0 is background.
    diameters : (n + 1,) float
        In plane pixels, by region; the first is unused.
    confidence : float
        Mean certainty of the regions, 0..1.
    """

    regions: npt.NDArray[np.int32]
    diameters: npt.NDArray[np.float64]
    confidence: float

    @property
    def count(self) -> int:
        """How many objects there are."""
        return len(self.diameters) - 1

    @property
    def median(self) -> float:
        """Median diameter in plane pixels; NaN when nothing was found.

        Objects cut by the border count only when there are few others.
        """
        if self.count == 0:
            return float("nan")
        # Two pixels wide, because the last one may lie beyond the plane.
        whole = np.ones(len(self.diameters), dtype=bool)
        for edge in (np.s_[:2], np.s_[-2:], np.s_[:, :2], np.s_[:, -2:]):
            whole[self.regions[edge]] = False
        whole[0] = False
        chosen = self.diameters[whole] if whole.sum() >= WHOLE else self.diameters[1:]
        return float(np.median(chosen))


def clip_zoom(zoom: float) -> float:
    """Keep a zoom within what the network was trained on."""
    return float(np.clip(zoom, *ZOOMS))


def read_maps(
    network: CellsNetwork,
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


class Tile(NamedTuple):
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


def tiles(rows: tuple[int, int], columns: tuple[int, int], shape: tuple[int, int]) -> list[Tile]:
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
            found.append(Tile(slice(r0, r1), slice(c0, c1), seen, inner))
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
    network: CellsNetwork, pyramid: Pyramid, pixels: tuple[int, int, int, int], zoom: float
) -> npt.NDArray[np.float32]:
    """Run the automatic head on a region given in map pixels ``(r0, c0, r1, c1)``."""
    rows, columns = pixels[2] - pixels[0], pixels[3] - pixels[1]
    maps = network.instances(features_of(network, pyramid, pixels, zoom))
    found: npt.NDArray[np.float32] = maps[0, :3, :rows, :columns].float().sigmoid().cpu().numpy()
    return found


def features_of(
    network: CellsNetwork, pyramid: Pyramid, pixels: tuple[int, int, int, int], zoom: float
) -> Features:
    """Encode a region given in map pixels; what is returned may reach beyond it."""
    return network.encode(sampled(network, pyramid, pixels, zoom))


def sampled(
    network: CellsNetwork, pyramid: Pyramid, pixels: tuple[int, int, int, int], zoom: float
) -> Tensor:
    """Re-sample a region given in map pixels as a network takes it; it may reach beyond it."""
    rows, columns = pixels[2] - pixels[0], pixels[3] - pixels[1]
    # The network halves five times; what that adds is black, like all beyond the plane.
    size = ceil(rows * STRIDE / 32) * 32, ceil(columns * STRIDE / 32) * 32
    corner = pixels[0] * STRIDE / zoom - 0.5, pixels[1] * STRIDE / zoom - 0.5
    edges = (*corner, corner[0] + size[0] / zoom, corner[1] + size[1] / zoom)
    image = pyramid.sample(edges, size).contiguous(memory_format=torch.channels_last)
    return image.to(network.precision)


def find_objects(maps: npt.NDArray[np.float32], scale: float) -> Objects:
    """Measure the objects in maps (3, h, w); ``scale`` is plane pixels per map pixel."""
    foreground, centre = maps[0], maps[1]
    inside = foreground > 0.5
    seeds, count = ndi.label((centre > SEED) & inside)
    if count == 0:
        return Objects(np.zeros(inside.shape, np.int32), np.zeros(1), 0.0)
    # Two distances are nearly all of the time here; they do not need Python, so both run at once.
    with ThreadPoolExecutor(1) as core:
        depths = core.submit(ndi.distance_transform_edt, np.pad(inside, 1))
        # Each pixel goes to the nearest seed: rough borders, but sizes are what is asked for.
        nearest = ndi.distance_transform_edt(
            seeds == 0, return_distances=False, return_indices=True
        )
        depth = depths.result()[1:-1, 1:-1]
    regions = np.where(inside, seeds[tuple(nearest)], 0).astype(np.int32)
    area = np.bincount(regions.ravel(), minlength=count + 1).astype(float)
    radius = np.zeros(count + 1)
    np.maximum.at(radius, regions.ravel(), depth.ravel())
    round_diameter = np.sqrt(4 * area / np.pi)
    # Between the width and the length of a rod, the diameter of a disk: as in training.
    diameters = np.sqrt(round_diameter * np.minimum(2 * radius, round_diameter))
    confidence = float(np.abs(2 * foreground - 1).mean() * centre[seeds > 0].mean())
    return Objects(regions, np.maximum(diameters, 1.0) * scale, confidence)


def estimate_diameter(
    network: CellsNetwork,
    pyramid: Pyramid,
    progress: Progress = silent,
    usual: float | None = None,
) -> float:
    """Estimate the median diameter of the objects of a plane, in plane pixels.

    Parameters
    ----------
    network : CellsNetwork
    pyramid : Pyramid
    progress : callable
    usual : float, optional
        Diameter of objects that a person has shown on such planes. It is looked for unless the
        network finds and confirms much larger objects: small ones are seen in the grain of any
        plane. If enough objects of about this size are seen then, or about as surely as at the
        size found without, their size is the estimate.
    """
    found = _found(network, pyramid, progress)
    if usual is None or (found.confirmed and found.diameter > GRAIN * usual):
        return found.diameter
    seen = _seen_at(network, pyramid, clip_zoom(OBJECT / usual))
    told = seen.count >= FEW or (seen.count > 0 and seen.confidence >= SURE * found.confidence)
    if told and abs(log(seen.median / usual)) <= log(AGREE):
        return seen.median
    return found.diameter


class _Found(NamedTuple):
    """A median diameter in plane pixels, and how sure the network is of it.

    Attributes
    ----------
    confirmed : bool
        Whether enough objects were of about this size when it was looked for.
    """

    diameter: float
    confidence: float
    confirmed: bool


def _found(network: CellsNetwork, pyramid: Pyramid, progress: Progress) -> _Found:
    """Find the median diameter of the objects of a plane.

    Returns the diameter that the network confirms when it looks at the zoom that suits it, by
    enough objects to tell. Of the sizes seen when there is none such: one confirmed by few
    objects if possible, then the most confident one. Texture looks much the same at every zoom:
    where a second look disagrees as much as the first, the first one counts.
    """
    tried: list[tuple[bool, float, float]] = []
    before: tuple[float, float, float] | None = None
    todo = list(FIRST_ZOOMS)
    for look in range(len(FIRST_ZOOMS) + 2):
        if not todo:
            break
        progress(look / (len(FIRST_ZOOMS) + 2))
        zoom = todo.pop(0)
        objects = _seen_at(network, pyramid, zoom)
        if objects.count == 0:
            continue
        off = log(objects.median * zoom / OBJECT)
        agrees = abs(off) <= log(AGREE)
        if objects.count < FEW:
            tried.append((agrees, objects.confidence / 2, objects.median))
            continue
        tried.append((agrees, objects.confidence, objects.median))
        if agrees:
            return _Found(objects.median, objects.confidence, True)
        if before is not None and off / before[0] > CLOSER:
            return _Found(before[1], before[2], False)
        before = off, objects.median, objects.confidence
        todo = [clip_zoom(OBJECT / objects.median)] if look < len(FIRST_ZOOMS) else []
    if not tried:
        return _Found(OBJECT, 0.0, False)
    _, confidence, median = max(tried)
    return _Found(median, confidence, False)


def count_at(network: CellsNetwork, pyramid: Pyramid, diameter: float) -> int:
    """Count the objects in the middle of a plane, as they are seen at a size."""
    return _seen_at(network, pyramid, clip_zoom(OBJECT / diameter)).count


def _seen_at(network: CellsNetwork, pyramid: Pyramid, zoom: float) -> Objects:
    """Measure what is seen in the middle of a plane at one zoom."""
    return find_objects(
        _maps_of(network, pyramid, middle(pyramid.shape, zoom), zoom), STRIDE / zoom
    )


def middle(shape: tuple[int, int], zoom: float) -> tuple[int, int, int, int]:
    """Return the middle of a plane, in map pixels, as large as is looked at for sizes."""
    rows, columns = (ceil(side * zoom / STRIDE) for side in shape)
    side = LOOK // STRIDE
    r0, c0 = max(0, (rows - side) // 2), max(0, (columns - side) // 2)
    return r0, c0, min(rows, r0 + side), min(columns, c0 + side)
