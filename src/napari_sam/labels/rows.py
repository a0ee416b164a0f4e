"""Rows of a table that change: which go, which come, and where they stood.

Other columns and other rows are a person's own. They keep their values whatever they hold, and
their types wherever those can hold the new rows as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_sam.id_columns import exact, whole_numbers

INDEX = "index"
REVIEWED = "reviewed"
OPEN = "open"

Positions = npt.NDArray[np.intp]


def object_ids(table: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Read which object every row is about; `NO_OBJECT` where a row does not say."""
    if not len(table):
        return np.empty(0, np.int64)
    column = table[INDEX]
    if column.ndim == 2:  # several of this name: the first counts
        column = column.iloc[:, 0]
    return whole_numbers(column)


def numeric(column: pd.Series) -> npt.NDArray[np.float64]:
    """Read a column as numbers, NaN where it holds something else."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    return np.asarray(pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan))


@dataclass(frozen=True, eq=False)
class RowChange:
    """What becomes of the rows of some objects.

    Parameters
    ----------
    ids : tuple of int
        The objects concerned.
    before, after : pandas.DataFrame
        Their rows, in the order of the table.
    before_at, after_at : (N,) int arrays
        Where these rows stand in the whole table.
    added : tuple
        Columns that came with the new rows.
    types : tuple of (int, name, type)
        Place and type before of every column that had to be widened for the new rows.
    """

    ids: tuple[int, ...]
    before: pd.DataFrame
    after: pd.DataFrame
    before_at: Positions
    after_at: Positions
    added: tuple[Any, ...] = ()
    types: tuple[tuple[int, Any, Any], ...] = ()

    def apply(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the table with the new rows in place of the old ones."""
        return _exchanged(table, self.ids, self.after, self.after_at)

    def revert(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the table with the old rows back in their places."""
        back = _exchanged(table, self.ids, self.before, self.before_at)
        if self.added:
            back = back.drop(columns=_unused(back, self.added))
        for at, name, dtype in self.types:
            if at < back.shape[1] and back.columns[at] == name:
                back = _with_type(back, at, dtype)
        return back


def replace_rows(table: pd.DataFrame, ids: Iterable[int], new: pd.DataFrame) -> RowChange:
    """Describe how rows of some objects are replaced by others, which may be fewer or more.

    An object that has a row keeps its place; new rows follow the others, or stand among them by
    their number where the whole table is in that order.

    Parameters
    ----------
    table : pandas.DataFrame
        With a column ``index``, see `napari_sam.labels.table.adopt`.
    ids : iterable of int
        The objects whose rows are replaced.
    new : pandas.DataFrame
        With a column ``index``.
    """
    ids = tuple(dict.fromkeys(int(i) for i in ids))
    had = object_ids(table)
    out = np.isin(had, ids)
    order, after_at = _places(had, out, object_ids(new))
    before_at = np.flatnonzero(out)
    change = RowChange(
        ids,
        table.iloc[before_at].reset_index(drop=True),
        new.iloc[order].reset_index(drop=True),
        before_at,
        after_at.astype(np.intp),
    )
    # What the types become shows on one row that stays, as well as on all of them.
    one = table.iloc[np.flatnonzero(~out)[:1]]
    if _fitting(one, change.after) is not None:
        return change
    result = _column_by_column(one, change.after)
    before, after = table.dtypes.tolist(), result.dtypes.tolist()
    types = tuple(
        (k, name, before[k]) for k, name in enumerate(table.columns) if after[k] != before[k]
    )
    return replace(change, added=tuple(result.columns[table.shape[1] :]), types=types)


def _places(
    had: npt.NDArray[np.int64], out: npt.NDArray[np.bool_], numbers: npt.NDArray[np.int64]
) -> tuple[Positions, Positions]:
    """Order new rows, and find the places where they shall stand."""
    rest, order = had[~out], np.argsort(numbers, kind="stable")
    if (np.diff(had) >= 0).all():
        return order, np.searchsorted(rest, numbers[order]) + np.arange(len(numbers))
    same = np.argsort(had[out], kind="stable")
    if np.array_equal(had[out][same], numbers[order]):
        back = np.empty(len(order), np.intp)
        back[same] = order
        return back, np.flatnonzero(out)
    return np.arange(len(numbers)), len(rest) + np.arange(len(numbers))


def _exchanged(
    table: pd.DataFrame, ids: tuple[int, ...], rows: pd.DataFrame, at: Positions
) -> pd.DataFrame:
    keep = np.flatnonzero(~np.isin(object_ids(table), ids))
    total = len(keep) + len(rows)
    order = None
    places = np.asarray(at, np.intp)
    if len(rows) and places.max() >= total:  # the table was cut meanwhile
        places = np.arange(len(keep), total)
    if not np.array_equal(places, np.arange(len(keep), total)):
        order = np.empty(total, np.intp)
        taken = np.zeros(total, bool)
        taken[places] = True
        order[~taken] = np.arange(len(keep))
        order[places] = np.arange(len(keep), total)
    kept = table if len(keep) == len(table) else table.iloc[keep]
    fitting = _fitting(kept, rows)
    if fitting is None:
        joined = _column_by_column(kept, rows)
    elif len(fitting):
        joined = pd.concat([kept, fitting], ignore_index=True)
    else:
        joined = kept.reset_index(drop=True)
    return joined if order is None else joined.take(order).reset_index(drop=True)


def _fitting(kept: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame | None:
    """Return rows that can stand below a table as they are, as nearly all can; else None."""
    names = kept.columns
    if not names.is_unique:
        return None
    if len(rows) == 0:
        return rows if rows.columns.isin(names).all() else None
    if len(kept) == 0 or len(rows.columns) != len(names) or not names.isin(rows.columns).all():
        return None
    rows = rows[names]
    return rows if rows.dtypes.tolist() == kept.dtypes.tolist() else None


def _column_by_column(kept: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    names = [*kept.columns, *(name for name in rows.columns if name not in kept.columns)]
    columns = {}
    for k, name in enumerate(names):
        old = kept.iloc[:, k] if k < kept.shape[1] else None
        same = [i for i, other in enumerate(rows.columns) if other == name]
        before = sum(1 for other in names[:k] if other == name)  # names may be equal
        new = rows.iloc[:, same[before]] if before < len(same) else None
        columns[k] = _joined(old, new, len(kept), len(rows))
    result = pd.DataFrame(columns)
    result.columns = pd.Index(names)
    return result


def _joined(old: pd.Series | None, new: pd.Series | None, n_old: int, n_new: int) -> pd.Series:
    """Put two parts of a column below each other, in the type of the first if that can be."""
    if new is None or n_new == 0:
        assert old is not None or new is not None
        first = new if old is None else old
        return _filled(first, n_old + n_new, 0)
    if old is None or n_old == 0:
        return _filled(new if old is None else _like(new, old.dtype), n_old + n_new, n_old)
    old, new = old.reset_index(drop=True), new.reset_index(drop=True)
    if old.dtype != new.dtype:
        if isinstance(old.dtype, pd.CategoricalDtype):
            values = [v for v in pd.unique(new.dropna()) if v not in old.cat.categories]
            old = old.cat.add_categories(values)
        new = _like(new, old.dtype)
        if old.dtype != new.dtype:
            old, new = exact(old), exact(new)
        if old.dtype != new.dtype and not _both_numbers(old, new):
            old, new = old.astype(object), new.astype(object)
    return pd.concat([old, new], ignore_index=True)


def _filled(part: pd.Series, total: int, first: int) -> pd.Series:
    """Put a column at a place in a longer one, nothing in the other rows."""
    part = part.reset_index(drop=True)
    if len(part) == total:
        return part
    part = exact(part)
    part.index = pd.RangeIndex(first, first + len(part))
    return part.reindex(pd.RangeIndex(total))


def _like(column: pd.Series, dtype: Any) -> pd.Series:
    """Give a column a type if it loses nothing by that."""
    try:
        turned = column.astype(dtype)
        same = (turned.astype(object) == column.astype(object)) | (turned.isna() & column.isna())
        return turned if bool(same.all()) else column
    except (TypeError, ValueError, OverflowError):
        return column


def _both_numbers(one: pd.Series, other: pd.Series) -> bool:
    return all(
        isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf" for column in (one, other)
    )


def _with_type(table: pd.DataFrame, at: int, dtype: Any) -> pd.DataFrame:
    """Give a column its former type again, unless what it holds by now does not allow it."""
    column = _like(table.iloc[:, at], dtype)
    if column.dtype != dtype:
        return table
    columns = {k: column if k == at else table.iloc[:, k] for k in range(table.shape[1])}
    result = pd.DataFrame(columns)
    result.columns = table.columns
    return result


def _unused(table: pd.DataFrame, names: Iterable[Any]) -> list[Any]:
    """List those of some columns that say nothing of any object."""
    held = table[[name for name in names if name in table]]
    says = held.notna()
    if REVIEWED in says:
        says[REVIEWED] &= held[REVIEWED] != OPEN
    told = says.columns[says.any().to_numpy(bool)]
    return [name for name in held.columns if name not in told]
