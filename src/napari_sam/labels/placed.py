"""Objects of a plane too large to be read: where they lie, as their rows say, and part by part."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_sam import checks
from napari_sam.errors import LabelsError
from napari_sam.images import Plane
from napari_sam.labels import table as object_table
from napari_sam.labels.edit import Edit, delete
from napari_sam.labels.held import Box, part_with
from napari_sam.labels.ids import among, ids_of
from napari_sam.labels.steps import Steps

_BOX = ["r0", "c0", "r1", "c1"]
_TOGETHER = 512  # pixels of the side of a square whose objects are read at once
_PART = 2048  # and of one of which all objects are measured


class Part(NamedTuple):
    """A part of a plane, which holds some objects wholly, and the pixel where it begins.

    Attributes
    ----------
    labels : (h, w) integer array
    corner : (int, int)
        Row and column.
    """

    labels: npt.NDArray[np.integer[Any]]
    corner: tuple[int, int] = (0, 0)


def rows_on(table: pd.DataFrame, plane: Plane, *, rejected: bool = False) -> pd.DataFrame:
    """Pick the rows of objects that lie on a plane, and of which it is known where.

    Rejected objects keep their row, but are on no plane any more.

    Parameters
    ----------
    table : pandas.DataFrame
        Of objects that lie on one plane each.
    plane : Plane
    rejected : bool
        Whether rows are picked, too, of objects that were rejected there.

    Examples
    --------
    >>> table = pd.DataFrame({"index": [1, 2], "axis_0": [0, 3], "reviewed": "open"})
    >>> table[["r0", "c0", "r1", "c1"]] = 5
    >>> rows_on(table, Plane((1, 2), (3, None, None), (9, 9)))["index"].tolist()
    [2]
    """
    hidden = {f"axis_{axis}": at for axis, at in enumerate(plane.index) if at is not None}
    if not {*_BOX, *hidden} <= set(table.columns):
        return table.iloc[:0]
    here = np.array(table[object_table.REVIEWED] != object_table.REJECTED) | rejected
    here &= object_table.object_ids(table) > 0
    for column in _BOX:
        here &= np.isfinite(object_table.numeric(table[column]))
    for column, at in hidden.items():
        here &= object_table.numeric(table[column]) == at
    return table[here]


def box_of(rows: pd.DataFrame) -> Box | None:
    """Return the smallest rectangle that holds some objects; None when there are none.

    Examples
    --------
    >>> box_of(pd.DataFrame({"r0": [1, 5], "c0": [2, 0], "r1": [4, 6], "c1": [3, 2]}))
    (1, 0, 6, 3)
    """
    if not len(rows):
        return None
    r0, c0, r1, c1 = (object_table.numeric(rows[column]) for column in _BOX)
    return int(r0.min()), int(c0.min()), int(r1.max()), int(c1.max())


def neighbours(rows: pd.DataFrame) -> Iterator[tuple[list[int], Box]]:
    """List objects that lie near each other, so that each part is read once.

    Yields
    ------
    ids : list of int
    box : (r0, c0, r1, c1)
        The smallest rectangle that holds them.

    Examples
    --------
    >>> rows = pd.DataFrame({"index": [4, 5, 6], "r0": [0, 9000, 50], "c0": [0, 0, 90]})
    >>> list(neighbours(rows.assign(r1=rows["r0"] + 9, c1=rows["c0"] + 7)))
    [([4, 6], (0, 0, 59, 97)), ([5], (9000, 0, 9009, 7))]
    """
    if not len(rows):
        return  # a table without objects need not say where they are
    ids = object_table.object_ids(rows)
    boxes = np.column_stack([object_table.numeric(rows[column]) for column in _BOX])
    squares = boxes[:, :2] // _TOGETHER
    order = np.lexsort((squares[:, 1], squares[:, 0]))
    edges = np.flatnonzero((np.diff(squares[order], axis=0) != 0).any(axis=1)) + 1
    for near in np.split(order, edges):
        low, high = boxes[near, :2].min(axis=0), boxes[near, 2:].max(axis=0)
        yield ids[near].tolist(), (int(low[0]), int(low[1]), int(high[0]), int(high[1]))


def delete_in(parts: Sequence[tuple[Callable[[], Part], Iterable[int]]]) -> Steps[Edit]:
    """Remove objects that lie in several parts of a plane.

    Parameters
    ----------
    parts : sequence of (callable, iterable of int)
        What reads a part, one after the other, and the objects that it holds wholly.

    Returns
    -------
    Edit
        Of the plane.

    Raises
    ------
    LabelsError
        When none of the objects is there.

    Examples
    --------
    >>> from napari_sam.labels.steps import done_at_once
    >>> far = Part(np.array([[0, 2]]), (50, 60))
    >>> near = Part(np.array([[1, 0]]))
    >>> edit = done_at_once(delete_in([(lambda: near, [1]), (lambda: far, [2])]))
    >>> edit.gone, edit.rows.tolist(), edit.columns.tolist()
    ((1, 2), [0, 50], [0, 61])
    """
    found = []
    for done, (read, ids) in enumerate(parts):
        yield done / len(parts)
        part = read()
        wanted = [i for i in checks.ids(ids) if i]
        if among(part.labels, wanted).any():
            found.append((delete(part.labels, wanted), part.corner))
    if not found:
        raise LabelsError("There is no such cell on this slice: nothing was deleted.")
    rows = np.concatenate([edit.rows + row for edit, (row, _) in found])
    columns = np.concatenate([edit.columns + column for edit, (_, column) in found])
    before = np.concatenate([edit.before for edit, _ in found])
    gone = tuple(sorted({i for edit, _ in found for i in edit.gone}))
    return Edit(rows, columns, before, np.zeros_like(before), gone, (), ())


def describe_in_parts(pixels: Any, plane: Plane, known: Collection[int] = ()) -> pd.DataFrame:
    """Measure all objects of a plane that is too large to be read as a whole.

    Parameters
    ----------
    pixels : integer array
        All labels: NumPy, zarr or alike.
    plane : Plane
    known : collection of int
        Objects that are left out.

    Returns
    -------
    pandas.DataFrame
        A row per object, as of `napari_sam.labels.table.describe`. What an object has apart from
        the rest of it, far away, is not seen.
    """
    done = set(known)
    tables = [object_table.describe(np.zeros((1, 1), np.int32), [], plane)]
    for top in range(0, plane.shape[0], _PART):
        for left in range(0, plane.shape[1], _PART):
            down, right = min(top + _PART, plane.shape[0]), min(left + _PART, plane.shape[1])
            there = plane.part(pixels, slice(top, down), slice(left, right))
            new = [int(i) for i in ids_of(there) if i > 0 and int(i) not in done]
            if new:
                part = _whole(pixels, plane, (top, left, down, right), new)
                tables.append(object_table.describe(part.labels, new, plane, corner=part.corner))
                done.update(new)
    return pd.concat(tables, ignore_index=True)


def _whole(pixels: Any, plane: Plane, box: Box, ids: list[int]) -> Part:
    return Part(*part_with(pixels, plane, box, lambda labels, row, column: ids))
