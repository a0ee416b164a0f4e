"""What is copied as a command while a folder is walked through does all of it, as it says."""

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
from napari_sam.cli.app import build_parser
from napari_sam.cli.segment import jobs_typed
from napari_sam.files import read_labels

CENTRES = ((20, 20), (40, 60))

pytestmark = pytest.mark.skipif(os.name == "nt", reason="shlex reads what POSIX shells read")


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: FakeModel("cells"))


def images(folder: Path, *names: str, count: int = 2) -> list[Path]:
    folder.mkdir(parents=True)
    for name in names:
        tifffile.imwrite(folder / name, blobs(centres=CENTRES[:count]))
    return [folder / name for name in names]


def opened(bench: Any, *paths: Path) -> Any:
    bench.session.walk.open(*paths)
    bench.settle()
    return bench


def copied(bench: Any) -> list[list[str]]:
    """Copy the command, and split it as a shell does."""
    text: list[str] = []
    bench.find.copy_recipe(True, text.append)
    lines = [shlex.split(line) for line in text[0].splitlines()]
    assert all(line[0] == "napari-sam" for line in lines)
    return [line[1:] for line in lines]


def test_of_a_folder_it_finds_in_all_images_that_are_to_do(bench, tmp_path):
    folder = tmp_path / "with a 'space"
    images(folder, "a.tif", "b.tif", "c.tif")
    opened(bench, folder)
    bench.click(*CENTRES[0])
    bench.settle()
    bench.press("Enter")
    bench.settle()
    bench.session.walk.step(1)  # a is written
    bench.settle()
    bench.find.adjust_options(min_area=7)
    (words,) = copied(bench)
    jobs = jobs_typed(build_parser().parse_args(words))
    assert [job.source.path for job in jobs] == [folder / f"{name}.tif" for name in "abc"]
    assert {job.options.min_area for job in jobs} == {7}
    assert main(words) == 0
    counts = [int(read_labels(folder / f"{name}_labels.tif").finest.max()) for name in "abc"]
    assert counts == [1, 2, 2]  # what was kept of a is left as it is
    bench.session.walk.leave()
    bench.settle()
    opened(bench, folder)
    assert bench.session.walk.state.counts == (0, 2, 1)


def test_of_files_of_several_folders_it_is_a_line_for_each(bench, tmp_path):
    first = images(tmp_path / "one", "a.tif", "-b.tif")
    (second,) = images(tmp_path / "two", "a.tif", count=1)
    images(tmp_path / "two" / "more", "other.tif")
    opened(bench, *first, second)
    lines = copied(bench)
    assert len(lines) == 2
    assert [main(words) for words in lines] == [0, 0]
    for path, count in ((first[0], 2), (first[1], 2), (second, 1)):
        assert read_labels(path.with_name(f"{path.stem}_labels.tif")).finest.max() == count


@pytest.mark.parametrize(("seen", "counts"), [((1,), (1, 1)), ((0, 1), (0, 0)), ((1, 2), (1, 1))])
def test_it_says_which_channels_are_seen(bench, tmp_path, seen, counts):
    tmp_path = tmp_path / "channels"
    tmp_path.mkdir()
    cell = blobs(centres=CENTRES[:1])
    pixels = np.stack([np.zeros_like(cell), cell, cell])
    for name in "ab":
        tifffile.imwrite(tmp_path / f"{name}.tif", pixels, imagej=True, metadata={"axes": "CYX"})
    opened(bench, tmp_path)
    bench.session.walk.see(*seen)
    bench.settle()
    bench.find.bench.preferences.remember(use_contrast_limits=True)
    (words,) = copied(bench)
    (job, _) = jobs_typed(build_parser().parse_args(words))
    assert job.seen == seen
    assert (job.limits is None) == (len(seen) > 1)
    assert main(words) == 0
    found = [int(read_labels(tmp_path / f"{name}_labels.tif").finest.max()) for name in "ab"]
    assert tuple(found) == counts


def test_where_labels_are_stored_it_stores_them_too(bench, tmp_path):
    pytest.importorskip("zarr")
    folder = tmp_path / "images"
    images(folder, "a.tif")
    assert main(["segment", str(folder), "-o", str(folder), "--save", "zarr"]) == 0
    opened(bench, folder)
    (words,) = copied(bench)
    assert words[words.index("--save") + 1] == "zarr"
    assert main(words) == 0
    assert not (folder / "a_labels.tif").exists()


def test_of_an_image_of_ones_own_it_says_nothing_of_the_folder(bench, tmp_path):
    folder = tmp_path / "images"
    images(folder, "a.tif")
    opened(bench, folder)
    own = bench.viewer.add_image(blobs(), name="own")
    bench.session.layers.choose("image", own)
    (words,) = copied(bench)
    assert words[1] == "IMAGE"
    bench.session.walk.leave()
    bench.settle()
    bench.session.layers.choose("image", bench.viewer.layers["a"])
    assert copied(bench)[0][1] == str(folder / "a.tif")
