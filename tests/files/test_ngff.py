"""OME-Zarr: images of others are read, labels are written beside them and found again."""

from __future__ import annotations

import builtins
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fake_model import FakeModel, blobs
from napari_sam import loading
from napari_sam.cli import main
from napari_sam.errors import DataError, InstallationError, LabelsError
from napari_sam.files import (
    images_in,
    labels_inside,
    ngff_labels,
    read_image,
    read_labels,
    write_labels_inside,
)
from napari_sam.files.inputs import find_sources
from napari_sam.files.pick import pick
from napari_sam.files.sources import sources_of
from napari_sam.pixel_size import PixelSize

zarr = pytest.importorskip("zarr")

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")

PIXELS = np.random.default_rng(0).integers(0, 4000, (2, 3, 64, 80)).astype(np.uint16)


def describe(group: Any, version: int, says: dict[str, Any]) -> None:
    """Write a description where its version has it."""
    if version == 3:
        group.attrs["ome"] = {"version": "0.5", **says}
    else:
        for key, value in says.items():
            group.attrs[key] = value


def image(
    path: Path, version: int = 3, pixels: np.ndarray = PIXELS, axes: str = "czyx", levels: int = 2
) -> Path:
    """Write an image with a pyramid by means of zarr alone."""
    group = zarr.open_group(path, mode="w", zarr_format=version)
    datasets = []
    for level in range(levels):
        part = np.ascontiguousarray(pixels[..., :: 2**level, :: 2**level])
        more = {"dimension_names": list(axes)} if version == 3 else {}
        array = group.create_array(
            str(level), shape=part.shape, dtype=part.dtype, chunks=part.shape, **more
        )
        array[...] = part
        sizes = {"z": 2.0, "y": 0.5 * 2**level, "x": 0.25 * 2**level}
        scale = [sizes.get(letter, 1.0) for letter in axes]
        transforms = [{"type": "scale", "scale": scale}]
        datasets.append({"path": str(level), "coordinateTransformations": transforms})
    kinds = {"t": {"type": "time"}, "c": {"type": "channel"}}
    space = {"type": "space", "unit": "micrometer"}
    named = [{"name": letter, **kinds.get(letter, space)} for letter in axes]
    multiscale = {"axes": named, "datasets": datasets}
    if version == 2:
        multiscale["version"] = "0.4"
    describe(group, version, {"multiscales": [multiscale]})
    return path


@pytest.mark.parametrize("version", [2, 3])
def test_an_image_is_read_with_axes_size_and_levels(version: int, tmp_path: Path) -> None:
    found = read_image(image(tmp_path / "x.ome.zarr", version))
    assert found.axes == "CZYX"
    assert found.pixel_size == PixelSize(0.5, 0.25, "um", 2.0)
    assert [level.shape[-1] for level in found.levels] == [80, 40]
    np.testing.assert_array_equal(np.asarray(found.finest), PIXELS)
    picked = pick(found, 1)
    assert picked.axes == "ZYX"
    blocks = list(picked.blocks())
    np.testing.assert_array_equal(blocks[2].read(), PIXELS[1, 2])


def plate(path: Path, version: int) -> Path:
    """Write a plate of two wells with two fields each."""
    group = zarr.open_group(path, mode="w", zarr_format=version)
    describe(group, version, {"plate": {"wells": [{"path": "A/1"}, {"path": "B/2"}]}})
    for number, well in enumerate(("A/1", "B/2")):
        inner = zarr.open_group(path / well, mode="w", zarr_format=version)
        describe(inner, version, {"well": {"images": [{"path": "0"}, {"path": "1"}]}})
        for field in range(2):
            value = np.full((20, 30), 10 * number + field, np.uint8)
            image(path / well / str(field), version, value, "yx", levels=1)
    return path


@pytest.mark.parametrize("version", [2, 3])
def test_every_field_of_a_plate_is_an_image(version: int, tmp_path: Path) -> None:
    path = plate(tmp_path / "plate.zarr", version)
    assert [found.name for found in images_in(path)] == ["A/1/0", "A/1/1", "B/2/0", "B/2/1"]
    assert np.asarray(read_image(path, series=2).finest)[0, 0] == 10
    assert np.asarray(read_image(path / "B/2", series=1).finest)[0, 0] == 11
    with pytest.raises(DataError, match=r"holds 4 images.*A/1/0"):
        read_image(path)
    with pytest.raises(DataError, match=r"0\.\.3"):
        read_image(path, series=4)
    found = sources_of([path])
    names = ["plate_A_1_0", "plate_A_1_1", "plate_B_2_0", "plate_B_2_1"]
    assert [source.name for source in found] == names
    assert [source.title for source in found][3] == "plate.zarr/B/2/1"
    for number, source in enumerate(found):  # each is opened by itself, not by way of the plate
        assert source.series is None
        assert np.asarray(read_image(source.path).finest)[0, 0] == (0, 1, 10, 11)[number]
        assert sources_of([path], series=number) == [source]
    wells = find_sources([str(path / "*" / "*")])
    assert [source.name for source in wells] == names
    assert [source.title for source in wells] == [source.title for source in found]
    one = find_sources([str(path / "A" / "1" / "0")])
    assert [source.title for source in one] == ["plate.zarr/A/1/0"]


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("lost", ["B/2", "B/2/1", "description"])
def test_of_a_plate_that_lacks_a_well_the_others_are_done(
    lost: str, version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: FakeModel("cells"))
    path, out = plate(tmp_path / "plate.zarr", version), tmp_path / "out"
    if lost == "description":
        lost = "B/2"
        (path / "B" / "2" / ("zarr.json" if version == 3 else ".zattrs")).write_text("}{")
    else:
        shutil.rmtree(path / lost)
    assert main(["segment", str(path), "-o", str(out)]) == 1
    done = {"A_1_0", "A_1_1"} | ({"B_2_0"} if lost == "B/2/1" else set())
    found = {file.name for file in out.glob("*_labels.tif")}
    assert found == {f"plate_{name}_labels.tif" for name in done}
    said = capsys.readouterr().err
    assert f"1 of {len(done) + 1} images failed:\n  plate.zarr/{lost}: " in said
    with pytest.raises(DataError, match=f"{lost}.*not there"):
        read_image(path, series=len(done))
    with pytest.raises(DataError, match=f"{lost}.*not there"):
        images_in(path)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    ("lost", "meant", "told"),
    [
        ("B/2", "*/*", ["B/2"]),
        ("B/2", "*/*/1", ["B/2"]),
        ("B/2", "A/*", []),
        ("A/1/1", "*/1", ["A/1/1"]),
        ("A/1/1", "A", ["A/1/1"]),
        ("A/1/1", "*/*/1", ["A/1/1"]),
        ("A/1/1", "*/*/0", []),
    ],
)
def test_what_a_plate_lacks_is_told_of_rows_and_patterns_too(
    lost: str, meant: str, told: list[str], version: int, tmp_path: Path
) -> None:
    path = plate(tmp_path / "plate.zarr", version)
    shutil.rmtree(path / lost)
    sources = [source.path for source in find_sources([str(path / meant)])]
    assert [one for one in sources if not one.exists()] == [path / way for way in told]
    assert len(set(sources)) == len(sources) > len(told)


def test_a_well_that_a_row_lacks_is_told_with_the_row(tmp_path: Path) -> None:
    path = plate(tmp_path / "plate.zarr", 3)
    wells = [{"path": "A/1"}, {"path": "A/3"}, {"path": "B/2"}]
    describe(zarr.open_group(path), 3, {"plate": {"wells": wells}})
    found = [source.title for source in find_sources([str(path / "A")])]
    assert found == ["plate.zarr/A/1/0", "plate.zarr/A/1/1", "plate.zarr/A/3"]


def test_a_well_of_one_field_names_it_as_its_plate_does(tmp_path: Path) -> None:
    path = plate(tmp_path / "plate.zarr", 3)
    for well in ("A/1", "B/2"):
        group = zarr.open_group(path / well)
        describe(group, 3, {"well": {"images": [{"path": "0"}]}})
    names = ["plate_A_1_0", "plate_B_2_0"]
    assert [source.name for source in sources_of([path])] == names
    assert [source.name for source in find_sources([str(path / "*" / "*")])] == names


def test_numbered_series_are_images(tmp_path: Path) -> None:
    zarr.open_group(tmp_path / "x.zarr", mode="w").attrs["bioformats2raw.layout"] = 3
    for number in (0, 1, 10):
        image(tmp_path / "x.zarr" / str(number), pixels=PIXELS[0, 0], axes="yx")
    assert [found.name for found in images_in(tmp_path / "x.zarr")] == ["0", "1", "10"]


LABELS = np.zeros((3, 600, 700), np.int32)
LABELS[:, 10:50, 10:50] = 70000
LABELS[1, 100:101, 100:101] = 3
TABLE = pd.DataFrame({"label": [3, 70000], "score": [np.nan, 0.5], "source": ["hand", "cells"]})


@pytest.mark.parametrize("version", [2, 3])
def test_labels_are_written_beside_the_image_and_found_again(version: int, tmp_path: Path) -> None:
    pixels = np.zeros((2, 3, 600, 700), np.uint8)
    path = image(tmp_path / "x.zarr", version, pixels)
    target = write_labels_inside(path, LABELS, "ZYX", table=TABLE)
    assert labels_inside(path) == ["cells"]
    for place in (path, target):
        found = read_labels(place)
        assert found.axes == "ZYX"
        assert found.pixel_size == PixelSize(0.5, 0.25, "um", 2.0)
        np.testing.assert_array_equal(found.pixels, LABELS)
    small = np.asarray(zarr.open_group(target)["1"])
    np.testing.assert_array_equal(small, LABELS[:, ::2, ::2])
    assert read_image(path).axes == "CZYX"


@pytest.mark.parametrize("version", [2, 3])
def test_what_is_written_is_valid(version: int, tmp_path: Path) -> None:
    models = pytest.importorskip("ome_zarr_models")
    room = models.v05 if version == 3 else models.v04
    path = image(tmp_path / "x.zarr", version, np.zeros((2, 3, 600, 700), np.uint8))
    target = write_labels_inside(path, LABELS, "ZYX", "nuclei", table=TABLE)
    from importlib import import_module

    for module, kind, place in (
        ("image", "Image", path),
        ("labels", "Labels", path / "labels"),
        ("image_label", "ImageLabel", target),
    ):
        model = getattr(import_module(f"{room.__name__}.{module}"), kind)
        assert model.from_zarr(zarr.open_group(place, mode="r")) is not None
    says = dict(zarr.open_group(target).attrs)
    says = says.get("ome", says)
    assert says["image-label"]["source"] == {"image": "../../"}
    assert says["image-label"]["properties"] == [
        {"label-value": 3, "source": "hand"},
        {"label-value": 70000, "score": 0.5, "source": "cells"},
    ]


def test_labels_of_others_stay_and_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    path = image(tmp_path / "x.zarr", pixels=PIXELS[0, 0], axes="yx")
    labels = np.zeros((64, 80), np.uint8)
    write_labels_inside(path, labels + 1, "YX", "theirs")
    write_labels_inside(path, labels + 2, "YX", "ours")
    assert labels_inside(path) == ["theirs", "ours"]
    with pytest.raises(DataError, match="theirs, ours"):
        read_labels(path)
    with pytest.raises(DataError, match="already"):
        write_labels_inside(path, labels, "YX", "theirs")
    assert read_labels(path / "labels" / "theirs").pixels.max() == 1
    write_labels_inside(path, labels + 3, "YX", "ours", overwrite=True)
    assert read_labels(path / "labels" / "ours").pixels.max() == 3
    assert labels_inside(path) == ["theirs", "ours"]


def test_a_write_that_fails_leaves_the_old_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = image(tmp_path / "x.zarr", pixels=PIXELS[0, 0], axes="yx")
    write_labels_inside(path, np.ones((64, 80), np.uint8), "YX")

    def fail(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(ngff_labels, "write_group", fail)
    with pytest.raises(OSError, match="disk full"):
        write_labels_inside(path, np.full((64, 80), 2, np.uint8), "YX", overwrite=True)
    with pytest.raises(OSError, match="disk full"):
        write_labels_inside(path, np.full((64, 80), 2, np.uint8), "YX", "others")
    assert labels_inside(path) == ["cells"]
    assert (read_labels(path).pixels == 1).all()
    assert not list((path / "labels").glob(".*.part"))


def test_labels_that_a_killed_run_was_replacing_come_back(tmp_path: Path) -> None:
    path = image(tmp_path / "x.zarr", pixels=PIXELS[0, 0], axes="yx")
    target = write_labels_inside(path, np.ones((64, 80), np.uint8), "YX")
    target.rename(target.with_name(".cells.old"))
    with pytest.raises(DataError, match="already"):
        write_labels_inside(path, np.ones((64, 80), np.uint8), "YX")
    assert (read_labels(path).pixels == 1).all()


@pytest.mark.parametrize(
    ("labels", "axes"),
    [
        (np.zeros((64, 80)), "YX"),
        (np.zeros((64, 81), int), "YX"),
        (np.zeros((64, 80), int), "XY"),
        (np.zeros((3, 64, 80), int), "TYX"),
        (np.full((64, 80), -1), "YX"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: np.ndarray, axes: str, tmp_path: Path) -> None:
    path = image(tmp_path / "x.zarr", pixels=PIXELS[0], axes="zyx")
    with pytest.raises(LabelsError):
        write_labels_inside(path, labels, axes)
    assert labels_inside(path) == []


@pytest.mark.parametrize("name", ["", "a/b", ".hidden", ".."])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    path = image(tmp_path / "x.zarr", pixels=PIXELS[0, 0], axes="yx")
    with pytest.raises(DataError, match="plain name"):
        write_labels_inside(path, np.zeros((64, 80), int), "YX", name)
    with pytest.raises(DataError, match="no OME-Zarr"):
        write_labels_inside(tmp_path, np.zeros((64, 80), int), "YX")


@pytest.mark.parametrize("damage", ["empty", "noise", "no datasets", "no array", "wrong axes"])
def test_a_damaged_group_is_an_error(damage: str, tmp_path: Path) -> None:
    path = image(tmp_path / "x.zarr")
    described = path / "zarr.json"
    says = json.loads(described.read_text())
    multiscale = says["attributes"]["ome"]["multiscales"][0]
    if damage == "no datasets":
        multiscale["datasets"] = []
    elif damage == "no array":
        multiscale["datasets"][0]["path"] = "7"
    elif damage == "wrong axes":
        multiscale["axes"] = multiscale["axes"][:2]
    text = {"empty": "", "noise": "}{"}.get(damage, json.dumps(says))
    described.write_text(text)
    with pytest.raises(DataError, match=r"x\.zarr"):
        read_image(path)


def test_a_group_without_images_is_an_error(tmp_path: Path) -> None:
    zarr.open_group(tmp_path / "x.zarr", mode="w")
    with pytest.raises(DataError, match="without images"):
        read_image(tmp_path / "x.zarr")


def test_without_zarr_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = image(tmp_path / "x.zarr")
    really = builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:
        if name == "zarr":
            raise ImportError(name)
        return really(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(InstallationError, match=r"\[zarr\]"):
        read_image(path)


def test_the_command_line_takes_a_group_and_a_folder_of_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: FakeModel("cells"))
    (tmp_path / "in").mkdir()
    image(tmp_path / "in" / "x.ome.zarr", pixels=np.stack([blobs()] * 2), axes="zyx")
    for number, typed in enumerate((tmp_path / "in", tmp_path / "in" / "x.ome.zarr")):
        out = tmp_path / f"out{number}"
        assert main(["segment", str(typed), "-o", str(out)]) == 0
        labels = read_labels(out / "x_labels.tif")
        assert labels.shape == (2, 64, 80)
        assert labels.pixel_size == PixelSize(0.5, 0.25, "um", 2.0)


@pytest.mark.parametrize(
    ("version", "names", "axes"),
    [
        (2, None, "QYX"),
        (3, None, "QYX"),
        (3, ["time", "y", "x"], "TYX"),
        (3, ["a", "b", "c"], "QYX"),
        (3, ["y", None, "x"], "QYX"),
    ],
)
def test_an_array_without_a_group_is_an_image(version, names, axes, tmp_path):
    path = tmp_path / "plain.zarr"
    pixels = np.arange(60, dtype=np.uint16).reshape(3, 4, 5)
    more = {} if names is None else {"dimension_names": names}
    array = zarr.create_array(
        path, shape=pixels.shape, dtype=pixels.dtype, zarr_format=version, **more
    )
    array[:] = pixels
    image = read_image(path)
    assert image.axes == axes
    assert image.pixel_size is None
    np.testing.assert_array_equal(image.finest[:], pixels)
    assert read_image(path, "ZYX").axes == "ZYX"
    assert [(one.name, one.shape) for one in images_in(path)] == [("", (3, 4, 5))]
    assert [(one.path, one.name) for one in sources_of([path])] == [(path, "plain")]


def test_an_array_without_rows_is_refused(tmp_path):
    zarr.create_array(tmp_path / "line.zarr", shape=(3,), dtype="u1")
    with pytest.raises(DataError, match="no rows and columns"):
        read_image(tmp_path / "line.zarr")


def test_of_a_damaged_array_it_is_said_what_is_damaged(tmp_path):
    path = tmp_path / "plain.zarr"
    zarr.create_array(path, shape=(4, 5), dtype="u1", zarr_format=3)
    said = (path / "zarr.json").read_text()
    (path / "zarr.json").write_text(said.replace('"uint8"', '"uint8.9"'))
    with pytest.raises(DataError, match=r"plain\.zarr .*uint8\.9"):
        read_image(path)
