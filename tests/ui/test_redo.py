"""Redo on Click: marks, kept cells and steps of other pages are done again, one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from napari.layers import Points

from dividing import dividing, mother
from fake_model import blobs
from napari_sam.images import Plane
from napari_sam.ui.labels_layer.undone import TakenBack, Undone
from napari_sam.ui.proposing.edits import Edits
from napari_sam.ui.proposing.spent import Spent, points_of, rows_like
from stack_of_balls import CENTRE, STACK

PLACES = [(10, 12), (10, 40), (10, 68), (34, 12), (34, 40), (34, 68)]
UNDO, REDO = "Control-Z", "Control-Shift-Z"


class Dish:
    """Works a bench on which some cells lie, and takes down what there is."""

    def __init__(self, bench: Any, data: Any = None, **how: Any) -> None:
        self.bench, self.state = bench, bench.state
        cells = blobs((64, 80), PLACES, radius=6) if data is None else data
        self.layer = bench.viewer.add_image(cells, name="dish", **how)
        bench.settle()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.bench.press(key)
            self.bench.settle()

    def click(self, *place: int, **how: Any) -> None:
        for axis in set(range(len(place))) - set(self.bench.viewer.dims.displayed):
            self.bench.viewer.dims.set_point(axis, place[axis])
        self.bench.settle()
        self.bench.click(*place, **how)
        self.bench.settle()

    def keep(self, *place: int) -> None:
        self.click(*place)
        self.press("Enter")

    @property
    def labels(self) -> Any:
        return self.bench.viewer.layers["dish cells"]

    @property
    def pixels(self) -> np.ndarray:
        there = "dish cells" in self.bench.viewer.layers
        return self.labels.data.copy() if there else np.zeros(self.layer.data.shape, int)

    @property
    def marks(self) -> list[list[float]]:
        """Points and shapes of ours, in an order of their own."""
        layers = self.bench.viewer.layers
        names = [name for name in ("SAM points", "SAM shapes") if name in layers]
        return sorted(np.ravel(mark).tolist() for name in names for mark in layers[name].data)

    @property
    def rows(self) -> list[int]:
        there = "dish cells" in self.bench.viewer.layers
        return sorted(self.labels.features["index"].tolist()) if there else []

    @property
    def all(self) -> tuple[bytes, list[list[float]], list[int]]:
        return self.pixels.astype(int).tobytes(), self.marks, self.rows

    def can_redo(self) -> bool:
        return self.bench.cells.undone.last() is not None


@pytest.fixture
def dish(bench: Any) -> Dish:
    return Dish(bench)


def test_a_kept_cell_is_kept_again_and_its_marks_go(dish: Dish) -> None:
    dish.click(10, 12)
    dish.click(11, 13)
    dish.press("Enter")
    kept = dish.all
    assert not dish.can_redo()
    dish.press(UNDO)
    assert len(dish.marks) == 2
    assert dish.can_redo()
    dish.press(REDO)
    assert dish.all == kept
    assert dish.state.answer is None
    assert not dish.can_redo()
    assert "Done again in 'dish cells'" in dish.state.status
    dish.press(UNDO)  # its marks are known still
    assert len(dish.marks) == 2
    assert not dish.pixels.any()


def test_every_step_back_is_a_step_forth(dish: Dish) -> None:
    seen = [dish.all]
    for act in (
        lambda: dish.click(10, 12),
        lambda: dish.click(12, 12),
        lambda: dish.press("Enter"),
        lambda: dish.click(34, 40),
        lambda: dish.click(34, 50, button=2),
        lambda: dish.press("Enter"),
        lambda: dish.click(10, 68),
    ):
        act()
        seen.append(dish.all)
    for before in reversed(seen[:-1]):
        dish.press(UNDO)
        assert dish.all == before
    for after in seen[1:]:
        assert dish.can_redo()
        dish.press(REDO)
        assert dish.all == after
    assert not dish.can_redo()
    dish.press(REDO)
    assert dish.all == seen[-1]
    assert "nothing to do again" in dish.state.status
    assert dish.state.answer is not None  # of the mark that came last


def test_a_new_mark_empties_it_and_review_still_has_the_step(dish: Dish) -> None:
    dish.keep(10, 12)
    kept = dish.pixels
    dish.press(UNDO, UNDO)
    dish.click(34, 40)
    assert not dish.can_redo()
    dish.press(REDO)
    assert not dish.pixels.any()
    assert len(dish.marks) == 1
    dish.press("Escape")
    dish.bench.session.set_tool("review")
    dish.bench.settle()
    dish.bench.review.redo()
    np.testing.assert_array_equal(dish.pixels, kept)


def test_a_mark_of_ones_own_tools_empties_it(dish: Dish) -> None:
    points = dish.bench.viewer.add_points(np.empty((0, 2)), name="mine")
    dish.bench.session.layers.choose("points", points)
    dish.keep(10, 12)
    dish.press(UNDO)
    assert dish.can_redo()
    points.add([[34.0, 40.0]])
    dish.bench.settle()
    assert not dish.can_redo()


def test_marks_in_a_layer_of_ones_own_count_again(dish: Dish) -> None:
    points = dish.bench.viewer.add_points(np.empty((0, 2)), name="mine")
    dish.bench.session.layers.choose("points", points)
    dish.keep(10, 12)
    dish.press(UNDO, UNDO)
    assert dish.state.answer is None
    dish.press(REDO)
    assert dish.state.answer is not None
    dish.press(REDO)
    assert dish.rows == [1]
    assert dish.state.answer is None
    assert len(points.data) == 1


def test_dropped_marks_do_not_come_back_but_the_kept_cell_does(dish: Dish) -> None:
    dish.click(10, 12)
    dish.click(11, 13)
    dish.press("Enter")
    kept = dish.all
    dish.press(UNDO, UNDO, "Escape")
    assert dish.marks == []
    dish.press(REDO)
    assert dish.all == kept
    assert not dish.can_redo()


def test_lines_and_strokes_of_the_brush_are_made_again(dish: Dish) -> None:
    dish.press("S")
    dish.bench.drag((10.0, 9.0), (10.0, 12.0), (10.0, 15.0))
    dish.bench.settle()
    dish.press("S")
    lined = dish.all
    dish.press("B")
    dish.bench.drag((10.0, 12.0), (10.0, 24.0))
    dish.bench.settle()
    answer = dish.state.answer
    painted = answer.regions(dish.state.choices)[0].on(answer.plane.shape)
    assert painted[10, 24]
    dish.press(UNDO, UNDO)
    assert dish.marks == []
    dish.press(REDO)
    assert dish.all == lined
    dish.press(REDO)
    answer = dish.state.answer
    again = answer.regions(dish.state.choices)[0].on(answer.plane.shape)
    np.testing.assert_array_equal(again, painted)
    dish.press(UNDO)
    answer = dish.state.answer
    assert not answer.regions(dish.state.choices)[0].on(answer.plane.shape)[10, 24]


def test_clicks_that_wait_for_their_turn_are_made_again(dish: Dish) -> None:
    dish.bench.cells.proposal.set_cell_per_click(True)
    dish.bench.click(10, 12)
    dish.bench.click(10, 40)
    dish.bench.press(UNDO)
    dish.bench.press(REDO)
    dish.bench.settle()
    assert dish.rows == [1]
    assert len(dish.marks) == 1


def test_a_correction_of_a_kept_cell_and_its_marks_are_made_again(dish: Dish) -> None:
    dish.keep(10, 12)
    dish.click(10, 12)
    assert dish.state.in_hand == 1
    before = dish.pixels
    dish.click(10, 14)
    dish.press("N", "Enter")
    corrected = dish.pixels
    assert (corrected > 0).sum() > (before > 0).sum()
    dish.press(UNDO)
    np.testing.assert_array_equal(dish.pixels, before)
    dish.press(REDO)
    np.testing.assert_array_equal(dish.pixels, corrected)
    dish.click(10, 12)
    dish.click(10, 14)
    dish.press(UNDO, UNDO)
    assert dish.state.in_hand == 0
    np.testing.assert_array_equal(dish.pixels, before)
    dish.press(REDO, REDO)
    assert dish.state.in_hand == 1  # the mark is about the cell that it was about
    assert len(dish.marks) == 1
    np.testing.assert_array_equal(dish.pixels, corrected)


def test_it_goes_through_steps_of_review_and_back(dish: Dish) -> None:
    dish.keep(10, 12)
    dish.keep(34, 40)
    two = dish.pixels
    dish.bench.session.set_tool("review")
    dish.bench.settle()
    dish.bench.review.select(1)
    dish.bench.review.reject()
    dish.bench.settle()
    one = dish.pixels
    assert np.unique(one).tolist() == [0, 2]
    dish.bench.session.set_tool("click")
    dish.press(UNDO)
    np.testing.assert_array_equal(dish.pixels, two)
    dish.bench.session.set_tool("review")
    dish.bench.settle()
    dish.bench.review.undo()
    assert np.unique(dish.pixels).tolist() == [0, 1]
    dish.bench.session.set_tool("click")
    dish.press(REDO)
    np.testing.assert_array_equal(dish.pixels, two)
    dish.press(REDO)
    np.testing.assert_array_equal(dish.pixels, one)
    assert not dish.can_redo()


def test_what_review_does_again_takes_the_marks_out_of_play(dish: Dish) -> None:
    dish.keep(10, 12)
    kept = dish.all
    dish.press(UNDO)
    assert len(dish.marks) == 1
    dish.bench.session.set_tool("review")
    dish.bench.settle()
    dish.bench.review.redo()
    dish.bench.session.set_tool("click")
    dish.bench.settle()
    assert dish.all == kept
    assert not dish.can_redo()


def test_what_napari_paints_in_between_is_not_lost(dish: Dish) -> None:
    dish.keep(10, 12)
    dish.keep(34, 40)
    dish.press(UNDO)
    dish.labels.selected_label = 9
    dish.labels.paint((50, 50), 9)
    dish.bench.settle()
    painted = dish.all
    assert not dish.can_redo()
    dish.press(REDO)
    assert dish.all == painted
    dish.bench.cells.undo()  # the mark that had come back
    dish.bench.cells.undo()  # the paint
    dish.bench.settle()
    assert not (dish.pixels == 9).any()
    dish.press(REDO, REDO)
    assert dish.all == painted


def test_pixels_written_without_a_word_are_left_alone(dish: Dish) -> None:
    dish.keep(10, 12)
    dish.press(UNDO)
    dish.labels.data[10, 12] = 7
    dish.press(REDO)
    assert dish.pixels[10, 12] == 7
    assert dish.pixels[10, 13] == 1
    assert "1 pixels that were changed since stay" in dish.state.status


def test_nothing_is_done_again_in_labels_that_are_gone_or_replaced(dish: Dish) -> None:
    dish.keep(10, 12)
    dish.press(UNDO)
    dish.labels.data = np.full((64, 80), 3)
    dish.press(REDO)
    assert (dish.pixels == 3).all()
    dish.press("Escape")
    dish.keep(34, 40)
    dish.press(UNDO)
    dish.bench.viewer.layers.remove("dish cells")
    dish.bench.settle()
    assert not dish.can_redo()
    dish.press(REDO)


def test_labels_that_napari_alone_knows_have_their_own_redo(dish: Dish) -> None:
    dish.keep(10, 12)
    other = dish.bench.viewer.add_labels(np.zeros((64, 80), int), name="other")
    dish.bench.cells.undo()
    other.paint((5, 5), 2)
    other.undo()
    dish.bench.settle()
    assert dish.bench.viewer.layers.selection.active is other
    assert dish.bench.cells.parts.documents.known(other) is None
    dish.press(REDO)
    assert (other.data == 2).any()
    assert not dish.pixels.any()
    dish.bench.cells.redo()
    assert dish.pixels.any()


def test_marks_of_another_image_do_not_come_back(dish: Dish) -> None:
    dish.click(10, 12)
    dish.press(UNDO)
    assert dish.can_redo()
    dish.bench.viewer.add_image(blobs((64, 80), PLACES, radius=6), name="second")
    dish.bench.settle()
    dish.bench.session.layers.choose("image", dish.bench.viewer.layers["second"])
    dish.bench.settle()
    assert not dish.can_redo()
    dish.press(REDO)
    assert dish.marks == []


def test_through_slices_all_come_and_go_at_once(bench: Any) -> None:
    dish = Dish(bench, STACK)
    bench.cells.through.set_on(True)
    bench.settle()
    seen = [dish.all]
    dish.click(*CENTRE)
    seen.append(dish.all)
    dish.click(7, CENTRE[1], CENTRE[2] + 14)
    seen.append(dish.all)
    dish.press("Enter")
    seen.append(dish.all)
    assert len(np.flatnonzero(dish.pixels.any(axis=(1, 2)))) > 3
    for _ in range(2):
        for before in reversed(seen[:-1]):
            dish.press(UNDO)
            assert dish.all == before
        assert bench.cells.through.state.strip is None or not bench.cells.through._run
        for after in seen[1:]:
            dish.press(REDO)
            assert dish.all == after
        assert bench.cells.through._run is None
        assert bench.state.answer is None
    dish.press(UNDO)
    assert set(bench.cells.through._run.told.shown) == {5, 7}  # to be corrected, as it was kept
    dish.press("Enter")
    np.testing.assert_array_equal(
        dish.pixels > 0, np.frombuffer(seen[-1][0], int).reshape(STACK.shape) > 0
    )


def test_a_mark_is_made_again_on_the_slice_where_it_was(bench: Any) -> None:
    dish = Dish(bench, STACK)
    dish.click(*CENTRE)
    dish.press(UNDO)
    bench.viewer.dims.set_point(0, 9)
    bench.settle()
    dish.press(REDO)
    assert bench.viewer.dims.point[0] == CENTRE[0]
    assert dish.marks == [list(map(float, CENTRE))]
    assert bench.state.answer.plane.index[0] == CENTRE[0]


def test_saying_that_a_cell_is_not_on_a_slice_is_something_new(bench: Any) -> None:
    dish = Dish(bench, STACK)
    bench.cells.through.set_on(True)
    dish.click(*CENTRE)
    dish.press("Enter", UNDO)
    assert dish.can_redo()
    bench.viewer.dims.set_point(0, 7)
    dish.press("Q")
    assert not dish.can_redo()


def test_a_family_is_kept_again_with_its_parents(bench: Any) -> None:
    dish = Dish(bench, dividing(), axis_labels=("t", "y", "x"))
    bench.cells.through.set_on(True)
    dish.click(0, *mother(0)[:2])
    dish.press("Enter")
    kept, parents = dish.all, dish.labels.features["parent"].tolist()
    assert any(parents)
    dish.press(UNDO, UNDO)
    assert dish.marks == []
    dish.press(REDO, REDO)
    assert dish.all == kept
    assert dish.labels.features["parent"].tolist() == parents
    assert bench.cells.through._run is None


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("mark"), st.integers(0, 5)),
        st.tuples(st.sampled_from(["keep", "back", "back", "forth", "forth", "paint"]), st.just(0)),
    ),
    max_size=16,
)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(acts=ACTS)
def test_whatever_is_done_undo_and_redo_go_along_one_line(make_bench: Any, acts: Any) -> None:
    dish = Dish(make_bench())
    line, at, shift = [dish.all], 0, 0
    try:
        for act, which in acts:
            if act == "back":
                dish.bench.cells.undo()
                at = max(at - 1, 0)
            elif act == "forth":
                dish.bench.cells.redo()
                at = min(at + 1, len(line) - 1)
            elif act == "mark":
                shift = (shift + 1) % 5  # never twice the same
                row, column = PLACES[which]
                if not dish.pixels[row, column + shift - 2]:  # else it takes that cell in hand
                    dish.click(row, column + shift - 2)
            elif act == "keep" and dish.state.answer is not None:
                dish.press("Enter")
            elif act == "paint" and not dish.marks and "dish cells" in dish.bench.viewer.layers:
                dish.labels.selected_label = 50
                dish.labels.paint((60, 5 * len(line)), 50)
            dish.bench.settle()
            if act in ("back", "forth"):
                assert dish.all == line[at]
            elif dish.all != line[at]:
                line[at + 1 :] = [dish.all]
                at += 1
            assert dish.can_redo() == (at < len(line) - 1)
    finally:
        dish.bench.session.close()


def test_a_mark_that_has_to_wait_stays_the_next_one(dish: Dish) -> None:
    undone = dish.bench.cells.undone
    assert isinstance(undone, Undone)
    ready: list[int] = []
    undone.add(lambda: bool(ready))
    dish.press(REDO)
    assert dish.can_redo()
    ready.append(1)
    dish.press(REDO)
    assert not dish.can_redo()


def test_a_step_is_known_by_its_labels(dish: Dish) -> None:
    dish.keep(10, 12)
    dish.press(UNDO)
    undone = dish.bench.cells.undone
    last = undone.last()
    assert isinstance(last, TakenBack)
    assert last.document.layer is dish.labels
    assert undone.last_in(dish.labels)
    assert not undone.last_in(dish.layer)


def test_marks_are_found_again_by_where_they_lie() -> None:
    points = Points([[1.0, 1.0], [2.0, 2.0], [1.0, 1.0]])
    one, two, none = np.array([1.0, 1.0]), np.array([2.0, 2.0]), np.array([3.0, 3.0])
    assert rows_like(points, [one]) == [2]  # of two alike the last
    assert rows_like(points, [two, one, one, none]) == [0, 1, 2]
    plane = Plane((0, 1), (None, None), (9, 9))
    taken = points_of(plane, points, [1])
    assert not taken.empty
    assert Spent.together(plane, [taken, Spent(plane), taken]).points == taken.points * 2
    assert Spent(plane).empty


def test_what_we_do_to_marks_ourselves_is_nothing_new() -> None:
    heard: list[str] = []
    edits, points = Edits(lambda: heard.append("changed")), Points(ndim=2)
    edits.added = lambda: heard.append("added")
    assert edits.watch((points, None, None, None))
    assert not edits.watch((points, None, None, None))
    with edits.nothing_new():
        points.add([1.0, 1.0])
    assert set(heard) == {"changed"}
    points.visible = False
    assert "added" not in heard
    points.add([2.0, 2.0])
    assert "added" in heard
    heard.clear()
    edits.writing = True
    points.add([3.0, 3.0])
    edits.writing = False
    edits.stop()
    points.add([4.0, 4.0])
    assert heard == []
