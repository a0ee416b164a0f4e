"""A folder walked through: nothing of an image is lost when another one is shown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from describing_model import DescribingModel, two_kinds
from fake_model import FakeModel, blobs
from napari_sam import loading
from napari_sam.cli import main
from napari_sam.files import read_labels, write_labels
from napari_sam.files.signature import SOFTWARE
from napari_sam.labels import runs
from napari_sam.ui.folder import remembered
from napari_sam.ui.folder.choices import Choices
from napari_sam.ui.folder.folder_state import FolderState
from napari_sam.ui.folder.image_layers import ImageLayers
from napari_sam.ui.folder.walk import FolderWalk
from napari_sam.ui.labels_layer import slowly

CENTRES = ((20, 20), (40, 60))
DISC = int(blobs(centres=((20, 20),)).astype(bool).sum())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images."""
    path = tmp_path / "images"
    path.mkdir()
    for name, count in (("a", 2), ("b", 1), ("c", 2)):
        tifffile.imwrite(path / f"{name}.tif", blobs(centres=CENTRES[:count]))
    return path


@pytest.fixture
def opened(bench: Any, folder: Path) -> Any:
    bench.session.walk.open(folder)
    bench.settle()
    return bench


def find(bench: Any) -> None:
    bench.session.set_tool("find")
    bench.find.start()
    bench.settle()


def states(bench: Any) -> tuple[int, int, int]:
    return bench.session.walk.state.counts


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_is_opened_at_its_first_image(opened, folder):
    walk = opened.session.walk
    state = walk.state
    assert isinstance(walk, FolderWalk)
    assert isinstance(state, FolderState)
    assert isinstance(walk._keep.shown, ImageLayers)
    assert isinstance(walk._choices, Choices)
    assert opened.names() == ["a", "a_labels"]
    assert (state.count, state.place, state.state) == (3, 0, "to do")
    assert states(opened) == (3, 0, 0)
    assert files(folder) == ["a.tif", "b.tif", "c.tif"]
    assert opened.state.target is opened.viewer.layers["a_labels"]


def test_what_is_kept_is_written_beside_the_image_and_found_again(opened, folder):
    opened.keep(*CENTRES[0])
    opened.step()
    assert opened.names() == ["b", "b_labels"]
    assert files(folder)[:4] == ["a.tif", "a_labels.tif", "a_objects.csv", "a_overlay.png"]
    assert len(pd.read_csv(folder / "a_objects.csv")) == 1
    assert states(opened) == (2, 0, 1)  # a cell that was clicked is certain
    opened.step(-1)
    labels = opened.viewer.layers["a_labels"]
    assert labels.data[20, 20] == 1
    assert labels.features["index"].tolist() == [1]
    assert opened.session.walk.state.state == "reviewed"
    before = (folder / "a_labels.tif").stat().st_mtime_ns
    opened.step()
    assert (folder / "a_labels.tif").stat().st_mtime_ns == before  # nothing had changed
    assert "b_labels.tif" not in files(folder)


def test_an_image_that_is_called_like_a_result_is_not_overwritten(bench, folder):
    own = folder / "a_overlay.png"
    Image.fromarray(blobs(centres=CENTRES[:1])).save(own)
    before = own.read_bytes()
    bench.session.walk.open(folder)
    bench.settle()
    bench.keep(*CENTRES[0])
    bench.step()
    assert bench.names() == ["a", "a_labels"]  # nothing is lost, and nothing goes on
    assert bench.state.problem
    assert "a_overlay.png is itself one of the images" in bench.state.status
    bench.session.close()
    assert own.read_bytes() == before
    assert files(folder) == ["a.tif", "a_overlay.png", "b.tif", "c.tif"]


def paint(bench: Any, name: str) -> None:
    labels = bench.viewer.layers[name]
    labels.selected_label = 9
    labels.paint((5, 70), 9)


def test_what_is_painted_while_the_next_image_is_read_is_written_too(opened, folder):
    opened.session.walk.go_to(2)  # which was not read ahead
    paint(opened, "a_labels")
    opened.settle()
    assert opened.names() == ["c", "c_labels"]
    assert opened.session.walk.state.place == 2
    assert read_labels(folder / "a_labels.tif").finest[5, 70] == 9
    assert states(opened)[0] == 2


def test_what_is_painted_while_labels_are_compared_is_written_too(opened, folder):
    opened.keep(*CENTRES[0])
    opened.step()
    opened.step(-1)
    opened.session.walk.step(1)  # nothing has changed so far
    paint(opened, "a_labels")
    opened.settle()
    assert opened.names() == ["b", "b_labels"]
    labels = read_labels(folder / "a_labels.tif").finest
    assert (labels[20, 20], labels[5, 70]) == (1, 9)


def test_what_is_painted_while_another_folder_is_listed_is_written_too(opened, folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    tifffile.imwrite(other / "z.tif", blobs())
    opened.session.walk.open(other)
    paint(opened, "a_labels")
    opened.settle()
    assert opened.names() == ["z", "z_labels"]
    assert read_labels(folder / "a_labels.tif").finest[5, 70] == 9


@pytest.mark.parametrize("told", [True, False])
def test_what_a_script_changes_is_in_the_table_that_is_written(opened, folder, told):
    find(opened)
    layer = opened.viewer.layers["a_labels"]
    number = int(layer.data[CENTRES[0]])
    if told:
        changed = np.where(layer.data == number, 0, layer.data)
        changed[:3, :4] = 40
        layer.data = changed
    else:
        layer.data[layer.data == number] = 0
        layer.data[:3, :4] = 40
        layer.refresh()
    opened.settle()
    opened.step()
    labels = np.asarray(read_labels(folder / "a_labels.tif").finest)
    rows = pd.read_csv(folder / "a_objects.csv").set_index("label")
    assert set(np.unique(labels)) - {0} == set(rows.index[rows["reviewed"] != "rejected"])
    assert rows.loc[number, "reviewed"] == "rejected"
    assert rows.loc[40, "area"] == 12


def test_found_and_reviewed_are_told_apart(opened, folder):
    find(opened)
    opened.step()
    assert states(opened) == (2, 1, 0)
    assert len(pd.read_csv(folder / "a_objects.csv")) == 2
    opened.step(-1)
    opened.session.set_tool("review")
    for _ in range(2):
        opened.review.next()
        opened.review.accept()
    opened.step()
    assert states(opened) == (2, 0, 1)
    assert set(pd.read_csv(folder / "a_objects.csv")["reviewed"]) == {"accepted"}


def test_what_the_command_line_wrote_is_walked_through(bench, folder, monkeypatch):
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: FakeModel("cells"))
    assert main(["segment", str(folder), "-o", str(folder)]) == 0
    bench.session.walk.open(folder)
    bench.settle()
    assert states(bench) == (0, 3, 0)
    labels = bench.viewer.layers["a_labels"]
    assert len(labels.features) == 2
    assert labels.data.max() == 2
    before = {name: (folder / name).stat().st_mtime_ns for name in files(folder)}
    bench.session.set_tool("review")
    bench.step()
    bench.step()
    assert {name: (folder / name).stat().st_mtime_ns for name in before} == before


def test_closed_in_the_middle_and_opened_again(make_bench, folder):
    first = make_bench()
    first.session.walk.open(folder)
    first.settle()
    first.find.adjust_options(diameter=17)
    first.keep(*CENTRES[0])
    first.step()
    first.keep(*CENTRES[0])
    first.session.close()  # without walking on
    second = make_bench()
    second.session.walk.open(folder)
    second.settle()
    assert second.names() == ["b", "b_labels"]
    assert second.viewer.layers["b_labels"].data[20, 20] == 1
    assert states(second) == (1, 0, 2)
    assert second.state.find.options.diameter == 17
    assert second.state.unsaved == ""  # it is all beside the images


def test_labels_of_somebody_else_stop_the_walk_and_nothing_is_lost(opened, folder):
    opened.keep(*CENTRES[0])
    theirs = np.full((64, 80), 7, np.uint16)
    write_labels(folder / "a_labels.tif", theirs)
    opened.step()
    assert opened.state.problem
    assert "another program" in opened.state.status
    assert opened.names() == ["a", "a_labels"]
    assert opened.viewer.layers["a_labels"].data[20, 20] == 1
    np.testing.assert_array_equal(read_labels(folder / "a_labels.tif").finest, theirs)
    os.rename(folder / "a_labels.tif", folder.parent / "theirs.tif")
    opened.step()
    assert opened.names() == ["b", "b_labels"]
    assert read_labels(folder / "a_labels.tif").finest[20, 20] == 1


def test_a_disk_that_takes_nothing_stops_the_walk(opened, folder, monkeypatch):
    opened.keep(*CENTRES[0])

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(tifffile, "imwrite", full)
        opened.step()
    assert opened.state.problem
    assert "No space left" in opened.state.status
    assert opened.names() == ["a", "a_labels"]
    assert files(folder) == ["a.tif", "b.tif", "c.tif"]
    opened.step()
    assert opened.names() == ["b", "b_labels"]
    assert "a_labels.tif" in files(folder)


def test_labels_in_a_layer_of_their_own_are_the_images_too(opened, folder):
    opened.find.put_into(None)
    find(opened)
    assert "a cells found" in opened.names()
    opened.step()
    assert opened.names() == ["b", "b_labels"]
    assert read_labels(folder / "a_labels.tif").finest.max() == 2


def test_two_layers_of_labels_stop_the_walk(opened, folder):
    opened.keep(*CENTRES[0])
    opened.viewer.add_labels(np.full((64, 80), 3), name="mine")
    opened.step()
    assert opened.state.problem
    assert "'mine'" in opened.state.status
    assert "a_labels.tif" not in files(folder)
    opened.viewer.layers.remove("mine")
    opened.step()
    assert "a_labels.tif" in files(folder)


def test_layers_of_the_person_stay(bench, folder):
    bench.viewer.add_labels(np.full((64, 80), 3), name="mine")
    bench.session.walk.open(folder)
    bench.settle()
    bench.step()
    assert bench.names() == ["mine", "b", "b_labels"]
    assert "a_labels.tif" not in files(folder)


def test_an_image_that_cannot_be_read_is_passed_over(bench, folder):
    (folder / "b.tif").write_bytes(b"II*")
    bench.session.walk.open(folder)
    bench.settle()
    bench.step()
    assert bench.state.problem
    assert "b.tif" in bench.state.status
    bench.step()
    assert bench.names() == ["c", "c_labels"]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.ones((5, 6), np.uint8), "shape (5, 6)"),
        (np.full((64, 80), 2**31 + 5, np.uint32), "ids from 0 to 2147483653"),
        (np.full((64, 80), -3, np.int16), "ids from -3"),
    ],
)
def test_labels_that_do_not_fit_are_left_as_they_are(labels, words, bench, folder):
    tifffile.imwrite(folder / "a_labels.tif", labels, software=SOFTWARE)
    before = (folder / "a_labels.tif").read_bytes()
    bench.session.walk.open(folder)
    bench.settle()
    assert words in bench.state.status
    bench.step()
    assert (folder / "a_labels.tif").read_bytes() == before
    assert bench.names() == ["b", "b_labels"]


def test_the_next_image_is_read_ahead(opened, folder):
    (folder / "b.tif").unlink()  # it has been read
    opened.step()
    assert opened.names() == ["b", "b_labels"]


def test_labels_that_came_since_the_image_was_read_ahead_are_shown(opened, folder):
    write_labels(folder / "b_labels.tif", np.full((64, 80), 7))
    opened.step()
    assert opened.names() == ["b", "b_labels"]
    assert opened.viewer.layers["b_labels"].data.min() == 7
    assert opened.session.walk.state.state == "found"


def test_a_search_under_way_is_not_walked_away_from(opened):
    opened.session.set_tool("find")
    opened.find.start()
    opened.session.walk.step(1)
    assert "under way" in opened.state.status
    opened.settle()
    assert opened.names() == ["a", "a_labels"]
    assert opened.viewer.layers["a_labels"].data.max() == 2


def half_deleted(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cells of which one is deleted, and the other about to be."""
    monkeypatch.setattr(runs, "_AT_ONCE", 100)
    monkeypatch.setattr(runs, "_TILE", 16)
    monkeypatch.setattr(slowly, "_AT_ONCE", 1)
    monkeypatch.setattr(slowly, "_TURN", 0.0)
    find(bench)
    bench.step()
    bench.step(-1)
    bench.session.set_tool("review")
    bench.settle()
    assert bench.review.edit(lambda editing: editing.accept([1]))
    bench.review.many.delete([1, 2])
    labels = bench.viewer.layers["a_labels"].data
    there = labels.copy()
    while np.array_equal(labels, there):
        assert bench.loop.turn()
    assert labels.any()


def test_half_of_a_deletion_is_not_walked_away_from(opened, folder, monkeypatch):
    half_deleted(opened, monkeypatch)
    opened.session.walk.step(1)
    assert "still being written" in opened.state.status
    opened.settle()
    assert opened.names()[:2] == ["a", "a_labels"]
    assert len(np.unique(read_labels(folder / "a_labels.tif").finest)) == 3
    opened.step()
    assert not read_labels(folder / "a_labels.tif").finest.any()


def test_half_of_a_deletion_is_not_written_when_the_window_closes(opened, folder, monkeypatch):
    half_deleted(opened, monkeypatch)
    opened.session.close()
    assert len(np.unique(read_labels(folder / "a_labels.tif").finest)) == 3
    assert "accepted" in pd.read_csv(folder / "a_objects.csv")["reviewed"].tolist()


def test_the_folder_is_closed_and_the_image_stays(opened, folder):
    opened.keep(*CENTRES[0])
    opened.session.walk.leave()
    opened.settle()
    assert opened.session.walk.state.folder == ""
    assert opened.names() == ["a", "a_labels"]
    assert "a_labels.tif" in files(folder)
    opened.step()
    assert opened.names() == ["a", "a_labels"]


def test_what_is_remembered_may_be_damaged():
    what = remembered.Remembered("a", [0, 2], "cells", "cells", {"cells": {"diameter": 3.0}})
    remembered.remember("here", what)
    assert remembered.recall("here") == what
    remembered._place("here").write_text("{")
    assert remembered.recall("here") == remembered.Remembered()


def test_a_channel_that_was_remembered_by_an_earlier_version_is_seen():
    remembered.remember("here", remembered.Remembered("a"))
    place = remembered._place("here")
    place.write_text(place.read_text().replace('"seen": null', '"channel": 1'))
    assert remembered.recall("here").seen == [1]


def test_a_folder_goes_on_after_a_search_by_examples(bench: Any, tmp_path: Path) -> None:
    image, _ = two_kinds()
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a", "b"):
        tifffile.imwrite(folder / f"{name}.tif", image.astype(np.float32))
    bench.model = DescribingModel()
    bench.session.walk.open(folder)
    bench.settle()
    bench.keep(25, 60)
    bench.keep(25, 130)
    bench.session.set_tool("find")
    bench.find.adjust(method="similar")
    bench.find.adjust_options("similar", likeness=0.25)
    bench.find.start()
    bench.settle()
    assert bench.state.find.options.examples is not None
    bench.session.walk.step(1)
    bench.settle()
    assert bench.session.walk.state.name == "b.tif"
    assert "a_labels.tif" in files(folder)
    bench.session.walk.leave()
    bench.settle()
    bench.find.adjust(method="cells")
    bench.session.walk.open(folder)
    bench.settle()
    assert bench.state.find.method == "similar"
    assert bench.state.find.options.likeness == 0.25  # examples belong to one image
