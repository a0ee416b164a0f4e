"""Columns of tables that hold ids of objects, read and widened without a detour over floats.

A float holds whole numbers up to 2**53 alone; beyond, one id would become another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.checks import MOST_ID

if TYPE_CHECKING:
    import pandas as pd

NO_OBJECT = int(np.iinfo(np.int64).min)
_ROUNDED = 1 << 53  # from which on a float need not be the whole number that it was


def whole_numbers(column: pd.Series) -> npt.NDArray[np.int64]:
    """Read a column as ids, exactly; `NO_OBJECT` where it holds something else.

    A float from 2**53 on may be another id that was rounded: it tells none.

    Examples
    --------
    >>> import pandas as pd
    >>> whole_numbers(pd.Series([2**53 + 1, "7", 3.0, 2.0**60, None], dtype=object)).tolist()[:3]
    [9007199254740993, 7, 3]
    """
    kind = column.dtype if isinstance(column.dtype, np.dtype) else np.dtype(object)
    if np.can_cast(kind, np.int64) and kind.kind != "b":
        return np.asarray(column.to_numpy(np.int64))
    if kind.kind == "f":
        numbers = column.to_numpy(np.float64)
        exact = (numbers == np.rint(numbers)) & (np.abs(numbers) < _ROUNDED)
        return np.where(exact, np.where(exact, numbers, 0).astype(np.int64), NO_OBJECT)
    return np.array([_whole(value) for value in column.tolist()], np.int64)


def _whole(value: Any) -> int:
    """Read one value as an id; `NO_OBJECT` where it is none."""
    try:
        if isinstance(value, str):
            value = int(value) if value.strip().isdecimal() else float(value)
        if isinstance(value, float | np.floating) and not abs(float(value)) < _ROUNDED:
            return NO_OBJECT
        number = int(value)
        return number if number == value and abs(number) <= MOST_ID else NO_OBJECT
    except (TypeError, ValueError):
        return NO_OBJECT


def exact(column: pd.Series) -> pd.Series:
    """Return a column in a type that can hold gaps as well without rounding its numbers.

    Whole numbers with gaps become floats in pandas, and other ids beyond 2**53.

    Examples
    --------
    >>> import pandas as pd
    >>> exact(pd.Series([2**53 + 1])).reindex([0, 1])[0], exact(pd.Series([3])).dtype
    (9007199254740993, dtype('int64'))
    """
    kind = column.dtype
    if not isinstance(kind, np.dtype) or kind.kind not in "iu" or kind.itemsize < 8:
        return column
    ends = (int(column.min()), int(column.max())) if len(column) else (0, 0)
    return column.astype(object) if max(-ends[0], ends[1]) > _ROUNDED else column
