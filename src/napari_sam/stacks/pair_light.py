"""How bright it is along z where two regions overlap: what parts objects shows in the light."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_sam.stacks.frames import Floats, Ints
from napari_sam.stacks.lost import is_lost
from napari_sam.stacks.slice_regions import Picture, SliceRegions

MOST_DARKER = 3.0  # standard deviations inside the regions that count at most


def seen_between(
    earlier: SliceRegions, later: SliceRegions, middle: Sequence[SliceRegions]
) -> list[SliceRegions]:
    """Return the slices between two that were not lost."""
    return [one for one in middle if not is_lost(one.shown, earlier.shown, later.shown)]


def light_along(
    earlier: SliceRegions,
    later: SliceRegions,
    seen: Sequence[SliceRegions],
    beyond: tuple[SliceRegions | None, SliceRegions | None],
    pairs: tuple[Ints, Ints],
) -> Floats:
    """Tell how brightness goes along z where pairs of regions overlap.

    Light that spreads along z fills the gap between two objects, one on top of the other, so that
    they are found on every slice; but it is dimmer there. Cells whose walls are bright are parted
    by one that is brighter than their insides.

    Parameters
    ----------
    earlier, later : SliceRegions
    seen : sequence of SliceRegions
        Those between them, but for those that were lost.
    beyond : (SliceRegions or None, SliceRegions or None)
        The slice before the earlier one, and that after the later one. One that was lost, or whose
        picture is not known, says nothing.
    pairs : ((m,) int, (m,) int)
        The regions of every pair, as places among those of their slices.

    Returns
    -------
    (m, 3) float
        By how much it is darker on the slices between than on both; by how much the darkest of all
        these slices is darker than the brightest on either side, the pair and what lies beyond it;
        by how much the brightest of them is brighter than the darkest on either side. In standard
        deviations inside the regions; 0 where that is not known.
    """
    a, b = pairs
    signs = np.zeros((len(a), 3))
    if earlier.picture is None or later.picture is None or not len(a):
        return signs
    both = (earlier.labels > 0) & (later.labels > 0)
    rows, columns = (np.searchsorted(one.objects.ids, one.labels[both]) for one in (earlier, later))
    count = len(later.objects)
    pair = np.searchsorted(a * count + b, rows * count + columns)
    pixels = np.bincount(pair, minlength=len(a))
    along = earlier.picture, *(one.picture for one in seen), later.picture
    sides = (_picture_of(*ends) for ends in zip(beyond, (earlier, later), strict=True))
    pictures = [one for one in (*along, *sides) if one is not None]
    *light, before, after = (np.bincount(pair, one[both], len(a)) / pixels for one in pictures)
    first, last = light[0], light[-1]
    tops = np.minimum(np.maximum(first, before), np.maximum(last, after))
    floors = np.maximum(np.minimum(first, before), np.minimum(last, after))
    if len(light) > 2:
        signs[:, 0] = np.minimum(first, last) - np.min(light[1:-1], axis=0)
    signs[:, 1] = tops - np.min(light, axis=0)
    signs[:, 2] = np.max(light, axis=0) - floors
    usual = np.sqrt((earlier.spread[a] ** 2 + later.spread[b] ** 2) / 2)
    return np.asarray(np.clip(signs / (usual + 1e-6)[:, None], -MOST_DARKER, MOST_DARKER))


def _picture_of(side: SliceRegions | None, end: SliceRegions) -> Picture | None:
    """Return the picture of the slice beyond one, or of that one itself where it tells nothing."""
    if side is None or side.picture is None or is_lost(side.shown, end.shown, end.shown):
        return end.picture
    return side.picture
