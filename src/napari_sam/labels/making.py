"""A change is written into labels and their table: its pixels and its rows, both or neither."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from napari_sam.errors import LabelsError, NapariSamError
from napari_sam.labels import table as object_table
from napari_sam.labels.change import Change
from napari_sam.labels.presence import Presence
from napari_sam.labels.runs import Runs, writing
from napari_sam.labels.sheet import Sheet
from napari_sam.labels.steps import Steps, done_at_once
from napari_sam.segmentation import check_id

__all__ = ["making"]


def making(
    sheet: Sheet,
    presence: Presence,
    change: Change,
    *,
    back: bool,
    strictly: bool,
    wanted: Callable[[], bool],
) -> Steps[int]:
    """Write pixels and rows of a change, some of them at a time.

    Parameters
    ----------
    sheet : Sheet
    presence : Presence
        Of its pixels; is told.
    change : Change
    back : bool
        Whether it is taken back.
    strictly : bool
        Whether pixels have to be as the change found them; others are left alone otherwise.
    wanted : callable
        Whether the labels still are those that the change is about.

    Returns
    -------
    int
        How many pixels were left alone.

    Raises
    ------
    LabelsError
        Nothing has changed then, nor when the generator is closed.
    """
    runs = change.pixels.reversed if back else change.pixels
    # Rows are worked out first: what cannot be done with them shows before pixels change.
    table = _turned(sheet, change, back)
    left_alone = yield from _written(sheet, presence, runs, strictly, wanted)
    if runs.far_apart:  # and so written in several turns: others may have changed rows meanwhile
        table = _turned(sheet, change, back)
    if table is not None:
        former = sheet.table
        try:
            sheet.table = table
        except BaseException as error:
            done_at_once(_written(sheet, presence, runs.reversed, False, wanted))
            sheet.table = former
            if isinstance(error, Exception):
                raise LabelsError(
                    f"The table of {sheet.name!r} cannot take this ({error}). Nothing was changed."
                ) from error
            raise
    if len(runs):
        sheet.show()
    return left_alone


def _turned(sheet: Sheet, change: Change, back: bool) -> pd.DataFrame | None:
    """The table as a change leaves it; None where that is as it is."""
    if change.rows is None:
        return None
    table = object_table.adopt(sheet.table)
    return change.rows.revert(table) if back else change.rows.apply(table)


def _written(
    sheet: Sheet, presence: Presence, runs: Runs, strictly: bool, wanted: Callable[[], bool]
) -> Steps[int]:
    if len(runs) == 0:
        return 0
    sheet.check_writable()
    pixels = sheet.pixels
    _check_ids(sheet, runs, pixels.dtype)
    try:
        with presence.writing(runs):
            return (yield from writing(pixels, runs, strictly=strictly, wanted=wanted))
    except NapariSamError:
        raise
    except Exception as error:
        raise LabelsError(
            f"{sheet.name!r} cannot be written ({error}). Nothing was changed: choose a new "
            "Labels layer."
        ) from error


def _check_ids(sheet: Sheet, runs: Runs, dtype: Any) -> None:
    limits = np.iinfo(np.dtype(dtype))
    if np.dtype(dtype) == np.uint64:
        return  # all ids fit, see `Runs`
    least, most = int(runs.after.min()), int(runs.after.max())
    if least < limits.min:
        check_id(least, dtype, f"The labels {sheet.name!r}")
    check_id(max(most, 0), dtype, f"The labels {sheet.name!r}")
