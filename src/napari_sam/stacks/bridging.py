"""An object followed over slices that were lost, when it is found again beyond them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from napari_sam.models.model import Model
from napari_sam.regions import Region
from napari_sam.stacks.crops import Others, Slices, Window
from napari_sam.stacks.following import NOBODY, SeenOnSlice, Step, follow, nobody
from napari_sam.stacks.interpolate import fill_regions
from napari_sam.stacks.lost import count_lost, detail
from napari_sam.stacks.next_slice import Drawn

UNSEEN = 0.1  # how certain an object is where nobody has seen it: less than any model says
WIDE = 256  # pixels around an object that have to be lost with it: else it has ended by itself


def follow_over(
    slices: Slices,
    model: Model,
    before: int,
    region: Region,
    index: int,
    others: Others | None = None,
    start: Drawn | None = None,
    over_time: bool = False,
) -> list[SeenOnSlice]:
    """Find on the next slice what is known on one; on the first one beyond if that was lost.

    Parameters
    ----------
    slices, model, before, region, index, others, start, over_time
        See `napari_sam.stacks.following.follow`. The slices are neighbours.

    Returns
    -------
    list of SeenOnSlice
        One slice; after those that were lost, if any, where the object lies between its
        neighbours'. Empty where nothing is left of it.
    """
    way = index - before
    after = index + way * _lost(slices, before, region, way)
    seen = follow(slices, model, before, region, after, others, start, over_time)
    if seen is None:
        return []
    ends = Step(before, region, 1.0), Step(after, seen.region, seen.score)
    bridged = between(*ends, range(index, after, way), others)
    return [
        *(replace(seen, region=one.region, score=one.score, lost=True) for one in bridged),
        seen,
    ]


class LostSlices:
    """Tells which slices of a stack were lost.

    Parameters
    ----------
    slices : Slices
    window : Window, optional
        By what they are judged; by the whole of them by default.
    """

    def __init__(self, slices: Slices, window: Window | None = None) -> None:
        self._slices, self._window = slices, window or Window.whole(slices.plane)
        self._shown: dict[int, float] = {}
        self._lost: set[int] = set()

    def holds(self, index: int, way: int) -> bool:
        """Whether a slice was lost, told by that before it on a way, and by those after it."""
        before = index - way
        inside = 0 <= before < self._slices.depth
        if inside and index not in self._lost and before not in self._lost:
            gone = count_lost(self._known, before, way, self._slices.depth)
            self._lost.update(index + way * k for k in range(gone))
        return index in self._lost

    def _known(self, index: int) -> float:
        if index not in self._shown:
            self._shown[index] = _detail(self._slices, self._window, index)
        return self._shown[index]


def between(last: Step, found: Step, lost: Sequence[int], others: Others | None) -> list[Step]:
    """Tell where an object lies on lost slices, between where it was seen before and after them.

    Parameters
    ----------
    last, found : Step
    lost : sequence of int
        Slices between these.
    others : Others or None
        Objects whose pixels are not taken.

    Returns
    -------
    list of Step
        Without the object where it was not seen on both sides.
    """
    if not lost or not last.region.area or not found.region.area:
        return [nobody(at) for at in lost]
    shapes = fill_regions({last.index: last.region, found.index: found.region})
    regions = {at: free_of(others, at, shapes[at]) for at in lost}
    return [Step(at, one, UNSEEN) if one.area else nobody(at) for at, one in regions.items()]


def _lost(slices: Slices, before: int, region: Region, way: int) -> int:
    """Count the slices that were lost after one: what is near the object first, to read little."""
    gone = 0
    for window in (
        Window.around(region, slices.plane),
        Window.around(region, slices.plane, WIDE),
    ):
        found = count_lost(partial(_detail, slices, window), before, way, slices.depth)
        if not found or (gone and found != gone):
            return 0
        gone = found
    return gone


def _detail(slices: Slices, window: Window, index: int) -> float:
    return detail(slices.picture(index, window))


def free_of(others: Others | None, index: int, region: Region) -> Region:
    """Leave to others what is theirs of a region; empty where they have all of it."""
    if others is None or not region.area:
        return region
    r0, c0, r1, c1 = region.box
    window = Window(r0, c0, (r1 - r0, c1 - c0))
    left = window.region(window.mask(region) & (others.read(index, window) == 0))
    return left if left.area else NOBODY
