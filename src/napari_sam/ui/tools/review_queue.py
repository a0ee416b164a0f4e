"""The order in which objects are reviewed, and the way to each of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from napari_sam.images import Plane
from napari_sam.labels import table as object_table
from napari_sam.labels.whole import kind_of
from napari_sam.ui.canvas.camera import go_to_slice, look_at
from napari_sam.ui.labels_layer.editing import Editing
from napari_sam.ui.tools.review_appearance import Appearance
from napari_sam.ui.tools.review_plane import ReviewedPlane
from napari_sam.ui.tools.review_state import ReviewState
from napari_sam.ui.workbench import Workbench


class Queue:
    """Goes from one open object to the next, the least certain first.

    Parameters
    ----------
    plane : ReviewedPlane
    select : callable
        Takes an object of the displayed plane in hand.
    """

    def __init__(
        self,
        bench: Workbench,
        state: ReviewState,
        appearance: Appearance,
        plane: ReviewedPlane,
        select: Callable[[int], None],
    ) -> None:
        self._bench, self._state, self._appearance = bench, state, appearance
        self._plane, self._select = plane, select

    def order(self) -> list[int]:
        """List open objects that are not hidden, on whichever slice they are."""
        hidden = set(self._appearance.hidden.tolist())
        table = self._plane.editing().document.table
        return [i for i in object_table.queue(table) if i not in hidden]

    def step(self, by: int, at: int | None = None) -> None:
        """Go on from the object in hand, or to a place of the queue."""
        order = self.order()
        if at is None:
            selected = self._state.selected
            at = order.index(selected) + by if selected in order else 0
        way = -1 if by < 0 else 1
        for k in range(len(order)):
            # Rows of objects that are nowhere in the labels are passed over.
            if self.go_to(order[(at + way * k) % len(order)], weakest=True):
                self._bench.result(f"{len(order)} open. Enter accepts, Delete rejects, N goes on.")
                return
        everything = "Every cell has been reviewed."
        self._bench.result(everything if self._state.total else "There are no cells to review.")

    def go_on(self, decided: int, at: int) -> None:
        """Go on from an object that was decided about and stood at a place of the queue.

        One that is on other slices, too, may still be open; what was done to it stays told then.
        """
        told, order = self._bench.state.status, self.order()
        still_open = decided in order
        self.step(0, (at + still_open) % max(len(order), 1))
        if still_open:
            self._bench.result(told)

    def go_to(self, object_id: int, *, weakest: bool = False) -> bool:
        """Show an object wherever it is, and take it in hand; False when it is nowhere.

        Parameters
        ----------
        weakest : bool
            Whether one that goes through slices is shown where it is least certain, as its row
            says, even if it is seen already.
        """
        editing = self._plane.editing()
        viewer, layer, plane = self._bench.viewer, editing.layer, editing.plane
        table = editing.document.table
        here = object_id in self._state.objects.ids
        if not here or (weakest and kind_of(table)):
            row = object_table.rows(table, [object_id])
            told = _position(row.iloc[0], plane.ndim) if len(row) else {}
            hidden = [axis for axis, at in enumerate(plane.index) if at is not None]
            position = {axis: told[axis] for axis in hidden if axis in told}
            says = here or len(position) == len(hidden)
            if not (says and _holds(editing, position, object_id)):
                # The row does not say, as after a search of one slice, or tells of a slice where it
                # was: the pixels know.
                position = {} if here else _found(editing, object_id)
            if any(plane.index[axis] != at for axis, at in position.items()):
                go_to_slice(viewer, layer, position)  # the page follows the view
                editing = self._plane.editing()
        if object_id not in self._state.objects.ids:
            return False
        region = editing.region_of(object_id)
        if not region.area:  # of a large plane it is the rows that tell what is there
            return False
        self._select(object_id)
        look_at(viewer, layer, editing.plane, region)
        return True


def parallel_planes(plane: Plane, shape: tuple[int, ...]) -> Iterator[Plane]:
    """Iterate over all planes of a stack that are parallel to one.

    Parameters
    ----------
    plane : Plane
    shape : tuple of int
        Of the stack, without colour.
    """
    ranges = [
        (None,) if at is None else range(size) for at, size in zip(plane.index, shape, strict=True)
    ]
    for index in itertools.product(*ranges):
        yield replace(plane, index=index)


def _holds(editing: Editing, position: dict[int, int], object_id: int) -> bool:
    """Tell whether an object is on the slice of a position; large ones are not read."""
    if editing.large:
        return True
    labels, plane = editing.document.sheet.pixels, editing.plane
    if not all(0 <= at < labels.shape[axis] for axis, at in position.items()):
        return False
    index = tuple(position.get(axis, at) for axis, at in enumerate(plane.index))
    return bool((replace(plane, index=index).take(labels) == object_id).any())


def _found(editing: Editing, object_id: int) -> dict[int, int]:
    """Find the first slice parallel to the plane that holds an object; large ones are not read."""
    if editing.large:
        return {}
    labels = editing.document.sheet.pixels
    for one in parallel_planes(editing.plane, labels.shape):
        if (one.take(labels) == object_id).any():
            return {axis: at for axis, at in enumerate(one.index) if at is not None}
    return {}


def _position(row: Any, ndim: int) -> dict[int, int]:
    """Where a row says that its object is, along the axes that it knows."""
    found = {}
    for axis in range(ndim):
        at = row.get(f"axis_{axis}", np.nan)
        if at is not None and np.isfinite(at):
            found[axis] = int(at)
    return found
