"""The status line and the counts say what is true on the page that is shown."""

from __future__ import annotations

import warnings
from dataclasses import replace

import dask.array
import numpy as np
import pytest

from fake_model import blobs
from napari_sam.segmentation import Candidates

STACK = np.stack([blobs()] * 3)


@pytest.fixture
def opened(bench):
    """An image that is open and read."""
    bench.image = bench.viewer.add_image(blobs(), name="nuclei")
    bench.settle()
    return bench


def test_reading_is_told_on_find_all_and_over_when_it_is_over(bench):
    bench.viewer.add_image(STACK, name="stack")
    bench.settle()
    bench.session.set_tool("find")
    bench.viewer.dims.set_current_step(0, 2)
    while not bench.state.status.startswith("Reading"):
        assert bench.loop.turn()
    assert "button" in bench.state.status
    bench.settle()
    assert bench.state.chip.kind == "ready"
    assert bench.state.status == "Press the button to start the search."


def test_a_slow_answer_is_announced_and_its_cancelling_too(opened):
    opened.click(20, 20)
    while opened.loop.turn():  # time passes, and the model has not answered yet
        pass
    assert opened.state.chip.text == "computing the mask"
    opened.settle()
    assert opened.state.chip.kind == "ready"
    opened.click(21, 20)
    while opened.loop.turn():
        pass
    assert opened.state.chip.kind == "wait"
    opened.session.cancel()
    assert opened.state.chip.kind == "ready"


def test_a_mark_taken_back_takes_its_slow_answer_along(opened):
    opened.click(20, 20)
    while opened.loop.turn():
        pass
    opened.cells.proposal.undo_mark()
    assert opened.state.chip.text == "computing the mask"
    opened.settle()
    assert opened.state.answer is None
    assert opened.state.chip.kind == "ready"


def test_review_turns_through_the_outlines_of_the_slice_that_is_shown(bench):
    bench.viewer.add_image(STACK, name="stack")
    bench.viewer.add_labels(np.zeros(STACK.shape, np.int32), name="mine")
    bench.viewer.dims.set_current_step(0, 0)
    bench.settle()
    bench.session.set_tool("review")
    bench.review.set_action("add")
    bench.click(0, 20, 20)
    bench.session.proposal.predicting.now()
    assert bench.session.jobs.wants("predict")
    bench.press("N")
    assert "being computed" in bench.state.status
    bench.settle()
    assert bench.state.answer.choices > 1
    bench.viewer.dims.set_current_step(0, 1)
    bench.settle()
    bench.press("N")
    assert bench.state.choice == 0


def test_review_goes_on_advising_after_a_look_in_3d(bench):
    bench.viewer.add_image(STACK, name="stack")
    bench.viewer.add_labels((STACK > 100).astype(np.int32), name="mine")
    bench.settle()
    bench.session.set_tool("review")
    bench.viewer.dims.ndisplay = 3
    bench.settle()
    assert "3-D" in bench.state.status
    assert bench.state.problem
    bench.viewer.dims.ndisplay = 2
    bench.settle()
    assert bench.state.status.startswith("Click a cell to take it in hand")
    assert not bench.state.problem


def test_an_unfinished_click_does_not_talk_over_a_search(bench):
    bench.viewer.add_image(STACK, name="stack")
    bench.settle()
    bench.click(bench.viewer.dims.point[0], 20, 20)
    bench.settle()
    assert bench.state.status.startswith("One cell")
    bench.session.set_tool("find")
    bench.find.adjust(region="stack")
    bench.find.start()
    bench.settle()
    assert bench.state.status.startswith("Searched all 3 slices.")


def test_only_keys_that_show_an_outline_are_named(opened):
    opened.click(20, 20)
    opened.settle()
    answer = opened.state.answer
    assert "; 1, 2, 3 show other outlines" in opened.state.status
    found = answer.found[0]
    fewer = Candidates(found.masks[:2], found.scores[:2], found.logits[:2], found.window)
    opened.state.answer = replace(answer, found=(fewer,))
    opened.cells.proposal.choose(1)
    assert "; 1, 2 show other outlines" in opened.state.status


def test_review_names_the_key_that_turns_through_the_outlines(opened):
    mine = opened.viewer.add_labels(np.zeros(opened.image.data.shape, np.int32), name="mine")
    opened.session.set_tool("review")
    opened.review.set_action("add")
    opened.click(20, 20)
    opened.settle()
    assert opened.state.answer.choices > 1
    assert "1, 2" not in opened.state.status
    assert "N shows another outline" in opened.state.status
    opened.press("N")
    assert opened.state.choice == 1
    shown = opened.state.answer.regions(1)[0].on(opened.state.answer.plane.shape)
    opened.press("Enter")
    opened.settle()
    np.testing.assert_array_equal(mine.data > 0, shown)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (np.zeros((9, 9), np.int32), "shape"),
        (dask.array.zeros((64, 80), dtype=np.int32), "on demand"),
    ],
)
def test_labels_that_cannot_be_reviewed_are_told_when_they_are_chosen(opened, data, told):
    opened.viewer.add_labels((opened.image.data > 100).astype(np.int32), name="mine")
    wrong = opened.viewer.add_labels(data, name="wrong")
    opened.session.set_tool("review")
    opened.review.choose(wrong)
    assert told in opened.state.status
    assert opened.state.problem
    opened.review.choose(opened.viewer.layers["mine"])
    assert not opened.state.problem


def test_what_to_do_with_a_cell_in_hand(opened):
    opened.viewer.add_labels((opened.image.data > 100).astype(np.int32), name="mine")
    opened.session.set_tool("review")
    opened.settle()
    opened.click(20, 20)
    assert opened.review.state.selected == 1
    assert opened.state.status.startswith("Enter accepts this cell")


def test_another_image_starts_without_the_counts_and_the_stack_of_the_last(opened):
    stack = opened.viewer.add_image(STACK, name="stack")
    opened.session.layers.choose("image", stack)
    opened.settle()
    opened.session.set_tool("find")
    opened.find.adjust(region="stack")
    opened.find.start()
    opened.settle()
    assert opened.state.found_count
    assert "one for every slice" in opened.state.status
    opened.session.layers.choose("image", opened.image)
    assert (opened.state.found_count, opened.state.estimated) == (None, None)
    assert opened.state.find.region == "slice"


def test_a_count_is_shown_with_the_slice_and_the_method_that_it_belongs_to(bench):
    bench.viewer.add_image(STACK, name="stack")
    bench.settle()
    bench.session.set_tool("find")
    bench.find.start()
    bench.settle()
    count = bench.state.found_count
    assert count
    shown = bench.viewer.dims.current_step[0]
    bench.viewer.dims.set_current_step(0, 1 - min(shown, 1))
    bench.settle()
    assert bench.state.found_count is None
    bench.viewer.dims.set_current_step(0, shown)
    bench.settle()
    assert bench.state.found_count == count
    bench.find.adjust(method="everything")
    assert bench.state.found_count is None
    bench.find.adjust(method="cells")
    assert bench.state.found_count == count
    bench.find.adjust(region="stack")
    assert bench.state.found_count is None
    bench.find.start()
    bench.settle()
    everywhere = bench.state.found_count
    assert everywhere > count
    bench.viewer.dims.set_current_step(0, 1 - min(shown, 1))
    bench.settle()
    assert bench.state.found_count == everywhere
    bench.find.adjust(region="slice")
    assert bench.state.found_count is None


def test_what_is_kept_while_no_slice_is_shown_is_told(bench):
    bench.viewer.add_image(STACK, name="stack")
    bench.settle()
    at = int(bench.viewer.dims.current_step[0])
    bench.click(at, 20, 20)
    bench.settle()
    bench.viewer.dims.ndisplay = 3
    bench.settle()
    assert "3-D" in bench.state.status
    bench.press("Enter")
    bench.settle()
    assert bench.state.status.startswith(f"Kept cell 1 on slice {at}")
    bench.viewer.layers.remove(bench.viewer.layers["stack"])
    bench.settle()
    assert bench.state.status.startswith("Open an image")


@pytest.mark.parametrize("before", ["find", "review", "teach"])
def test_a_page_says_its_own_advice_whatever_the_one_before_has_said(opened, before):
    opened.session.set_tool(before)
    opened.settle()
    assert not opened.state.status.startswith("Click a cell.")
    opened.session.set_tool("click")
    opened.settle()
    assert opened.state.status.startswith("Click a cell.")


def test_an_image_of_unknown_size_is_told_with_what_to_do(bench):
    lazy = dask.array.from_array(blobs(), chunks=20)
    some = lazy[dask.array.ones(64, chunks=20) > 0]
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # napari, which works out where the layer lies
        bench.viewer.add_image(some, contrast_limits=(0, 255), name="some")
        bench.settle()
        bench.session.set_tool("find")
        bench.find.start()
        bench.settle()
    assert "compute_chunk_sizes" in bench.state.status
    assert bench.state.problem
    assert bench.names() == ["some"]


def test_an_outline_without_a_pixel_is_no_cell_that_could_be_kept(opened, monkeypatch):
    def nothing(embedding, prompt):
        empty = np.zeros((1, *embedding.shape), dtype=bool)
        logits = np.full(empty.shape, -4.0, np.float32)
        score = np.array([0.01], np.float32)
        return Candidates(empty, score, logits, (0, 0, *embedding.shape))

    monkeypatch.setattr(opened.model, "predict", nothing)
    opened.click(20, 20)
    opened.settle()
    assert opened.state.status.startswith("The model sees no cell there")


def test_an_answer_that_comes_while_no_slice_is_shown_makes_nothing_ready(bench):
    bench.viewer.add_image(STACK, name="stack")
    bench.click(1, 20, 20)
    while bench.loop.turn():  # the request leaves, the worker has not started
        pass
    bench.viewer.dims.ndisplay = 3
    bench.settle()
    assert (bench.state.chip.kind, bench.state.chip.text) == ("empty", "no slice")
    assert "3-D" in bench.state.status
    bench.viewer.dims.ndisplay = 2
    bench.settle()
    assert bench.state.chip.kind == "ready"


def test_a_slice_that_is_gone_to_while_another_one_is_answered_is_read_after_it(bench):
    bench.viewer.add_image(STACK, name="stack")
    bench.click(bench.viewer.dims.point[0], 20, 20)
    while bench.loop.turn():
        pass
    bench.viewer.dims.set_current_step(0, 0)
    bench.settle()
    assert bench.state.chip.kind == "ready"
    assert bench.session.proposal.predicting.encoding.displayed() is not None


def test_what_was_found_is_told_though_an_unfinished_cell_is_looked_at_anew(bench):
    image = bench.viewer.add_image(STACK.copy(), name="stack")
    bench.click(1, 20, 20)
    bench.settle()
    bench.session.set_tool("find")
    bench.find.start()
    bench.settle()
    told = bench.state.status
    assert told.startswith("Found")
    asked = len(bench.model.prompts)
    image.data[:] = image.data.max() - image.data
    image.refresh()
    bench.settle()
    assert len(bench.model.prompts) > asked
    assert bench.state.status == told


@pytest.mark.parametrize(("page", "then"), [("find", "Press the button"), ("review", "There are")])
def test_without_an_image_a_page_says_to_open_one(bench, page, then):
    bench.session.set_tool(page)
    bench.settle()
    assert bench.state.status.startswith("Open an image")
    bench.viewer.add_image(blobs(), name="nuclei")
    bench.settle()
    assert bench.state.status.startswith(then)


def test_review_says_what_to_do_on_a_slice_without_cells(bench):
    bench.viewer.add_image(STACK, name="stack")
    labels = np.zeros(STACK.shape, int)
    labels[1, 15:25, 15:25] = 1
    bench.viewer.add_labels(labels)
    bench.settle()
    bench.viewer.dims.set_current_step(0, 1)
    bench.session.set_tool("review")
    bench.settle()
    assert bench.state.status.startswith("Click a cell")
    bench.viewer.dims.set_current_step(0, 2)
    bench.settle()
    assert bench.state.status.startswith("No cells on this slice")
    bench.viewer.dims.set_current_step(0, 1)
    bench.settle()
    assert bench.state.status.startswith("Click a cell")


def told(bench):
    """Take down everything that is said from now on."""
    said = []
    bench.state.events.status.connect(said.append)
    return said


@pytest.mark.parametrize(("axis", "word"), [("t", "frame"), ("z", "slice"), ("", "slice")])
def test_frames_of_a_movie_are_called_frames(bench, axis, word):
    labels = {"axis_labels": (axis, "y", "x")} if axis else {}
    bench.viewer.add_image(STACK, name="stack", **labels)
    bench.viewer.dims.set_current_step(0, 1)
    bench.settle()
    said = told(bench)
    bench.keep(1, 20, 20)
    assert f"on {word} 1 in 'stack cells'" in bench.state.status
    bench.session.set_tool("find")
    bench.find.start()
    bench.settle()
    bench.find.adjust(region="stack")
    bench.find.start()
    bench.settle()
    assert bench.state.status.startswith(f"Searched all 3 {word}s.")
    assert f"one for every {word} on which" in bench.state.status
    everything = "\n".join(said)
    assert f"cells of this {word}." in everything
    assert f"cells of 3 {word}s." in everything
    assert f"{word.capitalize()} 2 of 3:" in everything
    assert ("slice" in everything.lower()) == (word == "slice")


def test_frames_are_merged_and_left_out_as_frames(bench):
    bench.viewer.add_image(STACK, name="stack", axis_labels=("t", "y", "x"))
    bench.viewer.dims.set_current_step(0, 1)
    bench.settle()
    through = bench.cells.through
    through.set_on(True)
    bench.click(1, 20, 20)
    bench.settle()
    assert through.state.strip.word == "frame"
    through.not_here()
    assert "marked the cell on this frame" in bench.state.status


def test_review_says_what_to_do_when_an_image_is_open_again(bench):
    image = bench.viewer.add_image(STACK, name="stack")
    bench.viewer.add_labels((STACK > 100).astype(np.int32), name="mine")
    bench.settle()
    bench.session.set_tool("review")
    bench.viewer.layers.remove(image)
    bench.settle()
    assert bench.state.status.startswith("Open an image")
    bench.viewer.add_image(STACK, name="again")
    bench.settle()
    assert bench.state.status.startswith("Click a cell to take it in hand")


@pytest.mark.parametrize(("axis", "word"), [("t", "frame"), ("z", "slice")])
def test_frames_are_followed_filled_and_reviewed_as_frames(bench, axis, word):
    bench.viewer.add_image(STACK, name="stack", axis_labels=(axis, "y", "x"))
    bench.viewer.dims.set_current_step(0, 1)
    bench.settle()
    through, said = bench.cells.through, told(bench)
    through.set_on(True)
    bench.click(1, 20, 20)
    bench.settle()
    through.fill_between()
    assert f"on another {word} as well" in bench.state.status
    bench.press("Enter")
    bench.settle()
    labels = bench.viewer.layers["stack cells"]
    labels.data[0] = labels.data[2] = np.where(labels.data[1] == 1, 2, 0)
    labels.selected_label = 2
    labels.data[1] = 0
    through.fill_between()
    bench.settle()
    assert f"on 1 {word} in" in bench.state.status
    labels.data[1] = 0
    bench.session.set_tool("review")
    bench.settle()
    assert bench.state.status.startswith(f"No cells on this {word}")
    assert bench.review.state.word == word
    bench.review.region.accept()
    assert f"no region on this {word}" in bench.state.status
    everything = "\n".join(said)
    assert f"Filling label 2 between the {word}s" in everything
    assert ("slice" in everything.lower()) == (word == "slice")


def test_what_is_left_of_frames_that_were_followed_is_told_in_frames(bench):
    bench.viewer.add_image(np.stack([*STACK] * 3), name="stack", axis_labels=("t", "y", "x"))
    bench.viewer.dims.set_current_step(0, 4)
    bench.settle()
    bench.cells.through.set_on(True)
    bench.click(4, 20, 20)
    while not bench.session.jobs.wants("carry"):
        assert bench.loop.turn() or bench.session.jobs.run_next()
    bench.session.jobs.run_next()
    while bench.loop.turn():
        pass
    bench.session.cancel()
    known = len(bench.cells.through.state.strip.scores)
    assert known > 0
    assert f"on the {known} frame{'s' * (known > 1)} known" in bench.state.status
