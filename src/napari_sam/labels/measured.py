"""Rows of objects after their pixels have changed, on the plane where that happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_sam.images import Plane
from napari_sam.labels import table as object_table
from napari_sam.labels.held import part_with
from napari_sam.labels.ids import among, count_ids
from napari_sam.labels.runs import Runs
from napari_sam.labels.whole import Kind, doubt_within, kind_of, measure_whole, whole_rows

if TYPE_CHECKING:
    from napari_sam.labels.document import Document

Pixels = npt.NDArray[Any]
Intensities = Callable[[Plane], Pixels | None]
"""Pixels of the image on a plane of the labels, when they need no waiting."""


def plane_of(runs: Runs) -> Plane | None:
    """Find the plane on which a change lies; None when it reaches over several.

    Examples
    --------
    >>> plane_of(Runs.at((4, 8, 9), ([2, 2], [1, 5], [3, 3]), 0, 1)).index
    (2, None, None)
    """
    if len(runs) == 0:
        return None
    shape, ndim = runs.shape, len(runs.shape)
    box = runs.box()
    long = [axis for axis, (first, stop) in enumerate(box) if stop - first > 1]
    if len(long) > 2:
        return None
    # The last axes are a plane by nature, as far as the change leaves the choice.
    axes = sorted([*long, *[a for a in reversed(range(ndim)) if a not in long][: 2 - len(long)]])
    index = tuple(None if axis in axes else box[axis][0] for axis in range(ndim))
    return Plane((axes[0], axes[1]), index, (shape[axes[0]], shape[axes[1]]))


def rows_after(
    document: Document,
    plane: Plane,
    labels: npt.NDArray[np.integer[Any]],
    ids: Iterable[int],
    by_hand: Iterable[int] = (),
    image: Pixels | None = None,
    corner: tuple[int, int] = (0, 0),
) -> pd.DataFrame:
    """Measure objects of a plane, and join what the table knew of them.

    Parameters
    ----------
    document : Document
    plane : Plane
        Of the document's labels.
    labels : (H, W) integer array
        The plane as it is, or shall be, after the change.
    ids : iterable of int
        The objects concerned.
    by_hand : iterable of int
        Those that the person made, and that are certain by that.
    image : (H, W) or (H, W, C) array, optional
        For the mean intensity.
    corner : (int, int)
        Row and column where `labels` and `image` begin, when they are a part of the plane that
        holds the objects wholly.

    Returns
    -------
    pandas.DataFrame
        Rows of those that are on the plane; of the others as far as they go on elsewhere.
    """
    ids = [int(i) for i in ids]
    table = document.table
    if kind_of(table):  # what goes through slices is measured on all of them, when it is written
        whole = object_table.rows(table, ids)
        ids = [i for i in ids if i not in set(whole[object_table.INDEX])]
        described = object_table.describe(labels, ids, plane, image, corner)
        new = object_table.remeasured(table, described, by_hand)
        return object_table.put(whole, ids, new) if len(new) else whole
    described = object_table.describe(labels, ids, plane, image, corner)
    rows = object_table.remeasured(table, described, by_hand)
    rest = document.elsewhere(set(ids) - set(rows[object_table.INDEX]), plane)
    if not rest:
        return rows
    return object_table.put(rows, rest, object_table.rows(table, rest))


def rows_of_written(
    document: Document, runs: Runs, intensities: Intensities, by_hand: Iterable[int]
) -> tuple[pd.DataFrame, tuple[int, ...]]:
    """Measure the objects of a change that stands in the pixels already.

    An object that lies on several planes of the change is measured on the one where it is
    largest.

    Returns
    -------
    rows : pandas.DataFrame
    ids : tuple of int
        The objects whose rows these replace.
    """
    kind = kind_of(document.table)
    if kind:
        rows = rows_of_whole(document, kind, runs.ids, by_hand)
        orphans = _orphans(document.table, object_table.rejected(rows))
        ids = object_table.object_ids(orphans).tolist()
        return object_table.put(rows, ids, orphans), (*runs.ids, *ids)
    plane = plane_of(runs)
    if plane is None:
        return _rows_of_several(document, runs, intensities, set(by_hand)), runs.ids
    box = runs.box()
    (r0, r1), (c0, c1) = box[plane.axes[0]], box[plane.axes[1]]
    part, corner = part_with(
        document.sheet.pixels, plane, (r0, c0, r1, c1), lambda labels, row, column: runs.ids
    )
    image = intensities(plane)
    if image is not None:
        image = image[corner[0] :, corner[1] :][: part.shape[0], : part.shape[1]]
    return rows_after(document, plane, part, runs.ids, by_hand, image, corner), runs.ids


def _orphans(table: pd.DataFrame, gone: set[int]) -> pd.DataFrame:
    """Rows of the tracks whose mothers are gone: nobody's daughters."""
    family = object_table.parents(table)
    orphans = [i for i, mother in family.items() if mother in gone and i not in gone]
    rows = object_table.rows(table, orphans)
    return rows.assign(parent=0) if len(rows) else rows


def rows_of_whole(
    document: Document, kind: Kind, ids: Iterable[int], by_hand: Iterable[int] = ()
) -> pd.DataFrame:
    """Measure objects in space, or tracks, as they stand in the pixels.

    Parameters
    ----------
    document : Document
    kind : {"volume", "track"}
    ids, by_hand : iterable of int
        See `napari_sam.labels.whole.whole_rows`.
    """
    wanted, axis = [int(i) for i in ids], document.sheet.axis(kind)
    where = document.presence.along(axis, wanted)
    measured = measure_whole(document.sheet.pixels, wanted, kind, axis, where)
    return doubt_within(whole_rows(document.table, measured, wanted, by_hand), kind, axis)


def _rows_of_several(
    document: Document, runs: Runs, intensities: Intensities, by_hand: set[int]
) -> pd.DataFrame:
    """Measure outlines on the planes of a change that tell most of them."""
    rows = object_table.nothing()
    for plane, ids in _largest_on(document, runs).items():
        labels = plane.take(document.sheet.pixels)
        new = rows_after(document, plane, labels, ids, by_hand & set(ids), intensities(plane))
        rows = object_table.put(rows, ids, new)
    return rows


def _largest_on(document: Document, runs: Runs) -> dict[Plane, list[int]]:
    """Find for every object of a change the plane of the change that is to tell of it.

    The one on which it gained most; where it only lost pixels, that with most of what is left.
    """
    shape, pixels = runs.shape, document.sheet.pixels
    best: dict[int, tuple[int, int, Plane]] = {}
    for block in runs.blocks():
        index = (*(int(at) for at in block.where[:-2]), None, None)  # type: ignore[arg-type]
        plane = Plane((len(shape) - 2, len(shape) - 1), index, (shape[-2], shape[-1]))
        after, length = runs.after[block.part], runs.length[block.part]
        gained = {int(i): int(length[after == i].sum()) for i in np.unique(after) if i != 0}
        lost = {int(i) for i in np.unique(runs.before[block.part]) if i != 0} - set(gained)
        left = dict.fromkeys(lost, 0)
        if lost:
            labels = plane.take(pixels)
            found, counts = count_ids(np.where(among(labels, lost), labels, 0))
            left.update(zip(found.tolist(), counts.tolist(), strict=True))
        sizes = {i: (n, 0) for i, n in gained.items()} | {i: (0, n) for i, n in left.items()}
        for number, size in sizes.items():
            if number not in best or size > best[number][:2]:
                best[number] = (*size, plane)
    planes: dict[Plane, list[int]] = {}
    for number in sorted(best):
        planes.setdefault(best[number][2], []).append(number)
    return planes
