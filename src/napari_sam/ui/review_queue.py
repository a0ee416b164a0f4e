"""The order in which objects are reviewed, and the way to each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from napari_sam import object_table
from napari_sam.ui.desk import Desk
from napari_sam.ui.editing import Editing
from napari_sam.ui.looking import go_to_slice, look_at
from napari_sam.ui.review_look import Look
from napari_sam.ui.review_state import ReviewState


class Queue:
    """Goes from one open object to the next, the least certain first.

    Parameters
    ----------
    select : callable
        Takes an object of the displayed plane in hand.
    """

    def __init__(
        self, desk: Desk, state: ReviewState, look: Look, select: Callable[[int], None]
    ) -> None:
        self._desk, self._state, self._look = desk, state, look
        self._select = select

    def order(self, table: pd.DataFrame) -> list[int]:
        """List open objects that are not hidden and whose slice is known."""
        hidden = set(self._look.hidden.tolist())
        here = set(self._state.objects.ids.tolist())
        located = any(str(column).startswith("axis_") for column in table.columns)
        return [i for i in object_table.queue(table) if i not in hidden and (located or i in here)]

    def step(self, editing: Editing, by: int, at: int | None = None) -> None:
        """Go on from the object in hand, or to a place of the queue."""
        order = self.order(editing.history.table)
        if not order:
            everything = "Every cell has been reviewed."
            nothing = "There are no cells on this slice to review."
            self._desk.result(everything if self._state.total else nothing)
            return
        if at is None:
            selected = self._state.selected
            at = order.index(selected) + by if selected in order else 0
        self.go_to(editing, order[at % len(order)])
        self._desk.result(f"{len(order)} open. Enter accepts, Delete rejects, N goes on.")

    def go_to(self, editing: Editing, object_id: int) -> None:
        """Show an object wherever it is, and take it in hand."""
        viewer, plane = self._desk.viewer, editing.plane()
        if object_id not in self._state.objects.ids:
            row = object_table.rows(editing.history.table, [object_id])
            position = _position(row.iloc[0], plane.ndim) if len(row) else {}
            if any(plane.index[axis] not in (None, at) for axis, at in position.items()):
                hidden = {
                    axis: at for axis, at in position.items() if plane.index[axis] is not None
                }
                go_to_slice(viewer, editing.layer, hidden)  # the page follows the view
        if object_id in self._state.objects.ids:
            self._select(object_id)
            look_at(viewer, editing.layer, editing.plane(), editing.pixels() == object_id)


def _position(row: Any, ndim: int) -> dict[int, int]:
    """Where a row says that its object is, along the axes that it knows."""
    found = {}
    for axis in range(ndim):
        at = row.get(f"axis_{axis}", np.nan)
        if at is not None and np.isfinite(at):
            found[axis] = int(at)
    return found
