"""Reviewing: edits by mouse and keys, one history with napari's own, rows that follow."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fake_model import blobs
from napari_sam.regions import Region
from napari_sam.segmentation import measure

DISCS = ((16, 16), (16, 48), (48, 16), (48, 48))
IMAGE = blobs((64, 80), (*DISCS, (32, 68)), radius=6)


def discs() -> np.ndarray:
    """Labels 1 to 4 on four of the five discs of the image."""
    labels = np.zeros(IMAGE.shape, np.int32)
    for number, centre in enumerate(DISCS, start=1):
        grid = np.indices(IMAGE.shape) - np.reshape(centre, (2, 1, 1))
        labels[(grid**2).sum(axis=0) <= 36] = number
    return labels


@pytest.fixture
def bench(make_bench):
    """A session that reviews four of five discs, with scores."""
    bench = make_bench()
    bench.image = bench.viewer.add_image(IMAGE, name="nuclei")
    table = measure(discs(), IMAGE, {1: 0.9, 2: 0.55, 3: 0.7, 4: 0.6}, source="cells")
    table.insert(0, "index", table["label"])
    table["mine"] = ["a", "b", "c", "d"]
    bench.labels = bench.viewer.add_labels(discs(), name="found", features=table)
    bench.settle()
    bench.session.set_tool("review")
    bench.settle()
    return bench


def review(bench):
    return bench.review


def rows(bench) -> pd.DataFrame:
    return bench.labels.features.set_index("index")


def assert_true_to_the_pixels(bench) -> None:
    """Every object has one row with its area and place; rejected ones alone have no pixels."""
    table = rows(bench)
    assert table.index.is_unique
    alive = table[table["reviewed"] != "rejected"]
    measured = measure(bench.labels.data).set_index("label")
    assert set(alive.index) == set(measured.index)
    for column in ("area", "centroid_row", "centroid_col", "r0", "c0", "r1", "c1"):
        np.testing.assert_allclose(alive[column].sort_index(), measured[column].sort_index())


def test_a_click_takes_a_cell_in_hand_and_rings_it(bench):
    bench.click(16, 48)
    assert review(bench).state.selected == 2
    ring = bench.viewer.layers["SAM selection"].data
    assert ring.any()
    assert not ring[bench.labels.data > 0].any()
    bench.press("Escape")
    assert review(bench).state.selected is None
    assert "SAM selection" not in bench.names()


def test_every_edit_can_be_undone_to_the_first_state_and_redone_to_the_last(bench):
    states = [bench.labels.data.copy()]
    tables = [bench.labels.features.assign(reviewed="open")]

    def done():
        bench.settle()
        assert not np.array_equal(bench.labels.data, states[-1])
        assert_true_to_the_pixels(bench)
        states.append(bench.labels.data.copy())
        tables.append(bench.labels.features.copy())

    bench.click(16, 16, modifiers=("Control",))
    done()
    bench.click(16, 48, modifiers=("Alt",))
    bench.click(48, 48, modifiers=("Alt",))
    done()
    assert set(np.unique(bench.labels.data)) == {0, 2, 3}
    bench.click(48, 12, modifiers=("Shift",))
    bench.click(48, 20, modifiers=("Shift",))
    done()
    assert set(np.unique(bench.labels.data)) == {0, 2, 3, 5}
    bench.press("a")
    bench.click(32, 68)
    bench.settle()
    bench.press("Enter")
    done()
    assert bench.labels.data[32, 68] == 6
    assert rows(bench).loc[6, ["score", "source", "reviewed"]].tolist() == [
        1,
        "by hand",
        "accepted",
    ]
    bench.press("a")
    bench.click(48, 16)
    bench.press("c")
    selected = review(bench).state.correcting
    assert selected in (3, 5)
    bench.click(30, 30)
    bench.settle()
    bench.press("Enter")
    done()
    assert review(bench).state.correcting is None
    assert bench.labels.data[30, 30] == selected
    assert rows(bench).loc[2, "mine"] == "b"

    for state, table in zip(states[-2::-1], tables[-2::-1], strict=True):
        bench.press("Control-Z")
        np.testing.assert_array_equal(bench.labels.data, state)
        pd.testing.assert_frame_equal(bench.labels.features, table, check_dtype=False)
    bench.press("Control-Z")
    np.testing.assert_array_equal(bench.labels.data, discs())
    for state, table in zip(states[1:], tables[1:], strict=True):
        bench.press("Control-Shift-Z")
        np.testing.assert_array_equal(bench.labels.data, state)
        pd.testing.assert_frame_equal(bench.labels.features, table, check_dtype=False)


def test_naparis_own_undo_and_brush_share_the_history(bench):
    bench.click(16, 16, modifiers=("Control",))
    assert rows(bench).loc[1, "reviewed"] == "rejected"
    bench.labels.undo()
    assert rows(bench).loc[1, "reviewed"] == "open"
    assert_true_to_the_pixels(bench)
    bench.labels.redo()
    assert rows(bench).loc[1, "reviewed"] == "rejected"
    bench.labels.paint((60, 70), 9)
    bench.settle()
    assert_true_to_the_pixels(bench)
    assert rows(bench).loc[9, "source"] == "by hand"
    bench.click(16, 48)
    bench.press("Enter")
    bench.press("Control-Z")
    bench.press("Control-Z")
    assert 9 not in rows(bench).index
    bench.press("Control-Z")
    np.testing.assert_array_equal(bench.labels.data, discs())
    assert (rows(bench)["reviewed"] == "open").all()


def test_steps_go_back_beyond_those_that_napari_keeps(bench, monkeypatch):
    monkeypatch.setattr(type(bench.labels), "_history_limit", 3)
    bench.labels._reset_history()
    states = [discs()]
    for step in range(8):
        mask = np.zeros(IMAGE.shape, bool)
        mask[2 : 5 + step, 2:5] = True
        assert review(bench).edit(
            lambda editing, mask=mask: editing.replace(1, Region.of(mask), "keep")
        )
        states.append(bench.labels.data.copy())
    for state in states[-2::-1]:
        review(bench).undo()
        np.testing.assert_array_equal(bench.labels.data, state)
    for state in states[1:]:
        review(bench).redo()
        np.testing.assert_array_equal(bench.labels.data, state)


def test_the_queue_starts_with_the_least_certain_and_counts(bench):
    state = review(bench).state
    bench.press("n")
    assert state.selected == 2
    assert bench.viewer.scene.camera.center[-2:] == pytest.approx((16, 48), abs=1)
    bench.press("Enter")
    assert (state.reviewed, state.total, state.selected) == (1, 4, 4)
    bench.press("Delete")
    assert (state.reviewed, state.total, state.selected) == (2, 4, 3)
    assert 4 not in bench.labels.data
    bench.press("n")
    assert state.selected == 1
    bench.press("p")
    assert state.selected == 3
    bench.press("Control-Z")
    assert (state.reviewed, state.total) == (1, 4)
    assert (bench.labels.data == 4).any()
    bench.session.set_tool("click")
    bench.session.set_tool("review")
    assert (state.reviewed, state.total) == (1, 4)


def test_sliders_hide_and_bring_back_without_touching_labels(bench):
    theirs = bench.labels.colormap
    review(bench).set_limits("score", (0.65, 1.0))
    assert review(bench).state.hidden == 2
    assert bench.labels.colormap.map(2)[3] == 0
    assert bench.labels.colormap.map(1)[3] > 0
    np.testing.assert_allclose(bench.labels.colormap.map(1), theirs.map(1), atol=1e-6)
    np.testing.assert_array_equal(bench.labels.data, discs())
    bench.click(16, 48)
    assert review(bench).state.selected is None
    assert "hidden" in bench.state.status
    review(bench).set_limits("score", None)
    assert bench.labels.colormap is theirs
    review(bench).set_limits("score", (0.65, 1.0))
    review(bench).remove_hidden()
    assert set(np.unique(bench.labels.data)) == {0, 1, 3}
    bench.press("Control-Z")
    np.testing.assert_array_equal(bench.labels.data, discs())
    bench.session.set_tool("click")
    assert bench.labels.colormap is theirs


def test_what_the_sliders_leave_is_accepted_in_one_step(bench):
    """All above a certainty, but not what was decided before."""
    review(bench).set_limits("score", (0.65, 1.0))
    review(bench).select(1)
    review(bench).reject()
    review(bench).accept_shown()
    assert bench.state.status == "Accepted cell 3."
    said = dict(zip(bench.labels.features["index"], bench.labels.features["reviewed"], strict=True))
    assert (said[3], said[2], said[4]) == ("accepted", "open", "open")
    assert review(bench).state.objects.still_open == [2, 4]
    bench.press("Control-Z")
    assert 3 in review(bench).state.objects.still_open


def test_colours_show_the_score_and_go_again(bench):
    theirs = bench.labels.colormap
    review(bench).set_coloured(True)
    brightness = [bench.labels.colormap.map(i)[:3].sum() for i in (2, 4, 3, 1)]
    assert brightness == sorted(brightness, reverse=True)
    review(bench).set_coloured(False)
    assert bench.labels.colormap is theirs


def test_painting_with_the_brush_is_left_to_napari(bench):
    bench.viewer.layers.selection.active = bench.labels
    bench.labels.mode = "paint"
    bench.click(16, 16, modifiers=("Control",))
    assert (bench.labels.data == 1).any()


def test_leaving_the_page_leaves_nothing(bench):
    bench.click(16, 16)
    bench.session.set_tool("click")
    assert bench.names() == ["nuclei", "found"]
    bench.session.set_tool("find")
    assert [call.__name__ for call in bench.viewer.mouse_drag_callbacks] == ["drag_to_zoom"]
    bench.press("Delete")
    np.testing.assert_array_equal(bench.labels.data, discs())


def test_escape_leaves_a_cell_that_was_being_corrected_as_it_was(bench):
    bench.click(16, 16)
    bench.press("c")
    bench.click(30, 30)
    bench.settle()
    assert bench.state.answer is not None
    bench.press("Escape")
    bench.settle()
    assert bench.state.answer is None
    assert review(bench).state.correcting is None
    np.testing.assert_array_equal(bench.labels.data, discs())
    assert not [name for name in bench.names() if name == "SAM preview"]


def test_locked_or_missing_labels_change_nothing(bench):
    bench.labels.editable = False
    bench.click(16, 16, modifiers=("Control",))
    np.testing.assert_array_equal(bench.labels.data, discs())
    bench.viewer.layers.remove(bench.labels)
    bench.settle()
    assert review(bench).state.labels is None
    bench.press("Delete")
    bench.press("n")
    bench.press("Control-Z")


def test_a_correction_that_only_takes_away_still_says_where_the_cell_is(bench):
    bench.click(16, 16)
    bench.press("c")
    bench.click(11, 16, button=2)
    bench.settle()
    prompt = bench.model.prompts[-1]
    assert prompt.labels.tolist() == [1, 0]
    np.testing.assert_array_equal(prompt.points[0], (16, 16))
    np.testing.assert_array_equal(prompt.mask, discs() == 1)
    bench.press("Enter")
    assert bench.labels.data[11, 16] == 0
    assert bench.labels.data[16, 16] == 1


# -- labels that nobody has measured ----------------------------------------------------------


@pytest.fixture
def unmeasured(make_bench):
    """Labels without a table, whose Review page has just been opened."""
    bench = make_bench()
    bench.viewer.add_image(IMAGE, name="nuclei")
    bench.labels = bench.viewer.add_labels(discs(), name="theirs")
    bench.settle()
    bench.session.set_tool("review")
    return bench


def test_cells_without_rows_are_measured_by_the_worker(unmeasured):
    assert review(unmeasured).plane.measuring.jobs.busy
    assert len(unmeasured.labels.features) == 0
    assert len(review(unmeasured).state.objects) == 0
    unmeasured.settle()
    assert_true_to_the_pixels(unmeasured)
    assert list(review(unmeasured).state.objects.ids) == [1, 2, 3, 4]
    assert "mean_intensity" in unmeasured.labels.features


def test_what_takes_long_is_told_and_can_be_stopped(unmeasured):
    while "Measuring 4 cells" not in unmeasured.state.status:
        assert unmeasured.loop.turn()
    assert unmeasured.state.progress is not None
    unmeasured.session.cancel()
    assert unmeasured.state.progress is None
    unmeasured.settle()
    assert len(unmeasured.labels.features) == 0
    unmeasured.session.set_tool("find")
    unmeasured.session.set_tool("review")
    unmeasured.settle()
    assert_true_to_the_pixels(unmeasured)
    assert unmeasured.state.progress is None


def test_an_edit_while_cells_are_measured_is_not_forgotten(unmeasured):
    assert review(unmeasured).edit(lambda editing: editing.delete([2]))
    assert review(unmeasured).edit(lambda editing: editing.merge([1, 3]))
    unmeasured.settle()
    assert_true_to_the_pixels(unmeasured)
    assert rows(unmeasured).loc[1, "source"] == "by hand"
    review(unmeasured).undo()
    review(unmeasured).undo()
    unmeasured.settle()
    np.testing.assert_array_equal(unmeasured.labels.data, discs())
    assert_true_to_the_pixels(unmeasured)


def test_leaving_the_page_leaves_the_layer_alone(unmeasured):
    unmeasured.session.set_tool("click")
    unmeasured.settle()
    assert len(unmeasured.labels.features) == 0


def test_an_added_cell_is_in_hand_and_called_so_when_it_is_taken_back(bench):
    review(bench).select(1)
    bench.press("A")
    bench.click(32, 68)
    bench.settle()
    bench.press("Enter")
    bench.settle()
    assert review(bench).state.selected == 5
    bench.press("Control-Z")
    assert bench.state.status == "Took back: added cell 5."


def test_cells_that_were_kept_before_need_no_review(make_bench):
    """Only what the person did not make is doubtful."""
    bench = make_bench()
    bench.viewer.add_image(IMAGE, name="nuclei")
    mine = bench.viewer.add_labels(discs() * (discs() > 2), name="mine")  # of another program
    bench.session.layers.choose("target", mine)
    bench.settle()
    bench.click(16, 16)
    bench.settle()
    bench.press("Enter")
    bench.settle()
    bench.session.set_tool("review")
    bench.settle()
    told = mine.features.set_index("index")[["source", "reviewed", "score"]]
    assert told.loc[5].tolist() == ["by hand", "accepted", 1.0]
    assert told.loc[3, "reviewed"] == "open"
    assert (review(bench).state.reviewed, review(bench).state.total) == (1, 3)


def test_a_pyramid_of_labels_is_reviewed_and_written_in_all_levels(make_bench):
    bench = make_bench()
    bench.viewer.add_image(IMAGE, name="nuclei")
    levels = [discs(), discs()[::2, ::2].copy()]
    layer = bench.viewer.add_labels(levels, multiscale=True, name="pyramid")
    bench.settle()
    bench.session.set_tool("review")
    bench.settle()
    assert bench.review.state.objects.ids.tolist() == [1, 2, 3, 4]
    bench.click(16, 48)
    bench.settle()
    bench.review.reject()
    bench.settle()
    for level, step in zip(layer.data, (1, 2), strict=True):
        np.testing.assert_array_equal(level, np.where(discs() == 2, 0, discs())[::step, ::step])
    bench.review.undo()
    bench.settle()
    np.testing.assert_array_equal(layer.data[0], discs())
