"""One log: every change whole or not at all, every step taken back exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from napari_sam.errors import LabelsError
from napari_sam.images import Plane
from napari_sam.labels import edit
from napari_sam.labels import presence as presence_module
from napari_sam.labels.accept import accept
from napari_sam.labels.change import Change
from napari_sam.labels.document import Document
from napari_sam.labels.filling import fill_free
from napari_sam.labels.measured import plane_of, rows_after, rows_of_written
from napari_sam.labels.rows import replace_rows
from napari_sam.labels.runs import Runs
from napari_sam.labels.sheet import PlainSheet

SHAPE = (3, 16, 16)


def sheet(shape: tuple[int, ...] = SHAPE, dtype: str = "i4") -> PlainSheet:
    return PlainSheet(np.zeros(shape, dtype), pd.DataFrame({"index": np.empty(0, np.int64)}))


def plane(at: int) -> Plane:
    return Plane((1, 2), (at, None, None), SHAPE[1:])


def square(row: int, column: int, size: int) -> np.ndarray:
    mask = np.zeros(SHAPE[1:], bool)
    mask[row : row + size, column : column + size] = True
    return mask


def box(document: Document, at: int, row: int, column: int, size: int, value: int) -> Runs:
    before = document.sheet.pixels[at]
    after = np.where(square(row, column, size), value, before)
    return Runs.between(SHAPE, (at, 0, 0), before[None], after[None])


class Editing(RuleBasedStateMachine):
    """Anything a person can do, in any order; the model is a list of whole copies."""

    def __init__(self) -> None:
        super().__init__()
        self.document = Document(sheet())
        self.done: list[tuple[np.ndarray, pd.DataFrame]] = [self.now()]
        self.undone: list[tuple[np.ndarray, pd.DataFrame]] = []

    def now(self) -> tuple[np.ndarray, pd.DataFrame]:
        return self.document.sheet.pixels.copy(), self.document.table.copy()

    def changed(self) -> None:
        self.done.append(self.now())
        self.undone.clear()

    def refused(self) -> None:
        self.same(self.done[-1])

    def same(self, state: tuple[np.ndarray, pd.DataFrame]) -> None:
        np.testing.assert_array_equal(self.document.sheet.pixels, state[0])
        pd.testing.assert_frame_equal(self.document.table, state[1])

    places = st.integers(0, 12)

    @rule(
        at=st.integers(0, 2), row=places, column=places, size=st.integers(1, 6), over=st.booleans()
    )
    def accept(self, at: int, row: int, column: int, size: int, over: bool) -> None:
        try:
            accept(
                self.document,
                plane(at),
                [square(row, column, size)],
                "overwrite" if over else "keep",
            )
        except LabelsError:
            self.refused()
        else:
            self.changed()

    @rule(at=st.integers(0, 2), pick=st.integers(0, 5))
    def delete(self, at: int, pick: int) -> None:
        pixels = self.document.sheet.pixels[at]
        ids = [int(i) for i in np.unique(pixels) if i]
        if not ids:
            return
        made = edit.delete(pixels, [ids[pick % len(ids)]])
        after = pixels.copy()
        made.apply(after)
        runs = Runs.at(SHAPE, plane(at).locate(made.rows, made.columns), made.before, made.after)
        rows = rows_after(self.document, plane(at), after, made.gone)
        change = replace_rows(self.document.table, made.gone, rows)
        self.document.apply(Change("Deleted.", runs, change, "delete"))
        self.changed()

    @rule(at=st.integers(0, 2), row=places, column=places, value=st.integers(0, 9))
    def paint(self, at: int, row: int, column: int, value: int) -> None:
        """Somebody else writes, and tells of it."""
        runs = box(self.document, at, row, column, 3, value)
        if not len(runs):
            return
        begun = self.document.presence.begin(runs)
        change = Change("Painted.", runs, kind="paint")
        self.document.record(change)
        self.document.sheet.pixels[at][square(row, column, 3)] = value
        self.document.presence.end(runs, begun)
        rows, ids = rows_of_written(self.document, runs, lambda plane: None, runs.ids)
        self.document.complete(change, rows, ids)
        self.changed()

    @rule(pick=st.integers(0, 5), word=st.sampled_from(["accepted", "rejected", "open"]))
    def mark(self, pick: int, word: str) -> None:
        table = self.document.table
        if not len(table):
            return
        row = table.iloc[[pick % len(table)]].assign(reviewed=word)
        change = replace_rows(table, row["index"], row)
        self.document.apply(Change("Marked.", Runs.none(SHAPE), change, "mark"))
        self.changed()

    @rule()
    def refuse(self) -> None:
        """A change of other pixels than there are."""
        runs = Runs.at(SHAPE, ([0, 1], [0, 1], [0, 1]), 77, 78)
        with pytest.raises(LabelsError):
            self.document.apply(Change("Never.", runs))
        self.refused()

    @rule()
    def undo(self) -> None:
        moved = self.document.undo()
        assert (moved is None) == (len(self.done) == 1)
        if moved is not None:
            assert moved.left_alone == 0
            self.undone.append(self.done.pop())
        self.same(self.done[-1])

    @rule()
    def redo(self) -> None:
        moved = self.document.redo()
        assert (moved is None) == (not self.undone)
        if moved is not None:
            self.done.append(self.undone.pop())
        self.same(self.done[-1])

    @precondition(lambda self: len(self.done) > 1)
    @rule()
    def retract(self) -> None:
        self.document.retract(self.document.log[-1])
        self.done.pop()
        self.undone.clear()
        self.same(self.done[-1])

    @precondition(lambda self: len(self.done) > 2)
    @rule()
    def everything_back_and_forth(self) -> None:
        states = self.done.copy()
        while self.document.undo():
            pass
        self.same(states[0])
        for state in states[1:]:
            assert self.document.redo()
            self.same(state)

    @rule()
    def count(self) -> None:
        self.document.presence.count_next()

    @invariant()
    def ids_are_free_and_counted(self) -> None:
        pixels = self.document.sheet.pixels
        free = self.document.free_id()
        assert free > pixels.max()
        assert free > max((change.highest_id for change in self.document.log), default=0)
        here = {int(i) for i in np.unique(pixels[1]) if i}
        away = {int(i) for i in np.unique(pixels[[0, 2]]) if i}
        assert self.document.elsewhere(here, plane(1)) == here & away

    @invariant()
    def every_row_is_of_an_object(self) -> None:
        ids = {int(i) for i in np.unique(self.document.sheet.pixels) if i}
        assert set(self.document.table["index"]) == ids


Editing.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestSmall = Editing.TestCase


class LargeEditing(Editing):
    """The same with labels that are counted plane by plane."""

    def __init__(self) -> None:
        small, presence_module.SMALL = presence_module.SMALL, 0
        super().__init__()
        presence_module.SMALL = small


LargeEditing.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestLarge = LargeEditing.TestCase


class Stubborn(PlainSheet):
    """A sheet whose table takes nothing."""

    @property
    def table(self) -> pd.DataFrame:
        return self._table

    @table.setter
    def table(self, table: pd.DataFrame) -> None:
        if hasattr(self, "_table") and len(table) != len(self._table):
            raise TypeError("no such rows here")
        self._table = table


def test_a_table_that_refuses_takes_the_pixels_back():
    document = Document(Stubborn(np.zeros(SHAPE, int), pd.DataFrame({"index": [1]})))
    with pytest.raises(LabelsError, match="no such rows"):
        accept(document, plane(1), [square(2, 2, 5)], "keep")
    assert not document.sheet.pixels.any()
    assert document.log == ()
    assert not document.can_undo


@pytest.mark.parametrize(
    "dtype", ["u1", "i1", "<u2", ">u2", "<i2", ">i2", "<i4", ">i4", ">u4", "u8"]
)
def test_every_type_holds_the_id_that_was_meant(dtype):
    document = Document(sheet(dtype=dtype))
    for at in range(3):
        accept(document, plane(at), [square(2, 2, 5)], "keep")
    assert [int(document.sheet.pixels[at, 4, 4]) for at in range(3)] == [1, 2, 3]
    assert document.sheet.pixels.dtype == np.dtype(dtype)


def test_an_id_that_does_not_fit_changes_nothing():
    document = Document(sheet(dtype="u1"))
    document.sheet.pixels[0, 0, 0] = 255
    with pytest.raises(LabelsError, match="uint8"):
        accept(document, plane(1), [square(2, 2, 5)], "keep")
    assert np.count_nonzero(document.sheet.pixels) == 1
    assert len(document.table) == 0


def test_who_listens_hears_everything():
    document = Document(sheet())
    heard: list[Any] = []
    listener = lambda event, change: heard.append((event, change.told))  # noqa: E731
    document.listen(listener)
    accept(document, plane(0), [square(2, 2, 5)], "keep")
    document.undo()
    document.redo()
    document.unlisten(listener)
    document.undo()
    told = "Added cell 1."
    assert heard == [("apply", told), ("undo", told), ("redo", told)]


def test_what_somebody_else_changed_is_left_alone_and_told():
    document = Document(sheet())
    accept(document, plane(0), [square(2, 2, 5)], "keep")
    document.sheet.pixels[0, 3, 3] = 40  # without a word
    moved = document.undo()
    assert moved is not None
    assert moved.left_alone == 1
    assert moved.told == "added cell 1. 1 pixels that were changed since stay as they are."
    assert np.argwhere(document.sheet.pixels).tolist() == [[0, 3, 3]]


def test_rows_that_come_late_keep_out_of_the_way_of_later_steps():
    document = Document(sheet())
    first = Change("Found.", box(document, 0, 1, 1, 4, 5), kind="search")
    document.apply(first)
    second = box(document, 0, 1, 8, 4, 6)
    document.apply(Change("Found.", second, kind="search"))
    document.complete(first, pd.DataFrame({"index": [5], "score": [0.5]}))
    assert document.table["index"].tolist() == [5]
    document.undo()
    assert document.table["index"].tolist() == [5]
    document.undo()
    assert len(document.table) == 0


def test_the_plane_of_a_change_is_found_whatever_its_axes():
    assert plane_of(Runs.none(SHAPE)) is None
    at = plane_of(Runs.at(SHAPE, ([0, 2], [3, 3], [1, 4]), 0, 1))
    assert at is not None
    assert (at.axes, at.index) == ((0, 2), (None, 3, None))
    line = plane_of(Runs.at(SHAPE, ([0, 2], [3, 3], [1, 1]), 0, 1))
    assert line is not None
    assert line.axes == (0, 2)
    assert plane_of(Runs.at(SHAPE, ([0, 2], [3, 5], [1, 4]), 0, 1)) is None


def test_new_labels_are_filled_only_while_nobody_has_edited_them():
    document = Document(sheet(), empty=True)
    document.fill(plane(1), square(1, 1, 3).astype(int))
    assert document.sheet.pixels[1].sum() == 9
    assert not document.can_undo
    accept(document, plane(1), [square(8, 8, 4)], "keep")
    with pytest.raises(LabelsError, match="edited"):
        document.fill(plane(1), square(1, 1, 3).astype(int))


@pytest.mark.parametrize("small", [True, False])
def test_free_places_of_new_labels_are_filled_beside_steps_that_stand(small):
    document = Document(sheet(), empty=True)
    document.presence.small = small
    accept(document, plane(1), [square(1, 1, 3)], "keep")
    number = int(document.sheet.pixels[1].max())
    written = fill_free(document, plane(1), 7 * square(2, 2, 3).astype(int))
    assert (written == (square(2, 2, 3) & ~square(1, 1, 3))).all()
    assert (document.sheet.pixels[1][written] == 7).all()
    assert document.presence.count([number, 7]) == {number: 9, 7: 5}
    assert document.undo() is not None
    assert document.sheet.pixels[1].sum() == 7 * 5
    assert document.redo() is not None
    assert (document.sheet.pixels[1] == number).sum() == 9
    assert document.undo() is not None
    assert not document.can_undo
