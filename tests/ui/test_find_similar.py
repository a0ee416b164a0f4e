"""Find all, like these: kept cells are the examples, clicks on what was found are answers."""

from __future__ import annotations

import numpy as np
import pytest

from describing_model import DescribingModel, two_kinds
from napari_sam.ui.tools.examples import ExampleChoice


@pytest.fixture
def shown(bench):
    """An image of two kinds of discs, and labels with two large ones."""
    image, labels = two_kinds()
    bench.model = DescribingModel()
    bench.viewer.add_image(image, name="plate")
    kept = np.where(np.isin(labels, (2, 4)), labels, 0)
    layer = bench.viewer.add_labels(kept, name="kept")
    bench.session.set_tool("find")
    bench.find.adjust(method="similar", like=layer)
    bench.settle()
    return bench


def found(bench):
    return next(layer for layer in bench.viewer.layers if "found" in layer.name)


def kinds(layer) -> set[int]:
    """The discs that were found: even ones are large."""
    _, labels = two_kinds()
    return set(np.unique(labels[layer.data > 0])) - {0}


def test_what_a_method_takes_is_told_when_it_is_chosen(shown):
    assert "Keep a few cells" in shown.state.status
    shown.find.adjust(method="cells")
    shown.settle()
    assert shown.state.status == "Press the button to start the search."
    shown.find.adjust(method="concept")
    shown.settle()
    assert "choose their file under Model" in shown.state.status  # 'cells' knows no words
    shown.session.set_tool("click")
    shown.find.adjust(method="similar")  # by another way than the page that is shown
    shown.settle()
    assert "Keep a few cells" not in shown.state.status
    shown.session.set_tool("find")
    shown.settle()
    assert "Keep a few cells" in shown.state.status


def test_cells_like_those_kept_are_found_and_ranked(shown):
    shown.find.start()
    shown.settle()
    layer = found(shown)
    assert len(kinds(layer)) > 15
    assert all(one % 2 == 0 for one in kinds(layer))
    assert "similarity" in layer.features
    assert layer.features["similarity"].min() >= 0.5
    assert shown.state.find.options.examples is not None
    assert isinstance(shown.find.examples, ExampleChoice)
    assert "right-click one that is not" in shown.state.status


def test_the_slider_of_likeness_acts_without_the_model(shown):
    shown.find.start()
    shown.settle()
    before, encoded = len(kinds(found(shown))), len(shown.model.encoded)
    shown.find.adjust_options("similar", likeness=0.0)
    shown.settle()
    assert len(kinds(found(shown))) > before
    assert len(shown.model.encoded) == encoded


def test_answers_sharpen_the_search_at_once(shown):
    shown.find.start()
    shown.settle()
    shown.find.adjust_options("similar", likeness=0.0)
    shown.settle()
    encoded = len(shown.model.encoded)
    shown.click(25.0, 25.0, button=2)  # a small one is not meant
    shown.settle()
    assert "0 more like these, 1 unlike" in shown.state.status
    shown.click(25.0, 60.0)
    shown.settle()
    assert "1 more like these, 1 unlike" in shown.state.status
    shown.find.adjust_options("similar", likeness=0.5)
    shown.settle()
    assert all(one % 2 == 0 for one in kinds(found(shown)))
    assert len(shown.model.encoded) == encoded
    options = shown.state.find.options
    assert len(options.examples.more) == 1
    assert len(options.unlike.more) == 1


def test_a_second_answer_takes_the_place_of_the_first(shown):
    shown.find.start()
    shown.settle()
    shown.click(25.0, 60.0, button=2)
    shown.settle()
    shown.click(25.0, 60.0)
    shown.settle()
    assert "1 more like these, 0 unlike" in shown.state.status
    shown.click(2.0, 2.0)
    shown.settle()
    assert "Nothing was found there" in shown.state.status


def test_without_examples_it_says_what_to_do(bench):
    bench.model = DescribingModel()
    bench.viewer.add_image(two_kinds()[0], name="plate")
    bench.session.set_tool("find")
    bench.find.adjust(method="similar")
    bench.settle()
    bench.find.start()
    bench.settle()
    assert bench.state.problem
    assert "keep one cell" in bench.state.status
    assert [layer.name for layer in bench.viewer.layers] == ["plate"]


def test_examples_are_remembered_on_a_slice_without_any(bench):
    image, labels = two_kinds()
    bench.model = DescribingModel()
    bench.viewer.add_image(np.stack([image, image[::-1]]), name="stack")
    kept = np.stack([np.where(labels == 2, 1, 0), np.zeros_like(labels)])
    layer = bench.viewer.add_labels(kept, name="kept")
    bench.session.set_tool("find")
    bench.find.adjust(method="similar", like=layer)
    bench.viewer.dims.set_current_step(0, 0)
    bench.settle()
    bench.find.start()
    bench.settle()
    first = bench.state.find.options.examples
    bench.viewer.dims.set_current_step(0, 1)
    bench.settle()
    bench.find.start()
    bench.settle()
    assert bench.state.find.options.examples is first
    assert not bench.state.problem


def test_what_was_found_is_no_example_of_its_own(shown):
    """Found into the same labels as the examples: the next search has the same examples."""
    shown.find.put_into(shown.viewer.layers["kept"])
    shown.find.start()
    shown.settle()
    first = shown.state.find.options.examples
    assert len(np.unique(shown.viewer.layers["kept"].data)) > 10
    shown.find.start()
    shown.settle()
    assert shown.state.find.options.examples is first


def test_other_models_say_that_they_cannot(bench):
    image, labels = two_kinds()
    bench.viewer.add_image(image, name="plate")
    layer = bench.viewer.add_labels(np.where(labels == 2, 1, 0), name="kept")
    bench.session.set_tool("find")
    bench.find.adjust(method="similar", like=layer)
    bench.settle()
    bench.find.start()
    bench.settle()
    assert bench.state.problem
    assert "cannot say what an object looks like. Use 'cells'" in bench.state.status


def test_the_panel_says_which_models_tell_how_alike_cells_look(shown, qtbot, monkeypatch):
    from napari_sam.ui.widgets.find_page import FindPage

    page = FindPage(shown.session, shown.find)
    qtbot.addWidget(page)
    assert page.wanting.isHidden()
    monkeypatch.setattr(shown.catalogue, "abilities", lambda name: ("grid", "storable"))
    shown.find.adjust(method="cells")
    assert page.wanting.isHidden()  # another model says where cells are
    assert page.find.isEnabled()
    shown.find.adjust(method="similar")
    assert "Only 'cells'" in page.wanting.text()
    assert not page.wanting.isHidden()
    assert not page.find.isEnabled()


def test_the_layer_of_examples_may_go(shown):
    shown.viewer.layers.remove("kept")
    shown.settle()
    assert shown.state.find.like is None


def examples_of(bench):
    bench.find.start()
    bench.settle()
    return bench.state.find.options.examples.shown[0]


@pytest.fixture
def stacked(bench):
    """A stack, with two examples on its first slice."""
    image, labels = two_kinds()
    bench.model = DescribingModel()
    bench.viewer.add_image(np.stack([image, image[::-1]]), name="stack")
    kept = np.stack([np.where(np.isin(labels, (1, 2)), labels, 0), np.zeros_like(labels)])
    layer = bench.viewer.add_labels(kept, name="kept")
    bench.session.set_tool("find")
    bench.find.adjust(method="similar", like=layer)
    bench.viewer.dims.set_current_step(0, 0)
    bench.settle()
    return bench


def test_a_cell_that_was_deleted_on_another_slice_is_no_example_any_more(stacked):
    assert set(np.unique(examples_of(stacked).labels)) == {0, 1, 2}
    kept = stacked.viewer.layers["kept"]
    kept.data[kept.data == 1] = 0
    kept.refresh()
    stacked.viewer.dims.set_current_step(0, 1)
    stacked.settle()
    assert set(np.unique(examples_of(stacked).labels)) == {0, 1}
    kept.data[:] = 0
    kept.refresh()
    stacked.find.start()
    stacked.settle()
    assert stacked.state.problem
    assert "keep one cell" in stacked.state.status


def test_examples_look_as_their_pixels_do_now(shown):
    before = examples_of(shown)
    plate = shown.viewer.layers["plate"]
    plate.data[:] = plate.data.max() - plate.data
    plate.refresh()
    now = examples_of(shown)
    np.testing.assert_array_equal(now.pixels, plate.data)
    assert not np.array_equal(before.pixels, plate.data)


@pytest.mark.parametrize("how", ["additive", "together", "unknown"])
def test_labels_show_the_channel_that_is_searched(shown, how):
    """Channels of one image, of which only one had cells kept when they were shown."""
    first = examples_of(shown)
    plate, kept = shown.viewer.layers["plate"], shown.viewer.layers["kept"]
    if how != "unknown":
        shown.session.layers.choose("target", kept)
    shown.viewer.add_image(plate.data.max() - plate.data, name="other")
    other = shown.viewer.layers["other"]
    if how == "additive":
        other.blending = "additive"
    elif how == "together":
        shown.viewer.layers.selection = {plate, other}
        shown.session.layers.see_together()
    shown.find.adjust(like=kept)
    shown.settle()
    image = shown.state.image
    assert image is not plate
    now = examples_of(shown)
    np.testing.assert_array_equal(now.pixels, np.asarray(image.data))
    np.testing.assert_array_equal(now.labels, first.labels)
    assert "The examples are those" not in shown.state.status


def test_cells_that_were_kept_of_another_image_are_looked_at_there(shown):
    plate, kept = shown.viewer.layers["plate"], shown.viewer.layers["kept"]
    shown.session.layers.choose("target", kept)
    shown.viewer.add_image(plate.data[::-1], name="another plate")
    shown.find.adjust(like=kept)
    shown.settle()
    assert shown.state.image.name == "another plate"
    np.testing.assert_array_equal(examples_of(shown).pixels, plate.data)
    assert "The examples are those on 'plate'" in shown.state.status
    _, labels = two_kinds()
    there = set(np.unique(labels[::-1][found(shown).data > 0])) - {0}
    assert len(there) > 15
    assert all(one % 2 == 0 for one in there)
