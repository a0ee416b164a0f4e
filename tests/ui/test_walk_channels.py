"""Images of several channels in a folder that is walked through."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from fake_model import blobs
from napari_sam.batch import beside
from napari_sam.files import read_labels
from napari_sam.files.composed import Composed
from napari_sam.ui.folder.channels import called, choices_of

CENTRES = ((20, 20), (40, 60))


def test_a_channel_is_chosen_for_all(bench, tmp_path):
    folder = tmp_path / "two"
    folder.mkdir()
    for name in "ab":
        pixels = np.stack([blobs(centres=()), blobs()])
        tifffile.imwrite(folder / f"{name}.tif", pixels, imagej=True, metadata={"axes": "CYX"})
    bench.session.walk.open(folder)
    bench.settle()
    assert (bench.session.walk.state.seen, bench.session.walk.state.channels) == ((0,), 2)
    assert bench.viewer.layers["a"].data.max() == 10
    bench.session.walk.see(1)
    bench.settle()
    assert bench.viewer.layers["a"].data.max() == 200
    bench.step()
    assert bench.viewer.layers["b"].data.max() == 200


@pytest.fixture
def coloured(tmp_path: Path) -> Path:
    """Two images of three channels: nothing, two cells, and the same much brighter."""
    path = tmp_path / "channels"
    path.mkdir()
    cells = blobs(centres=CENTRES).astype(np.uint16)
    pixels = np.stack([np.zeros_like(cells), cells // 4, cells * 50])
    for name in "ab":
        tifffile.imwrite(path / f"{name}.tif", pixels, imagej=True, metadata={"axes": "CYX"})
    return path


def test_channels_are_seen_together_in_all_images_and_the_next_time(make_bench, coloured):
    bench = make_bench()
    walk = bench.session.walk
    walk.open(coloured)
    bench.settle()
    walk.see(1, 2)
    bench.settle()
    assert walk.state.seen == (1, 2)
    assert (1, 2) in choices_of(walk.state.channels)
    assert called(walk.state.seen) == "1 + 2"
    layer = bench.viewer.layers["a"]
    assert layer.rgb
    # Each between its own limits, so that the dim channel is as bright as the other.
    assert layer.data[20, 20].tolist() == [255, 255, 0]
    assert layer.data[0, 0].tolist() == [0, 0, 0]
    bench.keep(*CENTRES[0])
    bench.keep(*CENTRES[1])
    bench.step()
    assert read_labels(coloured / "a_labels.tif").axes == "YX"
    assert pd.read_csv(coloured / "a_objects.csv")["label"].tolist() == [1, 2]
    assert bench.viewer.layers["b"].rgb
    assert walk.state.channels == 3
    bench.session.close()
    again = make_bench()
    again.session.walk.open(coloured)
    again.settle()
    assert again.session.walk.state.seen == (1, 2)
    assert again.viewer.layers["b"].rgb


def test_all_are_searched_in_the_channels_that_are_seen(bench, coloured):
    walk = bench.session.walk
    walk.open(coloured)
    bench.settle()
    walk.see(1, 2)
    bench.settle()
    walk.find_in_all()
    bench.settle()
    record = json.loads((coloured / "run.json").read_text(encoding="utf-8"))
    image = record["image"]
    assert (image["channel"], image["channels"], image["limits"]) == (None, [1, 2], None)
    for name in "ab":
        assert read_labels(coloured / f"{name}_labels.tif").finest.max() == 2


def test_an_image_without_a_channel_that_is_seen_is_passed_over(make_bench, coloured):
    bench = make_bench()
    tifffile.imwrite(coloured / "b.tif", blobs())
    walk = bench.session.walk
    walk.open(coloured)
    bench.settle()
    walk.see(1, 2)
    bench.settle()
    bench.step()
    assert "no channel 1" in bench.state.status
    bench.session.close()
    bench = make_bench()
    walk = bench.session.walk
    walk.open(coloured)  # at that image
    bench.settle()
    assert "no channel 1" in bench.state.status
    assert (walk.state.seen, walk.state.channels) == ((1, 2), 3)  # so that one can be chosen
    walk.see(0)
    bench.settle()
    assert bench.names() == ["b", "b_labels"]


@pytest.mark.parametrize(("where", "axis"), [("volume", "Z"), ("track", "T")])
def test_through_a_stack_a_plane_of_channels_is_read_at_a_time(
    bench, tmp_path, monkeypatch, where, axis
):
    most, read = [], Composed._read
    monkeypatch.setattr(beside, "_IN_MEMORY", 10)
    monkeypatch.setattr("napari_sam.files.tiff._AT_ONCE", 10)
    monkeypatch.setattr(
        Composed, "_read", lambda self, ranges: most.append(size(ranges)) or read(self, ranges)
    )
    cells = np.stack([blobs(centres=CENTRES if 0 < z < 4 else ()) for z in range(5)])
    pixels = np.stack([cells, np.zeros_like(cells), cells // 2])
    metadata = {"axes": f"C{axis}YX"}
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, metadata=metadata, ome=True)
    bench.session.walk.open(tmp_path)
    bench.settle()
    bench.session.walk.see(0, 2)
    bench.settle()
    image = bench.viewer.layers["a"]
    assert image.rgb
    assert isinstance(image.data, Composed)
    most.clear()
    bench.find.look_in(where)
    bench.find.start()
    bench.settle()
    assert max(most) == 3 * cells[0].size
    bench.session.walk.leave()
    bench.settle()
    labels = read_labels(tmp_path / "a_labels.tif")
    assert labels.axes == f"{axis}YX"
    np.testing.assert_array_equal(np.asarray(labels.finest) > 0, cells > 100)
    assert len(pd.read_csv(tmp_path / "a_objects.csv")) == 2


def size(ranges: list[range]) -> int:
    return int(np.prod([len(part) for part in ranges]))
