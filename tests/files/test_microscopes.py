"""Files of microscopes, read by a bioio of which only what is asked for is there."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fake_model import FakeModel, blobs
from napari_sam import loading
from napari_sam.cli import main
from napari_sam.errors import DataError, InstallationError
from napari_sam.files import images_in, microscopes, read_image, read_labels
from napari_sam.files.pick import pick
from napari_sam.pixel_size import PixelSize

SCENES = {"left": ((20, 20),), "right": ((20, 20), (40, 60))}


class Delayed:
    """Like an array of dask; counts how many values were computed."""

    computed = 0

    def __init__(self, pixels: np.ndarray) -> None:
        self._pixels, self.shape, self.dtype = pixels, pixels.shape, pixels.dtype

    def __getitem__(self, key: Any) -> Delayed:
        return Delayed(self._pixels[key])

    def compute(self) -> np.ndarray:
        Delayed.computed += self._pixels.size
        return self._pixels


class BioImage:
    """A file of two scenes, each of two channels; one that is empty is damaged."""

    scenes = tuple(SCENES)
    physical_pixel_sizes = SimpleNamespace(Z=None, Y=0.5, X=0.25)

    def __init__(self, path: Path, reader: Any) -> None:
        assert reader is Reader
        if not path.stat().st_size:
            raise ValueError("no header")
        self.set_scene(0)

    def set_scene(self, number: int) -> None:
        cells = blobs(centres=list(SCENES.values())[number])
        self.dask_data = Delayed(np.stack([np.zeros_like(cells), cells])[np.newaxis, :, np.newaxis])
        self.dims = SimpleNamespace(order="TCZYX", shape=self.dask_data.shape)


class Reader:
    """Of CZI."""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    bioio, czi = ModuleType("bioio"), ModuleType("bioio_czi")
    bioio.BioImage, czi.Reader = BioImage, Reader  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bioio", bioio)
    monkeypatch.setitem(sys.modules, "bioio_czi", czi)
    monkeypatch.setitem(sys.modules, "bioio_lif", None)
    path = tmp_path / "cells.czi"
    path.write_bytes(b"ZISRAWFILE")
    return path


def test_every_scene_is_an_image(file):
    assert [(one.series, one.name, one.axes) for one in images_in(file)] == [
        (0, "left", "TCZYX"),
        (1, "right", "TCZYX"),
    ]
    image = read_image(file, series=1)
    assert image.pixel_size == PixelSize(0.5, 0.25, "um")
    np.testing.assert_array_equal(pick(image, 1).pixels, blobs(centres=SCENES["right"]))
    with pytest.raises(DataError, match=r"2 images: 0 'left' .*; 1 'right' .*--series"):
        read_image(file)
    with pytest.raises(DataError, match="no image 2"):
        read_image(file, series=2)


def test_of_a_large_one_only_what_is_looked_at_is_read(file, monkeypatch):
    monkeypatch.setattr(microscopes, "_AT_ONCE", 10)
    monkeypatch.setattr(Delayed, "computed", 0)
    pixels = pick(read_image(file, series=1), 1).finest
    part = pixels[15:25, 18:30]
    np.testing.assert_array_equal(part, blobs(centres=SCENES["right"])[15:25, 18:30])
    assert Delayed.computed == part.size


def test_what_is_damaged_or_has_no_reader_is_said(file):
    (file.parent / "bad.czi").write_bytes(b"")
    with pytest.raises(DataError, match=r"bad\.czi cannot be read.*no header"):
        read_image(file.parent / "bad.czi")
    (file.parent / "b.lif").write_bytes(b"p")
    with pytest.raises(InstallationError, match=r"b\.lif: .*\[formats\]"):
        read_image(file.parent / "b.lif")


def test_the_command_line_does_all_scenes(file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: FakeModel("cells"))
    (file.parent / "b.lif").write_bytes(b"p")
    assert main(["segment", str(file.parent), "-o", str(tmp_path / "out"), "--channel", "1"]) == 1
    assert "b.lif: files of microscopes need pip install" in capsys.readouterr().err
    for series, count in ((0, 1), (1, 2)):
        labels = read_labels(tmp_path / "out" / f"cells_series{series}_labels.tif")
        assert labels.finest.max() == count
