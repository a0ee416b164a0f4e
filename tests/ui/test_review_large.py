"""Review on planes too large to be read as a whole: the same is done, and only parts are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fake_model import FakeModel
from napari_sam.errors import LabelsError
from napari_sam.labels import held, placed, presence, runs
from napari_sam.ui.labels_layer import slowly
from napari_sam.ui.labels_layer.plane_labels import PlaneLabels
from napari_sam.ui.tools.review_many import Many
from nine_discs import IMAGE, discs, table


class Watched:
    """Labels that are read and written in parts, and never more than some pixels at a time."""

    def __init__(self, labels: np.ndarray, most: int) -> None:
        self.labels, self.most, self.read = labels, most, 0
        self.shape, self.dtype, self.ndim, self.size = (
            *(labels.shape, labels.dtype, labels.ndim),
            labels.size,
        )

    def __getitem__(self, key: Any) -> np.ndarray:
        found = self.labels[key]
        self.read += found.size
        assert found.size <= self.most, "read as a whole"
        return found

    def __setitem__(self, key: Any, value: Any) -> None:
        self.labels[key] = value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise AssertionError("read as a whole")


def reviewed(bench: Any, monkeypatch: pytest.MonkeyPatch, *, large: bool, rows: bool) -> Any:
    """Review nine discs; as if the plane were too large to be read, or as it is."""
    monkeypatch.setattr(FakeModel, "field", 256)
    bench.viewer.add_image(IMAGE, name="slide")
    fine: Any = discs()
    if large:
        monkeypatch.setattr("napari_sam.images.plane.WHOLE", 60_000)
        monkeypatch.setattr("napari_sam.images.samples.IN_MEMORY", 60_000)
        monkeypatch.setattr(held, "LARGE", 1000)
        monkeypatch.setattr(placed, "_TOGETHER", 150)
        monkeypatch.setattr(placed, "_PART", 150)
        monkeypatch.setattr(presence, "_AT_ONCE", 50_000)
        monkeypatch.setattr(runs, "_AT_ONCE", 50_000)
        monkeypatch.setattr(runs, "_TILE", 150)
        fine = Watched(fine, 90_000)
    more = {"features": table()} if rows else {}
    bench.layer = bench.viewer.add_labels(
        [fine, discs()[::2, ::2].copy()], multiscale=True, name="found", **more
    )
    bench.settle()
    bench.session.set_tool("review")
    bench.settle()
    return bench


@pytest.fixture
def both(make_bench: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Do the same to both, and return what came of it: labels, rows and what was told."""

    def do(what: Any, *, rows: bool = True) -> None:
        outcomes = []
        for large in (False, True):
            with monkeypatch.context() as patch:
                bench = reviewed(make_bench(), patch, large=large, rows=rows)
                told = what(bench)
                bench.settle()
                fine = bench.layer.data[0]
                labels = fine.labels if large else fine
                np.testing.assert_array_equal(bench.layer.data[1], labels[::2, ::2])
                outcomes.append((labels.copy(), bench.layer.features, told))
        (labels, expected, words), (again, found, others) = outcomes
        np.testing.assert_array_equal(again, labels)
        # Of an image that is too large to be read intensities are not known.
        without = [one.drop(columns="mean_intensity", errors="ignore") for one in (found, expected)]
        pd.testing.assert_frame_equal(*without, check_dtype=False)
        assert others == words

    return do


def test_clicks_edits_and_undo_do_the_same(both: Any) -> None:
    def work(bench: Any) -> list[Any]:
        seen: list[Any] = [bench.review.state.objects.ids.tolist()]
        bench.click(40, 200, modifiers=("Control",))  # delete
        bench.click(200, 40, modifiers=("Alt",))
        bench.click(200, 200, modifiers=("Alt",))  # merge
        bench.click(360, 36, modifiers=("Shift",))
        bench.click(360, 45, modifiers=("Shift",))  # split
        bench.settle()
        bench.drag((351.0, 200.0), (370.0, 200.0))  # moves the view, and changes nothing
        seen.append(bench.review.state.objects.ids.tolist())
        bench.click(200, 360)
        seen.append(bench.review.state.selected)
        ring = bench.viewer.layers["SAM selection"]
        seen.append(np.argwhere(ring.data).min(axis=0).tolist())
        bench.press("c")
        bench.click(200, 372)
        bench.settle()
        bench.press("Enter")
        bench.settle()
        bench.review.set_action("split")
        bench.drag((340.0, 360.0), (380.0, 360.0))  # cut
        bench.settle()
        bench.press("Control-Z")
        bench.settle()
        seen.append((bench.review.state.reviewed, bench.review.state.total))
        return seen

    both(work)


def test_the_queue_leads_from_one_to_the_next(both: Any) -> None:
    def work(bench: Any) -> list[Any]:
        seen = []
        bench.press("n")
        for _ in range(3):
            seen.append(bench.review.state.selected)
            seen.append(np.round(bench.viewer.scene.camera.center, 3).tolist())
            bench.press("Enter")
            bench.settle()
        bench.press("Delete")
        bench.settle()
        return seen

    both(work)


def test_objects_are_found_again_when_the_screen_is_turned(both: Any) -> None:
    def work(bench: Any) -> list[Any]:
        bench.viewer.dims.order = (1, 0)
        bench.settle()
        bench.review.go_to(2)
        told = [bench.review.state.selected]
        told.append(np.round(bench.viewer.scene.camera.center, 3).tolist())
        ring = bench.viewer.layers["SAM selection"]
        told.append(ring.data_to_world(np.argwhere(ring.data).min(axis=0)))
        bench.press("Delete")
        bench.settle()
        return told

    both(work)


def test_many_are_deleted_at_once_wherever_they_lie(both: Any) -> None:
    def work(bench: Any) -> int:
        bench.review.set_limits("score", (0.62, 0.8))
        hidden = bench.review.state.hidden
        bench.review.remove_hidden()
        bench.settle()
        bench.review.undo()
        bench.review.redo()
        return int(hidden)

    both(work)


@pytest.fixture
def slow(make_bench: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Nine cells of a large plane, and as little as can be is done in a turn of the window."""
    monkeypatch.setattr(slowly, "_AT_ONCE", 1)
    monkeypatch.setattr(slowly, "_TURN", 0.0)
    bench = reviewed(make_bench(), monkeypatch, large=True, rows=True)
    bench.there = bench.layer.data[0].labels.copy()
    bench.review.set_limits("score", (2.0, 3.0))  # hides them all
    return bench


def half_deleted(bench: Any) -> None:
    many: Many = bench.review.many
    many.delete(list(range(1, 9)))
    labels = bench.layer.data[0].labels
    while (labels == bench.there).all():
        assert bench.loop.turn()
    assert len(np.unique(labels)) > 2
    assert 0 < bench.state.progress < 1


def test_the_window_answers_while_many_are_deleted(slow: Any) -> None:
    assert slow.review.edit(lambda editing: editing.accept([3]))
    slow.settle()
    half_deleted(slow)
    assert "Deleting 8 cells" in slow.state.status
    assert not slow.review.edit(lambda editing: editing.accept([4]))
    assert "still being written" in slow.state.status
    slow.review.undo()
    assert "still being written" in slow.state.status
    slow.settle()
    assert np.unique(slow.layer.data[0].labels).tolist() == [0, 9]
    assert slow.state.progress is None
    assert slow.state.status == "Deleted 8 cells."
    assert (slow.review.state.reviewed, slow.review.state.total) == (8, 9)
    slow.review.undo()
    assert slow.state.progress is not None
    slow.settle()
    np.testing.assert_array_equal(slow.layer.data[0].labels, slow.there)
    np.testing.assert_array_equal(slow.layer.data[1], slow.there[::2, ::2])
    assert slow.review.state.reviewed == 1


@pytest.mark.parametrize("way", ["cancel", "close"])
def test_a_deletion_that_is_stopped_has_never_been(slow: Any, way: str) -> None:
    half_deleted(slow)
    getattr(slow.session, way)()
    if way == "cancel":
        assert not np.array_equal(slow.layer.data[0].labels, slow.there)  # one after the other
        slow.settle()
        assert slow.state.status == "Stopped. Nothing was changed."
        assert not slow.review.state.can_undo
    np.testing.assert_array_equal(slow.layer.data[0].labels, slow.there)
    np.testing.assert_array_equal(slow.layer.data[1], slow.there[::2, ::2])
    assert slow.state.progress is None
    assert "rejected" not in slow.layer.features.to_string()


def test_one_long_deletion_at_a_time(slow: Any) -> None:
    half_deleted(slow)
    other = slow.viewer.add_labels(discs(), features=table(), name="other")
    slow.review.choose(other)
    slow.review.many.delete([1, 2])
    assert "still being written" in slow.state.status
    slow.settle()
    assert np.unique(slow.layer.data[0].labels).tolist() == [0, 9]
    np.testing.assert_array_equal(other.data, discs())


@pytest.mark.parametrize("visible", [True, False])
@pytest.mark.parametrize("reading", [True, False])
def test_data_that_are_exchanged_meanwhile_are_left_alone(
    slow: Any, reading: bool, visible: bool
) -> None:
    former = slow.layer.data[0].labels
    if reading:
        slow.review.many.delete(list(range(1, 9)))
        assert slow.loop.turn()
        assert slow.state.progress is not None
        np.testing.assert_array_equal(former, slow.there)
    else:
        half_deleted(slow)
    slow.layer.visible = visible
    other = Watched(slow.there.copy(), 90_000)
    slow.layer.data = [other, slow.there[::2, ::2].copy()]
    slow.settle()
    np.testing.assert_array_equal(former, slow.there)  # put back, all of it
    np.testing.assert_array_equal(other.labels, slow.there)
    np.testing.assert_array_equal(slow.layer.data[1], slow.there[::2, ::2])
    assert slow.state.progress is None
    assert "other data" in slow.state.status
    assert "rejected" not in slow.layer.features.to_string()
    slow.layer.visible = True
    slow.layer.undo()  # there is nothing to take back
    np.testing.assert_array_equal(other.labels, slow.there)
    slow.review.many.delete([1, 2])  # and what is wanted of these is done to these
    slow.settle()
    assert np.unique(other.labels).tolist() == [0, *range(3, 10)]
    np.testing.assert_array_equal(former, slow.there)


def test_a_script_that_waits_finds_a_long_step_done(slow: Any) -> None:
    half_deleted(slow)
    slow.layer.undo(wait=True)  # what is under way ends before
    np.testing.assert_array_equal(slow.layer.data[0].labels, slow.there)
    np.testing.assert_array_equal(slow.layer.data[1], slow.there[::2, ::2])
    assert slow.state.progress is None
    slow.layer.redo(wait=True)
    assert np.unique(slow.layer.data[0].labels).tolist() == [0, 9]
    slow.settle()
    assert np.unique(slow.layer.data[0].labels).tolist() == [0, 9]
    slow.layer.data[0].labels.setflags(write=False)
    with pytest.raises(LabelsError):
        slow.layer.undo(wait=True)
    assert np.unique(slow.layer.data[0].labels).tolist() == [0, 9]


def cells_undo(bench: Any) -> None:
    bench.session.set_tool("click")
    bench.settle()
    bench.cells.undo()


def control_z(bench: Any) -> None:
    bench.session.set_tool("click")
    bench.settle()
    bench.viewer.layers.selection.active = bench.layer
    bench.press("Control-Z")


@pytest.mark.parametrize("undo", [cells_undo, control_z, lambda bench: bench.layer.undo()])
def test_the_window_answers_wherever_many_are_taken_back(slow: Any, undo: Any) -> None:
    slow.review.many.delete(list(range(1, 9)))
    slow.settle()
    deleted = slow.layer.data[0].labels.copy()
    undo(slow)
    assert "Taking the last step back" in slow.state.status
    while (slow.layer.data[0].labels == deleted).all():
        assert slow.loop.turn()
    assert not np.array_equal(slow.layer.data[0].labels, slow.there)
    assert 0 < slow.state.progress < 1
    slow.settle()
    np.testing.assert_array_equal(slow.layer.data[0].labels, slow.there)
    assert slow.state.progress is None
    assert "Taking" not in slow.state.status
    document = slow.session._documents.of(slow.layer)
    assert (document.can_undo, document.can_redo) == (False, True)
    slow.layer.redo()
    slow.session.cancel()
    slow.settle()
    np.testing.assert_array_equal(slow.layer.data[0].labels, slow.there)
    slow.layer.redo()
    slow.settle()
    np.testing.assert_array_equal(slow.layer.data[0].labels, deleted)
    assert "Doing" not in slow.state.status


def half_taken_back(bench: Any, page: str) -> np.ndarray:
    """Delete eight cells, and take that back on a page, which is shown when half of it is."""
    bench.review.many.delete(list(range(1, 9)))
    bench.settle()
    deleted: np.ndarray = bench.layer.data[0].labels.copy()
    bench.session.set_tool(page)
    bench.settle()
    bench.press("Control-Z")
    while (bench.layer.data[0].labels == deleted).all():
        assert bench.loop.turn()
    return deleted


@pytest.mark.parametrize("page", ["click", "find", "review"])
def test_what_is_still_being_taken_back_is_done_again_right_after(slow: Any, page: str) -> None:
    deleted = half_taken_back(slow, page)
    slow.press("Control-Shift-Z")
    assert "right after" in slow.state.status
    slow.settle()
    np.testing.assert_array_equal(slow.layer.data[0].labels, deleted)
    assert "Done again" in slow.state.status
    document = slow.session._documents.of(slow.layer)
    assert (document.can_undo, document.can_redo) == (True, False)
    slow.layer.undo()  # what waited was done once
    slow.settle()
    np.testing.assert_array_equal(slow.layer.data[0].labels, slow.there)


def test_what_waits_for_labels_is_dropped_when_they_are_stopped(slow: Any) -> None:
    deleted = half_taken_back(slow, "click")
    slow.press("Control-Shift-Z")
    slow.session.cancel()
    slow.settle()
    np.testing.assert_array_equal(slow.layer.data[0].labels, deleted)
    assert slow.state.status == "Stopped. Nothing was changed."
    slow.press("Control-Z")
    slow.settle()
    np.testing.assert_array_equal(slow.layer.data[0].labels, slow.there)


@pytest.mark.parametrize("page", ["click", "find"])
def test_no_step_before_is_taken_back_while_one_is_being_written(slow: Any, page: str) -> None:
    other = slow.viewer.add_labels(discs(), name="other")
    slow.session._documents.of(other)
    other.fill((200, 200), 77)
    before = other.data.copy()
    slow.viewer.layers.selection.active = slow.viewer.layers["slide"]
    half_deleted(slow)
    slow.session.set_tool(page)
    slow.press("Control-Z")
    assert "still being written" in slow.state.status
    slow.settle()
    np.testing.assert_array_equal(other.data, before)
    assert np.unique(slow.layer.data[0].labels).tolist() == [0, 9]


@pytest.mark.parametrize("way", ["undo", "redo"])
def test_napari_says_that_labels_are_still_being_written(
    slow: Any, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not that there is no step: there will be one."""
    warned: list[str] = []
    monkeypatch.setattr("napari.utils.notifications.show_warning", warned.append)
    half_deleted(slow)
    getattr(slow.layer, way)()
    assert ["still being written" in text for text in warned] == [True]
    slow.settle()
    assert np.unique(slow.layer.data[0].labels).tolist() == [0, 9]


def test_marks_of_a_page_that_was_left_meanwhile_stay_away(slow: Any) -> None:
    slow.review.many.delete(list(range(1, 9)))
    slow.settle()
    cells_undo(slow)
    slow.session.set_tool("review")
    slow.settle()
    np.testing.assert_array_equal(slow.layer.data[0].labels, slow.there)
    assert slow.review.state.reviewed == 0
    assert slow.review.state.total == 9
    assert slow.review.state.can_redo


def test_when_all_are_deleted_nothing_is_measured_anew(slow: Any) -> None:
    slow.review.many.delete(list(range(1, 10)))
    slow.settle()
    assert slow.state.status == "Deleted 9 cells."
    assert len(slow.review.state.objects.ids) == 0
    read = slow.layer.data[0].read
    slow.review.refresh()
    slow.settle()
    assert slow.layer.data[0].read == read
    assert slow.layer.features["reviewed"].tolist() == ["rejected"] * 9
    slow.review.undo()
    slow.settle()
    assert slow.review.state.objects.ids.tolist() == list(range(1, 10))


def test_a_region_is_counted_and_deleted(both: Any) -> None:
    def work(bench: Any) -> Any:
        bench.press("L")
        bench.drag((20.0, 20.0), (20.0, 220.0), (220.0, 220.0), (220.0, 20.0))
        bench.settle()
        inside = bench.review.state.inside
        told = bench.state.status
        bench.review.region.delete()
        return inside, told

    both(work)


def test_labels_without_rows_are_measured_part_by_part(both: Any) -> None:
    def work(bench: Any) -> list[int]:
        found: list[int] = bench.review.state.objects.ids.tolist()
        assert found == list(range(1, 10))
        return found

    def without_intensity(bench: Any) -> list[int]:
        found = work(bench)
        bench.layer.features = bench.layer.features.drop(columns="mean_intensity", errors="ignore")
        return found

    both(without_intensity, rows=False)


def test_what_needs_all_of_it_says_so_and_changes_nothing(
    make_bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = reviewed(make_bench(), monkeypatch, large=True, rows=True)
    bench.review.classes.suggest()
    assert "too large to be read as a whole" in bench.state.status
    bench.press("L")
    bench.drag((5.0, 5.0), (5.0, 395.0), (395.0, 395.0), (395.0, 5.0))
    bench.settle()
    assert "too large a part" in bench.state.status
    bench.review.region.delete()
    assert "too large a part" in bench.state.status
    np.testing.assert_array_equal(bench.layer.data[0].labels, discs())


def test_only_what_is_around_a_cell_is_read(
    make_bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = reviewed(make_bench(), monkeypatch, large=True, rows=True)
    document = bench.session._documents.known(bench.layer)
    labels = PlaneLabels(bench.review.bench, document)
    before = bench.layer.data[0].read
    region = labels.region_of(5)
    assert bench.layer.data[0].read - before == 19**2
    assert region.box == (192, 192, 209, 209)
    assert region.area == np.count_nonzero(discs() == 5)
    assert labels.region_of(77).area == 0


def test_a_row_whose_object_is_gone_is_passed_over(
    make_bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = reviewed(make_bench(), monkeypatch, large=True, rows=True)
    fine = bench.layer.data[0].labels
    fine[fine == 1] = 0  # by somebody who tells nobody
    bench.press("n")
    assert bench.review.state.selected == 2
    assert not bench.review.edit(lambda editing: editing.delete([1]))
    assert "no such cell" in bench.state.status


def test_a_kept_cell_of_a_large_plane_is_taken_in_hand_on_the_click_page(
    make_bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = reviewed(make_bench(), monkeypatch, large=True, rows=True)
    bench.session.set_tool("click")
    bench.settle()
    bench.click(200, 200)
    bench.settle()
    assert bench.state.in_hand == 5
    bench.press("Delete")
    bench.settle()
    np.testing.assert_array_equal(bench.layer.data[0].labels, np.where(discs() == 5, 0, discs()))
