"""A change that is made some of it at a time: whole, or not at all, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from napari_sam.errors import Cancelled, HalfWrittenError, LabelsError
from napari_sam.images import Plane
from napari_sam.labels import presence, runs
from napari_sam.labels.change import Change
from napari_sam.labels.document import Document
from napari_sam.labels.rows import replace_rows
from napari_sam.labels.runs import Runs
from napari_sam.labels.sheet import PlainSheet
from napari_sam.labels.steps import Steps, done_at_once, part_of

SHAPE = (90, 90)
CELLS = [(row, column) for row in (0, 30, 60) for column in (0, 30, 60)]


@pytest.fixture
def document(monkeypatch: pytest.MonkeyPatch) -> Document:
    """Nine cells far from each other, each in a window of its own."""
    monkeypatch.setattr(runs, "_AT_ONCE", 100)
    monkeypatch.setattr(runs, "_TILE", 30)
    monkeypatch.setattr(presence, "SMALL", 0)
    pixels = np.zeros(SHAPE, np.int32)
    for number, (row, column) in enumerate(CELLS, start=1):
        pixels[row : row + 5, column : column + 5] = number
    table = pd.DataFrame({"index": range(1, 10), "reviewed": "open"})
    return Document(PlainSheet(pixels, table))


def deletion(document: Document) -> Change:
    pixels = document.sheet.pixels
    all_of_it = Runs.between(SHAPE, (0, 0), pixels, np.zeros_like(pixels))
    gone = document.table.assign(reviewed="rejected")
    rows = replace_rows(document.table, range(1, 10), gone)
    return Change("Deleted 9 cells.", all_of_it, rows, "delete")


def begun(steps: Steps[object]) -> Steps[object]:
    for _ in range(4):
        next(steps)
    return steps


def noted(steps: Steps[object], fractions: list[float]) -> Steps[None]:
    """Write down how far work is, also of work that fails."""
    for fraction in steps:
        fractions.append(fraction)
        yield fraction


@pytest.mark.parametrize("way", ["closed", "cancelled"])
def test_what_is_stopped_on_the_way_has_never_been(document: Document, way: str) -> None:
    before, table = document.sheet.pixels.copy(), document.table.copy()
    steps = begun(document.applying(deletion(document)))
    assert (document.sheet.pixels != before).any()
    assert document.under_way
    if way == "closed":
        steps.close()
    else:
        fractions = [steps.throw(Cancelled("Stopped."))]
        with pytest.raises(Cancelled):
            done_at_once(noted(steps, fractions))
        assert len(fractions) == 4  # it is taken back window by window, too
        assert fractions == sorted(fractions, reverse=True)
    np.testing.assert_array_equal(document.sheet.pixels, before)
    pd.testing.assert_frame_equal(document.table, table)
    assert document.last is None
    assert not document.under_way
    while document.presence.count_next():
        pass
    assert document.presence.count([1, 9]) == {1: 25, 9: 25}


def test_it_is_one_step_that_is_taken_back_and_done_again_the_same_way(document: Document) -> None:
    before = document.sheet.pixels.copy()
    shares = list(document.applying(deletion(document)))
    assert len(shares) == 9
    assert shares[-1] == 1.0
    assert len(document.log) == 1
    assert not document.sheet.pixels.any()
    begun(document.undoing()).close()
    assert not document.sheet.pixels.any()
    assert len(document.log) == 1
    moved = done_at_once(document.undoing())
    assert moved is not None
    np.testing.assert_array_equal(document.sheet.pixels, before)
    assert document.table["reviewed"].tolist() == ["open"] * 9
    done_at_once(document.redoing())
    assert not document.sheet.pixels.any()


WRITES: list[Callable[[Document], object]] = [
    lambda document: document.apply(deletion(document)),
    lambda document: document.undo(),
    lambda document: document.redo(),
    lambda document: document.fill(Plane((0, 1), (None, None), SHAPE), np.ones(SHAPE, int)),
]


@pytest.mark.parametrize("write", WRITES)
def test_nothing_else_is_written_meanwhile(
    document: Document, write: Callable[[Document], object]
) -> None:
    one = Change("Wrote.", Runs.at(SHAPE, ([20, 21], [20, 20]), 0, [50, 51]))
    document.apply(one)
    document.undo()
    if write is WRITES[1]:
        document.redo()
    steps = begun(document.applying(deletion(document)))
    with pytest.raises(LabelsError, match=r"still being written|has been edited"):
        write(document)
    done_at_once(steps)
    assert document.last is not None
    assert document.last.kind == "delete"


def test_what_is_painted_and_told_meanwhile_stays(document: Document) -> None:
    steps = begun(document.applying(deletion(document)))
    document.sheet.pixels[20, 20] = 70
    painted = Runs.at(SHAPE, ([20], [20]), 0, 70)
    document.record(Change("Painted by hand.", painted, kind="paint"))
    told = pd.DataFrame({"index": [70], "reviewed": ["accepted"]})
    document.sheet.table = pd.concat([document.table, told], ignore_index=True)
    done_at_once(steps)
    assert [step.kind for step in document.log] == ["paint", "delete"]
    assert np.argwhere(document.sheet.pixels).tolist() == [[20, 20]]
    assert document.table["index"].tolist() == [*range(1, 10), 70]
    assert document.table["reviewed"].tolist() == ["rejected"] * 9 + ["accepted"]


def test_labels_that_are_exchanged_meanwhile_are_left_alone(document: Document) -> None:
    before = document.sheet.pixels
    there = before.copy()
    steps = begun(document.applying(deletion(document)))
    document.sheet.pixels = np.full(SHAPE, 4, np.int32)
    document.forget()
    with pytest.raises(LabelsError, match="other data"):
        done_at_once(steps)
    np.testing.assert_array_equal(before, there)
    assert (document.sheet.pixels == 4).all()
    assert document.last is None


def test_a_part_hands_on_what_is_thrown_at_it() -> None:
    seen: list[str] = []

    def work() -> Steps[str]:
        try:
            yield 0.5
        except Cancelled:
            seen.append("thrown")
            yield 0.25
            raise
        finally:
            seen.append("over")
        return "done"

    steps = part_of(work(), 0.5, 1.0)
    assert next(steps) == 0.75
    assert steps.throw(Cancelled("Stopped.")) == 0.625
    with pytest.raises(Cancelled):
        next(steps)
    assert seen == ["thrown", "over"]
    closed = part_of(work(), 0.0, 0.5)
    next(closed)
    closed.close()
    assert seen == ["thrown", "over", "over"]
    assert done_at_once(part_of(work(), 0.0, 1.0)) == "done"


class Failing:
    """Storage that takes some windows, and then fails for a while."""

    def __init__(self, pixels: np.ndarray, first: int, last: int) -> None:
        self.pixels, self.shape, self.dtype = pixels, pixels.shape, pixels.dtype
        self.failing, self.count = range(first, last), 0

    def __getitem__(self, where: object) -> np.ndarray:
        return self.pixels[where]

    def __setitem__(self, where: object, values: object) -> None:
        self.count += 1
        if self.count in self.failing:
            raise OSError("the disk is gone")
        self.pixels[where] = values


class Heard:
    def __init__(self, document: Document) -> None:
        self.document, self.told = document, list[object]()

    def begins(self, way: str, change: Change) -> Steps[None]:
        self.told.append((way, change, self.document.sheet.pixels[:].copy()))
        yield 0.0

    def stopped(self) -> None:
        self.told.append("stopped")


@pytest.mark.parametrize("for_good", [False, True])
def test_a_witness_hears_before_and_of_what_is_taken_back_wholly(
    document: Document, for_good: bool
) -> None:
    change, before = deletion(document), document.sheet.pixels.copy()
    document.sheet.pixels = Failing(document.sheet.pixels, 4, 99 if for_good else 5)
    document.witness = heard = Heard(document)
    with pytest.raises(HalfWrittenError if for_good else LabelsError, match="disk is gone"):
        document.apply(change)
    way, told, there = heard.told[0]
    assert (way, told) == ("apply", change)
    np.testing.assert_array_equal(there, before)
    assert heard.told[1:] == ([] if for_good else ["stopped"])
    assert np.array_equal(document.sheet.pixels[:], before) == (not for_good)


def test_a_witness_need_not_hear_of_what_is_written_in_a_moment(document: Document) -> None:
    document.witness = heard = Heard(document)
    document.apply(Change("Wrote.", Runs.at(SHAPE, ([20, 21], [20, 20]), 0, [50, 51])))
    document.undo()
    assert heard.told == []
