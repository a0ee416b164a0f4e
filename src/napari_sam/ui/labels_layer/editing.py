"""Edits of objects by hand, each one step of the layer's document."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_sam.classes import COLOUR, COLUMNS
from napari_sam.errors import LabelsError
from napari_sam.images import Plane
from napari_sam.labels import edit as editing
from napari_sam.labels import table as object_table
from napari_sam.labels.change import Change, Origin
from napari_sam.labels.measured import rows_after
from napari_sam.labels.rows import replace_rows
from napari_sam.labels.runs import Runs
from napari_sam.labels.whole import kind_of, measure_whole, whole_rows
from napari_sam.segmentation import Overlap, check_id
from napari_sam.ui.canvas.gestures import Place
from napari_sam.ui.labels_layer.layer_document import LayerDocument
from napari_sam.ui.layers.label_grid import labels_plane, too_large
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari.layers import Labels


Ids = npt.NDArray[np.int64]


class Editing:
    """What a person does to the objects of the displayed plane, at one event.

    Parameters
    ----------
    bench : Workbench
    document : LayerDocument
        Where every edit becomes a step.
    """

    def __init__(self, bench: Workbench, document: LayerDocument) -> None:
        self._bench = bench
        self.document = document

    @property
    def layer(self) -> Labels:
        return self.document.layer

    # -- reading --------------------------------------------------------------------------------

    @cached_property
    def plane(self) -> Plane:
        """The plane of the labels that was displayed when it was first asked for.

        Raises
        ------
        ViewError, LabelsError
        """
        image = self._bench.state.image
        plane = self._bench.plane()
        assert image is not None
        found = labels_plane(image, plane, self.layer)
        if self.layer.multiscale and too_large(found.shape):
            raise LabelsError(
                f"{self.layer.name!r} is too large to be reviewed as a whole. Cut the region that "
                "matters out of image and labels, and review that."
            )
        return found

    def pixels(self) -> npt.NDArray[np.integer[Any]]:
        """Labels of the plane as they are now, (H, W)."""
        return self.plane.take(self.document.sheet.pixels)

    def rows_here(self) -> tuple[pd.DataFrame, Ids]:
        """Return the rows of the objects of the displayed plane, and the ids that have none."""
        ids = object_table.ids_of(self.pixels())
        table = self.document.table
        return object_table.rows(table, ids), np.setdiff1d(ids, object_table.object_ids(table))

    def describing(self, missing: Ids) -> Callable[[], pd.DataFrame]:
        """Return what measures objects of the displayed plane as it is now, for a worker."""
        kind, table = kind_of(self.document.table), self.document.table
        if kind:
            pixels, axis = self.document.sheet.pixels, self.document.sheet.axis(kind)
            where = self.document.presence.along(axis, missing.tolist())
            return lambda: whole_rows(
                table, measure_whole(pixels, missing.tolist(), kind, axis, where), missing.tolist()
            )
        plane = self.plane
        labels, image = self.pixels().copy(), self.document.intensities(plane)
        return lambda: object_table.describe(labels, missing, plane, image)

    def adopt(self, described: pd.DataFrame) -> None:
        """Complete the layer's table by objects that are still there and still have no row."""
        missing = self.rows_here()[1]
        new = object_table.rows(described, missing)
        new = object_table.remeasured(object_table.nothing(), new)
        if len(new):
            ids = new[object_table.INDEX]
            self.layer.features = object_table.put(self.document.table, ids, new)

    # -- editing --------------------------------------------------------------------------------

    def delete(self, ids: Iterable[int]) -> str:
        ids = list(ids)
        edit = editing.delete(self.pixels(), ids)
        return self._write("delete", f"Deleted {_cells(ids)}.", edit)

    def merge(self, ids: list[int]) -> str:
        edit = editing.merge(self.pixels(), ids)
        return self._write("merge", f"Merged into cell {ids[0]}.", edit)

    def split(self, object_id: int, first: Place, second: Place) -> str:
        edit = editing.split(self.pixels(), object_id, first, second, self._free_id())
        return self._write("split", f"Split cell {object_id}; the new one is {edit.new[0]}.", edit)

    def cut(self, object_id: int, line: list[Place]) -> str:
        edit = editing.cut(self.pixels(), object_id, line, self._free_id())
        new = ", ".join(map(str, edit.new))
        return self._write("split", f"Cut cell {object_id}; new: {new}.", edit)

    def replace(
        self,
        object_id: int,
        mask: npt.NDArray[np.bool_],
        overlap: Overlap,
        origin: Origin | None = None,
    ) -> str:
        if self.layer.preserve_labels:
            overlap = "keep"
        edit = editing.replace(self.pixels(), object_id, mask, overlap)
        told = f"Corrected cell {object_id}."
        return self._write("correct", told, edit, {object_id}, origin)

    def accept(self, ids: Iterable[int]) -> str:
        """Say that objects are right as they are."""
        ids = list(ids)
        row = object_table.rows(self.document.table, ids)
        row = object_table.marked(row, ids, object_table.ACCEPTED)
        return self._mark(ids, row, f"Accepted {_cells(ids)}.")

    def classify(self, classes: pd.DataFrame, told: str) -> str:
        """Say of what class objects are.

        Parameters
        ----------
        classes : pandas.DataFrame
            Their ``label`` and the columns of `napari_sam.classes`; that of the colour where one
            is known.
        told : str
        """
        ids = classes["label"].astype(int).tolist()
        row = object_table.rows(self.document.table, ids)
        said = classes.set_index("label").loc[row[object_table.INDEX].astype(int)]
        given = [column for column in (*COLUMNS, COLOUR) if column in said]
        row = row.assign(**{column: said[column].to_numpy() for column in given})
        return self._mark(ids, row, told)

    def _mark(self, ids: list[int], rows: pd.DataFrame, told: str) -> str:
        """Exchange rows, and leave all pixels as they are."""
        change = replace_rows(self.document.table, ids, rows)
        nothing = Runs.none(self.document.sheet.pixels.shape)
        self.document.apply(Change(told, nothing, change, "mark", Origin(self.plane)))
        return told

    def _free_id(self) -> int:
        """An id that no object has or had."""
        return self.document.free_id(self.plane)

    def _write(
        self,
        kind: str,
        told: str,
        edit: editing.Edit,
        by_hand: set[int] | None = None,
        origin: Origin | None = None,
    ) -> str:
        document, plane, data = self.document, self.plane, self.document.sheet.pixels
        document.sync()
        check_id(max(int(edit.after.max()), 0), data.dtype)
        ids = (*edit.gone, *edit.changed, *edit.new)
        left = (*edit.changed, *edit.new)
        hand = set(left) if by_hand is None else by_hand
        if left:
            after = np.array(plane.take(data))
            edit.apply(after)
            new = rows_after(document, plane, after, left, hand, document.intensities(plane))
        else:  # only a deletion leaves a trace of what is gone; what was merged lives on
            new = self._gone(edit.gone, plane)
        runs = Runs.at(data.shape, plane.locate(edit.rows, edit.columns), edit.before, edit.after)
        rows = replace_rows(document.table, ids, new)
        change = Change(told, runs, rows, kind, origin or Origin(plane))
        document.apply(change)
        if kind_of(document.table):
            document.measure_soon(change)
        return told

    def _gone(self, ids: tuple[int, ...], plane: Plane) -> pd.DataFrame:
        """Rows of deleted objects: rejected, unless the object goes on on other slices."""
        rows = object_table.rows(self.document.table, ids)
        stay = self.document.elsewhere(ids, plane)
        return object_table.marked(rows, set(ids) - stay, object_table.REJECTED)


def _cells(ids: list[int]) -> str:
    return f"cell {ids[0]}" if len(ids) == 1 else f"{len(ids)} cells"
