"""`napari-sam segment` on planes larger than memory allows: streamed, bounded, gone on with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_model import FakeModel
from images_watched import Watched
from napari_sam import loading
from napari_sam.batch.job import Job
from napari_sam.batch.outputs import Outputs
from napari_sam.batch.run_job import run_job
from napari_sam.cli import main
from napari_sam.errors import Cancelled
from napari_sam.files import made_here, read_image, read_labels, tiff
from napari_sam.files.composed import compose
from napari_sam.files.inputs import find_inputs
from napari_sam.files.labels_in_tiles import write_labels_in_tiles
from napari_sam.files.sources import Source
from napari_sam.files.stored_labels import StoredLabels
from napari_sam.images import samples
from napari_sam.methods.options import CellOptions
from napari_sam.models.locks import held
from napari_sam.pixel_size import PixelSize

SIZE = PixelSize(0.5, 0.25, "um")
OPTIONS = ("--diameter", "14", "--limits", "0", "255")


pytestmark = pytest.mark.usefixtures("hundreds_are_many")


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    """Bright discs are cells."""
    made = FakeModel("cells")
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: made)
    return made


def discs(shape: tuple[int, int] = (300, 260), step: int = 30) -> np.ndarray:
    """Discs in rows, more of which are cut by seams than are not."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    disc = (y % step - step // 2) ** 2 + (x % step - step // 2) ** 2 <= 49
    return np.where(disc, 200, 10).astype(np.uint8)


COUNT = 10 * 9  # the last column is cut and large enough


def run(*arguments: Any) -> int:
    return main(["segment", *(str(argument) for argument in arguments), *OPTIONS])


def names(path: Path) -> list[str]:
    return sorted(found.name for found in path.iterdir())


def as_tiff(path: Path, pixels: np.ndarray) -> Path:
    tifffile.imwrite(path, pixels, tile=(64, 64), compression="zlib")
    return path


def as_zarr(path: Path, pixels: np.ndarray) -> Path:
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(path, mode="w")
    group.create_array("0", data=pixels, chunks=(64, 64))
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
    scale = [{"type": "scale", "scale": [SIZE.row, SIZE.column]}]
    level = {"path": "0", "coordinateTransformations": scale}
    says = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": [level]}]}
    group.attrs["ome"] = says
    return path


def check_results(folder: Path, name: str, pixels: np.ndarray, ending: str = ".tif") -> Any:
    """Labels and table say the same of the same objects, which are those of the image."""
    found = read_labels(folder / f"{name}_labels{ending}")
    np.testing.assert_array_equal(np.asarray(found.pixels) > 0, pixels > 100)
    table = pd.read_csv(folder / f"{name}_objects.csv")
    areas = np.bincount(np.asarray(found.pixels).ravel())[1:]
    assert table["label"].tolist() == list(range(1, len(areas) + 1))
    assert table["area"].tolist() == areas.tolist()
    return found


@pytest.mark.parametrize(
    ("write", "kinds"), [(as_tiff, "labels"), (as_zarr, "zarr"), (as_zarr, "labels,zarr")]
)
def test_a_large_plane_is_written_in_parts(
    write: Callable[..., Path], kinds: str, model: FakeModel, tmp_path: Path, monkeypatch: Any
) -> None:
    if "zarr" in kinds:
        pytest.importorskip("zarr")
    monkeypatch.setattr(tiff, "_AT_ONCE", 1000)
    path = write(tmp_path / ("a.tif" if write is as_tiff else "a.zarr"), discs())
    out = tmp_path / "out"
    assert run(path, "-o", out, "--save", kinds) == 0
    expected = {"a_objects.csv", "a_overlay.png"}
    endings = {"labels": ".tif", "zarr": ".zarr"}
    expected |= {f"a_labels{endings[kind]}" for kind in kinds.split(",")}
    assert set(names(out)) == expected
    assert len(model.encoded) > 4
    assert max(plane.size for plane in model.encoded) < discs().size / 3
    for ending in endings.values():
        if f"a_labels{ending}" in expected:
            found = check_results(out, "a", discs(), ending)
            assert made_here(out / f"a_labels{ending}")
            if write is as_zarr:
                assert found.pixel_size == SIZE
    table = pd.read_csv(out / "a_objects.csv")
    assert len(table) == COUNT
    assert ("area_um2" in table) == (write is as_zarr)


def test_a_group_is_valid_and_no_input(model: FakeModel, tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    pytest.importorskip("ome_zarr_models")
    path = as_zarr(tmp_path / "a.zarr", discs((520, 90)))
    assert run(path, "-o", tmp_path, "--save", "zarr") == 0
    group = zarr.open_group(tmp_path / "a_labels.zarr", mode="r")
    from ome_zarr_models.v05.image_label import ImageLabel

    assert ImageLabel.from_zarr(group) is not None
    assert dict(group.attrs)["ome"]["image-label"]["properties"][0]["label-value"] == 1
    np.testing.assert_array_equal(group["1"][:], group["0"][::2, ::2])
    assert find_inputs([str(tmp_path)]) == [path]


def test_planes_of_a_stack_are_numbered_through(model: FakeModel, tmp_path: Path) -> None:
    stack = np.stack([discs((150, 130)), np.full((150, 130), 10, np.uint8), discs((150, 130))])
    tifffile.imwrite(tmp_path / "a.tif", stack, metadata={"axes": "ZYX"}, imagej=True)
    assert run(tmp_path / "a.tif", "-o", tmp_path / "out") == 0
    found = check_results(tmp_path / "out", "a", stack)
    assert found.axes == "ZYX"
    table = pd.read_csv(tmp_path / "out" / "a_objects.csv")
    assert sorted(table["axis_0"].unique()) == [0, 2]


class Ended(FakeModel):
    """A run that ends before some tile."""

    def __init__(self, after: int) -> None:
        super().__init__("cells")
        self.after = after

    def encode(self, plane: Any, **how: Any) -> Any:
        if len(self.encoded) == self.after:
            raise KeyboardInterrupt
        return super().encode(plane, **how)


def test_a_run_that_was_ended_goes_on(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    path, out = as_tiff(tmp_path / "a.tif", discs()), tmp_path / "out"
    whole, ended, rest = FakeModel("cells"), Ended(after=5), FakeModel("cells")
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: whole)
    assert run(path, "-o", tmp_path / "whole") == 0
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: ended)
    assert run(path, "-o", out) == 130
    assert "--skip-existing goes on" in capsys.readouterr().err
    assert names(out) == [".a.part.tiles"]  # nothing that could be taken for a result
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: rest)
    assert run(path, "-o", out, "--skip-existing") == 0
    assert len(ended.encoded) + len(rest.encoded) == len(whole.encoded)
    assert names(out) == names(tmp_path / "whole")
    for name in ("a_labels.tif", "a_objects.csv", "a_overlay.png"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert run(path, "-o", out, "--skip-existing") == 0
    assert len(ended.encoded) + len(rest.encoded) == len(whole.encoded)


@pytest.mark.parametrize("change", ["image", "options", "model"])
def test_what_was_begun_otherwise_is_begun_anew(
    change: str, tmp_path: Path, monkeypatch: Any
) -> None:
    path, out = as_tiff(tmp_path / "a.tif", discs()), tmp_path / "out"
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: Ended(after=5))
    assert run(path, "-o", out) == 130
    model, more = FakeModel("cells"), ()
    if change == "image":
        as_tiff(path, np.rot90(discs()))
    elif change == "options":
        more = ("--min-area", "10")
    else:
        model.fingerprint = "another"
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: model)
    assert run(path, "-o", out, "--skip-existing", *more) == 0
    check_results(out, "a", tifffile.imread(path))
    assert names(out) == ["a_labels.tif", "a_objects.csv", "a_overlay.png"]


def job_of(path: Path, out: Path) -> Job:
    options = CellOptions(diameter=14)
    return Job(Source(path, None, "a", "a"), Outputs("a", out), options, limits=(0.0, 255.0))


@given(cut=st.integers(0, 10**6), after=st.integers(0, 40))
@settings(max_examples=4, deadline=None)
def test_whatever_was_cut_off_is_done_again(cut: int, after: int, tmp_path_factory: Any) -> None:
    """The journal ends anywhere, and labels may be there that it does not speak of."""
    folder = tmp_path_factory.mktemp("cut")
    job = job_of(as_tiff(folder / "a.tif", discs()), folder / "out")
    try:
        run_job(job, Ended(after))
    except KeyboardInterrupt:
        journal = job.outputs.unfinished / "journal"
        written = journal.read_bytes()
        journal.write_bytes(written[: len(written) - cut % len(written)])
        run_job(job, FakeModel("cells"))
    check_results(folder / "out", "a", discs())


def test_two_at_a_time_do_not_mix(model: FakeModel, tmp_path: Path, capsys: Any) -> None:
    path, out = as_tiff(tmp_path / "a.tif", discs()), tmp_path / "out"
    out.mkdir()
    with held(out / ".a.part.tiles.lock", 0.0):
        assert run(path, "-o", out) == 1
    assert "Another process" in capsys.readouterr().err
    assert run(path, "-o", out) == 0


def test_a_cancelled_job_is_gone_on_with(model: FakeModel, tmp_path: Path) -> None:
    job = job_of(as_tiff(tmp_path / "a.tif", discs()), tmp_path / "out")
    seen: list[float] = []

    def stop(fraction: float) -> None:
        seen.append(fraction)
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        run_job(job, model, progress=stop)
    assert len(seen) > 5
    assert seen == sorted(seen)
    before = len(model.encoded)
    assert run_job(job, model) == f"{COUNT} objects"
    assert before > 3
    check_results(tmp_path / "out", "a", discs())


def test_masks_of_each_object_are_refused_where_tiles_are_needed(
    model: FakeModel, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    path = as_tiff(tmp_path / "a.tif", discs())
    monkeypatch.setattr("napari_sam.images.plane.WHOLE", 1000)
    words = ("--mode", "everything", "--save", "rle", "--points-per-side", "2")
    assert main(["segment", str(path), "-o", str(tmp_path / "out"), *words]) == 1
    assert "no rle are made" in capsys.readouterr().err


def test_nothing_found_is_said(model: FakeModel, tmp_path: Path, capsys: Any) -> None:
    path = as_tiff(tmp_path / "a.tif", np.full((300, 260), 10, np.uint8))
    assert run(path, "-o", tmp_path / "out") == 0
    assert "0 objects" in capsys.readouterr().err
    assert not read_labels(tmp_path / "out" / "a_labels.tif").pixels.any()
    assert len(pd.read_csv(tmp_path / "out" / "a_objects.csv")) == 0


def test_how_bright_channels_are_is_told_from_parts(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(samples, "_PART", 16)
    path, read = tmp_path / "a.tif", []
    as_tiff(path, np.stack([discs((2100, 2000))] * 2))  # too large for an overview
    monkeypatch.setattr(tiff, "_AT_ONCE", 1000)
    image = read_image(path, "CYX")
    unwatched = type(image.finest)._read

    def watched(self: Any, ranges: list[range]) -> Any:
        read.append(np.prod([len(wanted) for wanted in ranges]))
        return unwatched(self, ranges)

    monkeypatch.setattr(type(image.finest), "_read", watched)
    together = compose(image, (0, 1))
    assert 0 < sum(read) < image.finest.size / 4
    assert np.unique(together.finest[:60, :60]).tolist() == [0, 255]


@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_stored_labels_are_an_array(data: Any, tmp_path_factory: Any) -> None:
    shape = (2, 1500, 1100)
    expected = np.zeros(shape, np.int32)
    stored = StoredLabels(tmp_path_factory.mktemp("stored") / "labels", shape)

    def some(length: int) -> slice:
        first, last = sorted(data.draw(st.tuples(*[st.integers(0, length)] * 2)))
        return slice(first, last, data.draw(st.integers(1, 3)))

    for value in range(1, 4):
        key = (data.draw(st.sampled_from([0, 1, slice(None)])), some(1500), some(1100))
        for labels in (expected, stored):
            labels[key] = value % 3
    key = (data.draw(st.sampled_from([0, 1, slice(None)])), some(1500), some(1100))
    np.testing.assert_array_equal(stored[key], expected[key])
    np.testing.assert_array_equal(stored[...], expected)


@pytest.mark.parametrize("highest", [5, 70000])
def test_labels_in_tiles_are_read_back(highest: int, tmp_path: Path) -> None:
    labels = np.zeros((2, 700, 530), np.int32)
    labels[1, 600:, 500:] = highest
    write_labels_in_tiles(tmp_path / "a.tif", Watched(labels), "ZYX", SIZE, highest)
    found = read_labels(tmp_path / "a.tif")
    assert (found.axes, found.pixel_size) == ("ZYX", SIZE)
    np.testing.assert_array_equal(found.pixels, labels)
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert tif.pages[0].is_tiled
