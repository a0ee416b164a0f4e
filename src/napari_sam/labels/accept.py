"""Masks that a person accepts become objects: new ones, or new outlines of those they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_sam.errors import LabelsError
from napari_sam.images import Plane
from napari_sam.labels.change import Change, Origin
from napari_sam.labels.document import Document
from napari_sam.labels.held import part_with
from napari_sam.labels.ids import count_ids
from napari_sam.labels.measured import rows_after
from napari_sam.labels.rows import replace_rows
from napari_sam.labels.runs import Runs
from napari_sam.regions import Region, box_of
from napari_sam.segmentation import Overlap

Labels = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]

_SAME = 0.5  # IoU from which a mask is another outline of an object
_COVERED = 0.8  # share of an object under the mask ...
_PART = 0.25  # ... which makes up this share of it: the same object, drawn too small before
_RIM = 0.2  # share of a mask below which what is left of it is a rim and no object


@dataclass(frozen=True, eq=False)
class Meeting:
    """How a mask meets the objects that are there.

    Parameters
    ----------
    same : int
        The object that the mask is another outline of; 0 when it is of none.
    free : (H, W) bool
        The part of the mask that no object has.
    sliver : bool
        Whether that part is only what other objects have left over.
    """

    same: int
    free: Mask
    sliver: bool


def meet(labels: Labels, mask: Mask) -> Meeting:
    """Tell whether a mask is an object of its own, or one that is there already.

    A mask means an object that is there when both have half of their union in common, or when
    it covers four fifths of this one object, which make up a quarter of it.

    Parameters
    ----------
    labels : (H, W) integer array
        Objects as they are, 0 background.
    mask : (H, W) bool array

    Returns
    -------
    Meeting

    Examples
    --------
    >>> labels = np.zeros((8, 8), int)
    >>> labels[2:6, 2:6] = 3
    >>> wider = np.zeros((8, 8), bool)
    >>> wider[1:7, 1:6] = True
    >>> meet(labels, wider).same
    3
    >>> beside = np.zeros((8, 8), bool)
    >>> beside[2:6, 5:8] = True
    >>> meet(labels, beside).same, meet(labels, beside).sliver
    (0, True)
    """
    if labels.shape != mask.shape:
        raise LabelsError(
            f"The mask has shape {mask.shape}, but the labels' plane has {labels.shape}."
        )
    area = int(np.count_nonzero(mask))
    free = mask & (labels == 0)
    met, shared = count_ids(labels[mask])
    sizes = np.array([np.count_nonzero(labels == object_id) for object_id in met], np.int64)
    alike = shared >= _SAME * (sizes + area - shared)
    if np.count_nonzero(shared >= _SAME * sizes) == 1:
        alike |= (shared >= _COVERED * sizes) & (shared >= _PART * area)
    if alike.any():
        return Meeting(int(met[np.argmax(alike)]), free, False)
    return Meeting(0, free, is_sliver(free, mask))


def is_sliver(free: Mask, mask: Mask) -> bool:
    """Tell whether what is left of a mask is only what others have left over of it."""
    area, left = int(np.count_nonzero(mask)), int(np.count_nonzero(free))
    thin = 0 < left < area and not _has_inside(free) and _has_inside(mask)
    return left < area and (left < _RIM * area or thin)


def _has_inside(mask: Mask) -> bool:
    """Whether any pixel has all its neighbours in the mask: else it is a line or a rim."""
    return bool(ndi.binary_erosion(mask, np.ones((3, 3), bool)).any())


def accept(
    document: Document,
    plane: Plane,
    masks: Sequence[Mask | Region],
    overlap: Overlap,
    *,
    preserve: bool = False,
    origin: Origin | None = None,
    measure: bool = True,
) -> Change:
    """Write masks into labels, all in one step of their document.

    Parameters
    ----------
    document : Document
    plane : Plane
        Of the labels.
    masks : sequence of Region or (H, W) bool
        Most trusted first: a pixel of two masks goes to the first. One that means an object
        that is there, see `meet`, gives it a new outline under its old number.
    overlap : {"keep", "overwrite"}
        Whether labelled pixels stay, or go to the new object.
    preserve : bool
        Whether no labelled pixel may change at all.
    origin : Origin, optional
    measure : bool
        False leaves the rows to be measured soon, see `Document.complete`.

    Returns
    -------
    Change
        As it was applied.

    Raises
    ------
    LabelsError
        When nothing would be written, or only slivers between other objects, or the labels
        cannot take it. Nothing has changed then.
    """
    regions = [one if isinstance(one, Region) else _region(one, plane) for one in masks]
    pixels = document.sheet.pixels
    if tuple(pixels.shape[axis] for axis in plane.axes) != plane.shape:
        raise LabelsError(f"The labels have no plane of shape {plane.shape} there.")

    def met(labels: Labels, row: int, column: int) -> npt.NDArray[np.int64]:
        under = [labels[region.on(labels.shape, row, column)] for region in regions]
        return count_ids(np.concatenate(under))[0]

    before, corner = part_with(pixels, plane, box_of(regions) or (0, 0, 1, 1), met)
    drawn = [region.on(before.shape, *corner) for region in regions]
    first = document.free_id(plane, before)
    made, corrected, after = _drawn(before, drawn, first, overlap, preserve)
    if not made and not corrected:
        raise LabelsError(_why_nothing(before, drawn, preserve))
    rows, columns = np.nonzero(before != after)
    places = plane.locate(rows + corner[0], columns + corner[1])
    runs = Runs.at(pixels.shape, places, before[rows, columns], after[rows, columns])
    rows_change = None
    if measure:
        hand = (*made, *corrected)
        new_rows = rows_after(document, plane, after, runs.ids, hand, corner=corner)
        rows_change = replace_rows(document.table, runs.ids, new_rows)
    kind = "accept" if made else "correct"
    change = Change(_told(made, corrected), runs, rows_change, kind, origin)
    document.apply(change)
    return change


def _region(mask: Mask, plane: Plane) -> Region:
    if mask.shape != plane.shape:
        raise LabelsError(
            f"The mask has shape {mask.shape}, but the labels' plane has {plane.shape}."
        )
    return Region.of(mask)


def _drawn(
    before: Labels, masks: Sequence[Mask], first: int, overlap: Overlap, preserve: bool
) -> tuple[list[int], list[int], npt.NDArray[np.int64]]:
    """Draw masks into labels: the ids that were made and corrected, and the labels after it."""
    after = before.astype(np.int64)
    made: list[int] = []
    corrected: list[int] = []
    for mask in masks:
        meeting = meet(after, mask)
        if meeting.same in made or (meeting.sliver and overlap == "keep"):
            continue  # the same mask twice, or crumbs
        object_id = meeting.same or first + len(made)
        rule = "keep" if preserve else overlap
        if _draw(after, mask, meeting, object_id, rule, shrink=not preserve):
            (corrected if meeting.same else made).append(object_id)
    return made, corrected, after


def _draw(
    labels: npt.NDArray[np.int64],
    mask: Mask,
    meeting: Meeting,
    object_id: int,
    overlap: str,
    shrink: bool,
) -> bool:
    """Give an object its pixels, in place; False when that changes nothing."""
    wanted = mask.copy() if overlap == "overwrite" else meeting.free
    if meeting.same:
        old = labels == object_id
        wanted = wanted | (mask & old) if shrink else wanted | old
        if np.array_equal(wanted, old):
            return False
        labels[old & ~wanted] = 0
    if not wanted.any():
        return False
    labels[wanted] = object_id
    return True


def _told(made: Sequence[int], corrected: Sequence[int]) -> str:
    parts = []
    if made:
        parts.append(f"Added cell {made[0]}" if len(made) == 1 else f"Added {len(made)} cells")
    if corrected:
        parts.append(f"Corrected cell {', '.join(map(str, corrected))}")
    return "; ".join(parts) + "."


def _why_nothing(before: Labels, masks: Sequence[Mask], preserve: bool) -> str:
    if not any(mask.any() for mask in masks):
        return "The mask is empty. Click nearer to the middle of the cell."
    same = [meeting.same for meeting in (meet(before, mask) for mask in masks) if meeting.same]
    if same and not preserve:
        return f"Cell {same[0]} has this outline already. Nothing was changed."
    advice = "To replace what is there, choose 'overwrite' under On overlap."
    if preserve:
        advice += " and switch off 'preserve labels' of the layer."
    if any((mask & (before == 0)).any() for mask in masks):
        return (
            "This place is labelled already, up to a rim between the cells, and nothing was "
            f"changed. {advice}"
        )
    return f"This place is labelled already, and nothing was changed. {advice}"
