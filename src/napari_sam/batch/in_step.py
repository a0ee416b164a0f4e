"""A table brought in step with labels that somebody changed without telling: a script, a plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.images import planes
from napari_sam.labels import table as object_table
from napari_sam.labels.ids import among, count_ids
from napari_sam.labels.rows import OPEN, REVIEWED, numeric, object_ids
from napari_sam.labels.whole import kind_of, measure_whole, whole_rows

if TYPE_CHECKING:
    import pandas as pd

Labels = npt.NDArray[np.integer[Any]]


def in_step(labels: Labels, table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with a row for every object, and with none that is open and gone.

    Rows of objects that are as they were are left alone. What is known of an object besides its
    pixels stays with it, and that of one that is gone is kept as that of a rejected one.

    Parameters
    ----------
    labels : integer array
        In memory.
    table : pandas.DataFrame
        As of `napari_sam.labels.table.adopt`.
    """
    ids, sizes = count_ids(labels)
    known = object_ids(table)
    gone = np.setdiff1d(known, ids)
    if len(gone):
        if REVIEWED not in table:
            table = table.assign(**{REVIEWED: OPEN})
        table = object_table.marked(table, gone, object_table.REJECTED)
    other = ids[~np.isin(ids, known) | _changed(labels, table, ids, sizes)]
    if not len(other):
        return table
    return object_table.put(table, other, _measured(labels, table, other))


def _changed(
    labels: Labels, table: pd.DataFrame, ids: npt.NDArray[Any], sizes: npt.NDArray[Any]
) -> npt.NDArray[np.bool_]:
    """Tell which objects have another size than their row says.

    In a stack an area may be that of a single slice, and one that fits hardly any object is
    somebody's own measure: both tell nothing.
    """
    column = "voxels" if kind_of(table) == "volume" else "area"
    if column not in table or (column == "area" and labels.ndim > 2):
        return np.zeros(len(ids), bool)
    said = dict(zip(object_ids(table).tolist(), numeric(table[column]).tolist(), strict=True))
    told = np.array([said.get(number, np.nan) for number in ids.tolist()])
    says = np.isfinite(told)
    differs: npt.NDArray[np.bool_] = says & (told != sizes)
    return differs if 2 * differs.sum() <= says.sum() else np.zeros(len(ids), bool)


def _measured(labels: Labels, table: pd.DataFrame, ids: npt.NDArray[Any]) -> pd.DataFrame:
    kind = kind_of(table)
    if kind and labels.ndim > 2:
        axis = 0 if kind == "track" else labels.ndim - 3
        return whole_rows(table, measure_whole(labels, ids, kind, axis), ids)
    rows, largest = object_table.nothing(), dict.fromkeys(ids.tolist(), 0)
    for plane in planes(labels.shape, False):
        here = plane.take(labels)
        found, sizes = count_ids(np.where(among(here, ids), here, 0))
        on = dict(zip(found.tolist(), sizes.tolist(), strict=True))
        larger = [number for number, size in on.items() if size > largest[number]]
        if larger:
            largest |= {number: on[number] for number in larger}
            described = object_table.describe(here, larger, plane)
            rows = object_table.put(rows, larger, object_table.remeasured(table, described))
    return rows
