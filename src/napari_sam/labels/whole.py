"""Rows of objects that go through slices, and of tracks, measured on all their planes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_sam.labels import table as object_table
from napari_sam.labels.ids import Ids, among
from napari_sam.labels.rows import INDEX, OPEN, REVIEWED, numeric, object_ids
from napari_sam.labels.slices import positions, slice_at

Kind = Literal["", "volume", "track"]
"""What the rows of a table are about: outlines on single planes, objects in space, tracks."""

_CENTROID = ("centroid_slice", "centroid_row", "centroid_col")
_CORNERS = ("z0", "r0", "c0", "z1", "r1", "c1")
#: Columns of the first and last slice or frame, and how far the last lies behind that.
EXTENT = {"track": ("first", "last", 0), "volume": ("z0", "z1", 1)}
#: Measured columns that may have others beside them in physical units, and what these measure.
_SCALED = {
    "volume": lambda t: t["voxels"],
    "depth_": lambda t: t["z1"] - t["z0"],
    "height_": lambda t: t["r1"] - t["r0"],
    "width_": lambda t: t["c1"] - t["c0"],
    "area_": lambda t: t["area"],
    "centroid_row_": lambda t: t["centroid_row"],
    "centroid_col_": lambda t: t["centroid_col"],
}
_ROUNDED = 0.01  # share by which most of what was written with few digits may differ


def kind_of(table: pd.DataFrame) -> Kind:
    """Tell what the rows of a table are about, by its columns.

    Examples
    --------
    >>> kind_of(pd.DataFrame({"label": [1], "voxels": [9], "slices": [3]}))
    'volume'
    """
    if {"first", "last", "frames"} <= set(table.columns):
        return "track"
    return "volume" if {"voxels", "slices"} <= set(table.columns) else ""


def unmeasured(table: pd.DataFrame) -> Ids:
    """List the objects whose rows tell of a single plane, in a table of objects in space or tracks.

    So do those that were looked at before the first correction through slices.

    Examples
    --------
    >>> columns = {"first": [0, np.nan], "last": [3, np.nan], "frames": [4, np.nan]}
    >>> table = pd.DataFrame({"index": [1, 2], "reviewed": ["open", "open"], **columns})
    >>> unmeasured(table).tolist()
    [2]
    """
    column = {"track": "frames", "volume": "slices"}.get(kind_of(table))
    if column is None:
        return np.empty(0, np.int64)  # typed, since NumPy takes an empty list for floats
    single = np.isnan(numeric(table[column])) & (table[REVIEWED] != object_table.REJECTED)
    return object_ids(table[single.to_numpy(bool)])


def measure_whole(
    labels: Any, ids: Iterable[int], kind: Kind, axis: int, where: Iterable[int] | None = None
) -> pd.DataFrame:
    """Measure some objects on all their slices, or some tracks on all their frames.

    Parameters
    ----------
    labels : integer array of three or four axes
        NumPy, zarr or alike; read slice by slice.
    ids : iterable of int
    kind : {"volume", "track"}
    axis : int
        Along which the slices or frames lie.
    where : iterable of int, optional
        Positions along it that may hold some of the objects; all by default.

    Returns
    -------
    pandas.DataFrame
        A row per object that is there: ``index, label``, and the columns of
        `napari_sam.stacks.object_table.describe_objects` or `napari_sam.stacks.tracks.Tracks` that
        tell of the pixels.

    Examples
    --------
    >>> labels = np.zeros((4, 8, 8), int)
    >>> labels[1:3, 2:5, 2:4] = 7
    >>> row = measure_whole(labels, [7], "volume", 0).iloc[0]
    >>> int(row["voxels"]), int(row["slices"]), float(row["centroid_slice"]), int(row["z1"])
    (12, 2, 1.5, 3)
    >>> row = measure_whole(labels, [7], "track", 0).iloc[0]
    >>> int(row["first"]), int(row["last"]), int(row["frames"]), float(row["area"])
    (1, 2, 2, 6.0)
    """
    parts = list(_parts(labels, ids, axis, where))
    names = ["label", "at", "size", *(f"m{k}" for k in range(labels.ndim - 1))]
    names += [f"{edge}{k}" for edge in ("low", "high") for k in range(labels.ndim - 1)]
    seen = pd.DataFrame(
        np.concatenate(parts) if parts else np.empty((0, len(names))), columns=names
    )
    found = _volumes(seen) if kind == "volume" else _tracks(seen, labels.ndim - 1)
    found.insert(0, INDEX, found["label"])
    return found


def _parts(
    labels: Any, ids: Iterable[int], axis: int, where: Iterable[int] | None
) -> Iterator[npt.NDArray[np.float64]]:
    """Describe the objects of every slice: id, position, size, middle, and corners."""
    wanted = [int(i) for i in ids]
    for at in positions(labels, axis, where):
        part = slice_at(labels, axis, at)
        places = np.nonzero(among(part, wanted))
        if not len(places[0]):
            continue
        there, which = np.unique(part[places], return_inverse=True)
        count = len(there)
        size = np.bincount(which, minlength=count)
        middle = [np.bincount(which, along, count) / size for along in places]
        low = [np.full(count, length) for length in part.shape]
        high = [np.zeros(count, np.int64) for _ in part.shape]
        for first, last, along in zip(low, high, places, strict=True):
            np.minimum.at(first, which, along)
            np.maximum.at(last, which, along + 1)
        yield np.column_stack([there, np.full(count, at), size, *middle, *low, *high])


def _volumes(seen: pd.DataFrame) -> pd.DataFrame:
    """Gather slices to objects; of movies of stacks, each lies in one time."""
    groups = seen.groupby("label")
    voxels = groups["size"].sum()
    last = seen.columns[seen.columns.str.fullmatch(r"m\d")].tolist()[-2:]
    found = pd.DataFrame({"voxels": voxels.astype(np.int64)})
    found["slices"] = groups["at"].nunique()
    for name, column in zip(_CENTROID, ("at", *last), strict=True):
        found[name] = (seen[column] * seen["size"]).groupby(seen["label"]).sum() / voxels
    found["z0"] = groups["at"].min().astype(np.int64)
    found["z1"] = groups["at"].max().astype(np.int64) + 1
    for name, column in zip("rc", last, strict=True):
        found[f"{name}0"] = groups[f"low{column[1:]}"].min().astype(np.int64)
        found[f"{name}1"] = groups[f"high{column[1:]}"].max().astype(np.int64)
    found = found.reset_index()
    found["label"] = found["label"].astype(np.int64)
    return found[["label", "voxels", "slices", *_CENTROID, *_CORNERS]]


def _tracks(seen: pd.DataFrame, axes: int) -> pd.DataFrame:
    """Gather frames to tracks."""
    seen = seen.sort_values(["label", "at"], kind="stable")
    groups = seen.groupby("label")
    middle = seen[[f"m{k}" for k in range(axes)]].to_numpy(np.float64)
    step = np.zeros(len(seen))
    step[1:] = np.linalg.norm(np.diff(middle, axis=0), axis=1)
    step[groups.cumcount().to_numpy() == 0] = 0.0
    found = pd.DataFrame(
        {
            "first": groups["at"].min().astype(np.int64),
            "last": groups["at"].max().astype(np.int64),
            "frames": groups["at"].count(),
            "area" if axes == 2 else "voxels": groups["size"].mean(),
            "path": pd.Series(step, index=seen.index).groupby(seen["label"]).sum(),
        }
    ).reset_index()
    found["label"] = found["label"].astype(np.int64)
    return found


def whole_rows(
    table: pd.DataFrame,
    measured: pd.DataFrame,
    ids: Iterable[int],
    by_hand: Iterable[int] = (),
) -> pd.DataFrame:
    """Join what was measured of some objects with what the table knew of them.

    Parameters
    ----------
    table : pandas.DataFrame
        As of `napari_sam.labels.table.adopt`.
    measured : pandas.DataFrame
        See `measure_whole`.
    ids : iterable of int
        All objects concerned.
    by_hand : iterable of int
        Those that a person made. One that had a row before is not certain for being changed.

    Returns
    -------
    pandas.DataFrame
        Of objects that are gone, the rows as they are, rejected.
    """
    known = set(object_ids(table).tolist())
    measured = measured.assign(source="", **{REVIEWED: OPEN})
    rows = object_table.remeasured(table, measured, [i for i in by_hand if i not in known])
    rows = _in_units(rows, table)
    gone = {int(i) for i in ids} - set(rows[INDEX].tolist())
    left = object_table.marked(object_table.rows(table, gone), gone, object_table.REJECTED)
    return object_table.put(rows, gone, left) if len(left) else rows


def doubt_within(rows: pd.DataFrame, kind: Kind, axis: int) -> pd.DataFrame:
    """Leave out where objects are least certain, if that is a slice that they are no longer on.

    Parameters
    ----------
    rows : pandas.DataFrame
    kind : {"volume", "track"}
    axis : int
        Along which the slices or frames lie.

    Examples
    --------
    >>> rows = pd.DataFrame({"first": [0, 0], "last": [3, 7], "weakest": [6, 6], "axis_0": [6, 6]})
    >>> doubt_within(rows, "track", 0)["axis_0"].tolist()
    [nan, 6.0]
    """
    first, last, beyond = EXTENT[kind]
    if not {"weakest", first, last} <= set(rows):
        return rows
    weakest, low, high = (numeric(rows[name]) for name in ("weakest", first, last))
    gone = (weakest < low) | (weakest > high - beyond)
    names = [name for name in ("weakest", f"axis_{axis}") if name in rows]
    return rows.assign(**{name: rows[name].mask(gone) for name in names})


def _in_units(rows: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Measure in physical units what the table has in them, by what they are to pixels in it."""
    for column in [name for name in table.columns if isinstance(name, str)]:
        start = next((s for s in _SCALED if column.startswith(s)), None)
        if start is None or column not in rows:
            continue
        try:
            pixels = numeric(_SCALED[start](table))
            now = numeric(_SCALED[start](rows))
        except KeyError:  # that is not measured in such rows
            continue
        with np.errstate(all="ignore"):
            factors = numeric(table[column]) / pixels
        factors = factors[np.isfinite(factors)]
        if not len(factors):
            continue
        factor = np.median(factors)
        # One that is no multiple of the pixels is somebody's own, whatever its name.
        if np.median(np.abs(factors - factor)) <= _ROUNDED * abs(factor):
            rows[column] = now * factor
    return rows
