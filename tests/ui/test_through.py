"""Through slices: one cell, marked once, followed, corrected, kept and taken back."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest

from napari_sam.errors import ModelError
from napari_sam.images import Image
from napari_sam.methods.along import axis_along
from napari_sam.ui.layers.axes import axis_named, further_axes, letters_of
from napari_sam.ui.layers.planes import displayed_plane
from napari_sam.ui.tools.fill_between import fill_drawn
from napari_sam.ui.tools.through import Through
from napari_sam.ui.tools.through_carrying import carrying_among_labels
from napari_sam.ui.tools.through_following import ThroughFollowing
from napari_sam.ui.tools.through_keeping import Keeping
from napari_sam.ui.tools.through_run import Run
from napari_sam.ui.tools.through_view import ThroughView
from stack_of_balls import BALL, CENTRE, NEIGHBOUR, RADIUS, SHAPE, STACK, ball, overlap


class Hands:
    """Works a bench: goes to slices, clicks voxels, and looks at what is there."""

    def __init__(self, bench: Any, data: Any = STACK, **how: Any) -> None:
        self.bench = bench
        self.layer = bench.viewer.add_image(data, name="stack", **how)
        self.through: Through = bench.cells.through
        bench.settle()

    @property
    def state(self) -> Any:
        return self.through.state

    @property
    def run(self) -> Run | None:
        return self.through._run

    @property
    def steps(self) -> dict[int, Any]:
        return dict(self.run.carried.steps) if self.run is not None else {}

    def go(self, *voxel: int) -> None:
        world = self.layer.data_to_world(voxel)
        viewer = self.bench.viewer
        for axis in set(range(viewer.dims.ndim)) - set(viewer.dims.displayed):
            viewer.dims.set_point(axis, world[axis])
        self.bench.settle()

    def click(self, *voxel: int, button: int = 1) -> None:
        self.go(*voxel)
        self.bench.click(*self.layer.data_to_world(voxel), button=button)
        self.bench.settle()

    def begin(self, looks: int = 0) -> tuple[Any, Any]:
        """Click the cell, and stop as soon as it is being followed, and some slices were seen."""
        self.go(*CENTRE)
        self.bench.click(*self.layer.data_to_world(CENTRE))
        self.until_followed()
        jobs, loop = self.bench.session.jobs, self.bench.loop
        for _ in range(looks):
            jobs.run_next()
            while loop.turn():
                pass
        return jobs, loop

    def until_followed(self) -> None:
        while not self.bench.session.jobs.wants("carry"):
            assert self.bench.loop.turn() or self.bench.session.jobs.run_next()

    def press(self, key: str) -> None:
        self.bench.press(key)
        self.bench.settle()

    def on(self) -> None:
        self.through.set_on(True)
        self.bench.settle()

    @property
    def marks(self) -> int:
        """How many marks there are."""
        layers = self.bench.viewer.layers
        return len(layers["SAM points"].data) if "SAM points" in layers else 0

    @property
    def labels(self) -> Any:
        return self.bench.viewer.layers["stack cells"]

    def outline(self) -> Any:
        """What is outlined on the displayed slice: by the answer, or of what was followed."""
        layers = self.bench.viewer.layers
        shown = [layer for layer in layers if layer.name == "SAM preview" and layer.visible]
        assert len(shown) <= 1
        return shown[0] if shown else None


@pytest.fixture
def hands(bench: Any) -> Hands:
    found = Hands(bench)
    bench.cells.proposal.set_look(filled=True)
    return found


def test_an_outline_on_any_slice_is_changed_by_the_brush_and_followed_from_there(
    hands: Hands,
) -> None:
    hands.on()
    hands.click(*CENTRE)
    at = CENTRE[0] + 1
    hands.go(at, *CENTRE[1:])
    before = hands.run.region(at).area
    hands.press("B")
    row, column = CENTRE[1], CENTRE[2]
    beside = column + RADIUS + 6
    hands.bench.drag((at, row, column), (at, row, beside))
    hands.bench.settle()
    assert hands.run.region(at).on(SHAPE[1:])[row, beside]
    assert hands.run.marked == [CENTRE[0]]
    hands.press("Control-Z")
    assert hands.run.region(at).area == before
    hands.bench.drag((at, row, column), (at, row, beside))
    hands.bench.settle()
    hands.press("B")
    hands.press("Enter")
    assert hands.labels.data[at, row, beside] == 1
    assert hands.labels.data[CENTRE] == 1
    hands.press("Control-Z")  # and not the stroke once more, which is part of the cell by now
    assert not hands.labels.data.any()


def test_strokes_on_a_slice_are_taken_back_one_by_one_and_after_newer_marks(hands: Hands) -> None:
    hands.on()
    hands.click(*CENTRE)
    at, (row, column) = CENTRE[0] + 1, CENTRE[1:]
    hands.go(at, row, column)
    hands.press("B")
    areas = [hands.run.region(at).area]
    for reach in (6, 12):
        hands.bench.drag((at, row, column), (at, row, column + RADIUS + reach))
        hands.bench.settle()
        areas.append(hands.run.region(at).area)
    assert areas[0] < areas[1] < areas[2]
    hands.press("B")
    hands.click(CENTRE[0], row + 1, column)
    assert hands.run.said == 2
    hands.press("Control-Z")  # the click is newer than the strokes
    assert (hands.run.said, hands.run.region(at).area) == (1, areas[2])
    hands.go(at, row, column)
    for area in areas[1::-1]:
        hands.press("Control-Z")
        assert hands.run.region(at).area == area
        assert hands.run.marked == [CENTRE[0]]


def test_a_stroke_on_a_filled_slice_is_taken_back_and_the_filling_stays(hands: Hands) -> None:
    hands.on()
    hands.click(*CENTRE)
    hands.click(CENTRE[0] + 2, *CENTRE[1:])
    hands.through.fill_between()
    hands.bench.settle()
    at, (row, column) = CENTRE[0] + 1, CENTRE[1:]
    before = hands.run.region(at)
    assert hands.run.filled == {at}
    hands.go(at, row, column)
    hands.press("B")
    hands.bench.drag((at, row, column), (at, row, column + RADIUS + 6))
    hands.bench.settle()
    hands.press("Control-Z")
    assert hands.run.filled == {at}
    assert hands.run.region(at).area == before.area
    assert at not in hands.run.marked


# -- the switch -----------------------------------------------------------------------------------


def test_the_switch_is_there_only_for_images_with_slices(bench: Any) -> None:
    state = bench.cells.through.state
    assert state.axes == ()
    bench.viewer.add_image(np.zeros((40, 50)), name="plane")
    assert state.axes == ()
    stack = bench.viewer.add_image(np.zeros((3, 40, 50)), name="stack")
    assert [(one.name, one.length) for one in state.axes] == [("axis 0", 3)]
    bench.viewer.layers.remove(stack)
    assert state.axes == ()


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (("t", "z", "y", "x"), ["z", "t"]),
        (("z", "t", "y", "x"), ["z", "t"]),
        (("time", "C", "y", "x"), ["time"]),
        (None, ["axis 1", "axis 0"]),
    ],
)
def test_slices_come_before_time_and_channels_are_none(
    bench: Any, labels: Any, names: list[str]
) -> None:
    bench.viewer.add_image(np.zeros((4, 3, 40, 50)), axis_labels=labels)
    state = bench.cells.through.state
    assert [axis.name for axis in state.axes] == names
    assert state.along == state.axes[0]
    assert state.along.word == ("frame" if names[0] == "time" else "slice")


@pytest.mark.parametrize(
    "shape", [(12, 3, 8, 9), (3, 12, 8, 9), (4, 1, 8, 9), (5, 12, 2, 8, 9), (3, 8, 9)]
)
def test_every_part_takes_the_same_axis_without_a_name_for_slices(
    bench: Any, shape: tuple[int, ...]
) -> None:
    layer = bench.viewer.add_image(np.zeros(shape, np.uint8))
    plane = displayed_plane(bench.viewer, layer)
    through = further_axes(layer, plane)[0].axis
    assert axis_named(layer, "Z") == through
    assert axis_along(Image(layer.data, letters_of(layer, plane)), "Z") == through


@pytest.mark.parametrize(("shape", "first"), [((12, 2, 40, 50), 12), ((3, 12, 40, 50), 12)])
def test_an_axis_without_a_name_that_may_be_channels_comes_last(
    bench: Any, shape: tuple[int, ...], first: int
) -> None:
    bench.viewer.add_image(np.zeros(shape))
    state = bench.cells.through.state
    assert state.along.length == first
    assert [axis.length for axis in state.axes] == [first, min(shape)]  # it can still be chosen
    bench.cells.through.choose(state.axes[1])
    bench.settle()
    assert state.along.length == min(shape)


def test_switched_off_a_click_is_about_its_slice_alone(hands: Hands) -> None:
    hands.click(*CENTRE)
    hands.press("Enter")
    assert np.flatnonzero(hands.labels.data.any(axis=(1, 2))).tolist() == [5]
    assert hands.state.strip is None


# -- following ------------------------------------------------------------------------------------


def test_one_click_is_followed_both_ways_and_kept_under_one_number(hands: Hands) -> None:
    hands.on()
    hands.click(*CENTRE)
    assert hands.state.strip.given == {5}
    assert set(hands.state.strip.scores) >= {3, 4, 5, 6, 7}
    assert "slices" in hands.bench.state.status
    assert len(hands.bench.viewer.layers) == 3  # image, marks, outline: nothing was written
    hands.press("Enter")
    labels = hands.labels
    assert np.unique(labels.data).tolist() == [0, 1]
    assert overlap(labels.data == 1, BALL) > 0.75
    assert "Kept cell 1 on" in hands.bench.state.status
    assert hands.state.strip.scores == {}
    assert hands.outline() is None
    table = labels.features.set_index("index")
    assert table.loc[1, "axis_0"] == 5
    assert table.loc[1, "area"] == np.count_nonzero(labels.data[5])


def test_every_slice_shows_its_outline_and_no_other(hands: Hands) -> None:
    hands.on()
    hands.click(*CENTRE)
    for z in range(SHAPE[0]):
        hands.go(z, 0, 0)
        layer, step = hands.outline(), hands.steps.get(z)
        assert hands.state.at == z
        if step is None:
            assert (
                layer is None or layer.world_to_data(hands.layer.data_to_world((z, 0, 0)))[0] != 0
            )
            continue
        corner = layer.data_to_world((0, 0, 0))
        np.testing.assert_allclose(corner, hands.layer.data_to_world((z, 0, 0)))
        np.testing.assert_array_equal(layer.data[0] > 0, step.region.on(SHAPE[1:]))


def test_turning_it_on_follows_what_is_marked_and_off_leaves_the_mark(hands: Hands) -> None:
    hands.click(*CENTRE)
    hands.on()
    assert len(hands.steps) > 4
    hands.through.set_on(False)
    hands.bench.settle()
    assert hands.run is None
    assert hands.bench.state.answer is not None
    hands.press("Enter")
    assert np.flatnonzero(hands.labels.data.any(axis=(1, 2))).tolist() == [5]


def test_undo_takes_all_back_with_its_marks_and_redo_brings_it_again(hands: Hands) -> None:
    hands.on()
    hands.click(*CENTRE)
    hands.press("Enter")
    kept = hands.labels.data.copy()
    hands.press("Control-Z")
    assert not hands.labels.data.any()
    assert len(hands.labels.features) == 0
    assert hands.marks == 1
    assert hands.state.strip.given == {5}  # as it was before
    hands.go(6, 0, 0)
    assert hands.outline() is not None
    hands.labels.redo()
    hands.bench.settle()
    np.testing.assert_array_equal(hands.labels.data, kept)
    assert hands.run is None
    assert hands.marks == 0
    hands.labels.undo()
    hands.bench.settle()
    assert not hands.labels.data.any()


def test_kept_again_after_an_undo_it_is_the_same(hands: Hands) -> None:
    hands.on()
    hands.click(*CENTRE)
    hands.press("Enter")
    kept = hands.labels.data > 0
    hands.press("Control-Z")
    hands.press("Enter")
    np.testing.assert_array_equal(hands.labels.data > 0, kept)


# -- correcting -----------------------------------------------------------------------------------


def test_a_correction_changes_only_what_depends_on_it(hands: Hands) -> None:
    hands.on()
    hands.click(*CENTRE)
    before, looked = hands.steps, len(hands.bench.model.encoded)
    hands.click(7, CENTRE[1], CENTRE[2] + 14)  # a further piece, on slice 7 alone
    assert hands.state.strip.given == {5, 7}
    after = hands.steps
    assert after[7].region.area > before[7].region.area
    assert (after[7].region.on(SHAPE[1:]) & ~before[7].region.on(SHAPE[1:])).any()
    for z in (3, 4, 5):
        assert after[z] is before[z] or after[z].region is before[z].region
    assert len(hands.bench.model.encoded) > looked
    hands.press("Enter")
    piece = hands.labels.data[7]
    assert piece[CENTRE[1], CENTRE[2] + 14] == 1
    assert np.unique(hands.labels.data).tolist() == [0, 1]
    assert hands.marks == 0


def test_a_correction_that_is_taken_back_is_forgotten(hands: Hands) -> None:
    hands.on()
    hands.click(*CENTRE)
    before = hands.steps
    hands.click(7, CENTRE[1], CENTRE[2] + 14)
    hands.press("Control-Z")
    assert hands.state.strip.given == {5}
    assert set(hands.steps) == set(before)
    np.testing.assert_array_equal(hands.steps[7].region.mask, before[7].region.mask)
    hands.go(9, 0, 0)
    hands.press("Control-Z")  # the last mark, on the slice where it is
    assert hands.state.at == 5
    assert hands.run is None
    assert hands.marks == 0


def test_another_outline_is_followed_when_it_is_chosen(hands: Hands) -> None:
    hands.on()
    hands.click(*CENTRE)
    best = hands.steps[5].region.area
    hands.press("2")
    assert hands.steps[5].region.area > best
    assert hands.state.strip.given == {5}


def test_the_least_certain_slice_is_offered_first_and_then_the_next(hands: Hands) -> None:
    hands.on()
    hands.click(*CENTRE)
    order = hands.state.strip.doubtful()
    assert 5 not in order
    assert len(order) > 3
    seen = []
    for _ in order:
        hands.press("D")
        seen.append(hands.state.at)
        assert f"{seen[-1]}: " in hands.bench.state.status
    assert seen == order
    hands.press("D")
    assert hands.state.at == order[0]


def test_an_end_is_set_by_hand_and_taken_back(hands: Hands) -> None:
    hands.on()
    hands.click(*CENTRE)
    known = set(hands.state.strip.scores)
    looked = len(hands.bench.model.encoded)
    hands.go(7, 0, 0)
    hands.press("Q")
    assert hands.state.strip.ends == (0, 6)
    assert "not on slice 7, nor behind it" in hands.bench.state.status
    assert max(hands.state.strip.scores) == 6
    hands.press("Q")
    assert set(hands.state.strip.scores) == known
    assert len([e for e in hands.bench.model.encoded[looked:] if e.shape != SHAPE[1:]]) == 0
    hands.press("Q")
    hands.go(4, 0, 0)
    hands.press("Q")
    assert hands.state.strip.ends == (5, 6)
    assert "not on slice 4, nor before it" in hands.bench.state.status
    hands.go(5, 0, 0)
    hands.press("Q")
    assert "marks back" in hands.bench.state.status
    hands.press("Enter")
    assert np.flatnonzero(hands.labels.data.any(axis=(1, 2))).tolist() == [5, 6]


def test_an_end_that_is_taken_back_is_where_it_was_set_before(hands: Hands) -> None:
    hands.on()
    hands.click(*CENTRE)
    last = max(hands.steps)
    for at, end in ((last, last - 1), (last - 1, last - 2), (last - 1, last - 1), (last, last)):
        hands.go(at, 0, 0)
        hands.press("Q")
        assert max(hands.steps) == end


def test_undo_takes_back_the_last_mark_wherever_marks_were_before(hands: Hands) -> None:
    hands.on()
    at, *place = CENTRE
    for index in (at, at + 1, at - 1):
        hands.click(index, *place)
    hands.click(at + 1, place[0] + 2, place[1] + 2)
    hands.go(0, 0, 0)
    hands.press("Control-Z")
    points = hands.bench.viewer.layers["SAM points"].data
    assert sorted(points[:, 0].round().astype(int).tolist()) == [at - 1, at, at + 1]
    assert hands.bench.viewer.dims.current_step[0] == at + 1
    hands.go(0, 0, 0)
    hands.press("Control-Z")
    points = hands.bench.viewer.layers["SAM points"].data
    assert sorted(points[:, 0].round().astype(int).tolist()) == [at, at + 1]


def test_a_slice_between_can_be_left_out(hands: Hands) -> None:
    hands.on()
    hands.click(*CENTRE)
    hands.click(8, *CENTRE[1:])
    hands.go(6, 0, 0)
    hands.press("Q")
    assert 6 not in hands.state.strip.scores
    hands.press("Enter")
    there = np.flatnonzero(hands.labels.data.any(axis=(1, 2))).tolist()
    assert 6 not in there
    assert {5, 7, 8} <= set(there)


def test_what_was_filled_is_told_on_the_page_where_it_was_begun(hands: Hands) -> None:
    drawn = np.zeros(SHAPE, np.int32)
    drawn[[2, 5], 4:8, 4:8] = 7
    hands.bench.viewer.add_labels(drawn, name="stack cells").selected_label = 7
    hands.through.fill_between()
    hands.bench.session.set_tool("find")
    hands.bench.settle()
    assert (hands.labels.data[2:6, 4:8, 4:8] == 7).all()
    assert "Filled" not in hands.bench.state.status
    hands.bench.session.set_tool("click")
    assert "Filled cell 7 on 2 slices" in hands.bench.state.status


def test_what_lies_between_two_marked_slices_is_filled_by_shape(hands: Hands) -> None:
    hands.on()
    hands.through.fill_between()
    hands.bench.settle()
    hands.click(*CENTRE)
    hands.through.fill_between()
    assert "another slice" in hands.bench.state.status
    hands.click(8, *CENTRE[1:])
    hands.through.fill_between()
    hands.bench.settle()
    assert {5, 6, 7, 8} <= hands.state.strip.given
    for z in range(SHAPE[0]):  # nobody marked the slices that were filled: they stay
        hands.go(z, 0, 0)
    assert {6, 7} <= hands.state.strip.given
    hands.click(8, CENTRE[1], CENTRE[2] + 14)  # an end that changes takes its filling with it
    assert not {6, 7} & hands.state.strip.given
    assert {6, 7} <= set(hands.state.strip.scores)


# -- neighbours and numbers -----------------------------------------------------------------------


def test_kept_neighbours_keep_their_pixels_and_the_model_hears_of_them(hands: Hands) -> None:
    hands.on()
    hands.click(*NEIGHBOUR)
    hands.press("Enter")
    wide = hands.bench.viewer.layers["stack cells"]
    wide.data[:, 30:50, 55:66] = 1  # reaches into the other ball
    before = wide.data.copy()
    hands.bench.model.prompts.clear()
    hands.click(*CENTRE)
    hands.press("Enter")
    np.testing.assert_array_equal(wide.data == 1, before == 1)
    assert (wide.data == 2).any()
    assert any((prompt.labels == 0).any() for prompt in hands.bench.model.prompts)
    hands.press("Control-Z")
    np.testing.assert_array_equal(wide.data, before)


def test_only_overwrite_takes_the_pixels_of_others(hands: Hands) -> None:
    labels = hands.bench.viewer.add_labels(np.zeros(SHAPE, np.int32), name="stack cells")
    labels.data[:, :, 55:] = 7
    before = labels.data.copy()
    hands.bench.session.layers.choose("target", labels)
    hands.on()
    hands.click(*CENTRE)
    assert not any(
        (step.region.on(SHAPE[1:]) & (before[z] == 7)).any()
        for z, step in hands.steps.items()
        if z != 5
    )
    hands.bench.cells.set_overlap("overwrite")
    hands.bench.settle()
    assert any(
        (step.region.on(SHAPE[1:]) & (before[z] == 7)).any() for z, step in hands.steps.items()
    )
    hands.press("Enter")
    assert overlap(labels.data == 8, BALL) > 0.75
    hands.press("Control-Z")
    np.testing.assert_array_equal(labels.data, before)


def test_a_cell_that_is_there_on_one_slice_is_carried_under_its_number(hands: Hands) -> None:
    hands.click(*CENTRE)
    hands.press("Enter")
    hands.on()
    hands.click(*CENTRE)
    hands.press("2")  # the wider outline: the same has nothing new on this slice
    hands.press("Enter")
    assert np.unique(hands.labels.data).tolist() == [0, 1]
    assert len(np.flatnonzero(hands.labels.data.any(axis=(1, 2)))) > 4


def test_slices_that_were_drawn_stay_as_they_are(hands: Hands) -> None:
    labels = hands.bench.viewer.add_labels(np.zeros(SHAPE, np.int32), name="stack cells")
    labels.data[5] = 3 * BALL[5]
    labels.data[8, 36:42, 46:52] = 3  # drawn where the model would see nothing
    hands.bench.session.layers.choose("target", labels)
    drawn = labels.data[8].copy()
    hands.on()
    hands.click(*CENTRE)
    assert hands.state.strip.given == {5, 8}
    assert {6, 7} <= set(hands.steps)
    hands.press("Enter")
    np.testing.assert_array_equal(labels.data[8], drawn)
    assert np.unique(labels.data).tolist() == [0, 3]
    assert labels.data[6].any()
    hands.click(*CENTRE)
    hands.go(8, 0, 0)
    hands.press("Q")
    hands.press("Enter")
    assert not labels.data[8].any()


@pytest.mark.parametrize("waits", [False, True])
def test_what_is_painted_on_a_cell_while_it_is_followed_stays(hands: Hands, waits: bool) -> None:
    labels = hands.bench.viewer.add_labels(np.zeros(SHAPE, np.int32), name="stack cells")
    labels.data[5] = 3 * BALL[5]
    hands.bench.session.layers.choose("target", labels)
    hands.on()
    hands.click(*CENTRE)
    assert 6 in hands.steps
    labels.selected_label, labels.brush_size, labels.n_edit_dimensions = 3, 8, 2
    hands.go(6, *CENTRE[1:])
    labels.paint((6, 20, 20), 3)  # apart from where the model sees it
    labels.paint((5, *CENTRE[1:]), 0)
    painted = labels.data.copy()
    if not waits:
        hands.bench.settle()
        assert 6 in hands.state.strip.given
    hands.press("Enter")
    np.testing.assert_array_equal(labels.data[6], painted[6])
    assert np.count_nonzero(painted[6]) > 10
    assert labels.data[4].any()
    hands.press("Control-Z")
    np.testing.assert_array_equal(labels.data, painted)


def test_a_cell_keeps_its_number_while_what_was_marked_of_it_is_erased(hands: Hands) -> None:
    labels = hands.bench.viewer.add_labels(np.zeros(SHAPE, np.int32), name="stack cells")
    labels.data[5:8] = 3 * BALL[5:8]
    before = labels.data.copy()
    hands.bench.session.layers.choose("target", labels)
    hands.on()
    hands.click(*CENTRE)
    assert hands.state.strip.given == {5, 6, 7}
    labels.fill(CENTRE, 0)
    hands.bench.settle()
    assert not labels.data[5].any()
    assert hands.run is not None
    assert hands.run.carrying.own == 3
    labels.undo()
    hands.bench.settle()
    np.testing.assert_array_equal(labels.data, before)
    hands.press("Enter")
    assert np.unique(labels.data).tolist() == [0, 3]
    np.testing.assert_array_equal(labels.data[6:8], before[6:8])


# -- stopping, and what goes wrong ----------------------------------------------------------------


def test_cancel_keeps_what_is_done_and_accept_waits(hands: Hands) -> None:
    hands.on()
    hands.begin(looks=4)
    assert hands.bench.state.progress is not None
    hands.bench.session.cancel()
    hands.bench.settle()
    some = len(hands.steps)
    assert 1 < some < 8
    assert "Enter keeps the cell" in hands.bench.state.status
    assert hands.bench.state.progress is None
    hands.press("Enter")
    assert np.count_nonzero(hands.labels.data.any(axis=(1, 2))) == some
    hands.press("Control-Z")
    hands.go(*CENTRE)
    hands.bench.press("2")  # goes on; Enter in the middle waits for all of it
    hands.until_followed()
    hands.bench.press("Enter")
    assert "as soon as" in hands.bench.state.status
    assert not hands.labels.data.any()
    hands.bench.settle()
    assert np.count_nonzero(hands.labels.data.any(axis=(1, 2))) > some


def test_the_status_line_says_how_far_a_cell_has_been_followed(hands: Hands) -> None:
    hands.on()
    jobs, loop = hands.begin()
    said = []
    while jobs.wants("carry"):
        said.append(hands.bench.state.status)
        jobs.run_next()
        while loop.turn():
            pass
    assert said[0].startswith("Following the cell: looking at the next slice.")
    assert "Following the cell: 3 slices so far, 4 to 6. Cancel keeps what is done." in said
    assert all("Following the cell" in one for one in said)
    assert hands.bench.state.status.startswith("The cell is on ")
    hands.go(CENTRE[0] + 1, *CENTRE[1:])
    hands.bench.click(*hands.layer.data_to_world((CENTRE[0] + 1, *CENTRE[1:])))
    hands.until_followed()
    assert hands.bench.state.status.startswith("Following the cell")
    hands.bench.press("Enter")
    jobs.run_next()
    while loop.turn():
        pass
    assert "as soon as" in hands.bench.state.status  # and stays to be read


def test_a_cell_that_is_on_one_slice_alone_is_told_so(hands: Hands) -> None:
    hands.on()
    hands.click(*CENTRE)
    for z in (CENTRE[0] - 1, CENTRE[0] + 1):
        hands.go(z, *CENTRE[1:])
        hands.press("Q")
    assert set(hands.state.strip.scores) == {CENTRE[0]}
    assert f"The cell is on slice {CENTRE[0]} alone." in hands.bench.state.status
    assert hands.bench.state.status.endswith("Enter keeps it.")


def test_escape_drops_all_its_marks(hands: Hands) -> None:
    hands.on()
    hands.click(*CENTRE)
    hands.click(7, CENTRE[1], CENTRE[2] + 14)
    hands.press("Escape")
    assert hands.run is None
    assert hands.marks == 0
    assert hands.outline() is None
    for z in (5, 7):
        hands.go(z, 0, 0)
        assert hands.bench.state.answer is None


def test_the_image_may_go_in_the_middle(hands: Hands) -> None:
    hands.on()
    hands.begin()
    hands.bench.viewer.layers.remove(hands.layer)
    hands.bench.settle()
    assert hands.run is None
    assert hands.state.axes == ()
    assert not hands.bench.session.jobs.busy


def test_other_pixels_end_it_and_write_nothing(hands: Hands) -> None:
    hands.on()
    hands.click(*CENTRE)
    old = hands.run
    hands.layer.data = STACK[::-1].copy()
    hands.press("Enter")
    assert "stack cells" not in hands.bench.names()
    assert hands.run is not old  # the mark is still there, and is followed in the new pixels
    hands.press("Enter")
    assert overlap(hands.labels.data > 0, BALL[::-1]) > 0.7


def test_pixels_that_are_replaced_end_it_at_once_on_a_slice_without_marks(hands: Hands) -> None:
    hands.on()
    hands.begin()
    world = hands.layer.data_to_world((0, 0, 0))
    hands.bench.viewer.dims.set_point(0, world[0])
    hands.layer.data = STACK[::-1].copy()
    hands.bench.settle()
    assert hands.run is None
    assert "no longer followed" in hands.bench.state.status


def test_a_cell_kept_in_other_pixels_is_not_taken_up_again(hands: Hands) -> None:
    hands.on()
    hands.click(*CENTRE)
    hands.press("Enter")
    assert hands.labels.data.any()
    hands.layer.data = STACK[::-1].copy()
    hands.go(0, 0, 0)  # a slice without marks, on which nothing is answered anew
    hands.press("Control-Z")
    assert not hands.labels.data.any()
    assert hands.run is None


def test_new_pixels_are_followed_anew_from_the_marks_that_are_there(hands: Hands) -> None:
    hands.on()
    hands.click(*CENTRE)
    old = hands.run
    hands.layer.data = STACK[::-1].copy()
    hands.bench.settle()  # the marks are answered anew, without anybody having to ask
    assert hands.run is not None
    assert hands.run is not old
    hands.press("Enter")
    assert overlap(hands.labels.data > 0, BALL[::-1]) > 0.7


def test_closing_in_the_middle_leaves_nothing(hands: Hands) -> None:
    hands.on()
    hands.begin()
    hands.bench.session.close()
    assert hands.bench.names() == ["stack"]


@pytest.mark.parametrize("fits", [True, False])
def test_a_cell_is_followed_among_labels_that_lie_on_the_image(hands: Hands, fits: bool) -> None:
    bench = hands.bench
    labels = np.zeros(SHAPE if fits else (3, 7, 9), np.int32)
    labels[-1, -3:, -3:] = 12
    bench.session.layers.choose("target", bench.viewer.add_labels(labels, name="mine"))
    hands.on()
    hands.click(*CENTRE)
    run = hands.run
    assert run is not None
    region = run.region(CENTRE[0])
    carrying = carrying_among_labels(hands.through._parts, run, region, run.along, False)
    assert (carrying.others is labels) == fits
    assert len(carrying.planes) == SHAPE[0]


def test_locked_labels_are_refused_and_nothing_is_lost(hands: Hands) -> None:
    labels = hands.bench.viewer.add_labels(np.zeros(SHAPE, np.int32), name="stack cells")
    hands.bench.session.layers.choose("target", labels)
    hands.on()
    hands.click(*CENTRE)
    labels.editable = False
    hands.press("Enter")
    assert "locked" in hands.bench.state.status
    assert not labels.data.any()
    assert len(hands.steps) > 4
    labels.editable = True
    labels.visible = False
    hands.press("Enter")
    assert labels.data.any()
    assert "hidden" in hands.bench.state.status


def test_a_model_that_fails_says_so_and_what_is_known_stays(hands: Hands) -> None:
    hands.on()
    hands.click(*CENTRE)
    known = hands.steps
    hands.bench.model.fail = ModelError("No memory is left.")
    hands.go(10, 0, 0)
    hands.bench.settle()
    hands.bench.model.fail = None
    assert hands.steps == known
    hands.go(*CENTRE)
    hands.press("Enter")
    assert hands.labels.data.any()


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("when", ["in the middle", "Enter waits", "all is known"])
def test_another_model_follows_the_cell_anew(hands: Hands, when: str, elsewhere: bool) -> None:
    hands.bench.catalogue.here.add("large")
    hands.on()
    hands.click(*CENTRE)
    undisturbed = dict(hands.steps)
    hands.press("Escape")
    hands.begin(looks=4)
    if when == "all is known":
        hands.bench.settle()
    if when == "Enter waits":
        hands.bench.press("Enter")
    if elsewhere:
        hands.bench.viewer.dims.set_point(0, 1)
    hands.bench.model.prompts.clear()
    hands.bench.session.models.choose("large")
    hands.bench.settle()
    asked = len(hands.bench.model.prompts)
    if when != "Enter waits":
        assert hands.bench.state.status.startswith("The cell is on ")
        hands.press("Enter")
    shown = [at for at, step in undisturbed.items() if step.region.area]
    assert asked >= len(shown) - 1  # on all slices but that of the mark
    assert np.flatnonzero(hands.labels.data.any(axis=(1, 2))).tolist() == shown


def test_a_model_that_is_not_here_leaves_what_is_known_of_a_cell(hands: Hands) -> None:
    hands.on()
    hands.begin(looks=4)
    known = hands.steps
    hands.bench.session.models.choose("large")
    hands.bench.settle()
    assert "not here yet" in hands.bench.state.status
    assert hands.steps == known
    hands.bench.session.models.choose("cells")
    hands.bench.settle()
    assert len(hands.steps) > len(known)


def test_a_second_cell_elsewhere_does_not_replace_the_one_being_followed(bench: Any) -> None:
    movie = np.stack([STACK, STACK])
    hands = Hands(bench, movie, axis_labels=("t", "z", "y", "x"))
    hands.on()
    hands.click(0, *CENTRE)
    known = hands.steps
    hands.click(1, *CENTRE)
    assert "Another cell" in bench.state.status
    assert hands.steps == known
    hands.press("Enter")
    assert hands.labels.data[0].any()
    assert not hands.labels.data[1].any()


def test_several_cells_at_once_are_not_followed(hands: Hands) -> None:
    hands.on()
    hands.bench.cells.proposal.set_each_point(True)
    hands.click(*CENTRE)
    hands.through._drop()
    hands.click(*NEIGHBOUR)
    assert "only one at a time" in hands.bench.state.status
    hands.press("Enter")
    assert np.flatnonzero(hands.labels.data.any(axis=(1, 2))).tolist() == [5]
    assert np.unique(hands.labels.data).tolist() == [0, 1, 2]


# -- the right slice, whatever the layer ----------------------------------------------------------


class Lazy:
    """A stack that gives windows of single planes, and writes down how much."""

    def __init__(self, data: Any) -> None:
        self.data, self.shape, self.dtype, self.ndim = data, data.shape, data.dtype, data.ndim
        self.read: list[int] = []

    def __getitem__(self, key: Any) -> Any:
        found = self.data[key]
        self.read.append(int(np.size(found)))
        return found

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("all of it was read")


ORDERS = [(0, 1, 2, 3), (1, 0, 2, 3), (2, 0, 3, 1), (3, 2, 1, 0)]
"""Where t, z, y, x of the data go."""
KINDS = ("numpy", "dask", "zarr", "scaled", "labels there")


@pytest.mark.parametrize(("order", "kind"), list(itertools.product(ORDERS, KINDS)))
def test_a_cell_lands_on_its_slices_whatever_the_layer(
    make_bench: Any, order: tuple[int, ...], kind: str, tmp_path: Any
) -> None:
    names = np.array(["t", "z", "y", "x"])[list(order)]
    straight = np.zeros((2, *SHAPE), np.uint8)
    straight[1] = STACK
    data: Any = np.ascontiguousarray(straight.transpose(order))
    how: dict[str, Any] = {"axis_labels": tuple(names)}
    if kind == "dask":
        data = pytest.importorskip("dask.array").from_array(data, chunks=7)
    elif kind == "zarr":
        zarr = pytest.importorskip("zarr")
        stored = zarr.create_array(
            tmp_path / "a.zarr", shape=data.shape, chunks=(13,) * 4, dtype="u1"
        )
        stored[:] = data
        data = stored
    elif kind == "scaled":
        how["scale"] = np.array([3.0, 2.0, 0.5, 0.25])[list(order)]
        how["translate"] = np.array([4.0, -30.0, 7.0, 100.0])[list(order)]
    bench = make_bench()
    hands = Hands(bench, data, **how)
    if kind == "labels there":
        there = bench.viewer.add_labels(
            np.zeros(data.shape, np.int16), name="stack cells", axis_labels=tuple(names)
        )
        there.data.transpose(np.argsort(order))[0] = 9
        bench.session.layers.choose("target", there)
    # Show rows and columns of the picture, whatever place they have in the data.
    place = {name: axis for axis, name in enumerate(names)}
    bench.viewer.dims.order = [place[name] for name in "tzyx"]
    bench.settle()
    assert hands.state.along.name == "z"
    hands.on()
    voxel = np.array([1, *CENTRE])[list(order)]
    hands.click(*(int(v) for v in voxel))
    assert set(hands.steps) >= {3, 4, 5, 6, 7}
    hands.press("D")
    assert hands.state.at == hands.run.strip().doubtful()[0]
    hands.press("Enter")
    labels = hands.labels.data.transpose(np.argsort(order))
    number = 10 if kind == "labels there" else 1
    assert overlap(labels[1] == number, BALL) > 0.75
    assert not (labels[1][~BALL] == number).sum() > 0.2 * BALL.sum()
    assert (labels[0] == (9 if kind == "labels there" else 0)).all()
    hands.press("Control-Z")
    assert not (hands.labels.data == number).any()


def test_the_plane_may_be_another_than_that_of_acquisition(bench: Any) -> None:
    """Seen from the side, slices lie along another axis; rows and columns may be exchanged."""
    hands = Hands(bench, np.ascontiguousarray(STACK.transpose(1, 0, 2)))
    bench.viewer.dims.order = (0, 2, 1)  # displayed: x down, z along; slices along y
    bench.settle()
    hands.on()
    assert hands.state.along.axis == 0
    hands.click(CENTRE[1], CENTRE[0], CENTRE[2])
    hands.press("Enter")
    found = hands.labels.data.transpose(1, 0, 2) > 0
    assert overlap(found, BALL) > 0.5
    assert not (found & ~ball(radius=RADIUS + 3, depth=5.4)).any()


def test_frames_are_followed_while_a_cell_becomes_smaller_and_larger(bench: Any) -> None:
    rows, columns = np.indices(STACK.shape[1:])
    far = np.hypot(rows - CENTRE[1], columns - CENTRE[2])
    radii = np.array([18, 15, 12, 12, 15, 19, 22, 22, 22])
    movie = np.where(far < radii[:, None, None], 200, 10).astype(np.uint8)
    for label, whole in (("t", True), ("z", False)):
        hands = Hands(bench, movie, axis_labels=(label, "y", "x"))
        hands.on()
        hands.click(0, *CENTRE[1:])
        assert (len(hands.steps) == len(radii)) == whole
        hands.press("Escape")
        bench.viewer.layers.remove(hands.layer)


def test_only_windows_are_read_on_other_slices(bench: Any) -> None:
    big = np.zeros((7, 400, 420), np.uint8)
    rows, columns = np.indices(big.shape[1:])
    big[1:6] = 200 * (np.hypot(rows - 200, columns - 200) < 9)
    from napari.layers import Image

    image = Image(big, name="stack")
    bench.viewer.add_layer(image)
    lazy = Lazy(big)
    hands = Hands.__new__(Hands)
    hands.bench, hands.layer, hands.through = bench, image, bench.cells.through
    bench.settle()
    hands.on()
    hands.go(3, 0, 0)
    bench.click(*image.data_to_world((3, 200, 200)))
    bench.loop.turn()
    while hands.run is None:
        assert bench.loop.turn() or bench.session.jobs.run_next()
    hands.run.view = dataclasses.replace(
        hands.run.view, image=dataclasses.replace(hands.run.view.image, pixels=big)
    )
    hands.run.carrying.block = dataclasses.replace(
        hands.run.view, image=dataclasses.replace(hands.run.view.image, pixels=lazy)
    )
    bench.settle()
    assert set(hands.steps) >= {1, 2, 3, 4, 5}
    assert lazy.read
    assert max(lazy.read) < 0.1 * big[0].size


# -- drawn labels ---------------------------------------------------------------------------------


def test_a_drawn_label_is_filled_between_and_taken_back(hands: Hands) -> None:
    labels = hands.bench.viewer.add_labels(np.zeros(SHAPE, np.int32), name="stack cells")
    labels.data[2, 30:40, 30:40] = 4
    labels.data[8, 34:48, 50:64] = 4
    labels.data[4:7, :, 44:] = 6
    before = labels.data.copy()
    labels.selected_label = 4
    hands.through.fill_between()
    hands.bench.settle()
    assert "Filled cell 4 on 5 slices" in hands.bench.state.status
    new = labels.data != before
    assert np.flatnonzero(new.any(axis=(1, 2))).tolist() == [3, 4, 5, 6, 7]
    assert (labels.data[new] == 4).all()
    assert not before[new].any()
    labels.undo()
    np.testing.assert_array_equal(labels.data, before)
    labels.selected_label = 6
    hands.through.fill_between()
    hands.bench.settle()
    assert "no gap" in hands.bench.state.status
    labels.selected_label = 5
    hands.through.fill_between()
    hands.bench.settle()
    assert "on 0 slices" in hands.bench.state.status
    np.testing.assert_array_equal(labels.data, before)


def test_what_is_taken_back_while_it_is_filled_has_nothing_between(hands: Hands) -> None:
    labels = hands.bench.viewer.add_labels(np.zeros(SHAPE, np.int32), name="stack cells")
    at = np.nonzero(np.ones((6, 6), bool))
    for slice_ in (2, 5, 8):
        labels.data_setitem((np.full(36, slice_), *at), 4)
    labels.selected_label = 4
    hands.bench.settle()
    hands.through.fill_between()
    assert hands.bench.session.jobs.run_next()  # what lies between has been worked out
    labels.undo()
    labels.data_setitem((np.full(36, 3), *at), 6)
    hands.bench.settle()
    assert np.flatnonzero((labels.data == 4).any(axis=(1, 2))).tolist() == [2, 4, 5]
    assert np.count_nonzero(labels.data == 6) == 36
    assert "Filled cell 4 on 1 slice in" in hands.bench.state.status


def test_a_label_is_filled_whichever_model_is_chosen_meanwhile(hands: Hands) -> None:
    drawn = np.zeros(SHAPE, np.int32)
    drawn[[2, 5], 4:8, 4:8] = 7
    hands.bench.viewer.add_labels(drawn, name="stack cells").selected_label = 7
    hands.bench.catalogue.here.add("large")
    hands.through.fill_between()
    hands.bench.session.models.choose("large")
    hands.bench.settle()
    assert hands.bench.state.model == "large"
    assert (hands.labels.data[2:6, 4:8, 4:8] == 7).all()
    assert hands.bench.state.progress is None


def test_the_background_is_no_label_to_fill(hands: Hands) -> None:
    labels = hands.bench.viewer.add_labels(np.zeros(SHAPE, np.int32), name="stack cells")
    labels.selected_label = 0
    hands.through.fill_between()
    hands.bench.settle()
    assert "Label 0 is no cell" in hands.bench.state.status
    assert hands.bench.state.problem


def test_a_drawn_label_is_filled_along_the_axis_that_is_chosen(bench: Any) -> None:
    image = bench.viewer.add_image(np.zeros((3, 4, 20, 20)), axis_labels=("t", "z", "y", "x"))
    labels = bench.viewer.add_labels(np.zeros((3, 4, 20, 20), np.int32))
    bench.viewer.dims.current_step = (1, 0, 0, 0)
    labels.data[[0, 2], 0, 5:9, 5:9] = 1
    bench.session.layers.choose("image", image)
    bench.settle()
    through = bench.cells.through
    through.choose(next(axis for axis in through.state.axes if axis.time))
    through.fill_between()
    bench.settle()
    assert labels.data[1, 0, 5:9, 5:9].all()
    assert np.count_nonzero(labels.data) == 3 * 16


def test_drawn_labels_with_smaller_levels_are_filled_on_all_of_them(hands: Hands) -> None:
    levels = [np.zeros(SHAPE, np.int32), np.zeros((SHAPE[0], SHAPE[1] // 2, SHAPE[2] // 2), int)]
    levels[0][[2, 4], 10:20, 10:20] = 1
    levels[1][[2, 4], 5:10, 5:10] = 1
    labels = hands.bench.viewer.add_labels(levels, multiscale=True)
    hands.bench.viewer.layers.selection.active = labels
    hands.through.fill_between()
    hands.bench.settle()
    assert levels[0][3, 10:20, 10:20].all()
    assert levels[1][3, 5:10, 5:10].all()
    assert all(np.count_nonzero(level[3]) == np.count_nonzero(level[2]) for level in levels)


def test_without_labels_it_is_said_which_are_needed(hands: Hands) -> None:
    hands.through.fill_between()
    assert "Keep cells in" in hands.bench.state.status


def test_an_image_without_slices_has_nothing_to_fill_between(bench: Any) -> None:
    bench.viewer.add_image(np.zeros((40, 50)), name="plane")
    bench.viewer.add_labels(np.zeros((40, 50), np.int32))
    bench.settle()
    fill_drawn(bench.cells.parts, None)
    assert "no slices" in bench.state.status
    assert bench.state.problem


def test_it_is_made_of_these_parts(hands: Hands) -> None:
    through = hands.through
    assert isinstance(through.following, ThroughFollowing)
    assert isinstance(through.view, ThroughView)
    assert isinstance(through._keeping, Keeping)


@pytest.mark.parametrize("key", ["Enter", "Escape"])
def test_marks_that_only_say_what_the_cell_is_not_go_with_it(hands: Hands, key: str) -> None:
    hands.on()
    hands.click(0, 10, 10, button=2)
    hands.click(*CENTRE)
    hands.click(10, 40, 50, button=2)
    assert hands.marks == 3
    hands.press(key)
    assert hands.marks == 0
    if key == "Enter":  # and come back with it
        hands.press("Control-Z")
        assert hands.marks == 3
        hands.press("Escape")
        assert hands.marks == 0


def test_a_cell_that_was_taken_back_is_told_as_one_on_all_its_slices(hands: Hands) -> None:
    hands.on()
    hands.click(*CENTRE)
    told = hands.bench.session.state.status
    assert "The cell is on 7 slices, 2 to 8." in told
    hands.press("Enter")
    hands.press("Control-Z")
    assert hands.bench.session.state.status == told


def test_what_was_refused_is_not_told_again_with_the_next_step(hands: Hands) -> None:
    hands.on()
    hands.click(*CENTRE)
    hands.press("Q")
    assert "Take the marks back first" in hands.bench.session.state.status
    hands.click(8, 40, 50)
    assert "Take the marks back first" not in hands.bench.session.state.status
    assert "The cell is on 7 slices" in hands.bench.session.state.status


# -- a cell that is out of sight ------------------------------------------------------------------


@pytest.fixture
def elsewhere(bench: Any) -> Hands:
    """A cell that is kept in the first frame, and one that is followed in the second."""
    hands = Hands(bench, np.stack([STACK] * 3), axis_labels=("t", "z", "y", "x"))
    hands.click(0, *NEIGHBOUR)
    hands.press("Enter")
    hands.on()
    hands.click(1, *CENTRE)
    return hands


def go_away(viewer: Any, how: str) -> None:
    if how == "another time":
        viewer.dims.set_point(0, 2)
    elif how == "other axes":
        viewer.dims.roll()
    else:
        viewer.dims.ndisplay = 3


WAYS = ("another time", "other axes", "3-D")


@pytest.mark.parametrize("how", WAYS)
def test_the_least_certain_slice_of_a_cell_is_shown_from_wherever_one_is(
    elsewhere: Hands, how: str
) -> None:
    bench, strip = elsewhere.bench, elsewhere.state.strip
    go_away(bench.viewer, how)
    bench.settle()
    elsewhere.press("D")
    plane = bench.session._bench.plane()
    assert plane.index == (1, strip.doubtful()[0], None, None)
    assert elsewhere.outline() is not None


@pytest.mark.parametrize("how", WAYS)
def test_undo_takes_back_marks_of_a_cell_before_one_that_was_kept(
    elsewhere: Hands, how: str
) -> None:
    bench, kept = elsewhere.bench, elsewhere.labels.data.copy()
    go_away(bench.viewer, how)
    bench.settle()
    elsewhere.press("Control-Z")
    assert "Enter keeps it" not in bench.state.status
    assert elsewhere.run is None
    np.testing.assert_array_equal(elsewhere.labels.data, kept)
    assert bench.session._bench.plane().index == (1, CENTRE[0], None, None)
    elsewhere.press("Control-Z")
    assert not elsewhere.labels.data.any()


@pytest.mark.parametrize("followed", [True, False])
def test_the_axis_that_was_chosen_is_chosen_again_when_the_view_is_back(
    bench: Any, followed: bool
) -> None:
    hands = Hands(bench, np.stack([STACK] * 3), axis_labels=("z", "t", "y", "x"))
    hands.on()
    slices, time = hands.state.axes
    hands.through.choose(time)
    if followed:
        hands.click(1, *CENTRE)
    known = set(hands.state.strip.scores)
    assert bool(known) == followed
    order = bench.viewer.dims.order
    bench.viewer.dims.order = (0, 3, 1, 2)
    bench.settle()
    assert hands.state.along == slices
    bench.viewer.dims.order = order
    bench.settle()
    assert hands.state.along == time
    assert set(hands.state.strip.scores) == known


def test_an_undo_while_it_is_switched_off_takes_no_cell_up_that_enter_would_keep(
    hands: Hands,
) -> None:
    hands.on()
    hands.click(*CENTRE)
    hands.press("Enter")
    hands.through.set_on(False)
    hands.press("Control-Z")
    assert hands.run is None
    hands.click(4, *NEIGHBOUR[1:])
    hands.press("Enter")
    assert hands.labels.data[4][NEIGHBOUR[1:]]
    assert np.flatnonzero(hands.labels.data.any(axis=(1, 2))).tolist() == [4]
