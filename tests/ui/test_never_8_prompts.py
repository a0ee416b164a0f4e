"""Bug class 8 of the field: no mark is lost, invented, or given to another object."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from fake_model import blobs

BOX_A = [(14, 14), (14, 26), (26, 26), (26, 14)]
BOX_B = [(34, 54), (34, 66), (46, 66), (46, 54)]


@pytest.fixture
def ready(bench):
    bench.viewer.add_image(blobs(), name="nuclei")
    bench.settle()
    return bench


def shapes_of(bench, corners, kind="rectangle"):
    layer = bench.viewer.add_shapes(corners, shape_type=kind)
    bench.session.layers.choose("shapes", layer)
    bench.settle()
    return layer


def test_a_click_without_a_drag_is_no_box(ready):
    tiny = [(20, 20), (20, 20.6), (20.6, 20.6), (20.6, 20)]
    shapes_of(ready, [tiny])
    assert ready.model.prompts == []
    assert ready.state.answer is None


def test_a_discarded_lasso_is_no_outline(ready):
    shapes_of(ready, [[(20, 20), (20, 21), (21, 21)]], kind="polygon")
    assert ready.model.prompts == []


def test_several_boxes_make_several_objects_in_one_step(ready):
    shapes_of(ready, [BOX_A, BOX_B])
    assert len(ready.model.prompts) == 2
    ready.press("Control-Enter")
    ready.settle()
    labels = ready.viewer.layers["nuclei cells"]
    assert {labels.data[20, 20], labels.data[40, 60]} == {1, 2}
    labels.undo()
    assert not labels.data.any()


def test_boxes_drawn_in_any_direction_are_the_same(ready):
    shapes_of(ready, [BOX_A[::-1]])
    assert ready.model.prompts[-1].box == (14, 14, 26, 26)


def test_points_go_with_the_box_that_holds_them(ready):
    shapes_of(ready, [BOX_A, BOX_B])
    ready.viewer.layers.selection.active = ready.viewer.layers["nuclei"]
    ready.click(18, 18, button=2)
    ready.click(42, 62, button=2)
    ready.settle()
    first, second = ready.model.prompts[-2:]
    np.testing.assert_allclose(first.points, [(18, 18)])
    np.testing.assert_allclose(second.points, [(42, 62)])


def test_a_point_that_belongs_to_no_box_is_an_object_of_its_own(ready):
    shapes_of(ready, [BOX_A, [(50, 5), (50, 15), (60, 15), (60, 5)]])
    ready.viewer.layers.selection.active = ready.viewer.layers["nuclei"]
    ready.click(40, 60)
    ready.settle()
    assert len(ready.state.answer.prompts) == 3
    np.testing.assert_allclose(ready.state.answer.prompts[2].points, [(40, 60)])


def test_a_background_point_that_belongs_to_no_box_is_not_dropped_silently(ready):
    shapes_of(ready, [BOX_A, BOX_B])
    ready.viewer.layers.selection.active = ready.viewer.layers["nuclei"]
    ready.click(2, 2, button=2)
    ready.settle()
    assert "lies in none of them" in ready.state.status
    assert ready.state.answer is None


def test_a_far_away_point_is_not_clipped_to_the_box(ready):
    """The whole plane is one plane for the prompts, however the model cuts it."""
    ready.click(20, 20)
    ready.click(40, 60)
    ready.settle()
    np.testing.assert_allclose(ready.model.prompts[-1].points, [(20, 20), (40, 60)])
    mask = ready.state.answer.regions(0)[0].on(ready.state.answer.plane.shape)
    assert mask[20, 20]
    assert mask[40, 60]


def test_left_and_right_click_and_the_toggle_say_what_they_say(ready):
    ready.click(20, 20)
    ready.click(20, 24, button=2)
    ready.press("T")
    ready.click(20, 16)
    ready.settle()
    assert ready.model.prompts[-1].labels.tolist() == [1, 0, 0]
    points = ready.viewer.layers["SAM points"]
    assert list(points.features["polarity"]) == ["object", "background", "background"]
    assert len({str(symbol) for symbol in points.symbol}) == 2
    assert len(np.unique(points.face_color, axis=0)) == 2


def test_a_background_click_first_asks_for_the_cell(ready):
    ready.click(20, 24, button=2)
    ready.settle()
    assert ready.model.prompts == []
    assert "left-click" in ready.state.status
    assert not ready.state.problem


def test_polarity_of_the_persons_own_points_is_read(ready):
    points = ready.viewer.add_points(
        [(20, 20), (20, 25)], features={"polarity": ["object", "background"]}
    )
    ready.session.layers.choose("points", points)
    ready.settle()
    assert ready.model.prompts[-1].labels.tolist() == [1, 0]


def test_a_drag_is_no_click(ready, make_event):
    from napari.utils.interactions import (
        mouse_move_callbacks,
        mouse_press_callbacks,
        mouse_release_callbacks,
    )

    ready.viewer.cursor.position = (20, 20)
    event = make_event("mouse_press", 1, ())
    mouse_press_callbacks(ready.viewer, event)
    event.type, event.is_dragging = "mouse_move", True
    event.pos = event.pos + 30
    mouse_move_callbacks(ready.viewer, event)
    event.type = "mouse_release"
    mouse_release_callbacks(ready.viewer, event)
    ready.settle()
    assert ready.model.prompts == []


@pytest.mark.parametrize("modifiers", [("Control",), ("Shift", "Control")])
def test_a_click_with_a_modifier_of_naparis_stays_naparis(ready, modifiers):
    ready.click(20, 20, modifiers=modifiers)
    ready.settle()
    assert ready.model.prompts == []


def test_a_mask_cannot_be_shared_by_several_boxes(ready):
    rough = ready.viewer.add_labels((blobs() > 100).astype(int))
    ready.session.layers.choose("mask", rough)
    shapes_of(ready, [BOX_A, BOX_B])
    assert "one cell" in ready.state.status
    assert ready.state.answer is None


@pytest.mark.parametrize("kind", ["read-only", "dask"])
def test_a_rough_mask_is_only_read(ready, kind):
    painted = np.zeros(blobs().shape, dtype=np.uint16)
    painted[14:26, 14:26] = 1
    if kind == "dask":
        rough = ready.viewer.add_labels(da.from_array(painted, chunks=16))
    else:
        painted.setflags(write=False)
        rough = ready.viewer.add_labels(painted)
    ready.session.layers.choose("mask", rough)
    ready.settle()
    assert ready.state.mask is rough
    assert ready.state.answer is not None
    np.testing.assert_array_equal(ready.model.prompts[-1].mask, painted == 1)


def test_undo_takes_the_marks_back_in_reverse_order(ready):
    ready.click(20, 20)
    ready.settle()
    ready.cells.proposal.draw_boxes()
    ready.state.shapes.add(np.array(BOX_A, float))
    ready.settle()
    ready.viewer.layers.selection.active = ready.viewer.layers["nuclei"]
    ready.click(22, 22)
    ready.settle()
    seen = []
    for _ in range(3):
        ready.press("Control-Z")
        ready.settle()
        marks = ready.session.proposal.marks.read(ready.session._bench.plane())
        seen.append((len(marks.points), len(marks.outlines)))
    assert seen == [(1, 1), (1, 0), (0, 0)]


def test_clear_leaves_nothing_behind(ready):
    before = ready.names()
    ready.click(20, 20)
    ready.cells.proposal.draw_boxes()
    ready.state.shapes.add(np.array(BOX_B, float))
    ready.settle()
    ready.press("Escape")
    ready.settle()
    assert ready.names() == [*before, "SAM shapes"]  # which was asked for
    assert len(ready.state.shapes.data) == 0
    assert ready.state.answer is None


@pytest.mark.parametrize(("cursor", "hand"), [((20, 20), 0), ((40, 60), 1), ((2, 2), 1)])
def test_a_key_turns_one_of_several_cells_and_leaves_the_others(ready, cursor, hand):
    """The one under the mouse, else the one that was marked last."""
    shapes_of(ready, [BOX_A, BOX_B])
    ready.viewer.layers.selection.active = ready.viewer.layers["nuclei"]
    ready.settle()
    answer = ready.state.answer
    assert len(answer.found) == 2
    ready.viewer.cursor.position = cursor
    ready.press("2")
    ready.settle()
    assert ready.state.choices == ((1, 0) if hand == 0 else (0, 1))
    assert ready.state.choice == 1
    ready.viewer.cursor.position = (40, 60) if hand == 0 else (20, 20)
    ready.press("3")
    assert ready.state.choices == ((1, 2) if hand == 0 else (2, 1))
    expected = answer.regions(ready.state.choices)
    ready.cells.accept()
    ready.settle()
    labels = ready.state.target.data
    for region in expected:
        covered = region.on(labels.shape)
        ids = np.unique(labels[covered])
        assert (ids > 0).all()


def test_the_choice_of_each_of_several_cells_comes_back_with_its_slice(bench):
    stack = np.stack([blobs(), blobs()])
    bench.viewer.add_image(stack, name="nuclei")
    bench.viewer.dims.set_point(0, 0)
    bench.settle()
    boxes = [np.insert(np.asarray(box, float), 0, 0, axis=1) for box in (BOX_A, BOX_B)]
    shapes_of(bench, boxes)
    bench.viewer.layers.selection.active = bench.viewer.layers["nuclei"]
    bench.settle()
    bench.viewer.cursor.position = (0, 20, 20)
    bench.press("3")
    bench.viewer.dims.set_point(0, 1)
    bench.settle()
    bench.viewer.dims.set_point(0, 0)
    bench.settle()
    assert bench.state.choices == (2, 0)


def area_at(bench, row, column):
    """Pixels that are proposed, and whether this one is among them."""
    bench.settle()
    region = bench.state.answer.regions(0)[0]
    return region.area, bool(region.on((64, 80))[row, column])


def test_marks_that_are_moved_with_their_layer_are_where_they_are_seen(ready):
    shapes = shapes_of(ready, [BOX_A])
    assert area_at(ready, 20, 20) == (113, True)
    shapes.translate = (20, 40)
    assert area_at(ready, 40, 60) == (113, True)
    shapes.affine = np.array([[1, 0, -20], [0, 1, -40], [0, 0, 1]])
    assert area_at(ready, 20, 20) == (113, True)
    ready.session.layers.choose("shapes", None)
    points = ready.viewer.add_points([(10, 10)], scale=(2, 2))
    ready.session.layers.choose("points", points)
    assert area_at(ready, 20, 20) == (113, True)
    points.scale = (4, 6)
    assert area_at(ready, 40, 60) == (113, True)


def test_what_the_person_says_of_marks_by_a_table_or_hides_counts_at_once(ready):
    lines = shapes_of(ready, [[(20, 15), (20, 25)], [(40, 55), (40, 65)]], kind="path")
    assert area_at(ready, 20, 20) == (226, True)
    lines.features = {"polarity": ["background", "object"]}
    assert area_at(ready, 20, 20)[1] is False
    ready.session.layers.choose("shapes", None)
    points = ready.viewer.add_points([(20, 20), (40, 60)])
    ready.session.layers.choose("points", points)
    assert area_at(ready, 20, 20) == (226, True)
    points.shown = [False, True]
    assert area_at(ready, 20, 20) == (113, False)


@pytest.mark.parametrize("how", ["turned shape", "turned layer", "turned image"])
def test_a_rectangle_that_is_turned_is_a_box_around_the_cell(bench, how):
    """And no rough mask, which would say that the cell has four corners."""
    turned = {"rotate": 30} if how == "turned image" else {}
    image = bench.viewer.add_image(blobs(radius=10), name="nuclei", **turned)
    bench.settle()
    layer = {"rotate": 30} if how == "turned layer" else {}
    shapes = bench.viewer.add_shapes(np.empty((0, 4, 2)), ndim=2, name="boxes", **layer)
    middle = np.array(shapes.world_to_data(image.data_to_world((40, 60))))
    square = np.array([(-11, -11), (-11, 11), (11, 11), (11, -11)], float)
    angle = np.deg2rad(30 if how == "turned shape" else 0)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shapes.add([middle + square @ turn.T], shape_type="rectangle")
    bench.session.layers.choose("shapes", shapes)
    bench.settle()
    (prompt,) = bench.state.answer.prompts
    assert prompt.mask is None
    np.testing.assert_allclose(prompt.box, (29, 49, 51, 71), atol=0.1)
