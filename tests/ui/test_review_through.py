"""Review through slices and time: join, cut, swap, mothers, ranges, split; one undo each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_sam.labels.slices import seen_on
from napari_sam.stacks.tracks import tracks_of
from napari_sam.ui.labels_layer.through_editing import ThroughEditing
from napari_sam.ui.tools.review_following import FollowAgain
from napari_sam.ui.tools.review_through import ReviewThrough
from napari_sam.ui.widgets.review_through_box import ReviewThroughBox
from stack_of_balls import BALL, NEIGHBOUR, STACK, ball, overlap

SHAPE = (8, 30, 60)


def movie() -> np.ndarray:
    """Cell 1 in the first half, 2 in the second, 3 all the time, 4 and 5 from frame 4 on."""
    labels = np.zeros(SHAPE, np.int32)
    for number, first, last, column in ((1, 0, 3, 4), (2, 4, 7, 6), (3, 0, 7, 20), (4, 4, 7, 32)):
        labels[first : last + 1, 10:16, column : column + 6] = number
    labels[4:, 10:16, 44:50] = 5
    return labels


@pytest.fixture
def review(bench: Any) -> Any:
    bench.viewer.add_image(
        (movie() > 0).astype(np.uint8) * 200, name="seen", axis_labels=("t", "y", "x")
    )
    tracks = tracks_of(movie(), {})
    table = tracks.table.assign(source="fake", score=[0.9, 0.8, 0.3, 0.7, 0.6])
    table["weakest"] = table["axis_0"] = [2, 5, 6, 4, 4]
    table.insert(0, "index", table["label"])
    bench.viewer.add_labels(movie(), name="tracks", features=table, axis_labels=("t", "y", "x"))
    bench.settle()
    bench.session.set_tool("review")
    bench.settle()
    return bench


def labels(bench: Any) -> Any:
    return bench.viewer.layers["tracks"]


def row(bench: Any, number: int) -> Any:
    return labels(bench).features.set_index("index").loc[number]


def spans(bench: Any) -> dict[int, tuple[int, int]]:
    data = np.asarray(labels(bench).data)
    ids = set(np.unique(data).tolist()) - {0}
    return {i: (seen[0], seen[-1]) for i, seen in seen_on(data, 0, ids).items()}


def go(bench: Any, frame: int) -> None:
    bench.viewer.dims.set_current_step(0, frame)
    bench.settle()


def take(bench: Any, frame: int, column: int) -> None:
    """Click a cell on a frame."""
    go(bench, frame)
    bench.click(frame, 12, column)
    bench.settle()


def undone(bench: Any, before: np.ndarray) -> None:
    bench.review.undo()
    bench.settle()
    np.testing.assert_array_equal(labels(bench).data, before)


def test_tracks_are_joined_by_a_click_on_another_frame(review: Any) -> None:
    before = labels(review).data.copy()
    take(review, 3, 5)
    review.review.through.begin("join")
    assert "goes on as cell 1" in review.state.status
    take(review, 4, 8)
    assert spans(review)[1] == (0, 7)
    assert 2 not in spans(review)
    assert (row(review, 1)["first"], row(review, 1)["last"], row(review, 1)["frames"]) == (0, 7, 8)
    assert row(review, 2)["reviewed"] == "rejected"
    assert "Joined cell 2 to cell 1" in review.state.status
    undone(review, before)
    assert (row(review, 1)["last"], row(review, 2)["frames"]) == (3, 4)
    assert row(review, 2)["reviewed"] == "open"
    review.review.redo()
    review.settle()
    assert spans(review)[1] == (0, 7)


def test_cells_of_one_frame_are_not_joined_and_nothing_is_lost(review: Any) -> None:
    before = labels(review).data.copy()
    take(review, 4, 8)
    review.review.through.begin("join")
    take(review, 5, 22)
    assert "both in frame 4" in review.state.status
    np.testing.assert_array_equal(labels(review).data, before)
    assert not review.review.state.can_undo


def test_a_track_is_cut_at_the_frame_that_is_shown(review: Any) -> None:
    before = labels(review).data.copy()
    take(review, 5, 22)
    review.review.through.cut()
    review.settle()
    assert spans(review)[3] == (0, 4)
    assert spans(review)[6] == (5, 7)
    assert (row(review, 3)["frames"], row(review, 6)["frames"]) == (5, 3)
    undone(review, before)
    assert 6 not in set(labels(review).features["index"])


def test_rows_follow_a_step_that_was_made_before_the_panel_was_closed(
    review: Any, make_bench: Any
) -> None:
    before = labels(review).data.copy()
    take(review, 5, 22)
    review.review.through.cut()
    review.settle()
    cut = labels(review).data.copy()
    review.session.close()
    again = make_bench(review.viewer)
    again.settle()
    again.session.set_tool("review")
    again.settle()
    for _ in range(2):
        undone(again, before)
        assert row(again, 3)["frames"] == 8
        assert set(labels(again).features["index"]) == {1, 2, 3, 4, 5}
        assert again.review.state.total == 5
        again.review.redo()
        again.settle()
        np.testing.assert_array_equal(labels(again).data, cut)
        assert (row(again, 3)["frames"], row(again, 6)["frames"]) == (5, 3)
        assert (row(again, 6)["first"], row(again, 6)["last"]) == (5, 7)
        assert "rejected" not in set(labels(again).features["reviewed"])


def test_a_cell_that_is_back_and_one_that_had_no_row_are_open_to_review(
    review: Any, make_bench: Any
) -> None:
    layer = labels(review)
    layer.features = layer.features[layer.features["index"] != 5]
    take(review, 5, 22)
    assert row(review, 5)["reviewed"] == "open"
    review.review.through.delete(0, 7)
    review.settle()
    assert row(review, 3)["reviewed"] == "rejected"
    review.session.close()
    again = make_bench(review.viewer)
    again.session.set_tool("review")
    again.settle()
    undone(again, movie())
    assert row(again, 3)["reviewed"] == "open"
    assert row(again, 3)["score"] == 0.3
    assert again.review.state.reviewed == 0


def test_two_tracks_exchange_their_numbers_from_here_on(review: Any) -> None:
    before = labels(review).data.copy()
    take(review, 5, 22)
    review.review.through.begin("swap")
    take(review, 5, 34)
    data = labels(review).data
    np.testing.assert_array_equal(data[:5], before[:5])
    np.testing.assert_array_equal(data[5:] == 3, before[5:] == 4)
    undone(review, before)


def test_a_mother_is_chosen_on_an_earlier_frame_and_divides(review: Any) -> None:
    before = labels(review).data.copy()
    review.review.through.show_lines(True)
    take(review, 4, 34)
    review.review.through.begin("mother")
    take(review, 2, 22)
    review.settle()
    assert row(review, 4)["parent"] == row(review, 6)["parent"] == 3
    assert (spans(review)[3], spans(review)[6]) == ((0, 3), (4, 7))
    lines = review.viewer.layers["tracks lines"]
    assert lines.graph == {4: [3], 6: [3]}
    take(review, 4, 34)
    review.review.through.orphan()
    review.settle()
    assert row(review, 4)["parent"] == 0
    assert review.viewer.layers["tracks lines"].graph == {6: [3]}
    review.review.undo()
    undone(review, before)
    review.settle()
    assert review.viewer.layers["tracks lines"].graph == {}


def test_lines_follow_again_when_the_panel_is_opened_again(review: Any, make_bench: Any) -> None:
    review.review.through.show_lines(True)
    review.settle()
    review.session.close()
    again = make_bench(viewer=review.viewer)
    again.settle()
    again.session.set_tool("review")
    again.settle()
    assert again.review.through.lines_shown()
    take(again, 3, 22)
    again.review.through.cut()
    again.settle()
    lines = [layer for layer in again.viewer.layers if layer.name.startswith("tracks lines")]
    assert len(lines) == 1
    np.testing.assert_array_equal(np.unique(lines[0].data[:, 0]), range(1, 7))
    again.viewer.layers.remove("tracks")
    again.settle()
    assert "tracks lines" not in again.viewer.layers


def test_a_track_is_deleted_over_a_range(review: Any) -> None:
    before = labels(review).data.copy()
    take(review, 3, 22)
    assert review.review.through.span() == (0, 7)
    review.review.through.delete(2, 4)
    review.settle()
    assert sorted(seen_on(labels(review).data, 0, [3])[3]) == [0, 1, 5, 6, 7]
    assert row(review, 3)["frames"] == 5
    undone(review, before)
    take(review, 3, 22)
    review.review.through.delete(0, 7)
    review.settle()
    assert 3 not in spans(review)
    assert row(review, 3)["reviewed"] == "rejected"


def test_the_queue_goes_to_the_least_certain_frame_of_the_least_certain_track(review: Any) -> None:
    go(review, 0)
    review.review.next()
    review.settle()
    assert review.review.state.selected == 3
    assert review.viewer.dims.current_step[0] == 6
    review.review.accept()
    review.settle()
    assert review.review.state.selected == 5
    assert review.viewer.dims.current_step[0] == 4


def test_the_queue_finds_a_track_that_is_no_more_where_it_was_least_certain(review: Any) -> None:
    take(review, 5, 22)
    review.review.through.delete(5, 7)  # its least certain frame was 6
    review.settle()
    for frame in (0, 7):
        go(review, frame)
        review.review.select(None)
        review.review.next()
        review.settle()
        assert review.review.state.selected == 3
        assert review.viewer.dims.current_step[0] == 0
    go(review, 7)
    review.review.go_to(3)
    review.settle()
    assert review.review.state.selected == 3
    assert "Enter accepts this cell" in review.state.status


def test_escape_and_other_tools_stop_waiting(review: Any) -> None:
    take(review, 3, 22)
    for stop in (
        review.review.escape,
        lambda: review.review.set_action("delete"),
        lambda: review.session.set_tool("click"),
    ):
        review.session.set_tool("review")
        review.review.set_action("select")
        take(review, 3, 22)
        review.review.through.begin("join")
        stop()
        assert review.review.state.pending == ""


def test_a_correction_on_one_frame_keeps_the_row_of_the_whole_track(review: Any) -> None:
    """A row is measured on all frames, whatever is drawn on one."""
    layer = labels(review)
    layer.data_setitem((np.full(6, 2), np.full(6, 16), np.arange(20, 26)), 3)
    review.settle()
    assert row(review, 3)["frames"] == 8
    assert row(review, 3)["area"] == pytest.approx(36 + 6 / 8)
    assert row(review, 3)["score"] == 0.3
    go(review, 5)
    review.review.edit(lambda editing: editing.delete([3]))
    review.settle()
    assert row(review, 3)["frames"] == 7
    assert row(review, 3)["reviewed"] == "open"


def test_objects_in_space_are_split_on_all_slices(bench: Any) -> None:
    stack = np.zeros((5, 30, 60), np.int32)
    stack[:, 8:20, 8:20] = stack[:, 8:20, 22:34] = stack[2, 13:15, 20:22] = 7
    bench.viewer.add_image((stack > 0).astype(np.uint8) * 200, axis_labels=("z", "y", "x"))
    layer = bench.viewer.add_labels(stack, name="tracks", axis_labels=("z", "y", "x"))
    bench.session.set_tool("review")
    bench.settle()
    take(bench, 0, 12)
    assert not bench.review.through.over_time()
    bench.review.through.begin("split")
    take(bench, 0, 12)
    take(bench, 4, 30)
    assert set(np.unique(layer.data)) == {0, 7, 8}
    for column, others in ((12, 30), (30, 12)):
        assert len({layer.data[z, 12, column] for z in range(5)}) == 1
        assert layer.data[0, 12, column] != layer.data[0, 12, others]
    rows = layer.features.set_index("index")
    assert rows.loc[[7, 8], "slices"].tolist() == [5, 5]
    bench.review.undo()
    np.testing.assert_array_equal(layer.data, stack)


@pytest.fixture
def spoilt(bench: Any) -> Any:
    """A ball whose outlines are wrong behind slice 5, beside another one."""
    drawn = np.zeros(STACK.shape, np.int32)
    drawn[BALL] = 1
    drawn[6:] = 0
    drawn[6:11, 34:40, 44:50] = 1
    drawn[ball(NEIGHBOUR) & ~BALL] = 2
    names = ("z", "y", "x")
    bench.viewer.add_image(STACK, name="seen", axis_labels=names)
    bench.layer = bench.viewer.add_labels(drawn.copy(), name="tracks", axis_labels=names)
    bench.before = drawn
    bench.session.set_tool("review")
    bench.settle()
    go(bench, 5)
    bench.review.select(1)
    return bench


def test_a_cell_is_followed_anew_behind_the_slice_that_is_shown(spoilt: Any) -> None:
    layer, before = spoilt.layer, spoilt.before
    spoilt.review.through.follow(True)
    spoilt.settle()
    np.testing.assert_array_equal(layer.data[:6], before[:6])
    np.testing.assert_array_equal(layer.data == 2, before == 2)
    assert overlap(layer.data[6:] == 1, BALL[6:]) > 0.6
    assert not (layer.data[10] == 1).any()  # it ends before
    assert spoilt.state.progress is None
    undone(spoilt, before)
    assert not spoilt.review.state.can_undo
    spoilt.review.through.follow(False)
    spoilt.settle()
    np.testing.assert_array_equal(layer.data[5:], before[5:])
    assert overlap(layer.data[:5] == 1, BALL[:5]) > 0.6


def test_following_anew_is_stopped_and_gives_way_to_whatever_changes_the_labels(
    spoilt: Any,
) -> None:
    def begun() -> None:
        spoilt.review.through.follow(True)
        while not spoilt.session.jobs.run_next():
            assert spoilt.loop.turn()

    begun()
    spoilt.session.cancel()
    assert "Nothing was changed" in spoilt.state.status
    spoilt.settle()
    np.testing.assert_array_equal(spoilt.layer.data, spoilt.before)
    begun()
    spoilt.layer.data_setitem((np.array([0]), np.array([0]), np.array([0])), 3)
    spoilt.settle()
    assert "changed meanwhile" in spoilt.state.status
    assert (spoilt.layer.data != spoilt.before).sum() == 1
    begun()
    spoilt.viewer.layers.remove(spoilt.layer)
    spoilt.settle()
    assert not spoilt.session.jobs.wants("follow")


@pytest.mark.parametrize("like", [np.copy, lambda data: np.zeros((3, 9, 9), np.int32)])
def test_labels_that_get_other_pixels_while_a_cell_is_followed_keep_them(
    spoilt: Any, like: Any
) -> None:
    spoilt.review.through.follow(True)
    while not spoilt.session.jobs.run_next():
        assert spoilt.loop.turn()
    theirs = like(spoilt.before)
    spoilt.layer.data = theirs.copy()
    spoilt.settle()
    assert "changed meanwhile" in spoilt.state.status
    assert spoilt.state.progress is None
    np.testing.assert_array_equal(spoilt.layer.data, theirs)


def test_labels_that_are_moved_while_a_cell_is_followed_stay_as_they_are(spoilt: Any) -> None:
    spoilt.review.through.follow(True)
    while not spoilt.session.jobs.run_next():
        assert spoilt.loop.turn()
    spoilt.layer.translate = np.add(spoilt.layer.translate, 7)
    spoilt.settle()
    assert "lies elsewhere than the image" in spoilt.state.status
    np.testing.assert_array_equal(spoilt.layer.data, spoilt.before)


def test_a_cell_is_followed_on_while_another_page_is_shown_and_told_on_its_own(
    spoilt: Any,
) -> None:
    spoilt.review.through.follow(True)
    spoilt.session.set_tool("click")
    spoilt.settle()
    assert overlap(spoilt.layer.data[6:] == 1, BALL[6:]) > 0.6
    assert "Corrected" not in spoilt.state.status
    spoilt.session.set_tool("review")
    assert "Corrected cell 1" in spoilt.state.status


def test_a_cell_is_followed_no_more_when_another_model_is_chosen(spoilt: Any) -> None:
    spoilt.catalogue.here.add("large")
    spoilt.review.through.follow(True)
    spoilt.session.models.choose("large")
    assert "no longer followed" in spoilt.state.status
    spoilt.settle()
    np.testing.assert_array_equal(spoilt.layer.data, spoilt.before)
    spoilt.session.cancel()
    assert "no longer followed" not in spoilt.state.status


def test_following_anew_and_a_cell_that_is_followed_do_not_end_each_other(spoilt: Any) -> None:
    session, through = spoilt.session, spoilt.cells.through
    session.set_tool("click")
    spoilt.cells.set_overlap("overwrite")
    through.set_on(True)
    spoilt.settle()
    row, column = np.argwhere(spoilt.before[5] == 2).mean(axis=0).round()
    spoilt.click(5, row, column)
    while not through.following.under_way:
        assert spoilt.loop.turn() or session.jobs.run_next()
    session.set_tool("review")
    spoilt.review.select(1)
    spoilt.review.through.follow(True)
    session.jobs.run_next()
    through.image_changed()  # lets go of what is followed on the Click page, and only of that
    spoilt.settle()
    assert not through.following.under_way
    assert overlap(spoilt.layer.data[6:] == 1, BALL[6:]) > 0.6
    assert spoilt.state.progress is None


def test_a_track_reaches_from_behind_its_mother_to_before_its_daughters(review: Any) -> None:
    take(review, 4, 34)
    review.review.through.begin("mother")
    take(review, 2, 22)
    edit = review.review.through.editing()
    assert isinstance(review.review.through.following, FollowAgain)
    assert (edit.room(3), edit.room(4), edit.word) == ((0, 3), (4, 7), "frame")
    take(review, 4, 34)
    review.review.through.follow(False)
    assert "no frame before this one" in review.state.status


def test_who_does_it(review: Any) -> None:
    assert isinstance(review.review.through, ReviewThrough)
    take(review, 3, 22)
    edit = review.review.through.editing()
    assert isinstance(edit, ThroughEditing)
    assert (edit.kind, edit.axis, edit.at) == ("track", 0, 3)


def test_the_box_knows_the_cell_in_hand_and_deletes_a_range(review: Any, qtbot: Any) -> None:
    box = ReviewThroughBox(review.review)
    qtbot.addWidget(box)
    assert not box.delete.isEnabled()
    assert "click a cell first" in box.delete.toolTip()
    number, (first, last) = next(iter(spans(review).items()))
    review.review.go_to(number)
    review.settle()
    box.show_selected()
    assert box.delete.isEnabled()
    assert box._range == [first, last]
    before = labels(review).data.copy()
    box.delete.click()
    review.settle()
    assert number not in spans(review)
    undone(review, before)


def test_all_rows_tell_of_all_frames_once_a_track_was_corrected(bench: Any) -> None:
    """Rows of labels that came without a table are made of single frames at first."""
    names = ("t", "y", "x")
    bench.viewer.add_image((movie() > 0).astype(np.uint8) * 200, axis_labels=names)
    bench.viewer.add_labels(movie(), name="tracks", axis_labels=names)
    bench.session.set_tool("review")
    bench.settle()
    take(bench, 1, 5)
    bench.review.accept()
    bench.settle()
    take(bench, 5, 22)
    bench.review.through.cut()
    bench.settle()

    def told() -> dict[int, tuple[float, ...]]:
        rows = labels(bench).features.set_index("index")
        columns = rows[["first", "last", "frames"]].itertuples(index=False)
        return dict(zip(rows.index.tolist(), map(tuple, columns), strict=True))

    cut = {1: (0, 3, 4), 2: (4, 7, 4), 3: (0, 4, 5), 4: (4, 7, 4), 5: (4, 7, 4), 6: (5, 7, 3)}
    assert told() == cut
    assert row(bench, 1)["reviewed"] == "accepted"
    assert row(bench, 4)["reviewed"] == "open"
    bench.review.undo()
    bench.settle()
    assert told() == {**{i: cut[i] for i in (1, 2, 4, 5)}, 3: (0, 7, 8)}
    bench.review.redo()
    bench.settle()
    assert told() == cut


@pytest.mark.parametrize("first", ["mother", "no mother"])
def test_a_mother_that_is_known_is_no_step(review: Any, first: str) -> None:
    """Undo takes back what was done before, and not nothing."""
    through = review.review.through
    if first == "mother":
        take(review, 5, 8)
        through.begin("mother")
        take(review, 2, 5)
        assert row(review, 2)["parent"] == 1
    steps, known = can_undo(review), labels(review).features.copy()
    take(review, 5, 8)
    if first == "mother":
        through.begin("mother")
        take(review, 2, 5)
        assert "a daughter of cell 1 already" in review.review.bench.state.status
    else:
        through.orphan()
        review.settle()
        assert "has no mother" in review.review.bench.state.status
    assert can_undo(review) == steps
    assert labels(review).features.equals(known)


def can_undo(bench: Any) -> int:
    """How many steps can be taken back."""
    return len(bench.session._documents.of(labels(bench))._done)


def test_a_track_of_the_queue_is_deleted_on_its_doubtful_frame_and_the_next_is_shown(
    review: Any,
) -> None:
    before = labels(review).data.copy()
    review.review.next()
    review.settle()
    assert (review.review.state.selected, review.viewer.dims.current_step[0]) == (3, 6)
    review.review.reject()
    review.settle()
    assert np.flatnonzero((labels(review).data == 3).any(axis=(1, 2))).tolist() == [*range(6), 7]
    assert row(review, 3)["reviewed"] == "open"
    assert (review.review.state.selected, review.viewer.dims.current_step[0]) == (5, 4)
    assert "Deleted cell 3 on this frame only." in review.state.status
    undone(review, before)


def test_a_mother_deleted_frame_by_frame_leaves_no_daughters(review: Any) -> None:
    take(review, 4, 8)
    review.review.through.begin("mother")
    take(review, 2, 5)
    assert row(review, 2)["parent"] == 1
    before = labels(review).data.copy()
    for frame in range(4):
        take(review, frame, 5)
        review.review.reject()
        review.settle()
    assert row(review, 1)["reviewed"] == "rejected"
    assert row(review, 2)["parent"] == 0
    table = labels(review).features
    parents = dict(zip(table["index"].tolist(), table["parent"].tolist(), strict=True))
    assert tracks_of(labels(review).data, {c: p for c, p in parents.items() if p}).parents == {}
    review.review.undo()
    review.settle()
    assert row(review, 2)["parent"] == 1
    for _ in range(3):
        review.review.undo()
        review.settle()
    np.testing.assert_array_equal(labels(review).data, before)


def test_a_track_that_is_cut_at_its_doubtful_link_is_not_in_doubt_there_any_more(
    review: Any,
) -> None:
    take(review, 6, 22)
    review.review.through.cut()
    review.settle()
    assert row(review, 6)["reviewed"] == "accepted"
    assert np.isnan(row(review, 3)["score"])
    review.review.next()
    review.settle()
    assert review.review.state.selected == 5


def test_columns_of_ones_own_stay_when_objects_are_cut_and_deleted(review: Any) -> None:
    table = labels(review).features.assign(axis_major_length=12.5, seen_by="me")
    labels(review).features = table
    review.settle()
    take(review, 6, 22)
    review.review.through.cut()
    review.settle()
    take(review, 5, 22)
    review.review.reject()
    review.settle()
    assert row(review, 3)[["axis_major_length", "seen_by"]].tolist() == [12.5, "me"]
    assert np.isnan(row(review, 6)["axis_major_length"])


@pytest.mark.parametrize(("frame", "doubtful", "sure"), [(3, 6, 3), (7, 3, 6)])
def test_the_doubt_of_a_cut_track_stays_with_the_part_that_it_was_about(
    review: Any, frame: int, doubtful: int, sure: int
) -> None:
    take(review, frame, 22)
    review.review.through.cut()
    review.settle()
    told = row(review, doubtful)
    assert (told["score"], told["weakest"], told["axis_0"]) == (0.3, 6, 6)
    assert told["reviewed"] == "open"
    assert np.isnan(row(review, sure)["weakest"])
    assert np.isnan(row(review, sure)["axis_0"])
    review.review.next()
    review.settle()
    assert (review.review.state.selected, review.viewer.dims.current_step[0]) == (doubtful, 6)
