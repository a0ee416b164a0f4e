"""Which image is worked on, into which labels, and that layers may go at any time."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from napari.layers import Layer

from fake_model import blobs
from napari_sam.ui.layer_choice import LayerChoice
from napari_sam.ui.layers.notes import is_copy


def test_the_image_that_was_opened_last_is_worked_on_until_one_is_chosen(bench):
    first = bench.viewer.add_image(blobs(), name="first")
    second = bench.viewer.add_image(blobs(), name="second")
    assert bench.state.image is second
    assert "'second'" in bench.state.status
    bench.viewer.layers.selection.active = first
    assert bench.state.image is first
    bench.session.layers.choose("image", first)
    bench.viewer.add_image(blobs(), name="third")
    bench.viewer.layers.selection.active = second
    assert bench.state.image is first
    assert isinstance(bench.session.layers, LayerChoice)


def test_a_click_on_what_is_seen_is_not_for_what_is_covered_or_hidden(bench):
    covered = bench.viewer.add_image(blobs(), name="covered")
    seen = bench.viewer.add_image(blobs(), name="seen")
    bench.click(20, 20)
    bench.settle()
    bench.press("Enter")
    assert "seen cells" in bench.names()
    seen.visible = False
    assert bench.state.image is covered
    bench.session.layers.choose("image", seen)
    bench.click(40, 60)
    bench.settle()
    assert bench.state.answer is None
    assert "hidden" in bench.state.status


def test_cells_of_an_image_go_into_the_same_labels_again(bench, make_bench):
    one = bench.viewer.add_image(blobs(), name="one")
    bench.click(20, 20)
    bench.settle()
    bench.press("Enter")
    kept = bench.viewer.layers["one cells"]
    two = bench.viewer.add_image(blobs(), name="two")
    bench.settle()
    assert bench.state.image is two
    assert bench.state.target is None  # not into labels of another image
    bench.viewer.layers.selection.active = one
    bench.settle()
    assert bench.state.target is kept
    bench.session.close()
    again = make_bench(bench.viewer)  # the panel opened anew
    again.session.layers.choose("image", one)
    assert again.state.target is kept
    again.click(40, 60)
    again.settle()
    again.press("Enter")
    assert kept.data[40, 60] == 2


def duplicate(bench, layer):
    """Do what napari's "Duplicate layer" does."""
    data, how, kind = copy.deepcopy(layer.as_layer_data_tuple())
    made = Layer.create(data, {**how, "name": f"{layer.name} copy"}, kind)
    bench.viewer.layers.insert(bench.viewer.layers.index(layer) + 1, made)
    bench.settle()
    return made


@pytest.fixture
def backed_up(bench):
    """Cells of an image, a copy of them that a person made to be safe, and another image."""
    bench.one = bench.viewer.add_image(blobs(), name="one")
    bench.keep(20, 20)
    bench.kept = bench.viewer.layers["one cells"]
    bench.copied = duplicate(bench, bench.kept)
    bench.viewer.add_image(blobs(), name="two")
    bench.settle()
    return bench


def test_a_copy_of_labels_stays_as_it_is(backed_up):
    bench, kept, copied = backed_up, backed_up.kept, backed_up.copied
    before = copied.data.copy()
    bench.viewer.layers.selection.active = bench.one
    bench.settle()
    assert bench.state.target is kept
    bench.session.set_tool("review")
    bench.settle()
    assert bench.review.state.labels is kept
    bench.session.set_tool("click")
    bench.keep(40, 60)
    assert kept.data[40, 60] == 2
    np.testing.assert_array_equal(copied.data, before)


def test_a_copy_that_is_chosen_or_left_alone_takes_the_place_of_the_first(backed_up):
    bench, one, copied = backed_up, backed_up.one, backed_up.copied
    layers = bench.viewer.layers
    assert is_copy(copied, layers)
    bench.session.layers.choose("image", one)
    bench.session.layers.choose("target", copied)
    bench.session.layers.choose("image", layers["two"])
    bench.session.layers.choose("image", one)
    assert bench.state.target is copied
    assert not is_copy(copied, layers)
    again = duplicate(bench, copied)
    layers.remove(copied)
    bench.session.layers.choose("image", layers["two"])
    bench.session.layers.choose("image", one)
    assert bench.state.target is again


def test_all_layers_can_be_deleted_at_once_while_marks_exist(bench):
    bench.viewer.add_image(blobs(), name="nuclei")
    bench.cells.proposal.draw_boxes()
    bench.click(20, 20)
    bench.settle()
    assert len(bench.viewer.layers) > 2
    bench.viewer.layers.select_all()
    bench.viewer.layers.remove_selected()
    bench.settle()
    assert len(bench.viewer.layers) == 0
    assert bench.state.image is None


@pytest.mark.parametrize("how", ["marked", "kept"])
def test_nothing_of_ours_is_saved_with_a_persons_layers(bench, tmp_path, how):
    bench.viewer.add_image(blobs().astype(np.uint16), name="nuclei")
    bench.click(20, 20)
    while not (bench.state.answer is not None):
        assert bench.loop.turn() or bench.session.jobs.run_next()
    if how == "kept":
        bench.press("Enter")
    assert {"SAM points", "SAM preview"} <= set(bench.names())
    bench.viewer.layers.save(str(tmp_path / "all"), plugin="napari")
    saved = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(saved) == (2 if how == "kept" else 1)
    assert not [path for path in saved if "SAM" in path.name]
