"""Bug class 1 of the field: nothing that a person has labelled is ever lost silently."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Labels

from fake_model import blobs


def settled(bench, **layers):
    for name, data in layers.items():
        bench.viewer.add_image(data, name=name)
    bench.settle()


def accept_at(bench, *world):
    bench.click(*world)
    bench.settle()
    bench.press("Enter")
    bench.settle()


@pytest.fixture
def painted(bench):
    """An image with a hand-painted label 7 across half of its first cell, chosen as target."""
    settled(bench, nuclei=blobs())
    data = np.zeros((64, 80), np.int32)
    data[10:30, 15:21] = 7
    layer = Labels(data, name="mine")
    bench.viewer.add_layer(layer)
    bench.session.layers.choose("target", layer)
    bench.viewer.layers.selection.active = bench.viewer.layers["nuclei"]
    bench.settle()
    return layer


def test_an_old_object_is_kept_where_a_new_one_meets_it(bench, painted):
    before = painted.data.copy()
    accept_at(bench, 20, 24)
    np.testing.assert_array_equal(painted.data[before == 7], 7)
    assert painted.data[20, 24] == 8


def test_an_old_object_is_replaced_only_after_an_explicit_choice(bench, painted):
    bench.cells.set_overlap("overwrite")
    accept_at(bench, 20, 20)
    assert painted.data[20, 20] == 8
    assert painted.data[11, 15] == 7  # outside the new cell


def test_preserve_labels_of_the_layer_wins_over_overwrite(bench, painted):
    painted.preserve_labels = True
    bench.cells.set_overlap("overwrite")
    accept_at(bench, 20, 20)
    assert painted.data[20, 20] == 7


def test_a_negative_click_erases_nothing(bench, painted):
    before = painted.data.copy()
    bench.click(20, 24)
    bench.click(20, 17, button=2)
    bench.settle()
    np.testing.assert_array_equal(painted.data, before)
    bench.press("Enter")
    np.testing.assert_array_equal(painted.data[before > 0], before[before > 0])


def test_a_place_that_is_taken_completely_says_so_and_changes_nothing(bench, painted):
    painted.data[:] = 3
    bench.cells.proposal.add_point((20, 20), 1)
    bench.settle()
    bench.press("Enter")
    bench.settle()
    assert (painted.data == 3).all()
    assert bench.state.problem
    assert "labelled already" in bench.state.status
    assert bench.state.answer is not None  # still there, to be kept elsewhere


def test_changing_model_or_image_changes_no_label(bench, painted):
    accept_at(bench, 20, 20)
    before = painted.data.copy()
    bench.viewer.add_image(blobs(centres=((30, 30),)), name="other")
    bench.session.layers.choose("image", bench.viewer.layers["other"])
    bench.settle()
    bench.catalogue.here.add("large")
    bench.session.models.choose("large")
    bench.settle()
    np.testing.assert_array_equal(painted.data, before)
    assert painted in bench.viewer.layers


def test_accept_is_one_undo_step_and_undo_restores_every_pixel(bench, painted):
    before = painted.data.copy()
    bench.cells.set_overlap("overwrite")
    accept_at(bench, 20, 20)
    assert not np.array_equal(painted.data, before)
    bench.press("Control-Z")
    np.testing.assert_array_equal(painted.data, before)
    bench.settle()
    assert bench.state.answer is not None  # the marks are back, to do it differently


def test_undo_of_the_layer_itself_takes_exactly_one_accept_back(bench, painted):
    before = painted.data.copy()
    accept_at(bench, 20, 20)
    once = painted.data.copy()
    accept_at(bench, 40, 60)
    painted.undo()
    np.testing.assert_array_equal(painted.data, once)
    painted.undo()
    np.testing.assert_array_equal(painted.data, before)
    bench.press("Control-Z")  # nothing of ours is left: the older edits are not ours to undo
    np.testing.assert_array_equal(painted.data, before)
    assert "nothing to undo" in bench.state.status


def test_undo_after_a_later_hand_edit_takes_that_edit_first(bench, painted):
    accept_at(bench, 20, 20)
    accepted = painted.data.copy()
    painted.data_setitem((np.array([60]), np.array([70])), 9)
    bench.press("Control-Z")
    np.testing.assert_array_equal(painted.data, accepted)
    bench.press("Control-Z")
    assert not (painted.data == 8).any()


def test_undo_never_replays_into_exchanged_data(bench, painted):
    accept_at(bench, 20, 20)
    painted.data = np.full((64, 80), 5, np.int32)
    bench.press("Control-Z")
    assert (painted.data == 5).all()


def test_ids_are_never_reused_across_slices(bench):
    stack = np.stack([blobs(), blobs(), blobs()])
    settled(bench, stack=stack)
    bench.viewer.dims.set_point(0, 0)
    bench.settle()
    accept_at(bench, 0, 20, 20)
    labels = bench.viewer.layers["stack cells"]
    bench.viewer.dims.set_point(0, 2)
    bench.settle()
    accept_at(bench, 2, 20, 20)
    assert labels.data[0, 20, 20] == 1
    assert labels.data[2, 20, 20] == 2
    assert (labels.data[1] == 0).all()


def test_an_id_that_does_not_fit_is_refused_instead_of_wrapping(bench):
    settled(bench, nuclei=blobs())
    data = np.zeros((64, 80), np.uint8)
    data[0, 0] = 255
    layer = bench.viewer.add_labels(data)
    bench.session.layers.choose("target", layer)
    bench.viewer.layers.selection.active = None
    accept_at(bench, 20, 20)
    assert data[20, 20] == 0
    assert bench.state.problem
    assert "uint8" in bench.state.status


def test_marks_in_the_persons_own_layers_are_never_deleted(bench):
    settled(bench, nuclei=blobs())
    points = bench.viewer.add_points([[20.0, 20.0]], name="mine")
    boxes = [[[34, 54], [34, 66], [46, 66], [46, 54]], [[14, 14], [14, 26], [26, 26], [26, 14]]]
    shapes = bench.viewer.add_shapes(boxes, name="boxes")
    bench.session.layers.choose("points", points)
    bench.session.layers.choose("shapes", shapes)
    bench.settle()
    bench.press("Control-Enter")
    bench.settle()
    labels = bench.viewer.layers["nuclei cells"]
    assert labels.data[20, 20] > 0
    assert labels.data[40, 60] > 0
    assert labels.data[20, 20] != labels.data[40, 60]
    assert bench.state.answer is None  # used marks are not asked about again
    bench.cells.proposal.clear()
    bench.session.close()
    assert len(points.data) == 1
    assert len(shapes.data) == 2


def test_find_all_merges_only_into_empty_places(bench, painted):
    before = painted.data.copy()
    bench.session.layers.choose("merge", painted)
    bench.find.start()
    bench.settle()
    np.testing.assert_array_equal(painted.data[before > 0], before[before > 0])
    assert painted.data[40, 60] > 7
    bench.press("Control-Z")
    np.testing.assert_array_equal(painted.data, before)


def test_find_all_goes_into_new_labels_unless_told_otherwise(bench, painted):
    before = painted.data.copy()
    bench.find.start()
    bench.settle()
    np.testing.assert_array_equal(painted.data, before)
    found = bench.viewer.layers["nuclei cells found"]
    assert len(np.unique(found.data)) == 3
    assert bench.state.found_count == 2
    assert {"index", "score", "area"} <= set(found.features.columns)


def test_a_shape_that_changed_meanwhile_is_never_written(bench, painted):
    bench.click(20, 24)
    bench.settle()
    assert bench.state.answer is not None
    painted.data = np.zeros((30, 80), np.int32)
    bench.press("Enter")
    assert (painted.data == 0).all()
    assert bench.state.problem
    assert bench.state.answer is not None


def test_an_image_that_changed_meanwhile_does_not_get_the_old_mask(bench, painted):
    before = painted.data.copy()
    bench.click(20, 24)
    bench.settle()
    bench.viewer.layers["nuclei"].data = blobs(centres=((50, 20),))
    bench.press("Enter")  # before anything settled
    bench.settle()
    np.testing.assert_array_equal(painted.data, before)
    assert bench.state.answer is not None  # the new mask waits to be looked at
