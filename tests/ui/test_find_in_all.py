"""Find in all of them: the images of a folder are searched while the person goes on working."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile

from fake_model import FakeModel, blobs
from napari_sam import loading
from napari_sam.cli import main
from napari_sam.errors import ModelError
from napari_sam.files import read_labels
from napari_sam.ui.folder.find_in_all import FindInAll
from napari_sam.ui.folder.keeping import FolderKeeping

CENTRES = ((20, 20), (40, 60))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four images, one of them damaged."""
    path = tmp_path / "images"
    path.mkdir()
    for name, count in (("a", 2), ("b", 1), ("c", 2)):
        tifffile.imwrite(path / f"{name}.tif", blobs(centres=CENTRES[:count]))
    (path / "d.tif").write_bytes(b"II*")
    return path


@pytest.fixture
def opened(bench: Any, folder: Path) -> Any:
    bench.session.walk.open(folder)
    bench.settle()
    return bench


def names_of(bench: Any) -> list[str]:
    return [job.source.name for job in bench.session.walk._series.jobs]


def said(folder: Path) -> dict[str, Any]:
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return {one["name"]: one["outcome"] for one in record["images"]}


def scores(folder: Path, name: str) -> float:
    return float(pd.read_csv(folder / f"{name}_objects.csv")["score"].mean())


def test_all_are_searched_and_the_least_certain_one_is_shown(opened, folder):
    walk = opened.session.walk
    assert isinstance(walk.all, FindInAll)
    assert isinstance(walk._keep, FolderKeeping)
    walk.find_in_all()
    assert walk.state.finding == "0 of 4 images"
    opened.settle()
    assert walk.state.finding == ""
    assert walk.state.counts == (1, 3, 0)
    assert said(folder) == {"a": "done", "b": "done", "c": "done", "d": "failed"}
    order = sorted("abc", key=lambda name: (scores(folder, name), name))
    assert names_of(opened) == [*order, "d"]
    assert opened.names() == [order[0], f"{order[0]}_labels"]
    assert opened.viewer.layers[1].data.any()
    assert "d.tif" in opened.state.status
    assert opened.state.problem
    table = pd.read_csv(folder / "objects.csv")
    assert table["image"].tolist() == ["a", "a", "b", "c", "c"]


def test_what_was_kept_is_left_as_it_is(opened, folder):
    opened.keep(*CENTRES[0])
    opened.session.walk.find_in_all()
    opened.settle()
    assert np.unique(read_labels(folder / "a_labels.tif").finest).tolist() == [0, 1]
    assert said(folder)["a"] == "skipped"
    assert opened.session.walk.state.counts == (1, 2, 1)


def test_clicks_meanwhile_are_the_persons_and_keep_their_image(opened, folder):
    walk = opened.session.walk
    walk.find_in_all()
    opened.viewer.layers["a_labels"].selected_label = 9
    opened.viewer.layers["a_labels"].paint((5, 70), 9)
    opened.settle()
    assert walk.state.finding == ""
    assert said(folder) == {"b": "done", "c": "done", "d": "failed", "a": "to do"}
    assert opened.names() == ["a", "a_labels"]  # nobody is taken away from what they work on
    walk.step(-1)
    opened.settle()
    found = read_labels(folder / "a_labels.tif").finest
    assert (found[5, 70], found[CENTRES[0]]) == (9, 0)


def test_stopped_it_keeps_what_is_done_and_goes_on_with_the_rest(opened, folder):
    walk = opened.session.walk
    walk.find_in_all()
    walk.all.jobs.run_next()  # b; a is shown, and comes last
    while opened.loop.turn():
        pass
    assert walk.state.finding == "1 of 4 images"
    walk.all.stop()
    opened.settle()
    assert "Stopped. Searched 1 image." in opened.state.status
    assert walk.state.counts == (3, 1, 0)
    assert said(folder) == {"a": "to do", "b": "done", "c": "to do", "d": "to do"}
    before = (folder / "b_labels.tif").stat().st_mtime_ns
    walk.sort(True)
    assert names_of(opened) == ["b", "a", "c", "d"]
    walk.find_in_all()
    opened.settle()
    assert walk.state.counts == (1, 3, 0)
    assert (folder / "b_labels.tif").stat().st_mtime_ns == before


def test_what_is_started_while_the_former_run_is_written_down_has_a_record_of_its_own(
    opened, folder
):
    walk = opened.session.walk
    walk.find_in_all()
    walk.all._run.diary.record.started = "2026-01-02T03:04:05+00:00"
    walk.all.jobs.run_next()
    while opened.loop.turn():
        pass
    walk.all.stop()
    walk.find_in_all()
    opened.settle()
    assert sorted(path.name for path in folder.glob("run*.json")) == [
        "run.json",
        "run_20260102030405.json",
    ]
    assert said(folder) == {"b": "skipped", "c": "done", "d": "failed", "a": "done"}
    former = json.loads((folder / "run_20260102030405.json").read_text(encoding="utf-8"))
    assert [one["outcome"] for one in former["images"]].count("done") == 1


def test_a_folder_is_closed_when_the_table_of_all_is_written_and_with_the_last_stroke(
    opened, folder
):
    walk = opened.session.walk
    walk.find_in_all()
    opened.settle()
    opened.session.set_tool("review")
    opened.review.next()
    opened.review.accept()
    name, layer = names_of(opened)[0], opened.viewer.layers[1]
    walk.leave()
    walk.run_next()  # labels and table of the image
    while opened.loop.turn():
        pass
    assert "accepted" not in (folder / "objects.csv").read_text(encoding="utf-8")
    assert walk.state.busy  # it is written in the thread: of thousands of images it takes long
    layer.paint((5, 70), 9)
    opened.settle()
    assert walk.state.count == 0
    accepted = (folder / "objects.csv").read_text(encoding="utf-8").count("accepted")
    assert accepted == 2  # that one, and what was painted
    assert read_labels(folder / f"{name}_labels.tif").finest[5, 70] == 9


def test_the_image_that_is_searched_is_not_shown_half_done(opened, folder):
    walk = opened.session.walk
    walk.find_in_all()
    assert walk.all.current.name == "b"
    walk.step(1)
    assert "b.tif is being searched" in opened.state.status
    assert opened.names() == ["a", "a_labels"]
    assert not walk.state.busy
    opened.settle()
    assert walk.state.counts[1] >= 2


def test_it_is_done_as_the_command_line_does_it(opened, folder, tmp_path, monkeypatch):
    opened.find.adjust_options(min_area=7)
    opened.session.walk.find_in_all()
    opened.settle()
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: FakeModel("cells"))
    words = ["segment", "--repeat", str(folder / "run.json"), "-o", str(tmp_path / "again")]
    assert main(words) == 1  # one image is damaged
    for name in ("a_labels.tif", "b_labels.tif", "c_labels.tif"):
        ours, theirs = (read_labels(at / name).finest for at in (folder, tmp_path / "again"))
        np.testing.assert_array_equal(ours, theirs)
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert record["options"]["min_area"] == 7
    assert record["model"]["fingerprint"] == opened.model.fingerprint


def test_the_order_is_known_again_and_corrections_reach_the_table(make_bench, folder):
    first = make_bench()
    first.session.walk.open(folder)
    first.settle()
    first.session.walk.find_in_all()
    first.settle()
    order = names_of(first)
    first.session.set_tool("review")
    first.review.next()
    first.review.accept()  # which makes the rest of the image more certain
    first.session.close()
    assert pd.read_csv(folder / "objects.csv")["reviewed"].tolist().count("accepted") == 1
    second = make_bench()
    second.session.walk.open(folder)
    second.settle()
    assert second.session.walk.state.least_certain_first
    assert names_of(second) == order
    second.session.walk.sort(False)
    assert names_of(second) == list("abcd")


def test_a_model_that_cannot_be_loaded_ends_it(opened, folder):
    def fail(name: str, *, device: str) -> Any:
        raise ModelError("The model is damaged.")

    opened.session.walk.all._load = fail
    opened.session.walk.find_in_all()
    opened.settle()
    assert opened.state.status == "The model is damaged."
    assert opened.session.walk.state.finding == ""
    assert not list(folder.glob("*_labels.tif"))


def test_examples_of_one_image_are_not_looked_for_in_all(opened, folder):
    opened.find.adjust(method="similar")
    opened.session.walk.find_in_all()
    opened.settle()
    assert "Examples lie in one image" in opened.state.status
    assert not (folder / "run.json").exists()
