"""Very large images in a folder that is walked through, made of small ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile

from fake_model import FakeModel, blobs
from napari_sam import loading
from napari_sam.batch import beside, beside_large, large_writers
from napari_sam.batch.thinned import Thinned
from napari_sam.cli import main
from napari_sam.files import read_image, read_labels
from napari_sam.images import plane, samples
from napari_sam.labels import levels
from napari_sam.ui.folder import image_layers

CENTRES = ((20, 20), (40, 60))
PLANE = blobs(centres=CENTRES)
STACK = np.stack([blobs(centres=CENTRES[:1]), PLANE, blobs(centres=CENTRES[1:])])
TILED = {"tile": (32, 32), "compression": "zlib", "photometric": "minisblack"}


def pyramid(path: Path, data: np.ndarray, axes: str) -> None:
    """Write OME-Zarr of three levels."""
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(path, mode="w")
    datasets = []
    for level in range(3):
        pixels = data[..., :: 2**level, :: 2**level]
        chunks = (*(1 for _ in axes[:-2]), 32, 32)
        array = group.create_array(
            str(level), shape=pixels.shape, dtype=pixels.dtype, chunks=chunks
        )
        array[...] = pixels
        scale = [1.0] * (len(axes) - 2) + [0.5 * 2**level] * 2
        transform = {"type": "scale", "scale": scale}
        datasets.append({"path": str(level), "coordinateTransformations": [transform]})
    kinds = {"c": "channel", "t": "time"}
    named = [{"name": axis, "type": kinds.get(axis, "space")} for axis in axes.lower()]
    for axis in named:
        if axis["type"] == "space":
            axis["unit"] = "micrometer"
    multiscales = [{"axes": named, "datasets": datasets}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": multiscales}


def tiled_pyramid(path: Path, data: np.ndarray) -> None:
    with tifffile.TiffWriter(path) as file:
        file.write(data, subifds=1, **TILED)
        file.write(data[::2, ::2], subfiletype=1, **TILED)


WRITERS = {
    "a.ome.zarr": lambda path: pyramid(path, PLANE, "YX"),
    "stack.ome.zarr": lambda path: pyramid(path, STACK, "ZYX"),
    "channels.ome.zarr": lambda path: pyramid(path, STACK, "CYX"),
    "a.tif": lambda path: tifffile.imwrite(path, PLANE, **TILED),
    "pyramid.tif": lambda path: tiled_pyramid(path, PLANE),
    "stack.tif": lambda path: tifffile.imwrite(path, STACK, metadata={"axes": "ZYX"}, **TILED),
}
STACKS = [name for name in WRITERS if name.startswith("stack")]


@pytest.fixture
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let images of 64 x 80 pixels be handled as those of 20,000 x 20,000 are."""
    for module, name, value in (
        (beside_large, "_LARGEST", 1000),
        (beside_large, "_OVERVIEW", 400),
        (plane, "WHOLE", 1000),
        (levels, "_SMALLEST", 16),
        (beside, "_IN_MEMORY", 10),
        (image_layers, "_QUICK", 10),
        (samples, "IN_MEMORY", 1000),
        (samples, "ON_DISK", 1000),
    ):
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr("napari_sam.files.tiff._AT_ONCE", 10)


def opened(bench: Any, folder: Path) -> Any:
    bench.session.walk.open(folder)
    bench.settle()
    # What the person looks at decides what is read.
    bench.viewer.scene.camera.zoom = 4.0
    bench.settle()
    return bench.session.walk


def keep(bench: Any, *pixel: int) -> None:
    """Go to the slice of a cell, click it, and keep it."""
    image = bench.state.image
    place = tuple(at * scale for at, scale in zip(pixel, image.scale, strict=True))
    for axis, at in enumerate(place[:-2]):
        bench.viewer.dims.set_point(axis, at)
    bench.viewer.scene.camera.center = (0, *place[-2:])
    bench.click(*place)
    bench.settle()
    bench.press("Enter")
    bench.settle()


def on_slice(name: str, cell: tuple[int, int]) -> tuple[int, ...]:
    """Where a cell lies in the image of that name: of a stack, on the slice in the middle."""
    return (1, *cell) if name in STACKS else cell


@pytest.mark.usefixtures("small_is_large")
@pytest.mark.parametrize("name", WRITERS)
def test_what_is_kept_of_a_very_large_image_is_written_and_read_in_parts(bench, tmp_path, name):
    WRITERS[name](tmp_path / name)
    tifffile.imwrite(tmp_path / "z.tif", PLANE)
    stem = name.partition(".")[0]
    first, second = (on_slice(name, cell) for cell in CENTRES)
    walk = opened(bench, tmp_path)
    image = bench.viewer.layers[stem]
    assert image.multiscale
    assert not isinstance(image.data[0], np.ndarray)
    if name == "channels.ome.zarr":
        walk.see(1)
        bench.settle()
    if name.endswith("zarr"):
        assert [float(size) for size in image.scale[-2:]] == [0.5, 0.5]
    keep(bench, *first)
    bench.step()
    labels = read_labels(tmp_path / f"{stem}_labels.tif")
    assert labels.axes == ("ZYX" if name in STACKS else "YX")
    expected = np.zeros(labels.shape, int)
    expected[on_slice(name, (slice(None), slice(None)))] = blobs(centres=CENTRES[:1]) > 100
    np.testing.assert_array_equal(labels.finest, expected)
    assert pd.read_csv(tmp_path / f"{stem}_objects.csv")["label"].tolist() == [1]
    before = (tmp_path / f"{stem}_labels.tif").stat().st_mtime_ns
    bench.step(-1)
    layer = bench.viewer.layers[f"{stem}_labels"]
    assert layer.multiscale
    assert layer.data[0][first] == 1
    bench.step()
    assert (tmp_path / f"{stem}_labels.tif").stat().st_mtime_ns == before  # nothing had changed
    bench.step(-1)
    keep(bench, *second)
    bench.step()
    assert read_labels(tmp_path / f"{stem}_labels.tif").finest[second] == 2


@pytest.mark.usefixtures("small_is_large")
@pytest.mark.parametrize("save", ["labels", "zarr"])
@pytest.mark.parametrize("name", ["a.tif", "stack.tif", "stack.ome.zarr"])
def test_what_the_command_line_wrote_of_it_is_walked_through(
    bench, tmp_path, monkeypatch, name, save
):
    pytest.importorskip("zarr")
    folder = tmp_path / "images"
    folder.mkdir()
    WRITERS[name](folder / name)
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: FakeModel("cells"))
    assert main(["segment", str(folder), "-o", str(folder), "--save", save]) == 0
    stem = name.partition(".")[0]
    there = sorted(path.name for path in folder.iterdir())
    walk = opened(bench, folder)
    assert walk.state.counts == (0, 1, 0)
    layer = bench.viewer.layers[f"{stem}_labels"]
    assert all(layer.data[0][on_slice(name, cell)] for cell in CENTRES)
    assert len(layer.features) == (4 if name in STACKS else 2)
    count, beside_cells = len(layer.features), on_slice(name, (5, 70))
    keep(bench, *beside_cells)
    bench.session.close()
    assert sorted(path.name for path in folder.iterdir()) == there  # in the form it had
    table = pd.read_csv(folder / f"{stem}_objects.csv")
    assert table["label"].tolist() == list(range(1, count + 2))
    ending = "tif" if save == "labels" else "zarr"
    found = read_labels(folder / f"{stem}_labels.{ending}").finest
    assert found[beside_cells] == count + 1
    assert all(found[on_slice(name, cell)] for cell in CENTRES)


@pytest.mark.usefixtures("small_is_large")
def test_channels_of_a_pyramid_are_seen_together_without_being_read(bench, tmp_path):
    for name in "ab":
        pyramid(tmp_path / f"{name}.ome.zarr", STACK, "CYX")
    walk = opened(bench, tmp_path)
    walk.see(0, 1, 2)
    bench.settle()
    bench.step()
    image = bench.viewer.layers["b"]
    assert image.rgb
    assert image.multiscale
    assert not any(isinstance(level, np.ndarray) for level in image.data)
    assert image.data[0][20, 20].tolist() == [255, 255, 0]
    assert image.data[1][20, 30].tolist() == [0, 255, 255]
    for cell in CENTRES:
        keep(bench, *cell)
    bench.step(-1)
    found = read_labels(tmp_path / "b_labels.tif").finest
    np.testing.assert_array_equal(found > 0, PLANE > 100)


def test_a_larger_image_is_not_read_as_a_whole(bench, tmp_path, monkeypatch):
    monkeypatch.setattr(beside, "_IN_MEMORY", 10)
    monkeypatch.setattr("napari_sam.files.tiff._AT_ONCE", 10)
    stack = {"metadata": {"axes": "ZYX"}, "compression": "zlib"}
    tifffile.imwrite(tmp_path / "a.tif", STACK[:2], **stack)
    tifffile.imwrite(tmp_path / "b.tif", PLANE)
    opened(bench, tmp_path)
    assert not isinstance(bench.viewer.layers["a"].data, np.ndarray)
    keep(bench, 0, *CENTRES[0])
    bench.step()
    labels = read_labels(tmp_path / "a_labels.tif")
    assert labels.axes == "ZYX"
    assert np.asarray(labels.finest)[:, 20, 20].tolist() == [1, 0]


class Counting:
    """A stack of three planes that counts how many were read."""

    shape, dtype, ndim = (*STACK.shape,), STACK.dtype, 3
    planes = 0

    def __getitem__(self, key: Any) -> np.ndarray:
        self.planes += 1
        return STACK[key]


def test_a_plane_of_a_stack_is_read_once_while_it_is_looked_at():
    source = Counting()
    coarse = Thinned(source, 4)
    coarser = Thinned(coarse, 2)
    np.testing.assert_array_equal(coarse[1, 3:9, 2:20:3], STACK[1, ::4, ::4][3:9, 2:20:3])
    np.testing.assert_array_equal(coarser[1], STACK[1, ::8, ::8])
    assert source.planes == 1
    np.testing.assert_array_equal(coarse, STACK[:, ::4, ::4])
    assert source.planes == 3
    assert coarse[0].any()
    assert source.planes == 3  # still held
    coarse._most = 1
    assert coarse[1].any()
    assert coarse[2].any()
    assert source.planes == 4
    colour = np.stack([STACK, STACK, STACK], axis=-1)
    np.testing.assert_array_equal(Thinned(colour, 3, rgb=True)[2, 5], colour[2, ::3, ::3][5])


@pytest.mark.usefixtures("small_is_large")
def test_an_overview_of_a_stack_reads_one_plane(tmp_path):
    WRITERS["stack.tif"](tmp_path / "stack.tif")
    image = beside_large.with_overview(read_image(tmp_path / "stack.tif"))
    assert [level.shape for level in image.levels] == [(3, 64, 80), (3, 16, 20)]
    assert image.limits == (float(PLANE.min()), float(PLANE.max()))


def test_of_a_large_plane_the_overlay_is_small_as_the_command_line_makes_it(
    bench, tmp_path, monkeypatch
):
    monkeypatch.setattr(beside, "DRAWN", 1000)
    monkeypatch.setattr(large_writers, "PICTURE", 32)
    tifffile.imwrite(tmp_path / "a.tif", PLANE)
    opened(bench, tmp_path)
    for cell in CENTRES:
        keep(bench, *cell)
    bench.session.close()
    found = read_labels(tmp_path / "a_labels.tif").finest
    np.testing.assert_array_equal(found > 0, PLANE > 100)
    height, width = read_image(tmp_path / "a_overlay.png").shape
    assert (height % 22, width % 27) == (0, 0)  # of every third pixel
