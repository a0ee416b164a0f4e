"""What lies between two slices where an object was shown: found from both of them."""

from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi

from napari_sam.regions import Region, iou_of
from napari_sam.stacks.bridging import free_of
from napari_sam.stacks.crops import Others, Window
from napari_sam.stacks.end_signs import Past
from napari_sam.stacks.ending import THROUGH_SLICES, End, EndingRule, odds_of
from napari_sam.stacks.following import SeenOnSlice, Step, nobody
from napari_sam.stacks.interpolate import fill_regions
from napari_sam.stacks.passes import Pass

NEARNESS = 1.5  # how much more the nearer of two shown slices counts: power of the other's distance
SURELY = 2.9  # log-odds against the object, summed up, that make an end: all that one slice may say
FITS = 0.5  # IoU with the expected shape from which the object is there though it seems to end
BY_SHAPE = 0.5  # how certain a slice is, at most, on which neither side shows the object


def meet(
    forth: Pass, back: Pass, rule: EndingRule = THROUGH_SLICES, others: Others | None = None
) -> dict[int, Step]:
    """Combine what came from both ends of a gap: the object is there, as on both sides.

    The nearer a shown slice, and the larger the object on it, the more it counts: from its middle
    to a tip the way is found, but hardly from a tip to the middle. Where the object surely ends
    on its way from one side, that side has gone on into a neighbour: the other one is heard
    alone. Where it ends on both ways, what they show counts if it fits the shape between the
    slices that are known; otherwise the object has that shape.

    Parameters
    ----------
    forth, back : Pass
        From the shown slice before the gap, and from that after it.
    rule : EndingRule
        By which the object ends.
    others : Others, optional
        Objects whose pixels are not taken.

    Returns
    -------
    dict of int to Step
        Every slice of the gap; empty where others have all that it would.
    """
    sides, gap = (forth, back), range(forth.start.index + 1, back.start.index)
    ways = [_way(side, len(gap), rule) for side in sides]
    known = {side.start.index: side.start for side in sides}
    for index in gap:
        step = _together(sides, [index in way for way in ways], index)
        if step is not None:
            known[index] = step
    found = {index: known[index] for index in gap if index in known}
    score = min(BY_SHAPE, *(step.score for step in known.values()))
    for index, shape in fill_regions({z: step.region for z, step in known.items()}).items():
        by_shape = _free(Step(index, shape, score), others)
        fitting = [_fits(side.at(index), shape) for side in sides]
        found[index] = _together(sides, fitting, index) or by_shape
    return dict(sorted(found.items()))


def _way(side: Pass, gap: int, rule: EndingRule) -> range:
    """Return the slices of a gap on the way from one side up to where the object surely ends.

    It is shown on the other side, too: what tells against it has to be strong.
    """
    start, seen, end = side.start, side.seen[:gap], End(SURELY)
    there = 0
    for number, odds in odds_of(Past.of(start.region.area), seen, rule):
        there = number if end.hear(odds) else there
        if end.over:
            break
    gone = end.over or (side.lost and len(seen) == len(side.seen))
    count = there if gone else len(seen)
    return range(start.index + side.way, start.index + side.way * (count + 1), side.way)


def _fits(seen: SeenOnSlice | None, shape: Region) -> bool:
    return seen is not None and iou_of(seen.region, shape) >= FITS


def _free(step: Step, others: Others | None) -> Step:
    """Leave to others what is theirs."""
    region = free_of(others, step.index, step.region)
    return Step(step.index, region, step.score) if region.area else nobody(step.index)


def _together(sides: tuple[Pass, Pass], heard: list[bool], index: int) -> Step | None:
    """Mix what both sides show of a slice, or take it from the one that is heard."""
    steps, shares = [], []
    for side, other, counts in zip(sides, sides[::-1], heard, strict=True):
        seen = side.at(index)
        if seen is not None and seen.region.area and counts:
            steps.append(Step(index, seen.region, seen.score))
            far = abs(other.start.index - index)
            shares.append(far**NEARNESS * side.start.region.area)
    if len(steps) == 2:
        return _mixed(steps[0], steps[1], shares[1] / sum(shares), index)
    return steps[0] if steps else None


def _mixed(first: Step, second: Step, fraction: float, index: int) -> Step:
    """Mix what two sides say, the second one by a fraction."""
    r0, c0, r1, c1 = (
        pick(a, b)
        for pick, a, b in zip(
            (min, min, max, max), first.region.box, second.region.box, strict=True
        )
    )
    window = Window(r0 - 1, c0 - 1, (r1 - r0 + 2, c1 - c0 + 2))
    depth = np.zeros(window.shape)
    for step, share in ((first, 1 - fraction), (second, fraction)):
        mask = window.mask(step.region)
        depth += share * (ndi.distance_transform_edt(mask) - ndi.distance_transform_edt(~mask))
    region = window.region(depth > 0)
    score = (1 - fraction) * first.score + fraction * second.score
    if not region.area:
        return first if fraction < 0.5 else second
    return Step(index, region, score)
