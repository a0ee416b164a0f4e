"""Channels seen together through slices and time: a plane of them is read at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tifffile

import napari_sam as ns
from fake_model import FakeModel
from napari_sam import loading
from napari_sam.cli import main
from napari_sam.files import read_labels
from napari_sam.files.composed import Composed, compose
from napari_sam.files.tiff_lazy import TiffPages
from napari_sam.images import Image
from test_stack_modes import BALLS, divided

MOVIE = divided()


class Reads:
    """What was read of a file, in pixels: all of it, and at most at once."""

    def __init__(self) -> None:
        self.all, self.most = 0, 0

    def add(self, pixels: np.ndarray) -> np.ndarray:
        self.all, self.most = self.all + pixels.size, max(self.most, pixels.size)
        return pixels


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    """Watch what is read of TIFFs, which are read where they are looked at."""
    found, read = Reads(), TiffPages._read
    monkeypatch.setattr("napari_sam.files.tiff._AT_ONCE", 10)
    monkeypatch.setattr(TiffPages, "_read", lambda self, ranges: found.add(read(self, ranges)))
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: FakeModel("cells"))
    return found


def channels_of(bright: np.ndarray) -> np.ndarray:
    """Three channels: of every object a dim one, nothing, and a bright one. (3, n, H, W)."""
    dim = bright.astype(np.uint16)
    return np.stack([dim, np.full_like(dim, 7), dim * 40])


@pytest.mark.parametrize(
    ("mode", "data", "axes"), [("volume", BALLS, "CZYX"), ("track", MOVIE, "CTYX")]
)
def test_the_command_line_reads_a_plane_at_a_time(reads, tmp_path, mode, data, axes):
    path, out = tmp_path / "cells.tif", tmp_path / "out"
    how = {"metadata": {"axes": axes}, "compression": "zlib", "ome": True}
    tifffile.imwrite(path, channels_of(data), **how)
    words = ["segment", str(path), "-o", str(out), "--mode", mode, "--channels", "0,2"]
    assert main(words) == 0
    plane = data[0].size
    assert reads.most == plane  # of one channel
    assert reads.all <= 12 * data.size  # each plane of two channels a few times
    found = read_labels(out / "cells_labels.tif")
    assert found.axes == axes[1:]
    assert np.count_nonzero(found.finest) >= 0.99 * np.count_nonzero(data > 100)
    assert not np.asarray(found.finest)[data <= 100].any()
    assert main([*words[:-2], "--channel", "2", "--overwrite"]) == 0
    np.testing.assert_array_equal(read_labels(out / "cells_labels.tif").finest, found.finest)


@pytest.mark.parametrize(
    ("find", "data", "axes"),
    [(ns.segment_volume, BALLS, "CZYX"), (ns.track_cells, MOVIE, "CTYX")],
)
def test_a_composed_image_is_found_in_as_the_colours_it_shows(find: Any, data, axes):
    composed = compose(Image(channels_of(data), axes), (0, 2))
    assert isinstance(composed.finest, Composed)
    assert composed.axes == f"{axes[1:]}S"
    colours = Image(np.asarray(composed.finest), composed.axes, rgb=True)
    lazy, whole = find(composed, FakeModel()), find(colours, FakeModel())
    np.testing.assert_array_equal(lazy.labels, whole.labels)
    assert lazy.table.equals(whole.table)
    assert np.count_nonzero(lazy.labels) >= 0.99 * np.count_nonzero(data > 100)
