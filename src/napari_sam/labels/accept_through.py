"""One object through slices into labels, and its daughters: all of it in one step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.errors import LabelsError
from napari_sam.images import Plane, PlaneStack
from napari_sam.labels.accept import is_sliver, meet
from napari_sam.labels.change import Change, Origin
from napari_sam.labels.document import Document
from napari_sam.labels.ids import highest_id
from napari_sam.labels.runs import Runs
from napari_sam.regions import Region, box_around, extent
from napari_sam.segmentation import Overlap, check_id

Labels = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]


def number_of(document: Document, regions: Mapping[Plane, Region]) -> int:
    """Return the object that some masks mean, 0 when it is none that is there.

    Examples
    --------
    >>> import pandas as pd
    >>> from napari_sam.labels.sheet import PlainSheet
    >>> labels = np.zeros((3, 8, 8), int)
    >>> labels[1, 2:6, 2:6] = 5
    >>> plane = Plane((1, 2), (1, None, None), (8, 8))
    >>> document = Document(PlainSheet(labels, pd.DataFrame({"index": [5]})))
    >>> number_of(document, {plane: Region(np.ones((4, 3), bool), 2, 2)})
    5
    """
    for plane, region in regions.items():
        labels = plane.take(document.sheet.pixels)
        same = meet(labels, region.on(plane.shape)).same
        if same:
            return same
    return 0


def accept_through(
    document: Document,
    regions: Mapping[Plane, Region],
    overlap: Overlap,
    *,
    number: int = 0,
    preserve: bool = False,
    origin: Origin | None = None,
    kind: str = "propagate",
    word: str = "slice",
) -> Change:
    """Write an object into labels, plane by plane, all of it in one step of their document.

    Parameters
    ----------
    document : Document
    regions : mapping of Plane to Region
        The object on each plane of the labels; empty where it is to be taken off.
    overlap : {"keep", "overwrite"}
        Whether labelled pixels stay, or go to the object.
    number : int
        The object's, which gets these outlines then; 0 for a new one.
    preserve : bool
        Whether no labelled pixel may change at all.
    origin : Origin, optional
    kind : str
        Of the change: ``"propagate"``, or ``"interpolate"``.
    word : str
        What a plane is called.

    Returns
    -------
    Change
        As it was applied; its rows are to be measured, see `Document.complete`.

    Raises
    ------
    LabelsError
        When nothing would be written, or the labels cannot take it. Nothing has changed then.
    """
    how = {"number": number, "preserve": preserve, "origin": origin, "kind": kind, "word": word}
    return accept_family(document, [regions], overlap, **how)[0]  # type: ignore[arg-type]


def accept_family(
    document: Document,
    members: Sequence[Mapping[Plane, Region]],
    overlap: Overlap,
    *,
    number: int = 0,
    preserve: bool = False,
    origin: Origin | None = None,
    kind: str = "propagate",
    word: str = "slice",
) -> tuple[Change, tuple[int, ...]]:
    """Write an object and its daughters into labels, all of them in one step of their document.

    Parameters
    ----------
    members : sequence of mapping of Plane to Region
        The object on each plane of the labels, and then each of its daughters.
    document, overlap, number, preserve, origin, kind, word
        See `accept_through`. Daughters are new; where two overlap, the one before the other is
        the one that is there already.

    Returns
    -------
    change : Change
    ids : tuple of int
        The numbers of all members.

    Raises
    ------
    LabelsError
        As of `accept_through`.
    """
    pixels, first = document.sheet.pixels, members[0]
    planes = list(dict.fromkeys(plane for regions in members for plane in regions))
    if not planes:
        raise LabelsError(_why_nothing(number, first, False, word))
    stack = PlaneStack(pixels, planes)
    drawn = [{k: one[plane] for k, one in enumerate(members) if plane in one} for plane in planes]
    windows = [_window(stack, at, some.values(), number) for at, some in enumerate(drawn)]
    highest = max((highest_id(labels) for _, labels in windows), default=0)
    free = max(document.free_id(), 1 + highest)
    new = range(free, free + len(members) - bool(number))
    ids = (number, *new) if number else tuple(new)
    check_id(max(ids), pixels.dtype)
    rule: Overlap = "keep" if preserve else overlap
    parts = []
    for plane, some, (corner, labels) in zip(planes, drawn, windows, strict=True):
        after = labels
        for k, region in some.items():
            mask = region.on((labels.shape[0], labels.shape[1]), *corner)
            after = _drawn(after, mask, ids[k], rule, shrink=not preserve)
        rows, columns = np.nonzero(labels != after)
        places = plane.locate(rows + corner[0], columns + corner[1])
        parts.append(Runs.at(pixels.shape, places, labels[rows, columns], after[rows, columns]))
    runs = Runs.joined([part for part in parts if len(part)] or [Runs.none(pixels.shape)])
    if not len(runs):
        raise LabelsError(_why_nothing(ids[0], first, bool(number), word))
    count = sum(1 for part in parts if ids[0] in part.after or ids[0] in part.before)
    told = _told(kind, ids, number, f"{count} {word}")
    change = Change(told, runs, None, kind, origin)
    document.apply(change)
    return change, ids


def _window(
    stack: Any, at: int, regions: Iterable[Region], number: int
) -> tuple[tuple[int, int], Labels]:
    """Read what holds some regions, and the object as it was; tell where that begins."""
    boxes = [one.box for one in regions if one.area]
    if number:
        rows, columns = extent(stack[at] == number)
        if rows.stop:
            boxes.append((rows.start, columns.start, rows.stop, columns.stop))
    r0, c0, r1, c1 = box_around(boxes) or (0, 0, 0, 0)
    return (r0, c0), stack[at, slice(r0, r1), slice(c0, c1)]


def _drawn(labels: Labels, mask: Mask, object_id: int, rule: Overlap, shrink: bool) -> Labels:
    """Draw the object on one plane."""
    old = labels == object_id
    rest = np.where(old, 0, labels)
    wanted = mask
    if rule == "keep":
        free = mask & (rest == 0)
        wanted = np.zeros_like(mask) if is_sliver(free, mask) else free
    after = labels.copy()
    if shrink:
        after[old & ~wanted] = 0
    after[wanted] = object_id
    return after


def _told(kind: str, ids: tuple[int, ...], number: int, count: str) -> str:
    done = "Filled" if kind == "interpolate" else "Corrected" if number else "Added"
    told = f"{done} cell {ids[0]} on {count}{'' if count.startswith('1 ') else 's'}"
    if len(ids) > 1:
        told += f", and its daughters {ids[1]} {'and' if len(ids) == 3 else 'to'} {ids[-1]}"
    return f"{told}."


def _why_nothing(object_id: int, regions: Mapping[Plane, Region], known: bool, word: str) -> str:
    if not any(region.area for region in regions.values()):
        return f"The cell is on no {word}. Nothing was changed."
    if known:
        return f"Cell {object_id} has these outlines already. Nothing was changed."
    return (
        f"This place is labelled already on every {word}, and nothing was changed. To replace what "
        "is there, choose 'overwrite' under On overlap."
    )
