"""What was done in the panel is saved, and done again on another image."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import tifffile

import napari_sam as ns
from fake_model import FakeModel, blobs
from napari_sam.labels.session import read_session
from napari_sam.ui.tools.again import Again
from napari_sam.ui.widgets.again_row import AgainRow


@pytest.fixture
def kept(bench):
    """A clicked cell, a scribbled one that was changed by hand, and one that was deleted."""
    image = blobs((64, 80), ((12, 12), (12, 50), (45, 30)))
    bench.viewer.add_image(image, name="dish")
    bench.settle()
    bench.click(12, 12)
    bench.settle()
    bench.press("2")
    bench.press("Enter")
    bench.settle()
    bench.press("S")
    bench.drag((12.0, 47.0), (12.0, 53.0))
    bench.settle()
    bench.press("B")
    bench.drag((12.0, 54.0), (12.0, 60.0))
    bench.settle()
    bench.press("Enter")
    bench.settle()
    bench.press("B")
    bench.click(45, 30)
    bench.settle()
    bench.press("Enter")
    bench.settle()
    bench.click(45, 30)
    bench.press("Delete")
    bench.settle()
    return bench


def test_what_was_kept_is_saved_and_done_again_everywhere(kept, tmp_path):
    assert isinstance(kept.cells.again, Again)
    path, copied = tmp_path / "dish.session.json", []
    kept.cells.again.save(path, copied.append)
    assert "Saved 2 steps" in kept.state.status
    assert copied[0].startswith("napari-sam replay ")
    session = read_session(path)
    assert [len(step.prompts[0].strokes) for step in session.steps] == [0, 1]
    assert [step.choices for step in session.steps] == [(1,), (0,)]
    assert [step.by_hand for step in session.steps] == [False, True]
    labels = kept.viewer.layers["dish cells"].data
    made = ns.replay(path, kept.viewer.layers["dish"].data, FakeModel())
    assert ((made.labels == 1) == (labels == 1)).all()
    assert made.labels[12, 50] == 2
    assert made.labels[45, 30] == 0  # it was deleted
    kept.cells.again.replay(path)
    kept.settle()
    again = kept.viewer.layers["dish again"]
    assert (again.data == made.labels).all()
    assert again.features["index"].tolist() == [1, 2]
    kept.viewer.add_image(np.roll(kept.viewer.layers["dish"].data, 1, axis=0), name="other")
    kept.session.layers.choose("image", kept.viewer.layers["other"])
    kept.settle()
    kept.cells.again.replay(path)
    kept.settle()
    assert kept.viewer.layers["other again"].data[13, 12] == 1


def test_a_search_and_a_session_done_again_do_not_end_each_other(kept, tmp_path):
    path = tmp_path / "dish.session.json"
    kept.cells.again.save(path, lambda text: None)
    kept.session.set_tool("find")
    kept.find.start()
    kept.cells.again.replay(path)
    kept.settle()
    assert {"dish again", "dish cells found"} <= set(kept.names())
    assert kept.state.progress is None


def test_what_a_session_done_again_made_is_told_on_the_page_where_it_was_begun(kept, tmp_path):
    path = tmp_path / "dish.session.json"
    kept.cells.again.save(path, lambda text: None)
    kept.cells.again.replay(path)
    kept.session.set_tool("find")
    kept.settle()
    assert "dish again" in kept.names()
    assert "again" not in kept.state.status
    kept.session.set_tool("click")
    assert "now in the new layer 'dish again'" in kept.state.status


def test_a_search_is_saved_as_the_sliders_left_it(bench, tmp_path):
    bench.viewer.add_image(blobs(), name="dish")
    bench.settle()
    bench.session.set_tool("find")
    bench.find.start()
    bench.settle()
    bench.find.adjust_options(min_area=20)
    bench.settle()
    bench.viewer.layers.selection.active = bench.viewer.layers["dish cells found"]
    path = tmp_path / "dish.session.json"
    bench.cells.again.save(path, lambda text: None)
    (step,) = read_session(path).steps
    assert (step.method, dict(step.options)) == ("cells", {"min_area": 20})
    found = ns.replay(path, bench.viewer.layers["dish"].data, FakeModel())
    assert (found.labels == bench.viewer.layers["dish cells found"].data).all()


def test_sessions_of_images_that_differ_after_a_dot_lie_side_by_side(kept, tmp_path):
    again, places = kept.cells.again, []
    for name in ("dish.1.ome.tif", "dish.2.ome.tif"):
        path = tmp_path / name
        tifffile.imwrite(path, blobs())
        (layer,) = kept.viewer.open(path, plugin="napari")
        kept.session.layers.choose("image", layer)
        places.append(again.place().name)
    assert places == ["dish.1.session.json", "dish.2.session.json"]


def test_nothing_to_save_and_no_session_are_told(bench, tmp_path, qtbot, monkeypatch):
    row = AgainRow(bench.cells.again)
    qtbot.addWidget(row)
    bench.viewer.add_image(blobs(), name="dish")
    bench.settle()
    row.save.click()
    assert "nothing to save" in bench.state.status
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps({"format": "something"}))
    monkeypatch.setattr(
        "napari_sam.ui.widgets.again_row.QFileDialog.getOpenFileName",
        lambda *asked: (str(wrong), ""),
    )
    row.replay.click()
    assert "no session" in bench.state.status
    assert bench.state.problem


def test_a_warning_is_told_with_what_was_made(kept, tmp_path):
    path = tmp_path / "dish.session.json"
    session = kept.cells.again.session()
    kept.cells.again.save(path, lambda text: None)
    told = json.loads(path.read_text())
    told["steps"].append(told["steps"][0])
    path.write_text(json.dumps(told))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kept.cells.again.replay(path)
        kept.settle()
    assert "2 cells" in kept.state.status
    assert "place was taken" in kept.state.status
    assert len(session) == 2
