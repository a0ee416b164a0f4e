"""Teach: what is learnt from, while work goes on; and that nothing happens before it is chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fake_model import blobs
from lessons import PLACES, lesson, sample
from napari_sam.errors import Cancelled, ModelError
from napari_sam.models.lesson import BETTER, TOO_FEW
from napari_sam.training.apart import Lent, Marked, TaughtApart
from napari_sam.ui.tools import teach_cells
from napari_sam.ui.tools.teach import Teach
from napari_sam.ui.tools.teach_cells import kept_in, read_cells
from napari_sam.ui.tools.teach_state import TeachState
from napari_sam.ui.widgets.before_after import BeforeAfter
from napari_sam.ui.widgets.teach_page import TeachPage


class Teacher:
    """Takes the place of the other process."""

    def __init__(self, verdict: str = BETTER) -> None:
        self.verdict, self.given = verdict, []
        self.error: Exception | None = None

    def __call__(self, lent: Lent, examples: list[Marked], progress: Any) -> TaughtApart:
        self.given.append((lent, examples))
        progress(0.5)
        if self.error is not None:
            raise self.error
        path = Path(lent.target)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"weights")
        return TaughtApart(path, lesson(self.verdict, lent.model), [sample()] * 4)


@pytest.fixture
def desk(make_bench: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Three cells were kept of an image, and the page Teach is shown."""
    bench = make_bench()
    bench.kept = []
    catalogue = bench.catalogue
    monkeypatch.setattr(
        catalogue,
        "keep_taught",
        lambda path, name: bench.kept.append((path.read_bytes(), name)),
        raising=False,
    )
    monkeypatch.setattr(catalogue, "names", lambda: ["cells", *(name for _, name in bench.kept)])
    monkeypatch.setattr(
        catalogue, "abilities", lambda name: () if name == "large" else ("tunable",)
    )
    monkeypatch.setattr(
        catalogue, "lessons", lambda name: (lesson(),) if name.startswith("my_") else ()
    )
    bench.viewer.add_image(blobs((64, 80), PLACES, 6), name="nuclei")
    for place in PLACES:
        bench.click(*place)
        bench.settle()
        bench.press("Enter")
        bench.settle()
    bench.teach = bench.session.tools["teach"]
    bench.teacher = bench.teach.teach = Teacher()
    bench.session.set_tool("teach")
    bench.settle()
    return bench


def test_what_was_kept_is_learnt_from_and_the_person_decides(desk: Any) -> None:
    teach: Teach = desk.teach
    state: TeachState = teach.state
    assert (state.cells, state.images, state.why_not) == (3, 1, "")
    labels = desk.state.target.data.copy()
    teach.start()
    assert state.running == 0.0
    desk.settle()
    ((lent, examples),) = desk.teacher.given
    assert (lent.model, lent.exhaustive) == ("cells", False)
    ((pixels, marked, limits, rgb, _),) = examples
    np.testing.assert_array_equal(pixels, desk.viewer.layers["nuclei"].data)
    np.testing.assert_array_equal(marked, labels)
    assert (limits, rgb) == (None, False)
    assert state.running is None
    assert state.proposed == "my_cells"
    assert "The model got better" in desk.state.status
    assert desk.state.model == "cells"  # nothing has changed yet
    assert not desk.kept
    teach.use(" mine ")
    desk.settle()
    assert desk.kept == [(b"weights", "mine")]
    assert desk.state.model == "mine"
    assert state.result is None
    np.testing.assert_array_equal(desk.state.target.data, labels)


def test_a_lesson_that_ends_behind_another_page_is_told_on_both(desk: Any) -> None:
    desk.teach.start()
    desk.session.set_tool("click")
    desk.settle()
    assert "look at Teach" in desk.state.status
    desk.session.set_tool("teach")
    assert "The model got better: choose above" in desk.state.status


def test_back_to_the_model_before(desk: Any) -> None:
    desk.teach.start()
    desk.settle()
    desk.teach.use("my_cells")
    desk.settle()
    assert desk.teach.before == "cells"
    desk.teach.back()
    assert desk.state.model == "cells"
    assert "my_cells" in desk.session.models.names()


def test_refused_stopped_or_failed_nothing_is_left(desk: Any) -> None:
    teach = desk.teach
    teach.start()
    desk.settle()
    path = teach.state.result.path
    assert path.exists()
    teach.refuse()
    assert not path.exists()
    assert teach.state.result is None
    teach.start()
    teach.stop()
    desk.settle()
    assert teach.state.running is None
    assert len(desk.teacher.given) == 1
    for error, told in ((ModelError("No memory."), "No memory."), (Cancelled(), "learning")):
        desk.teacher.error = error
        teach.start()
        desk.settle()
        assert told in desk.state.status
    assert teach.state.result is None
    assert desk.state.model == "cells"


def test_a_search_that_is_cancelled_leaves_the_lesson_alone(desk: Any) -> None:
    desk.teach.start()
    desk.session.cancel()
    desk.settle()
    assert desk.teach.state.result is not None


def test_only_what_a_person_decided_is_learnt_from(desk: Any) -> None:
    layer = desk.state.target
    features = layer.features.copy()
    features.loc[features["index"] == 2, "reviewed"] = "open"
    layer.features = features
    desk.teach.refresh()
    assert kept_in(layer) == {1, 3}
    assert desk.teach.state.cells == 2
    desk.teach.choose(layer)
    desk.teach.set_exhaustive(True)
    desk.teach.start()
    desk.settle()
    ((lent, ((_, marked, _, _, _),)),) = desk.teacher.given
    assert lent.exhaustive
    assert set(np.unique(marked)) == {0, 1, 2, 3}


def test_cells_of_images_that_are_gone_are_remembered(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, first = desk.viewer, desk.viewer.layers["nuclei"]
    labels = desk.state.target
    other = viewer.add_image(blobs((50, 60), [(20, 30)], 6), name="other")
    viewer.layers.remove(labels)
    viewer.layers.remove(first)
    assert desk.state.image is other
    assert (desk.teach.state.cells, desk.teach.state.images) == (3, 1)
    chosen = desk.teach._cells.chosen(None)
    again = viewer.add_image(np.array(first.data), name="again")
    viewer.add_labels(
        np.where(labels.data == 1, 1, 0), name="again cells", features=labels.features
    )
    viewer.layers.remove(again)
    chosen = desk.teach._cells.chosen(None)
    assert len(chosen) == 2
    (read,) = read_cells(chosen, lambda fraction: None)  # the same pixels: the last ones count
    assert set(np.unique(read.labels)) == {0, 1}
    monkeypatch.setattr(teach_cells, "REMEMBERED", 10)
    viewer.layers.remove(viewer.layers["again cells"])
    viewer.add_labels(labels.data.copy(), features=labels.features, name="more")
    viewer.add_image(np.array(first.data), name="once more")
    viewer.layers.remove(viewer.layers["more"])
    assert desk.teach._cells.chosen(None) == []


def test_cells_in_two_layers_of_an_image_are_learnt_from_together(desk: Any) -> None:
    first = desk.state.target
    more = np.zeros_like(first.data)
    more[50:60, 60:72] = 1
    more[first.data == 2] = 2  # once more the same one
    features = first.features[first.features["index"].isin([0, 1, 2])].reset_index(drop=True)
    desk.viewer.add_labels(more, name="more", features=features)
    desk.teach.refresh()
    assert (desk.teach.state.cells, desk.teach.state.images) == (5, 1)
    (read,) = read_cells(desk.teach._cells.chosen(None), lambda fraction: None)
    sizes = np.unique(read.labels[read.labels > 0], return_counts=True)[1]
    assert sorted(sizes) == sorted([120, *np.bincount(first.data.ravel())[1:]])


def test_cells_of_a_stack_are_read_slice_by_slice(make_bench: Any) -> None:
    bench = make_bench()
    stack = np.stack([blobs((64, 80), PLACES, 6)] * 4) * np.arange(1, 5)[:, None, None]
    bench.viewer.add_image(stack, name="stack")
    labels = np.zeros(stack.shape, np.int32)
    labels[1, 10:20, 10:20], labels[3, 30:40, 30:40] = 5, 6
    layer = bench.viewer.add_labels(labels, name="marks")
    bench.session.set_tool("teach")
    chosen = bench.session.tools["teach"]._cells.chosen(layer)
    read = read_cells(chosen, lambda fraction: None)
    assert [sorted(np.unique(one.labels)) for one in read] == [[0, 5], [0, 6]]
    assert read[0].image == read[1].image
    np.testing.assert_array_equal(read[1].pixels, stack[3])


def test_a_model_that_cannot_be_taught_says_so(desk: Any) -> None:
    desk.session.models.choose("large")
    assert "cannot be taught" in desk.teach.state.why_not
    desk.teach.start()
    assert "cannot be taught" in desk.state.status
    assert not desk.teacher.given


def test_the_page_shows_before_and_after(desk: Any, qtbot: Any) -> None:
    page = TeachPage(desk.session, desk.teach)
    qtbot.addWidget(page)
    assert page.count.text() == "3 cells of 1 image"
    assert page.result.isHidden()
    desk.teacher.verdict = TOO_FEW
    page.teach.click()
    assert not page.running.isHidden()
    assert not page.teach.isEnabled()
    desk.settle()
    assert page.running.isHidden()
    assert not page.result.isHidden()
    assert "too few" in page.verdict.text()
    assert [label.text() for label in page.comparison.cells[1]] == [
        "found by itself, of 4",
        "2",
        "4",
    ]
    assert isinstance(page.comparison, BeforeAfter)
    assert page.comparison.pictures.pixmap().width() > 200
    assert (page.use.text(), page.refuse.text()) == ("Use it anyway", "Keep 'cells'")
    page.name.setText("my_cells_4")
    page.use.click()
    desk.settle()
    assert desk.state.model == "my_cells_4"
    assert page.back.text() == "Back to 'cells'"
    assert "with 3 cells" in page.about.text()


def test_what_is_found_where_no_cell_is_is_told(desk: Any, qtbot: Any) -> None:
    page = TeachPage(desk.session, desk.teach)
    qtbot.addWidget(page)
    for wrong, told in ((1.0, False), (5.0, True)):
        desk.teach.state.result = TaughtApart(Path("x"), lesson(wrong=wrong), [sample()] * 4)
        assert ("more where no cell is" in page.verdict.text()) is told
        row = [label.text() for label in page.comparison.cells[2]]
        assert row == ["found where no cell is", "1", f"{wrong:.0f}"]


def test_what_came_of_a_lesson_can_be_chosen_until_there_is_something_new(desk: Any) -> None:
    teach = desk.teach
    teach.start()
    desk.settle()
    first = teach.state.result
    teach.start()
    teach.stop()
    desk.settle()
    desk.teacher.error = ModelError("No memory.")
    teach.start()
    desk.settle()
    assert teach.state.result is first
    assert first.path.exists()
    desk.teacher.error = None
    teach.start()
    desk.settle()
    assert teach.state.result.path.exists()
    assert not first.path.exists()


def test_labels_that_teach_nothing_say_why(desk: Any) -> None:
    teach, viewer = desk.teach, desk.viewer
    empty = viewer.add_labels(np.zeros((64, 80), np.int32), name="nothing yet")
    teach.choose(empty)
    assert "Press the button" in desk.state.status
    teach.start()
    desk.settle()
    assert "no cells in 'nothing yet'" in desk.state.status
    teach.choose(viewer.add_labels(np.ones((9, 9), np.int32), name="elsewhere"))
    assert "'elsewhere'" in teach.state.why_not
    assert "'elsewhere'" in desk.state.status
    assert len(desk.teacher.given) == 0


def test_back_to_a_checkpoint_that_was_opened(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = str(Path("somewhere") / "of a colleague.safetensors")
    monkeypatch.setattr(desk.catalogue, "lessons", lambda name: (lesson(base="of a colleague"),))
    desk.session.models.choose(opened)
    desk.session.models.choose("my_cells")
    assert desk.teach.before == opened
    desk.teach.back()
    assert desk.state.model == opened


def test_a_copy_never_replaces_a_file_that_nobody_was_asked_about(
    desk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(b"weights")
    monkeypatch.setattr(desk.catalogue, "file", lambda name: weights, raising=False)
    copied = tmp_path / "copied.safetensors"
    desk.teach.save_copy(tmp_path / "copied")
    desk.settle()
    assert copied.read_bytes() == b"weights"
    copied.write_bytes(b"precious")
    desk.teach.save_copy(tmp_path / "copied")
    desk.settle()
    assert copied.read_bytes() == b"precious"
    assert "there already" in desk.state.status
    desk.teach.save_copy(copied)  # the dialog asks about a file of the very name
    desk.settle()
    assert copied.read_bytes() == b"weights"


def test_a_model_whose_file_is_gone_is_not_taught(desk: Any, tmp_path: Path, qtbot: Any) -> None:
    page = TeachPage(desk.session, desk.teach)
    qtbot.addWidget(page)
    file = tmp_path / "mine.safetensors"
    file.write_bytes(b"weights")
    desk.catalogue.here.add(str(file))
    desk.session.models.choose(str(file))
    desk.settle()
    assert page.teach.isEnabled()
    file.unlink()
    desk.teach.start()
    desk.settle()
    assert "mine.safetensors is not there any more" in desk.state.status
    assert not page.teach.isEnabled()
    assert not desk.teacher.given
    copy = tmp_path / "copy.safetensors"
    desk.teach.save_copy(copy)
    desk.settle()
    assert "nothing to be copied" in desk.state.status
    assert not copy.exists()


def test_what_was_taught_before_waits_for_the_decision_about_a_lesson(
    desk: Any, qtbot: Any
) -> None:
    page = TeachPage(desk.session, desk.teach)
    qtbot.addWidget(page)
    desk.session.models.choose("my_cells")
    desk.catalogue.here.add("my_cells")
    desk.teach.state.lessons = (lesson(), lesson())
    assert not page.history.isHidden()
    desk.teach.state.result = TaughtApart(Path("x"), lesson(), [sample()] * 4)
    assert page.history.isHidden()
    desk.teach.refuse()
    assert not page.history.isHidden()
