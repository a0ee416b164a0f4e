"""Edits of objects by hand, each one step of the layer's document."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
import pandas as pd

from napari_sam.classes import COLOUR, COLUMNS
from napari_sam.errors import LabelsError
from napari_sam.images import Plane
from napari_sam.labels import edit as editing
from napari_sam.labels import placed
from napari_sam.labels import table as object_table
from napari_sam.labels.change import Change, Origin
from napari_sam.labels.measured import rows_after
from napari_sam.labels.placed import Part
from napari_sam.labels.rows import replace_rows
from napari_sam.labels.runs import Runs
from napari_sam.labels.steps import Steps, done_at_once, part_of
from napari_sam.labels.whole import kind_of
from napari_sam.regions import Region
from napari_sam.segmentation import Overlap, check_id
from napari_sam.ui.canvas.drags import Place
from napari_sam.ui.labels_layer.plane_labels import PlaneLabels

_READ = 0.3  # of the time that a deletion takes, for reading what is there


class Editing(PlaneLabels):
    """What a person does to the objects of the displayed plane, at one event."""

    def delete(self, ids: Iterable[int]) -> str:
        return done_at_once(self.deleting(ids))

    def deleting(self, ids: Iterable[int]) -> Steps[str]:
        """Delete objects, some of them at a time; see `Document.applying`."""
        ids, data = list(ids), self.layer.data
        parts = [(partial(self.part, ids), ids)]
        if self.large:
            self.document.sync()  # what was made last has its rows
            rows = object_table.rows(self.document.table, ids)
            near = placed.neighbours(placed.rows_on(rows, self.plane))
            parts = [(partial(self.part_around, box, some), some) for some, box in near]
        edit = yield from part_of(placed.delete_in(parts), 0.0, _READ)
        if self.layer.data is not data:  # read of those, and meant of those
            raise LabelsError("The labels hold other data now. Nothing was changed.")
        told = f"Deleted {_cells(ids)}."
        left = self._left_elsewhere(ids)
        yield from part_of(self._writing("delete", told, edit), _READ, 1.0)
        return left or told

    def _left_elsewhere(self, ids: list[int]) -> str:
        """Say that objects in space or tracks go on beside what is deleted; else nothing."""
        kind = kind_of(self.document.table)
        stay = self.document.elsewhere(ids, self.plane) if kind else set()
        if not stay:
            return ""
        some = "" if len(stay) == len(ids) else f", {len(stay)} of them"
        here = f"{some} on this {'frame' if kind == 'track' else 'slice'} only."
        how = "From … to … Delete, under Through slices and time, removes the rest."
        return f"Deleted {_cells(ids)}{here} {how}"

    def merge(self, ids: list[int]) -> str:
        part = self.part(ids)
        edit = editing.merge(part.labels, ids)
        return self._write("merge", f"Merged into cell {ids[0]}.", edit, part)

    def split(self, object_id: int, first: Place, second: Place) -> str:
        part = self.part([object_id])
        (row, column), new = part.corner, self._free_id(part)
        places = [(one[0] - row, one[1] - column) for one in (first, second)]
        edit = editing.split(part.labels, object_id, places[0], places[1], new)
        told = f"Split cell {object_id}; the new one is {edit.new[0]}."
        return self._write("split", told, edit, part)

    def cut(self, object_id: int, line: list[Place]) -> str:
        part = self.part([object_id])
        drawn = np.array(line, float) - part.corner
        edit = editing.cut(part.labels, object_id, drawn, self._free_id(part))
        new = ", ".join(map(str, edit.new))
        return self._write("split", f"Cut cell {object_id}; new: {new}.", edit, part)

    def replace(
        self,
        object_id: int,
        outline: Region,
        overlap: Overlap,
        origin: Origin | None = None,
    ) -> str:
        if self.layer.preserve_labels:
            overlap = "keep"
        part = self.part([object_id], outline)
        mask = outline.on(part.labels.shape, *part.corner)
        edit = editing.replace(part.labels, object_id, mask, overlap)
        told = f"Corrected cell {object_id}."
        return self._write("correct", told, edit, part, {object_id}, origin)

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

    def _free_id(self, part: Part) -> int:
        """An id that no object has or had."""
        return self.document.free_id(self.plane, part.labels)

    def _write(
        self,
        kind: str,
        told: str,
        edit: editing.Edit,
        part: Part | None = None,
        by_hand: set[int] | None = None,
        origin: Origin | None = None,
    ) -> str:
        done_at_once(self._writing(kind, told, edit, part, by_hand, origin))
        return told

    def _writing(
        self,
        kind: str,
        told: str,
        edit: editing.Edit,
        part: Part | None = None,
        by_hand: set[int] | None = None,
        origin: Origin | None = None,
    ) -> Steps[None]:
        """Make an edit of a part of the plane; a deletion is one of the whole plane."""
        document, plane, data = self.document, self.plane, self.document.sheet.pixels
        document.sync()
        check_id(max(int(edit.after.max()), 0), data.dtype)
        ids = (*edit.gone, *edit.changed, *edit.new)
        left = (*edit.changed, *edit.new)
        hand = set(left) if by_hand is None else by_hand
        row, column = (0, 0) if part is None else part.corner
        if part is not None:
            after, image = np.array(part.labels), document.intensities(plane)
            edit.apply(after)
            if image is not None:
                image = image[row : row + after.shape[0], column : column + after.shape[1]]
            stay = document.elsewhere(edit.gone, plane)  # such as what was merged on this slice
            new = rows_after(document, plane, after, (*left, *stay), hand, image, part.corner)
        else:  # only a deletion leaves a trace of what is gone; what was merged lives on
            new = self._gone(edit.gone, plane)
        places = plane.locate(edit.rows + row, edit.columns + column)
        runs = Runs.at(data.shape, places, edit.before, edit.after)
        rows = replace_rows(document.table, ids, new)
        change = Change(told, runs, rows, kind, origin or Origin(plane))
        yield from document.applying(change)
        if kind_of(document.table):
            document.measure_soon(change)

    def _gone(self, ids: tuple[int, ...], plane: Plane) -> pd.DataFrame:
        """Rows of deleted objects: rejected, unless the object goes on on other slices."""
        rows = object_table.rows(self.document.table, ids)
        stay = self.document.elsewhere(ids, plane)
        return object_table.marked(rows, set(ids) - stay, object_table.REJECTED)


def _cells(ids: list[int]) -> str:
    return f"cell {ids[0]}" if len(ids) == 1 else f"{len(ids)} cells"
