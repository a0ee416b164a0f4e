"""Find all: the result follows the sliders without the model, until somebody edits it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from edit_under_way import half_emptied
from fake_model import FakeModel, blobs
from napari_sam.labels.steps import done_at_once
from napari_sam.progress import silent

SIZES = {(14, 14): 8, (14, 50): 5, (44, 30): 3}  # centre and radius


def cells(offset: int = 0) -> np.ndarray:
    """Three discs of different sizes."""
    image = np.full((64, 80), 10, np.uint8)
    for centre, radius in SIZES.items():
        image = np.maximum(image, blobs((64, 80), ((centre[0] + offset, centre[1]),), radius))
    return image


class CountingModel(FakeModel):
    """Counts how often the maps were made, and at which diameters."""

    def __init__(self) -> None:
        super().__init__()
        self.diameters: list[float | None] = []

    def instance_maps(self, embedding, *, diameter=None, region=None, progress=silent):
        self.diameters.append(diameter)
        return super().instance_maps(embedding, diameter=diameter, region=region, progress=progress)


@pytest.fixture
def searched(bench):
    """An image whose three cells were found, into a new layer."""
    bench.model = CountingModel()
    bench.viewer.add_image(cells(), name="nuclei")
    bench.session.set_tool("find")
    bench.settle()
    bench.find.start()
    bench.settle()
    return bench


def found(bench):
    return bench.viewer.layers["nuclei cells found"]


def ids(layer) -> set[int]:
    return set(np.unique(layer.data)) - {0}


def adjust(bench, **changes) -> None:
    bench.find.adjust_options("cells", **changes)
    bench.settle()


def test_objects_vanish_and_return_without_the_model(searched):
    layer, before = found(searched), found(searched).data.copy()
    assert searched.state.found_count == 3
    adjust(searched, min_area=60)
    assert searched.state.found_count == 2
    assert layer.data[44, 30] == 0
    assert len(ids(layer)) == len(layer.features) == 2
    adjust(searched, max_area=100)
    assert searched.state.found_count == 1
    adjust(searched, min_area=None, max_area=None)
    np.testing.assert_array_equal(layer.data, before)
    assert len(layer.features) == 3
    assert searched.names() == ["nuclei", "nuclei cells found"]
    assert len(searched.model.diameters) == 1


def test_only_the_latest_of_many_moves_is_waited_for(searched, monkeypatch):
    chosen = []
    live = searched.find.following.search.found
    real = type(live).choose
    monkeypatch.setattr(type(live), "choose", lambda self, o: chosen.append(o) or real(self, o))
    for area in range(1, 61):
        searched.find.adjust_options("cells", min_area=area)
    searched.settle()
    assert [o.min_area for o in chosen] == [1, 60]
    assert searched.state.found_count == 2


def test_reset_takes_the_settings_back(searched):
    adjust(searched, min_area=60)
    searched.find.adjust_options("cells", diameter=40.0)
    searched.settle()
    searched.find.reset()
    searched.settle()
    assert searched.state.found_count == 3
    assert searched.state.find.of("cells").diameter is None
    assert searched.state.estimated is not None


@pytest.mark.parametrize("how", ["paint", "direct", "undo", "features", "data"])
def test_labels_edited_meanwhile_are_never_overwritten(searched, how):
    layer = found(searched)
    if how == "paint":
        layer.data_setitem((np.array([60]), np.array([70])), 99)
    elif how == "direct":
        layer.data[60, 70] = 99
    elif how == "undo":
        layer.data_setitem((np.array([14]), np.array([14])), 0)
        layer.undo()
    elif how == "features":
        layer.features = layer.features.assign(reviewed=True)
    else:
        layer.data = layer.data.copy()
    before = layer.data.copy()
    adjust(searched, min_area=60)
    np.testing.assert_array_equal(layer.data, before)
    assert "edited" in searched.state.status
    searched.find.start()
    searched.settle()
    np.testing.assert_array_equal(layer.data, before)
    assert len(searched.names()) == 3
    assert len(ids(searched.viewer.layers[-1])) == 2


def test_an_edit_on_another_slice_counts_too(bench):
    bench.viewer.add_image(np.stack([cells(), cells()]), name="nuclei")
    bench.find.start()
    bench.settle()
    layer = found(bench)
    here = int(np.flatnonzero(layer.data.any(axis=(1, 2)))[0])
    layer.data_setitem((np.array([1 - here]), np.array([60]), np.array([70])), 99)
    before = layer.data.copy()
    adjust(bench, min_area=60)
    np.testing.assert_array_equal(layer.data, before)


def test_a_choice_that_arrives_after_an_edit_is_dropped(searched):
    layer = found(searched)
    searched.find.adjust_options("cells", min_area=60)
    layer.data_setitem((np.array([60]), np.array([70])), 99)
    before = layer.data.copy()
    searched.settle()
    np.testing.assert_array_equal(layer.data, before)


def test_searching_again_refines_the_result_nobody_edited(searched):
    adjust(searched, min_area=60)
    searched.find.start()
    searched.settle()
    assert searched.names() == ["nuclei", "nuclei cells found"]
    assert len(ids(found(searched))) == 2


def test_sliders_leave_another_slice_alone(bench):
    bench.viewer.add_image(np.stack([cells(), cells(5), cells(9)]), name="nuclei")
    bench.viewer.dims.set_point(0, 1)
    bench.settle()
    bench.find.start()
    bench.settle()
    layer, before = found(bench), found(bench).data.copy()
    assert before[1].any()
    assert not before[[0, 2]].any()
    bench.viewer.dims.set_point(0, 2)
    adjust(bench, min_area=60)
    np.testing.assert_array_equal(layer.data, before)
    bench.viewer.dims.set_point(0, 1)
    adjust(bench, min_area=61)
    assert len(ids(layer)) == 2


def test_a_removed_result_stays_removed(searched):
    searched.viewer.layers.remove(found(searched))
    adjust(searched, min_area=60)
    assert searched.names() == ["nuclei"]


def test_an_image_that_goes_while_its_cells_are_chosen_gets_no_labels(bench):
    image = bench.viewer.add_image(cells(), name="nuclei")
    bench.session.set_tool("find")
    bench.settle()
    bench.find.start()
    while not bench.find.following.choosing.wants("choose"):
        assert bench.loop.turn() or bench.session.jobs.run_next()
    bench.viewer.layers.remove(image)
    bench.settle()
    assert not [layer for layer in bench.viewer.layers if layer.name.endswith("found")]
    assert "changed or removed while it was searched" in bench.state.status
    assert bench.state.progress is None


def test_nothing_at_first_may_become_something(searched):
    searched.viewer.layers.remove(found(searched))
    searched.find.adjust_options("cells", min_area=5000)
    searched.find.start()
    searched.settle()
    assert searched.names() == ["nuclei"]
    assert searched.state.found_count == 0
    adjust(searched, min_area=None)
    assert len(ids(found(searched))) == 3


def test_a_blank_slice_is_called_blank(bench):
    bench.viewer.add_image(np.full((40, 50), 7, np.uint8), name="blank")
    bench.settle()
    bench.find.start()
    bench.settle()
    assert "blank" in bench.state.status
    assert bench.state.found_count == 0


def test_sizes_are_told_in_the_units_of_the_image(bench):
    bench.viewer.add_image(cells(), name="nuclei", scale=(0.5, 0.25), units=("um", "um"))
    bench.find.start()
    bench.settle()
    table = found(bench).features
    np.testing.assert_allclose(table["area_um2"], table["area"] * 0.125)


def test_the_same_call_can_be_copied(searched):
    copied = []
    searched.find.adjust_options("cells", min_area=60)
    searched.find.adjust_options("cells", diameter=12.0)
    searched.find.copy_recipe(True, copied.append)
    searched.find.copy_recipe(False, copied.append)
    searched.find.adjust(method="everything")
    searched.find.copy_recipe(False, copied.append)
    searched.find.adjust_options("everything", points_per_side=16, ask_at="objects")
    searched.find.copy_recipe(True, copied.append)
    command, python, everything, line = copied
    assert "--min-area 60" in command
    assert "--diameter 12" in command
    assert "min_area=60" in python
    assert "segment_everything" in everything
    assert "--mode everything" in line
    assert "--points-per-side 16 --ask-at objects" in line
    assert "--limits" not in line


def test_what_is_copied_sees_the_contrast_that_the_person_wanted(searched):
    copied = []
    image = searched.state.image
    image.contrast_limits = (3, 150)
    searched.find.bench.preferences.remember(use_contrast_limits=True)
    for method in ("cells", "everything"):
        searched.find.adjust(method=method)
        for command in (True, False):
            searched.find.copy_recipe(command, copied.append)
    for command, python in zip(copied[::2], copied[1::2], strict=True):
        assert "--limits 3.0 150.0" in command
        assert "limits=(3.0, 150.0)" in python


# -- the diameter -----------------------------------------------------------------------------


def test_the_maps_are_made_anew_once_the_diameter_rests(searched):
    assert searched.state.estimated == pytest.approx(12, abs=5)
    for diameter in (20.0, 25.0, 30.0):
        searched.find.adjust_options("cells", diameter=diameter)
    searched.settle()
    assert searched.model.diameters == [None, 30.0]
    assert searched.state.estimated is None
    assert len(found(searched).features) == len(ids(found(searched)))
    searched.find.adjust_options("cells", diameter=None)
    searched.settle()
    assert searched.model.diameters == [None, 30.0, None]
    assert searched.state.estimated is not None


# -- into labels of one's own -------------------------------------------------------------------


@pytest.fixture
def mine(bench):
    """Labels with a step of the person's own in their history, chosen to be added to."""
    bench.viewer.add_image(cells(), name="nuclei")
    layer = bench.viewer.add_labels(np.zeros((64, 80), np.int32), name="mine")
    layer.data_setitem(tuple(np.nonzero(cells()[:, :14] > 100)), 7)  # the left part of one cell
    bench.settle()
    bench.session.layers.choose("merge", layer)
    return layer


def test_the_whole_interaction_is_one_step(bench, mine):
    before = mine.data.copy()
    bench.find.start()
    bench.settle()
    for area in (40, 60, 100, None, 60):
        adjust(bench, min_area=area)
    assert mine.data[14, 50] > 7
    assert mine.data[44, 30] == 0
    bench.press("Control-Z")
    np.testing.assert_array_equal(mine.data, before)
    adjust(bench, min_area=None)
    np.testing.assert_array_equal(mine.data, before)  # what was taken back stays so
    mine.undo()
    assert not mine.data.any()  # the person's own step is still there


def test_rules_can_be_tried_one_after_the_other(bench, mine):
    before = mine.data.copy()
    bench.find.start()
    bench.settle()
    np.testing.assert_array_equal(mine.data == 7, before == 7)
    assert mine.data[14, 18] > 7  # the rest of the cell
    bench.find.adjust(rule="whole")
    bench.settle()
    assert mine.data[14, 18] == 0
    assert len(ids(mine)) == 3
    bench.find.adjust(rule="replace")
    bench.settle()
    assert 7 not in mine.data
    assert len(ids(mine)) == 3
    assert mine.data[14, 10] == mine.data[14, 18] > 7
    bench.press("Control-Z")
    np.testing.assert_array_equal(mine.data, before)


def test_replace_respects_preserve_labels(bench, mine):
    before = mine.data.copy()
    mine.preserve_labels = True
    bench.find.adjust(rule="replace")
    bench.find.start()
    bench.settle()
    np.testing.assert_array_equal(mine.data, before)
    assert "preserve" in bench.state.status


def test_ids_that_do_not_fit_change_nothing(bench):
    bench.viewer.add_image(cells(), name="nuclei")
    data = np.zeros((64, 80), np.uint8)
    data[0, 0] = 254
    layer = bench.viewer.add_labels(data)
    bench.session.layers.choose("merge", layer)
    bench.find.start()
    bench.settle()
    assert "uint8" in bench.state.status
    assert np.count_nonzero(layer.data) == 1
    adjust(bench, min_area=100)  # one cell does fit
    assert layer.data[14, 14] == 255


# -- where ------------------------------------------------------------------------------------


def test_only_inside_a_shape(searched):
    shape = searched.viewer.add_shapes([[[30, 10], [30, 60], [60, 60], [60, 10]]], name="here")
    searched.find.adjust(region=shape)
    searched.settle()
    assert searched.state.found_count == 1
    assert ids(found(searched)) == {1}
    assert found(searched).data[44, 30] == 1
    assert found(searched).features["label"].tolist() == [1]
    searched.viewer.layers.remove(shape)
    searched.settle()
    assert searched.state.find.region == "slice"
    assert searched.state.found_count == 3


def test_a_shape_on_no_slice_is_told(searched):
    before = found(searched).data.copy()
    empty = searched.viewer.add_shapes(name="empty")
    searched.find.adjust(region=empty)
    searched.find.start()
    searched.settle()
    assert searched.state.problem
    assert "no closed shape" in searched.state.status
    np.testing.assert_array_equal(found(searched).data, before)


def test_only_what_is_visible(searched):
    searched.viewer.canvas.size = (300, 390)
    searched.viewer.scene.camera.zoom = 10
    searched.viewer.scene.camera.center = (0, 15, 19.5)
    searched.find.adjust(region="visible")
    searched.settle()
    assert searched.state.found_count == 1
    assert found(searched).data[14, 14] == 1


# -- all slices -------------------------------------------------------------------------------


class Slices:
    """An array on disk, as far as it is looked at: counts how much is read at once."""

    def __init__(self, data: np.ndarray) -> None:
        self.data = data
        self.shape, self.dtype, self.ndim = data.shape, data.dtype, data.ndim
        self.reads: list[tuple[int, ...]] = []

    def __getitem__(self, key):
        part = self.data[key]
        self.reads.append(np.shape(part))
        return part

    def __array__(self, dtype=None, copy=None):
        self.reads.append(self.shape)
        return self.data


def start_stack(bench, slices: int = 4):
    data = np.stack([cells(5 * n) for n in range(slices)])
    data[2] = 10  # an empty slice
    bench.viewer.add_image(data, name="nuclei")
    bench.settle()
    bench.find.adjust(region="stack")
    bench.find.start()
    return data


def test_all_slices_with_ids_unique_over_the_stack(bench):
    data = start_stack(bench)
    bench.settle()
    layer = found(bench)
    np.testing.assert_array_equal(layer.data > 0, data > 100)
    assert bench.state.found_count == 9
    for label in ids(layer):
        assert len(np.unique(np.nonzero(layer.data == label)[0])) == 1
    table = layer.features
    assert sorted(table["label"]) == sorted(ids(layer)) == list(range(1, 10))
    assert table["axis_0"].tolist() == [0, 0, 0, 1, 1, 1, 3, 3, 3]
    assert bench.state.progress is None


def test_a_stack_is_read_slice_by_slice(bench):
    dask = pytest.importorskip("dask.array")
    read = []

    def load(block, block_info=None):
        read.append(block.shape)
        return block

    data = dask.from_array(np.stack([cells()] * 3), chunks=(1, 64, 80)).map_blocks(
        load, dtype=np.uint8
    )
    bench.viewer.add_image(data, name="nuclei", contrast_limits=(0, 255))
    bench.find.adjust(region="stack")
    bench.find.start()
    bench.settle()
    assert len(ids(found(bench))) == 9
    assert {shape[0] for shape in read if shape} <= {0, 1}


def turn_until(bench, condition) -> None:
    for _ in range(1000):
        if condition():
            return
        if not bench.loop.turn() and not bench.session.jobs.run_next():
            bench.find.following.choosing.run_next()
    raise AssertionError("this never happened")


def test_a_stopped_stack_keeps_the_slices_done(bench):
    start_stack(bench)
    turn_until(bench, lambda: bench.state.found_count == 6)
    bench.session.cancel()
    assert "after 2 of 4 slices" in bench.state.status
    bench.settle()
    layer = found(bench)
    assert layer.data[:2].any(axis=(1, 2)).all()
    assert not layer.data[2:].any()
    assert len(layer.features) == len(ids(layer)) == 6
    assert bench.state.progress is None


def test_ids_stay_unique_when_the_person_labels_meanwhile(bench):
    start_stack(bench)
    turn_until(bench, lambda: bench.state.found_count == 3)
    layer = found(bench)
    layer.data_setitem((np.array([3, 3]), np.array([29, 0]), np.array([14, 79])), 4)
    bench.settle()
    assert layer.data[3, 29, 14] == layer.data[3, 0, 79] == 4
    assert np.count_nonzero(layer.data == 4) == 2


def test_what_is_decided_while_the_rest_is_searched_stays(bench):
    start_stack(bench)
    turn_until(bench, lambda: bench.state.found_count == 6)
    layer = found(bench)
    assert layer.features["score"].notna().all()  # the least certain one can be told already
    bench.viewer.dims.set_point(0, 0)
    bench.session.set_tool("review")
    assert bench.review.edit(lambda editing: editing.accept([1]))
    assert bench.review.edit(lambda editing: editing.delete([2]))
    bench.settle()
    reviewed = layer.features.set_index("label")["reviewed"]
    assert reviewed[[1, 2, 3]].tolist() == ["accepted", "rejected", "open"]
    assert not (layer.data == 2).any()
    assert ids(layer) == {1, *range(3, 10)}
    bench.review.undo()
    assert (layer.data[0] == 2).any()
    bench.review.undo()
    assert layer.features.set_index("label")["reviewed"][1] == "open"
    assert ids(layer) == set(range(1, 10))


def test_what_was_taken_back_can_be_done_again_after_the_next_slice(bench):
    start_stack(bench)
    turn_until(bench, lambda: bench.state.found_count == 3)
    bench.viewer.dims.set_point(0, 0)
    bench.session.set_tool("review")
    assert bench.review.edit(lambda editing: editing.delete([2]))
    bench.review.undo()
    bench.settle()
    bench.review.redo()
    assert ids(found(bench)) == {1, *range(3, 10)}


def test_a_cell_made_while_the_rest_is_searched_has_its_number_alone(bench):
    start_stack(bench)
    turn_until(bench, lambda: bench.state.found_count == 3)
    layer = found(bench)
    bench.viewer.dims.set_point(0, 0)
    bench.session.set_tool("review")
    assert bench.review.edit(lambda editing: editing.split(1, (14, 9), (14, 19)))
    bench.settle()
    for label in ids(layer):
        assert len(np.unique(np.nonzero(layer.data == label)[0])) == 1, label
    assert len(ids(layer)) == 10


def test_what_is_drawn_over_what_a_slice_brings_leaves_no_row_of_it(bench):
    start_stack(bench)
    turn_until(bench, lambda: bench.state.found_count == 3)
    layer = found(bench)
    where = np.nonzero(np.ones((64, 80), bool))
    layer.data_setitem((np.full(where[0].size, 3), *where), 77)
    bench.settle()
    assert (layer.data[3] == 77).all()
    assert set(layer.features["label"]) == ids(layer)
    assert bench.state.found_count == 6


def test_slices_are_not_written_into_labels_that_were_exchanged(bench):
    start_stack(bench)
    turn_until(bench, lambda: bench.state.found_count == 3)
    layer = found(bench)
    layer.data = np.zeros_like(layer.data)
    bench.settle()
    assert not layer.data.any()
    assert bench.state.problem
    assert "other labels" in bench.state.status


def test_a_slice_waits_for_an_edit_that_is_being_written(bench, monkeypatch):
    start_stack(bench)
    turn_until(bench, lambda: bench.state.found_count == 3)
    layer = found(bench)
    steps = half_emptied(bench, layer, monkeypatch)
    assert bench.state.found_count == 3
    done_at_once(steps)
    bench.settle()
    assert not bench.state.problem
    assert not layer.data[0].any()
    assert ids(layer) == {4, 5, 6, 7, 8, 9}


def test_stopping_before_the_first_slice_leaves_nothing(bench):
    start_stack(bench)
    bench.session.cancel()
    bench.settle()
    assert bench.names() == ["nuclei"]
    assert "Nothing was changed" in bench.state.status


def test_a_click_is_answered_between_slices(bench):
    start_stack(bench)
    turn_until(bench, lambda: bench.state.found_count == 3)
    bench.session.set_tool("click")
    bench.cells.proposal.add_point((14, 50), 1)
    turn_until(bench, lambda: bench.state.answer is not None)
    assert bench.session.jobs.wants("find")


# -- everything -------------------------------------------------------------------------------


@pytest.fixture
def everything(bench):
    bench.viewer.add_image(cells(), name="nuclei")
    bench.settle()
    bench.find.adjust(method="everything")
    bench.find.adjust_options(
        "everything",
        points_per_side=8,
        pred_iou_thresh=0.85,
        stability_score_thresh=0.9,
        max_area=2000,
    )
    bench.find.start()
    bench.settle()
    return bench


def test_everything_follows_its_thresholds_without_the_model(everything):
    layer = everything.viewer.layers["nuclei objects found"]
    asked, before = len(everything.model.prompts), layer.data.copy()
    count = everything.state.found_count
    assert count > 0
    everything.find.adjust_options("everything", min_area=100)
    everything.settle()
    assert 0 < everything.state.found_count < count
    everything.find.adjust_options("everything", pred_iou_thresh=0.95)
    everything.settle()
    assert everything.state.found_count == 0
    everything.find.adjust_options("everything", pred_iou_thresh=0.85, min_area=0)
    everything.settle()
    np.testing.assert_array_equal(layer.data, before)
    assert len(everything.model.prompts) == asked


def test_everything_says_when_the_model_is_needed(everything):
    everything.find.adjust_options("everything", points_per_side=4)
    everything.settle()
    assert "Press the button" in everything.state.status
    everything.find.adjust_options("everything", points_per_side=8)
    everything.settle()
    assert "Press the button" not in everything.state.status
    everything.find.adjust_options("everything", pred_iou_thresh=0.3)
    everything.settle()
    assert "Press the button" in everything.state.status


def test_a_parameter_that_cannot_be_is_refused_and_told(everything):
    settings = everything.state.find.of("everything")
    everything.find.adjust_options("everything", crop_n_layers=3, crop_n_points_downscale_factor=8)
    assert everything.state.problem
    assert everything.state.find.of("everything") is settings
    cells_options = everything.state.find.of("cells")
    everything.find.adjust_options("cells", min_area=100)
    everything.find.adjust_options("cells", max_area=50)
    assert everything.state.find.of("cells") == replace(cells_options, min_area=100)


# -- models that do not find cells by themselves ------------------------------------------------


class Headless(FakeModel):
    """Answers prompts only, as a SAM does."""

    has_instances = False


@pytest.mark.parametrize("method", ["cells", "everything"])
def test_a_sam_is_asked_where_cells_are(bench, monkeypatch, method):
    sam, finder = Headless("large"), FakeModel("cells")
    models = {"large": sam, "cells": finder}
    monkeypatch.setattr(bench.session._bench.worker, "_load", lambda name, device: models[name])
    bench.catalogue.here.add("large")
    bench.viewer.add_image(cells(), name="nuclei")
    bench.session.models.choose("large")
    bench.find.adjust(method=method)
    bench.find.adjust_options(
        "everything",
        ask_at="objects",
        pred_iou_thresh=0.6,
        stability_score_thresh=0.75,
        points_per_side=4,
    )
    bench.find.start()
    bench.settle()
    assert finder.prompts == []
    assert len(sam.prompts) >= 3
    layer = bench.viewer.layers[-1]
    assert {layer.data[centre] for centre in SIZES}.isdisjoint({0})
    if method == "cells":
        assert len(sam.prompts) == 3
        adjust(bench, min_area=60)
        assert bench.state.found_count == 2
        assert len(sam.prompts) == 3


def test_a_search_right_after_opening_an_image_leaves_it_ready(bench):
    bench.viewer.add_image(cells(), name="nuclei")
    bench.find.start()  # before the panel had a look at the image
    bench.loop.turn()
    while bench.state.chip.kind == "empty" and bench.loop.turn():
        pass
    assert bench.state.chip.kind == "wait"
    bench.settle()
    assert bench.state.chip.kind == "ready"
    assert len(bench.model.encoded) == 1
    assert "Found" in bench.state.status


def test_a_search_of_a_stack_leaves_the_displayed_slice_ready(bench):
    bench.viewer.add_image(np.stack([cells()] * 3), name="stack")
    bench.find.adjust(region="stack")
    bench.find.start()
    bench.settle()
    assert bench.state.chip.kind == "ready"
    assert "Searched all 3 slices" in bench.state.status


# -- rows of what was merged ------------------------------------------------------------------


@pytest.fixture
def merged(bench):
    """Cells merged into labels that hold a cell, with a row of the person's own."""
    bench.viewer.add_image(cells(), name="nuclei")
    data = np.zeros((64, 80), np.int32)
    data[14:17, 14:17] = 7
    table = pd.DataFrame({"index": [7], "mine": ["a"]})
    bench.mine = bench.viewer.add_labels(data, name="mine", features=table)
    bench.session.layers.choose("merge", bench.mine)
    bench.session.set_tool("find")
    bench.find.start()
    bench.settle()
    return bench


def rows(bench) -> pd.DataFrame:
    return bench.mine.features.set_index("index")


def assert_rows_are_true(bench) -> None:
    """Every found object has one row, with a score, its source, and what its pixels say."""
    table = rows(bench)
    found = ids(bench.mine) - {7}
    assert set(table.index) == found | {7}
    assert table.loc[7, "mine"] == "a"
    for object_id in found:
        row, rr = table.loc[object_id], np.nonzero(bench.mine.data == object_id)
        assert row["area"] == len(rr[0])
        assert row["centroid_row"] == pytest.approx(rr[0].mean())
        assert 0 < row["score"] <= 1
        assert row["source"] == bench.model.name


def test_merged_cells_have_rows_which_go_with_them(merged):
    assert ids(merged.mine) == {7, 8, 9, 10}
    assert_rows_are_true(merged)
    adjust(merged, min_area=60)
    assert len(ids(merged.mine)) == 3
    assert_rows_are_true(merged)
    merged.cells.undo()
    merged.settle()
    assert ids(merged.mine) == {7}
    assert list(rows(merged).index) == [7]
    assert rows(merged).loc[7, "mine"] == "a"


def test_naparis_own_undo_and_redo_take_the_rows_along(merged):
    before = rows(merged)
    merged.mine.undo()
    merged.settle()
    assert list(rows(merged).index) == [7]
    merged.mine.redo()
    merged.settle()
    pd.testing.assert_frame_equal(rows(merged), before, check_dtype=False)


def test_review_has_the_scores_of_merged_cells_and_takes_the_search_back(merged):
    before = rows(merged)["score"]
    merged.session.set_tool("review")
    merged.settle()
    objects = merged.review.state.objects
    known = dict(zip(objects.ids, objects.values("score"), strict=True))
    assert {i: known[i] for i in (8, 9, 10)} == before[[8, 9, 10]].to_dict()
    merged.review.undo()
    merged.settle()
    assert ids(merged.mine) == {7}
    assert list(rows(merged).index) == [7]


def test_rows_that_are_still_to_come_are_there_when_review_opens(merged):
    merged.find.adjust_options("cells", min_area=60)
    turn_until(merged, lambda: merged.find.following.choosing.wants("measure"))
    merged.session.set_tool("review")
    assert_rows_are_true(merged)


@pytest.mark.parametrize("how", ["close", "forget"])
def test_rows_that_are_still_to_come_are_not_lost(merged, how):
    merged.find.adjust_options("cells", min_area=60)
    turn_until(merged, lambda: len(ids(merged.mine)) == 3)
    merged.session.close() if how == "close" else merged.find.following.forget()
    assert_rows_are_true(merged)


def test_rows_of_a_new_layer_follow_the_last_move(searched):
    layer = found(searched)
    searched.find.adjust_options("cells", min_area=60)
    turn_until(searched, lambda: searched.find.following.choosing.wants("measure"))
    assert searched.state.found_count == 2
    assert len(layer.features) in (0, 2)  # none rather than those of others
    searched.settle()
    assert sorted(layer.features["label"]) == sorted(ids(layer))
    assert layer.features["score"].notna().all()


# -- a small region of a large image ----------------------------------------------------------


class WatchedModel(FakeModel):
    """Remembers of which regions maps were wanted."""

    def __init__(self) -> None:
        super().__init__()
        self.regions: list[tuple[float, ...] | None] = []

    def instance_maps(self, embedding, *, diameter=None, region=None, progress=silent):
        self.regions.append(region)
        return super().instance_maps(embedding, diameter=diameter, region=region, progress=progress)


GRID = [(r, c) for r in range(20, 400, 40) for c in range(20, 400, 40)]


@pytest.fixture
def large(bench):
    """A hundred cells, and a shape around four of them, one of which it cuts in two."""
    bench.model = WatchedModel()
    bench.viewer.add_image(blobs((400, 400), GRID, 6), name="nuclei", scale=(2, 2), units="um")
    corners = np.array([[130, 130], [130, 223], [210, 223], [210, 130]])
    bench.shape = bench.viewer.add_shapes([corners], name="here", scale=(2, 2), units="um")
    bench.session.set_tool("find")
    bench.settle()
    return bench


def test_of_a_large_image_only_the_region_is_searched(large):
    large.find.adjust(region=large.shape)
    large.find.start()
    large.settle()
    assert large.model.regions == [(130, 130, 211, 224)]
    part = found(large)
    rows = part.features
    large.find.adjust(region="slice")
    large.find.start()  # the whole slice
    large.settle()
    assert large.model.regions[1:] == [None]
    assert large.state.found_count == len(GRID)
    large.find.adjust(region=large.shape)
    large.settle()
    whole = found(large)
    assert whole is part
    pd.testing.assert_frame_equal(whole.features, rows)
    assert {whole.data[place] > 0 for place in ((140, 140), (140, 180), (180, 220))} == {True}
    assert (
        np.count_nonzero(whole.data) == len(ids(whole)) * (blobs((40, 40), ((20, 20),)) > 99).sum()
    )


def test_the_rows_of_a_searched_region_are_of_the_whole_image(large):
    large.find.adjust(region=large.shape)
    large.find.start()
    large.settle()
    for row in found(large).features.itertuples():
        inside = np.argwhere(found(large).data == row.index)
        assert row.area == len(inside)
        assert (row.centroid_row, row.centroid_col) == pytest.approx(tuple(inside.mean(axis=0)))
        assert (row.r0, row.c0) == tuple(inside.min(axis=0))
        assert (row.r1, row.c1) == tuple(inside.max(axis=0) + 1)
        assert row.centroid_col_um == pytest.approx(2 * inside[:, 1].mean())
    adjust(large, min_area=10**4)
    assert not found(large).data.any()


def test_what_was_not_searched_is_not_called_empty(large):
    large.find.adjust(region=large.shape)
    large.find.start()
    large.settle()
    before = found(large).data.copy()
    large.find.adjust(region="slice")
    large.settle()
    assert "Press the button" in large.state.status
    np.testing.assert_array_equal(found(large).data, before)
    adjust(large, min_area=20)  # the sliders still choose among what was searched
    np.testing.assert_array_equal(found(large).data, before)


@pytest.mark.parametrize("where", ["slice", "stack"])
def test_another_model_in_the_middle_of_a_search_says_that_it_was_stopped(bench, where):
    bench.catalogue.here.add("large")
    bench.viewer.add_image(np.stack([cells()] * 3), name="nuclei")
    bench.settle()
    bench.session.set_tool("find")
    bench.settle()
    bench.session.models.choose("large")  # nothing runs yet
    bench.settle()
    assert "Another model" not in bench.state.status
    bench.find.look_in(where)
    layers = bench.names()
    bench.find.start()
    bench.session.models.choose("cells")
    bench.settle()
    assert "Another model was chosen. Stopped" in bench.state.status
    assert ("after 0 of 3 slices" in bench.state.status) == (where == "stack")
    assert bench.names() == layers
    assert bench.state.progress is None
