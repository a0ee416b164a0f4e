"""Edits of objects through slices and of tracks by hand, each one step of the layer's document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from napari_sam.errors import LabelsError
from napari_sam.labels import table as object_table
from napari_sam.labels import through
from napari_sam.labels.change import Change, Origin
from napari_sam.labels.measured import rows_of_whole
from napari_sam.labels.rows import numeric
from napari_sam.labels.split_whole import split_whole
from napari_sam.labels.through import ThroughEdit
from napari_sam.labels.whole import EXTENT, Kind, kind_of
from napari_sam.ui.labels_layer.editing import Editing
from napari_sam.ui.labels_layer.layer_document import LayerDocument
from napari_sam.ui.layers.axes import letters_of
from napari_sam.ui.layers.planes import distances

Place = tuple[int, ...]

#: What a row says of how certain its object is, beside the place, ``axis_0`` and so on.
_DOUBT = ("score", "weakest", "source", object_table.REVIEWED)
_PLACE = re.compile(r"axis_\d+")


class ThroughEditing:
    """What a person does to objects on all slices, or to tracks, at one event.

    Parameters
    ----------
    editing : Editing
        Of the displayed plane.
    """

    def __init__(self, editing: Editing) -> None:
        self._editing = editing
        self.document = editing.document

    # -- reading --------------------------------------------------------------------------------

    @cached_property
    def kind(self) -> Kind:
        """What the objects are: as their table says, else by the labels of the axes."""
        told = kind_of(self.document.table)
        if told:
            return told
        letters = letters_of(self.document.naming, self._editing.plane)
        return "track" if "T" in letters and "Z" not in letters else "volume"

    @cached_property
    def axis(self) -> int:
        """The axis of the slices or frames."""
        index = self._editing.plane.index
        axis = self.document.sheet.axis(self.kind)
        hidden = [other for other, at in enumerate(index) if at is not None]
        if not hidden:
            raise LabelsError("These labels are a single plane: there are no slices to go through.")
        if not kind_of(self.document.table) and axis not in hidden:
            return hidden[-1]
        return axis

    @property
    def at(self) -> int:
        """The position along it that is displayed.

        Raises
        ------
        LabelsError
        """
        at = self._editing.plane.index[self.axis]
        if at is None:
            raise LabelsError(f"The {self.word}s lie in the picture: show them one by one.")
        return at

    def span(self, object_id: int) -> tuple[int, int]:
        """Return from where to where an object is seen, as its row says; else all there is."""
        row = object_table.rows(self.document.table, [object_id])
        for first, last, beyond in EXTENT.values():
            if first in row and len(row):
                low, high = row[first].iloc[0], row[last].iloc[0]
                if low == low and high == high:  # not NaN
                    return int(low), int(high) - beyond
        return 0, int(self.document.sheet.pixels.shape[self.axis]) - 1

    @property
    def word(self) -> str:
        """What a position along the axis is called."""
        return "frame" if self.kind == "track" else "slice"

    def room(self, object_id: int) -> tuple[int, int]:
        """Return from where to where an object may reach: behind its mother, before a daughter."""
        low, high = 0, int(self.document.sheet.pixels.shape[self.axis]) - 1
        gone = object_table.rejected(self.document.table)  # whose rows tell where they were
        family = {c: m for c, m in self.parents.items() if not {c, m} & gone}
        if object_id in family:
            low = max(low, self.span(family[object_id])[1] + 1)
        daughters = [child for child, mother in family.items() if mother == object_id]
        return low, min([high, *(self.span(child)[0] - 1 for child in daughters)])

    def place(self, row: float, column: float) -> Place:
        """Complete a pixel of the displayed plane to one of the labels."""
        place = self._editing.plane.to_data([(round(row), round(column))])[0]
        return tuple(int(at) for at in place)

    @property
    def parents(self) -> dict[int, int]:
        """From every daughter to her mother."""
        return object_table.parents(self.document.table)

    # -- editing --------------------------------------------------------------------------------

    def join(self, first: int, second: int) -> str:
        """Make the second object part of the first one."""
        over_time = self.kind == "track"
        how: dict[str, Any] = {"over_time": over_time, "where": self._where(first, second)}
        return self._write(
            through.join(self._pixels, self.axis, first, second, self.parents, **how)
        )

    def cut(self, object_id: int) -> str:
        """Give an object a new number from the displayed slice on; doubt stays where it was."""
        where, new_id = self._where(object_id), self.document.free_id()
        edit = through.cut(
            self._pixels, self.axis, object_id, self.at, new_id, self.parents, where=where
        )
        return self._write(edit, {new_id: object_id})

    def swap(self, first: int, second: int) -> str:
        """Exchange the numbers of two objects from the displayed slice on."""
        where = self._where(first, second)
        return self._write(
            through.swap(self._pixels, self.axis, first, second, self.at, self.parents, where=where)
        )

    def set_parent(self, child: int, parent: int) -> str:
        """Make a track the daughter of another one; of none when it is 0."""
        where, new_id = self._where(child, parent), self.document.free_id()
        return self._write(
            through.set_parent(
                self._pixels, self.axis, child, parent, new_id, self.parents, where=where
            )
        )

    def delete(self, ids: Iterable[int], start: int, stop: int) -> str:
        """Remove objects from one position to another, both included."""
        wanted = list(ids)
        where = self._where(*wanted)
        return self._write(
            through.delete(self._pixels, self.axis, wanted, start, stop, self.parents, where=where)
        )

    def split(self, object_id: int, first: Place, second: Place) -> str:
        """Divide an object between two of its pixels, on all slices."""
        spacing = tuple(distances(self._editing.layer))
        edit = split_whole(
            self._pixels,
            object_id,
            first,
            second,
            self.document.free_id(),
            spacing=spacing,
            axis=self.axis,
            where=self._where(object_id),
        )
        return self._write(replace(edit, parents=self.parents))

    @property
    def _pixels(self) -> Any:
        return self.document.sheet.pixels

    def _where(self, *ids: int) -> list[int] | None:
        return self.document.presence.along(self.axis, [i for i in ids if i])

    def _write(self, edit: ThroughEdit, parts: Mapping[int, int] | None = None) -> str:
        """Make an edit one step: the pixels, then the rows of all whom it concerns.

        ``parts`` tells from the number of every new part to that of what it was cut from.
        """
        document, before = self.document, self.parents
        document.sync()
        whole = document.table
        after = edit.parents
        relatives = {i for i in {*before, *after} if before.get(i) != after.get(i)}
        ids = sorted({*edit.ids, *relatives})
        kind = "track" if self.kind == "track" else "edit"
        change = Change(edit.told, edit.runs, None, kind, Origin(self._editing.plane))
        document.apply(change)
        rows = _measured(document, self.kind, ids, edit.ids, after)
        document.complete(change, _in_doubt(rows, whole, parts or {}, self.kind), ids)
        return edit.told


def relate(
    document: LayerDocument, change: Change, ids: Iterable[int], parents: Mapping[int, int]
) -> None:
    """Measure the tracks of a step that has just been applied, and say whose daughters they are."""
    known = document.table
    family = {**object_table.parents(known), **parents}
    rows = _measured(document, kind_of(known) or "track", list(ids), ids, family)
    document.complete(change, rows, ids)


def _measured(
    document: LayerDocument,
    kind: Kind,
    ids: list[int],
    made: Iterable[int],
    parents: Mapping[int, int],
) -> pd.DataFrame:
    """Measure all whom a step concerns, and say whose daughters they are."""
    new = set(made) - set(object_table.object_ids(document.table).tolist())
    rows = rows_of_whole(document, kind, ids, new)
    if parents or "parent" in rows:
        told = object_table.object_ids(rows).tolist()
        rows = rows.assign(parent=[parents.get(i, 0) for i in told])
    return rows


def _in_doubt(
    rows: pd.DataFrame, whole: pd.DataFrame, parts: Mapping[int, int], kind: Kind
) -> pd.DataFrame:
    """Let a part be as certain as what it was cut from, if that was least certain in this part.

    Of what is left of that it is not known then how certain it is. Nothing is in doubt any more
    when a track was cut at the link that was.
    """
    if "weakest" not in whole:
        return rows
    columns = [name for name in whole if name in _DOUBT or _PLACE.fullmatch(str(name))]
    ids = object_table.object_ids(rows)
    for part, former in parts.items():
        known = object_table.rows(whole, [former])
        here, left = ids == part, ids == former
        if not len(known) or not here.any():
            continue
        weakest, first = (
            numeric(one)[0] for one in (known["weakest"], rows[here][EXTENT[kind][0]])
        )
        if weakest >= first:
            rows.loc[left, "score"] = np.nan
        if weakest > first or (weakest == first and kind == "volume"):
            for name in columns:
                rows.loc[here, name] = known[name].iloc[0]
    return rows
