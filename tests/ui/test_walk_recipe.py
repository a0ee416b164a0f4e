"""What is copied or saved of an image of a folder says which file is shown, and what of it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from fake_model import FakeModel, blobs
from napari_sam import loading
from napari_sam.cli import main
from napari_sam.files import read_labels
from napari_sam.labels.session import read_session

CENTRES = ((20, 20), (40, 60))
CELLS = blobs(centres=CENTRES)


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: FakeModel("cells"))


def plane(path: Path) -> None:
    tifffile.imwrite(path, CELLS)


def channels(path: Path) -> None:
    pixels = np.stack([blobs(centres=()), CELLS, CELLS // 4])
    tifffile.imwrite(path, pixels, imagej=True, metadata={"axes": "CYX"})


def several(path: Path) -> None:
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(blobs(centres=()), metadata={"axes": "YX"})
        file.write(CELLS, metadata={"axes": "YX"})


def levels(path: Path) -> None:
    with tifffile.TiffWriter(path) as file:
        file.write(CELLS, subifds=1, tile=(32, 32), photometric="minisblack")
        file.write(CELLS[::2, ::2], subfiletype=1, tile=(32, 32), photometric="minisblack")


WALKS = {
    "a plane": (plane, 0, None),
    "a channel": (channels, 0, (1,)),
    "channels together": (channels, 0, (1, 2)),
    "one of several images": (several, 1, None),
    "a pyramid": (levels, 0, None),
}


@pytest.fixture(params=WALKS.values(), ids=WALKS.keys())
def walked(bench: Any, tmp_path: Path, request: Any) -> Any:
    """An image of a folder, in which cells were found."""
    write, place, seen = request.param
    folder = tmp_path / "it's here"
    folder.mkdir()
    write(folder / "a.ome.tif" if write is several else folder / "a.tif")
    bench.session.walk.open(folder)
    bench.settle()
    bench.session.walk.go_to(place)
    bench.settle()
    if seen is not None:
        bench.session.walk.see(*seen)
        bench.settle()
    bench.find.start()
    bench.settle()
    return bench


def finest(layer: Any) -> np.ndarray:
    return np.asarray(layer.data[0] if layer.multiscale else layer.data)


def found(bench: Any) -> np.ndarray:
    labels = finest(bench.state.target)
    assert labels.max() == 2
    return labels


def copied(bench: Any, command: bool) -> str:
    text: list[str] = []
    bench.find.copy_recipe(command, text.append)
    return text[0]


def test_the_script_finds_the_same_as_it_stands(walked):
    scope: dict[str, Any] = {}
    exec(copied(walked, command=False), scope)
    np.testing.assert_array_equal(scope["result"].labels, found(walked))


@pytest.mark.skipif(os.name == "nt", reason="shlex reads what POSIX shells read")
def test_once_the_folder_is_left_the_command_is_about_the_image(walked, tmp_path, monkeypatch):
    labels = found(walked)
    walked.session.walk.leave()
    walked.settle()
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(copied(walked, command=True))[1:]) == 0
    (file,) = (tmp_path / "results").glob("*_labels.tif")
    np.testing.assert_array_equal(read_labels(file).finest, labels)


def test_steps_are_saved_beside_the_image_and_name_it(walked):
    again = walked.cells.again
    again.save(again.place(), lambda text: None)
    job = walked.session.walk._keep.shown.opened.job
    session = read_session(job.outputs.folder / f"{job.outputs.name}.session.json")
    assert Path(session.image) == job.source.path
    assert len(session) == 1
