"""Edits of one Labels layer by hand: pixels and rows of its table, each one step of its history."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_sam.errors import LabelsError
from napari_sam.images import Plane
from napari_sam.labels import edit as editing
from napari_sam.labels import table as object_table
from napari_sam.segmentation import Overlap, check_id, next_id
from napari_sam.ui.canvas.gestures import Place
from napari_sam.ui.labels_layer.history import History
from napari_sam.ui.layers.planes import labels_plane, read_plane
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari.layers import Labels


Ids = npt.NDArray[np.int64]


class Editing:
    """What a person does to the objects of the displayed plane.

    Parameters
    ----------
    bench : Workbench
    layer : Labels layer
    changed : callable
        Called when the layer was changed in a way that was not asked for here.
    """

    def __init__(self, bench: Workbench, layer: Labels, changed: Callable[[], None]) -> None:
        self._bench = bench
        self.layer = layer
        self.history = History(
            layer,
            lambda ids, by_hand: self._rows(ids, ids if by_hand else ()),
            changed,
            lambda call: bench.loop.later(f"history {id(layer)}", 0, call),
        )

    def close(self) -> None:
        self.history.close()

    # -- reading --------------------------------------------------------------------------------

    def plane(self) -> Plane:
        """Find the plane of the labels that is displayed.

        Raises
        ------
        ViewError, LabelsError
        """
        image = self._bench.state.image
        plane = self._bench.plane()
        assert image is not None
        return labels_plane(image, plane, self.layer)

    def pixels(self) -> npt.NDArray[np.integer[Any]]:
        """Labels of the displayed plane, (H, W)."""
        return self.plane().take(self.layer.data)

    def rows_here(self) -> tuple[pd.DataFrame, Ids]:
        """Return the rows of the objects of the displayed plane, and the ids that have none."""
        ids = object_table.ids_of(self.pixels())
        table = self.history.table
        return object_table.rows(table, ids), np.setdiff1d(ids, table[object_table.INDEX])

    def describing(self, missing: Ids) -> Callable[[], pd.DataFrame]:
        """Return what measures objects of the displayed plane as it is now, for a worker."""
        plane = self.plane()
        labels, image = self.pixels().copy(), self._intensities(plane)
        return lambda: object_table.describe(labels, missing, plane, image)

    def adopt(self, described: pd.DataFrame, by_hand: Iterable[int] = ()) -> None:
        """Complete the layer's table by objects that are still there and still have no row.

        Those that the person made are not doubtful, see `object_table.remeasured`.
        """
        missing = self.rows_here()[1]
        new = object_table.rows(described, missing)
        new = object_table.remeasured(object_table.nothing(), new, by_hand)
        if len(new):
            ids = new[object_table.INDEX]
            self.layer.features = object_table.put(self.history.table, ids, new)

    def _intensities(self, plane: Plane) -> npt.NDArray[Any] | None:
        """Pixels of the image, when they need no waiting."""
        image = self._bench.state.image
        if image is None or image.multiscale or not isinstance(image.data, np.ndarray):
            return None
        return read_plane(image, plane)

    # -- editing --------------------------------------------------------------------------------

    def delete(self, ids: Iterable[int]) -> str:
        ids = list(ids)
        edit = editing.delete(self.pixels(), ids)
        what = f"cell {ids[0]}" if len(ids) == 1 else f"{len(ids)} cells"
        return self._write(f"Deleted {what}.", edit)

    def merge(self, ids: list[int]) -> str:
        edit = editing.merge(self.pixels(), ids)
        return self._write(f"Merged into cell {ids[0]}.", edit)

    def split(self, object_id: int, first: Place, second: Place) -> str:
        edit = editing.split(self.pixels(), object_id, first, second, self._free_id())
        return self._write(f"Split cell {object_id}; the new one is {edit.new[0]}.", edit)

    def cut(self, object_id: int, line: list[Place]) -> str:
        edit = editing.cut(self.pixels(), object_id, line, self._free_id())
        new = ", ".join(map(str, edit.new))
        return self._write(f"Cut cell {object_id}; new: {new}.", edit)

    def replace(self, object_id: int, mask: npt.NDArray[np.bool_], overlap: Overlap) -> str:
        if self.layer.preserve_labels:
            overlap = "keep"
        edit = editing.replace(self.pixels(), object_id, mask, overlap)
        return self._write(f"Corrected cell {object_id}.", edit, {object_id})

    def accept(self, object_id: int) -> str:
        """Say that an object is right as it is."""
        row = object_table.rows(self.history.table, [object_id])
        row = row.assign(**{object_table.REVIEWED: object_table.ACCEPTED})
        told = f"Accepted cell {object_id}."
        self.history.note(told, (object_id,), row)
        return told

    def _write(self, told: str, edit: editing.Edit, by_hand: set[int] | None = None) -> str:
        plane, layer = self.plane(), self.layer
        check_id(max(int(edit.after.max()), 0), layer.data.dtype)
        ids = (*edit.gone, *edit.changed, *edit.new)
        hand = {*edit.changed, *edit.new} if by_hand is None else by_hand

        def rows() -> pd.DataFrame:
            new = self._rows((*edit.changed, *edit.new), hand)
            # Only a deletion leaves a trace of what is gone; what was merged lives on.
            gone = [] if edit.changed or edit.new else self._gone(edit.gone)
            return new if len(gone) == 0 else object_table.put(new, edit.gone, gone)

        try:
            self.history.write(
                told,
                plane.locate(edit.rows, edit.columns),
                edit.after.astype(layer.data.dtype),
                ids,
                rows,
            )
        except (NotImplementedError, TypeError, ValueError) as error:
            raise LabelsError(
                f"{layer.name!r} cannot be written ({error}). Choose other labels."
            ) from error
        return told

    def _gone(self, ids: tuple[int, ...]) -> pd.DataFrame:
        """Rows of deleted objects: rejected, unless the object goes on on other slices."""
        rows = object_table.rows(self.history.table, ids).copy()
        away = [i not in self._elsewhere(ids) for i in rows[object_table.INDEX]]
        rows.loc[away, object_table.REVIEWED] = object_table.REJECTED
        return rows

    def _rows(self, ids: tuple[int, ...], by_hand: Iterable[int]) -> pd.DataFrame:
        """Rows of objects after a change of their pixels."""
        table, plane = self.history.table, self.plane()
        described = object_table.describe(self.pixels(), ids, plane, self._intensities(plane))
        rows = object_table.remeasured(table, described, by_hand)
        rest = self._elsewhere(set(ids) - set(rows[object_table.INDEX]))
        return object_table.put(rows, rest, object_table.rows(table, rest)) if rest else rows

    def _elsewhere(self, ids: Iterable[int]) -> set[int]:
        """Which objects are anywhere in the layer: of a stack, other slices hold some as well."""
        if self.layer.ndim == 2:
            return set()
        return {i for i in ids if bool((np.asarray(self.layer.data) == i).any())}

    def _free_id(self) -> int:
        """An id that no object has or had."""
        used = self.history.table[object_table.INDEX]
        had = max(self.history.highest_id, int(used.max()) if len(used) else 0)
        return max(next_id(self.layer.data), had + 1)
