"""A cell per click, and kept cells that are clicked: fewer acts on the Click page."""

from __future__ import annotations

import numpy as np
import pytest

from fake_model import blobs
from napari_sam.errors import LabelsError
from napari_sam.ui.labels_layer.correcting import put
from napari_sam.ui.labels_layer.editing import Editing
from napari_sam.ui.tools.click_by_click import ClickByClick
from napari_sam.ui.tools.kept_in_hand import KeptInHand

PLACES = [(10, 12), (10, 40), (10, 68), (34, 12), (34, 40), (34, 68)]


@pytest.fixture
def dish(bench):
    bench.viewer.add_image(blobs((64, 80), PLACES, radius=6), name="dish")
    bench.settle()
    return bench


def labels(bench):
    return bench.viewer.layers["dish cells"]


def kept(bench) -> list[int]:
    """The numbers of the cells at all places, 0 where none is."""
    return [int(labels(bench).data[place]) for place in PLACES]


def settled_click(bench, place, **how) -> None:
    bench.click(*place, **how)
    bench.settle()


def test_each_click_keeps_the_cell_before_it(dish):
    dish.cells.proposal.set_cell_per_click(True)
    assert isinstance(dish.cells.by_click, ClickByClick)
    for place in PLACES:
        settled_click(dish, place)
    assert kept(dish) == [1, 2, 3, 4, 5, 0]
    dish.press("Enter")
    dish.settle()
    assert kept(dish) == [1, 2, 3, 4, 5, 6]
    assert dish.state.kept_count == 6


def test_a_cell_that_goes_into_a_hidden_layer_is_said_to(dish):
    for place in PLACES[:2]:
        settled_click(dish, place)
        dish.press("Enter")
        dish.settle()
        labels(dish).visible = False
    assert kept(dish) == [1, 2, 0, 0, 0, 0]
    assert "The layer is hidden." in dish.state.status


def test_clicks_that_come_before_the_answer_wait_in_line(dish):
    """As with a slow model: all are made before the first outline is there, and none is lost."""
    dish.cells.proposal.set_cell_per_click(True)
    for place in PLACES[:4]:
        dish.click(*place)
    assert "3 clicks wait" in dish.state.status
    dish.settle()
    assert kept(dish) == [1, 2, 3, 0, 0, 0]
    assert dish.state.answer is not None


def test_shift_does_the_other_thing(dish):
    settled_click(dish, PLACES[0])
    settled_click(dish, PLACES[1], modifiers=("Shift",))
    assert kept(dish)[:2] == [1, 0]
    dish.cells.proposal.set_cell_per_click(True)
    settled_click(dish, PLACES[2], modifiers=("Shift",))
    assert kept(dish)[:3] == [1, 0, 0]
    assert len(dish.state.answer.prompts[0].points) == 2


def test_a_right_click_is_about_the_cell_before_it(dish):
    dish.cells.proposal.set_cell_per_click(True)
    settled_click(dish, PLACES[0])
    settled_click(dish, (10, 22), button=2)
    assert dish.state.answer.prompts[0].labels.tolist() == [1, 0]
    assert "dish cells" not in dish.names()


def test_clicks_that_wait_are_taken_back_one_by_one(dish):
    dish.cells.proposal.set_cell_per_click(True)
    for place in PLACES[:3]:
        dish.click(*place)
    dish.press("Control-Z")
    dish.settle()
    assert kept(dish)[:3] == [1, 0, 0]
    assert dish.state.answer is not None
    dish.press("Control-Z")  # the mark of the second
    dish.settle()
    dish.press("Control-Z")  # the first cell, whose mark comes back
    dish.settle()
    assert not labels(dish).data.any()
    assert dish.state.answer is not None


def test_a_cell_that_was_asked_for_is_kept_though_somebody_scrolled(bench):
    image = np.stack([blobs((64, 80), PLACES, radius=6)] * 3)
    bench.viewer.add_image(image, name="dish")
    bench.viewer.dims.set_current_step(0, 0)
    bench.settle()
    bench.cells.proposal.set_cell_per_click(True)
    bench.click(0, *PLACES[0])
    bench.click(0, *PLACES[1])
    bench.viewer.dims.set_current_step(0, 2)
    bench.settle()
    data = labels(bench).data
    assert data[0][PLACES[0]] == 1
    assert not data[1:].any()
    assert "1 click was not taken" in bench.state.status


def keep_all(bench) -> None:
    bench.cells.proposal.set_cell_per_click(True)
    for place in PLACES:
        settled_click(bench, place)
    bench.press("Enter")
    bench.settle()
    bench.cells.proposal.set_cell_per_click(False)


def test_a_click_takes_a_kept_cell_in_hand_with_its_number(dish):
    keep_all(dish)
    asked = len(dish.model.prompts)
    assert isinstance(dish.cells.hand, KeptInHand)
    settled_click(dish, PLACES[3])
    assert dish.state.in_hand == 4
    assert "Cell 4 in hand" in dish.state.status
    assert "SAM selection" in dish.names()
    assert len(dish.model.prompts) == asked
    settled_click(dish, (34, 14), button=2)
    prompt = dish.model.prompts[-1]
    assert prompt.mask is not None
    assert prompt.mask[PLACES[3]]
    dish.press("Enter")
    dish.settle()
    assert dish.state.in_hand == 0
    assert "SAM selection" not in dish.names()
    assert set(np.unique(labels(dish).data)) == set(range(7))
    assert "Corrected cell 4" in dish.state.status


def test_the_cell_in_hand_is_deleted_by_a_key_and_brought_back(dish):
    keep_all(dish)
    before = labels(dish).data.copy()
    settled_click(dish, PLACES[1])
    dish.press("Delete")
    dish.settle()
    assert kept(dish) == [1, 0, 3, 4, 5, 6]
    dish.press("Control-Z")
    dish.settle()
    np.testing.assert_array_equal(labels(dish).data, before)


def test_a_click_far_away_puts_the_cell_down(dish):
    keep_all(dish)
    settled_click(dish, PLACES[0])
    settled_click(dish, PLACES[4])
    assert dish.state.in_hand == 5
    settled_click(dish, (54, 26))
    assert dish.state.in_hand == 0


@pytest.mark.parametrize("leave", ["escape", "page", "slice", "labels", "through"])
def test_a_cell_in_hand_is_left_as_it_is(bench, leave):
    bench.viewer.add_image(np.stack([blobs((64, 80), PLACES, radius=6)] * 2), name="dish")
    bench.viewer.dims.set_current_step(0, 0)
    bench.settle()
    settled_click(bench, (0, *PLACES[0]))
    bench.press("Enter")
    bench.settle()
    before = labels(bench).data.copy()
    settled_click(bench, (0, *PLACES[0]))
    settled_click(bench, (0, 10, 16))
    assert bench.state.in_hand == 1
    if leave == "escape":
        bench.press("Escape")
    elif leave == "page":
        bench.session.set_tool("review")
        bench.session.set_tool("click")
    elif leave == "slice":
        bench.viewer.dims.set_current_step(0, 1)
    elif leave == "through":
        bench.cells.through.set_on(True)
    else:
        bench.viewer.layers.remove("dish cells")
    bench.settle()
    assert bench.state.in_hand == 0
    assert bench.cells.proposal.marks.rough is None
    assert "SAM selection" not in bench.names()
    if leave != "labels":
        np.testing.assert_array_equal(labels(bench).data, before)


def test_labels_that_may_be_overwritten_are_clicked_through(dish):
    keep_all(dish)
    dish.cells.set_overlap("overwrite")
    settled_click(dish, PLACES[0])
    assert dish.state.in_hand == 0
    assert dish.state.answer is not None


@pytest.mark.parametrize("name", ["click", "review"])
def test_the_sheet_of_keys_names_every_key(bench, name):
    tool = bench.session.tools[name]
    told = " ".join(keys for keys, _ in tool.sheet)
    spelt = {"Escape": "Esc", "Control": "Ctrl"}
    for key in dict(tool.keys()):
        words = [spelt.get(part, part) for part in key.split("-")]
        assert "+".join(words) in told, key


def test_an_outline_is_never_put_on_another_slice(bench):
    bench.viewer.add_image(np.stack([blobs((64, 80), PLACES, radius=6)] * 2), name="dish")
    bench.viewer.dims.set_current_step(0, 0)
    bench.settle()
    settled_click(bench, (0, *PLACES[0]))
    answer = bench.state.answer
    bench.press("Enter")
    bench.viewer.dims.set_current_step(0, 1)
    bench.settle()
    document = bench.cells.parts.documents.known(bench.state.target)
    with pytest.raises(LabelsError, match="another slice"):
        put(Editing(bench.cells.bench, document), 1, answer, bench.state)
