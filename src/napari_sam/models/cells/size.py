"""How large the objects of a plane are.

The network sees objects best when they are about 32 pixels across. Nobody tells it their size,
so it looks at the plane at one zoom, measures what it finds, and looks again at the zoom that
this suggests until both agree. Where they do, it is asked how large the objects there are. Of
sizes near that, the one counts at which it is surest of what it sees.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import ceil, log, nan
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_sam.models.cells.readers import Reader
from napari_sam.models.cells.reading import OBJECT, STRIDE, clip_zoom, features_of, maps_from
from napari_sam.models.cells.windows import Pyramid
from napari_sam.progress import Progress, part, silent

REGION_SIDE = 512  # side of the region, in window pixels, on which sizes are measured
FIRST_ZOOMS = (1.0, 0.5, 2.0, 0.25)  # tried in turn until objects show up
AGREEING = 1.7  # ratio up to which the size found and the size looked for agree
NO_CLOSER = 0.85  # share of the disagreement that a second look may leave, at most
SURE_ENOUGH = 0.999  # confidence in a size that was shown, as a share of that in the size found
MUCH_LARGER = 3.0  # times the size that was shown: confirmed objects as large rule it out
ENOUGH_OBJECTS = 5  # for a look to be worth trusting
ENOUGH_WHOLE = 3  # objects away from the border: from so many on, the others do not count
SEED_HEIGHT = 0.5  # height of the centre map that makes a seed
FOREGROUND = 0.6  # in the foreground map, above which sizes are read
BELIEVED = 2.0  # ratio to what was measured up to which the size head is believed
NEAR_SIZES = (0.7, 0.84, 1.19)  # times the size found: others at which the network may be surer
SURER_BY = 0.01  # its certainty has to grow by as much for another size than the one found
COMPARED_SIDE = 192  # of the region on which they are compared, in window pixels at the size found


@dataclass(frozen=True, eq=False)
class RoughObjects:
    """Rough regions of a plane's objects, enough to tell their sizes.

    Parameters
    ----------
    regions : (h, w) int32
        On the maps' pixels; 0 is background.
    diameters : (n + 1,) float
        In plane pixels, by region; the first is unused.
    confidence : float
        Mean certainty of the regions, 0..1.
    told : float
        The median diameter in plane pixels that the network's size head tells; NaN if nothing.
    """

    regions: npt.NDArray[np.int32]
    diameters: npt.NDArray[np.float64]
    confidence: float
    told: float = nan

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
        chosen = self.diameters[whole] if whole.sum() >= ENOUGH_WHOLE else self.diameters[1:]
        return float(np.median(chosen))

    @property
    def diameter(self) -> float:
        """The best that is known of the median diameter; NaN when nothing was found.

        What is measured is too large where objects run into each other and too small where they
        fall into pieces. What is told depends on neither, but is a guess far from its own zoom.
        """
        measured = self.median
        near = measured / BELIEVED <= self.told <= measured * BELIEVED
        return self.told if near else measured


def find_objects(maps: npt.NDArray[np.float32], scale: float) -> RoughObjects:
    """Measure the objects in maps (3, h, w); ``scale`` is plane pixels per map pixel."""
    foreground, centre = maps[0], maps[1]
    inside = foreground > 0.5
    seeds, count = ndi.label((centre > SEED_HEIGHT) & inside)
    if count == 0:
        return RoughObjects(np.zeros(inside.shape, np.int32), np.zeros(1), 0.0)
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
    return RoughObjects(regions, np.maximum(diameters, 1.0) * scale, confidence)


def estimate_diameter(
    network: Reader,
    pyramid: Pyramid,
    progress: Progress = silent,
    usual: float | None = None,
) -> float:
    """Estimate the median diameter of the objects of a plane, in plane pixels.

    Or one near it at which the network is surer of what it sees.

    Parameters
    ----------
    network : Reader
    pyramid : Pyramid
    progress : callable
    usual : float, optional
        Diameter of objects that a person has shown on such planes. It is looked for unless the
        network finds and confirms much larger objects: small ones are seen in the grain of any
        plane. If enough objects of about this size are seen then, or about as surely as at the
        size found without, their size is the estimate.
    """
    found = _found(network, pyramid, part(progress, 0.0, 0.8))
    if usual is not None and not (found.confirmed and found.diameter > MUCH_LARGER * usual):
        seen = _seen_at(network, pyramid, clip_zoom(OBJECT / usual))
        sure = seen.count > 0 and seen.confidence >= SURE_ENOUGH * found.confidence
        told = sure or seen.count >= ENOUGH_OBJECTS
        if told and abs(log(seen.median / usual)) <= log(AGREEING):
            return seen.diameter
    return _surest(network, pyramid, found.diameter) if found.confidence else found.diameter


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


def _found(network: Reader, pyramid: Pyramid, progress: Progress) -> _Found:
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
        agrees = abs(off) <= log(AGREEING)
        if objects.count < ENOUGH_OBJECTS:
            tried.append((agrees, objects.confidence / 2, objects.diameter))
            continue
        tried.append((agrees, objects.confidence, objects.diameter))
        if agrees:
            return _Found(objects.diameter, objects.confidence, True)
        if before is not None and off / before[0] > NO_CLOSER:
            return _Found(before[1], before[2], False)
        before = off, objects.diameter, objects.confidence
        todo = [clip_zoom(OBJECT / objects.median)] if look < len(FIRST_ZOOMS) else []
    if not tried:
        return _Found(OBJECT, 0.0, False)
    _, confidence, median = max(tried)
    return _Found(median, confidence, False)


def _surest(network: Reader, pyramid: Pyramid, diameter: float) -> float:
    """Return the size, of a diameter and some near it, at which the network is surest.

    Sizes differ within a plane, and what an outline is differs between kinds of images, so the
    median size is not always the one at which most is seen rightly.
    """
    sure = {near: _certainty(network, pyramid, diameter, near) for near in NEAR_SIZES}
    best = max(sure, key=lambda near: sure[near])
    if sure[best] > _certainty(network, pyramid, diameter, 1.0) + SURER_BY:
        return best * diameter
    return diameter


def _certainty(network: Reader, pyramid: Pyramid, diameter: float, near: float) -> float:
    """Say how sure it is of what is object and what is not, 0 to 1, in the middle of a plane."""
    zoom = clip_zoom(OBJECT / (near * diameter))
    where = middle(pyramid.shape, zoom, round(COMPARED_SIDE / near))
    maps = maps_from(network, features_of(network, pyramid, where, zoom))
    foreground = maps[0, : where[2] - where[0], : where[3] - where[1]]
    return float(np.abs(2 * foreground - 1).mean())


def count_at(network: Reader, pyramid: Pyramid, diameter: float) -> int:
    """Count the objects in the middle of a plane, as they are seen at a size."""
    return _seen_at(network, pyramid, clip_zoom(OBJECT / diameter)).count


def _seen_at(network: Reader, pyramid: Pyramid, zoom: float) -> RoughObjects:
    """Measure what is seen in the middle of a plane at one zoom."""
    where = middle(pyramid.shape, zoom)
    rows, columns = where[2] - where[0], where[3] - where[1]
    features = features_of(network, pyramid, where, zoom)
    maps = maps_from(network, features)
    sizes = network.sizes(features)[0, 0].float().cpu().numpy()
    told = size_told(maps, sizes) / zoom
    return replace(find_objects(maps[:, :rows, :columns], STRIDE / zoom), told=told)


def size_told(maps: npt.NDArray[np.float32], sizes: npt.NDArray[np.float32]) -> float:
    """Return the median diameter that a size head tells, every object counting about equally.

    Parameters
    ----------
    maps : (3, h, w) array
        Foreground, centre and boundary, 0 to 1.
    sizes : (h / 4, w / 4) array
        See `napari_sam.models.cells.network.CellsNetwork.sizes`.

    Returns
    -------
    float
        In window pixels; NaN where nothing is inside an object.
    """
    foreground, centre = maps[0, 2::4, 2::4], maps[1, 2::4, 2::4]
    weight = (foreground > FOREGROUND) * centre / 4.0**sizes  # by 1 / area
    order = np.argsort(sizes, axis=None)
    total = np.cumsum(weight.ravel()[order])
    if total[-1] <= 0:
        return nan
    middle_one = order[np.searchsorted(total, total[-1] / 2)]
    return float(OBJECT * 2.0 ** sizes.ravel()[middle_one])


def middle(
    shape: tuple[int, int], zoom: float, most: int = REGION_SIDE
) -> tuple[int, int, int, int]:
    """Return the middle of a plane, in map pixels, at most so many window pixels a side."""
    rows, columns = (ceil(side * zoom / STRIDE) for side in shape)
    side = most // STRIDE
    r0, c0 = max(0, (rows - side) // 2), max(0, (columns - side) // 2)
    return r0, c0, min(rows, r0 + side), min(columns, c0 + side)
