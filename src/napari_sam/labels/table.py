"""The table that goes with labels: a row per object, kept true while objects are edited.

It is what napari keeps as the ``features`` of a Labels layer: a column ``index`` holds each row's
id. Besides what `napari_sam.segmentation.measure` says, a row tells whether a person has looked
at the object. Columns of anybody else are carried along and never changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_sam.id_columns import exact, whole_numbers
from napari_sam.images import Plane
from napari_sam.labels.ids import among, ids_of
from napari_sam.labels.rows import INDEX, OPEN, REVIEWED, numeric, object_ids, replace_rows
from napari_sam.regions import extent
from napari_sam.segmentation import measure, moved

ACCEPTED, REJECTED = "accepted", "rejected"
BY_HAND = "by hand"

__all__ = [
    "ACCEPTED",
    "BY_HAND",
    "INDEX",
    "OPEN",
    "REJECTED",
    "REVIEWED",
    "adopt",
    "describe",
    "ids_of",
    "marked",
    "nothing",
    "numeric",
    "object_ids",
    "parents",
    "progress",
    "put",
    "queue",
    "rejected",
    "remeasured",
    "rows",
]

Labels = npt.NDArray[np.integer[Any]]


def adopt(features: Any) -> pd.DataFrame:
    """Turn a layer's features into a table whose rows say which object they are about.

    Without a column ``index``, napari takes row ``i`` for label ``i``; the table says so, and
    leaves out the row of the background.
    """
    if isinstance(features, pd.DataFrame) and {INDEX, REVIEWED} <= set(features.columns):
        return features  # nobody writes into a table
    table = pd.DataFrame(features).reset_index(drop=True)
    if INDEX not in table.columns:
        table.insert(0, INDEX, np.arange(len(table), dtype=np.int64))
        table = table[table[INDEX] != 0].reset_index(drop=True)
    if REVIEWED not in table.columns:
        table[REVIEWED] = OPEN
    return table


def describe(
    labels: Labels,
    ids: Iterable[int],
    plane: Plane,
    image: npt.NDArray[Any] | None = None,
    corner: tuple[int, int] = (0, 0),
) -> pd.DataFrame:
    """Measure some objects of a plane.

    Parameters
    ----------
    labels : (H, W) integer array
    ids : iterable of int
        Those that are not on the plane are left out.
    plane : Plane
        Where the labels lie; of a stack, the rows say on which slice they are.
    image : (H, W) or (H, W, C) array, optional
        For the mean intensity.
    corner : (int, int)
        Row and column of the plane where `labels` and `image` begin.

    Returns
    -------
    pandas.DataFrame
        A row per object, open to review and without a score.
    """
    wanted = among(labels, ids)
    crop = extent(wanted)
    if not crop[0].stop:
        crop = (slice(0, 1), slice(0, 1))
    part = np.where(wanted[crop], labels[crop], 0)
    table = measure(part, None if image is None else image[crop])
    table = moved(table, corner[0] + crop[0].start, corner[1] + crop[1].start)
    for axis, position in enumerate(plane.index):
        if position is not None:
            table[f"axis_{axis}"] = position
    table.insert(0, INDEX, table["label"].astype(np.int64))
    table[REVIEWED] = OPEN
    return table


def nothing() -> pd.DataFrame:
    """Make a table without objects."""
    return pd.DataFrame({INDEX: np.empty(0, dtype=np.int64)})


def rows(table: pd.DataFrame, ids: Iterable[int]) -> pd.DataFrame:
    """Pick the rows of some objects."""
    return table[np.isin(object_ids(table), list(ids))]


def put(table: pd.DataFrame, ids: Iterable[int], new: pd.DataFrame) -> pd.DataFrame:
    """Replace the rows of some objects by others, which may be fewer or more.

    Rows of other objects keep their order and values; a table sorted by id stays sorted.
    """
    return replace_rows(table, ids, new).apply(table)


def marked(table: pd.DataFrame, ids: Iterable[int], mark: str) -> pd.DataFrame:
    """Return rows with what a person decided about some of their objects."""
    chosen = np.isin(object_ids(table), list(ids))
    marks = pd.Series(mark, index=table.index, dtype=object)
    return table.assign(**{REVIEWED: _chosen(chosen, marks, table[REVIEWED])})


def remeasured(
    table: pd.DataFrame, described: pd.DataFrame, by_hand: Iterable[int] = ()
) -> pd.DataFrame:
    """Join new measurements with what the table knew of the same objects.

    Score, source and review stay with an object whose pixels have changed, and so do columns
    of anybody else. One that was rejected and is there again is open to review. Objects made
    `by_hand` count as certain: score 1, source "by hand", accepted.
    """
    known = rows(table, described[INDEX])
    known = known.loc[:, ~known.columns.duplicated()].assign(**{INDEX: object_ids(known)})
    known = known.drop_duplicates(INDEX).set_index(INDEX)
    joined = described.set_index(INDEX)
    hand = joined.index.isin(list(by_hand))
    told = joined.index.isin(known.index) & ~hand
    joined["source"] = joined["source"].astype(object)
    for column in known.columns:
        if column in ("score", "source", REVIEWED) or column not in joined:
            old = exact(known[column]).reindex(joined.index)
            stays = told
            if column == REVIEWED:
                stays = told & np.array([mark != REJECTED for mark in old], bool)
            joined[column] = old if column not in joined else _chosen(stays, old, joined[column])
    for column, value in (("score", 1.0), ("source", BY_HAND), (REVIEWED, ACCEPTED)):
        made = pd.Series(value, index=joined.index, dtype=object)
        if column not in joined:  # nobody has said how certain anything is
            joined[column] = np.nan
        joined[column] = _chosen(hand, made, joined[column])
    return joined.reset_index()


def _chosen(first: npt.NDArray[np.bool_], one: pd.Series, other: pd.Series) -> pd.Series:
    """Take values of one column where `first` says so, else of the other, of whatever types."""
    values = np.where(first, one.astype(object), other.astype(object))
    return pd.Series(values, index=other.index, dtype=object).infer_objects()


def rejected(table: pd.DataFrame) -> set[int]:
    """Return the ids of objects that were rejected."""
    return set(object_ids(table[table[REVIEWED] == REJECTED]).tolist())


def parents(table: pd.DataFrame) -> dict[int, int]:
    """Read from every daughter to her mother; empty where the table has no tracks.

    Examples
    --------
    >>> parents(pd.DataFrame({"index": [1, 2, 3], "parent": [0, 1, np.nan]}))
    {2: 1}
    """
    if "parent" not in table:
        return {}
    told = zip(object_ids(table).tolist(), whole_numbers(table["parent"]).tolist(), strict=True)
    return {child: parent for child, parent in told if parent > 0}


def queue(table: pd.DataFrame) -> list[int]:
    """List the objects that are open, the least certain first; those without a score last."""
    ids = object_ids(table)
    scores = numeric(table["score"]) if "score" in table.columns else np.zeros(len(table))
    order = np.lexsort((ids, np.where(np.isnan(scores), np.inf, scores)))
    is_open = (table[REVIEWED] == OPEN).to_numpy(bool)
    return [int(ids[k]) for k in order if is_open[k] and ids[k] > 0]


def progress(table: pd.DataFrame) -> tuple[int, int]:
    """Count the objects that were accepted or rejected, and all objects."""
    return int((table[REVIEWED] != OPEN).sum()), len(table)
