"""Files of every kind through `napari-sam segment` and `export`: what is written fits the image."""

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
from napari_sam.exports.formats import FORMATS
from napari_sam.files import read_labels
from napari_sam.pixel_size import PixelSize
from ome_files import several_files


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder for results; bright discs are cells."""
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: FakeModel("cells"))
    return tmp_path / "out"


def run(*arguments: Any) -> int:
    """Run a command line in this process."""
    return main([str(argument) for argument in arguments])


def stack(axes: str) -> tuple[np.ndarray, tuple[int, ...]]:
    """Discs on every plane, in axes of any order: two, but in channel 0 none."""
    lengths = {"T": 2, "Z": 3, "C": 2, "P": 2}
    leading = [letter for letter in axes if letter not in "YX"]
    shape = tuple(lengths[letter] for letter in leading)
    pixels = np.broadcast_to(blobs((48, 56), ((14, 14), (32, 40))), (*shape, 48, 56)).copy()
    if "C" in leading:
        np.moveaxis(pixels, leading.index("C"), 0)[0] = 10
    order = [[*leading, "Y", "X"].index(letter) for letter in axes]
    kept = tuple(lengths[letter] for letter in leading if letter != "C")
    return np.ascontiguousarray(pixels.transpose(order)), (*kept, 48, 56)


@pytest.mark.parametrize("axes", ["ZTYX", "TZYX", "CZTYX", "ZCTYX", "TCZYX", "PTZYX", "TYX", "YX"])
def test_axes_in_any_order_and_number_go_through(axes: str, out: Path, tmp_path: Path) -> None:
    pixels, shape = stack(axes)
    size = {"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 0.0}
    if "P" in axes:
        tifffile.imwrite(
            tmp_path / "x.tif", pixels, photometric="minisblack", metadata={"axes": axes}
        )
    else:
        tifffile.imwrite(tmp_path / "x.tif", pixels, ome=True, metadata={"axes": axes, **size})
    chosen = ["--channel", 1] if "C" in axes else []
    assert run("segment", tmp_path / "x.tif", "-o", out, *chosen) == 0
    labels = read_labels(out / "x_labels.tif")
    assert labels.shape == shape
    assert labels.axes == axes.replace("C", "")
    assert labels.pixel_size == (None if "P" in axes else PixelSize(0.5, 0.25, "um"))
    planes = labels.pixels.reshape(-1, 48, 56)
    assert (planes[:, 14, 14] > 0).all()
    count = 2 * len(planes)
    assert len(np.unique(planes)) == 1 + count
    for to, kind in FORMATS.items():
        movie = labels.pixels.ndim in (3, 4)
        done = run("export", out / "x_labels.tif", "--to", to, "-o", out / f"e_{to}")
        assert done == (1 if to == "ctc" and not movie else 0)
        path = out / f"e_{to}{kind.suffix}"
        if to == "coco":
            document = json.loads(path.read_text())
            assert len(document["annotations"]) == count
        elif to == "geojson":
            document = json.loads(path.read_text())
            found = [f["geometry"].get("plane", {"z": 0, "t": 0}) for f in document["features"]]
            for key, letter in (("z", "Z"), ("t", "T")):
                length = dict(zip(labels.axes, labels.shape, strict=True)).get(letter, 1)
                assert {place[key] for place in found} == set(range(length))
        elif to == "csv":
            assert len(pd.read_csv(path)) == count


def test_every_image_of_a_file_is_segmented_and_named(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "three.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        for name in ("one", "two"):
            writer.write(blobs(), metadata={"axes": "YX", "Name": name})
    assert run("segment", path, "-o", out) == 0
    said = capsys.readouterr().err
    assert "'one'" in said
    assert "'two'" in said
    for number in range(2):
        assert (out / f"three_series{number}_labels.tif").exists()
    alone = tmp_path / "alone"
    assert run("segment", path, "-o", alone, "--series", 1) == 0
    assert [file.name for file in alone.glob("*.tif")] == ["three_series1_labels.tif"]
    assert run("segment", path, "-o", alone, "--series", 0, "--skip-existing") == 0
    assert (alone / "three_series0_labels.tif").exists()
    assert run("segment", path, "-o", tmp_path / "other", "--series", 2) == 1
    assert "0..1" in capsys.readouterr().err


def test_an_image_of_several_files_is_segmented_once(out: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    several_files(tmp_path / "in", np.stack([blobs()] * 2).astype(np.uint16))
    assert run("segment", tmp_path / "in", "-o", out) == 0
    assert len(list(out.glob("*_labels.tif"))) == 1
    assert read_labels(out / "m_0_labels.tif").shape == (2, 64, 80)


def test_a_cut_stack_fails_and_the_others_are_done(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a", "b", "c"):
        tifffile.imwrite(
            folder / f"{name}.tif", np.stack([blobs()] * 6), metadata={"axes": "ZYX"}, imagej=True
        )
    whole = (folder / "b.tif").read_bytes()
    (folder / "b.tif").write_bytes(whole[: len(whole) // 2])
    assert run("segment", folder, "-o", out) == 1
    said = capsys.readouterr().err
    assert "b.tif is cut or damaged" in said
    assert "Traceback" not in said
    assert sorted(path.name for path in out.glob("*.tif")) == ["a_labels.tif", "c_labels.tif"]


def test_ids_beyond_sixteen_bits_keep_their_pixel_size(out: Path, tmp_path: Path) -> None:
    from napari_sam.files import write_labels

    labels = np.zeros((20, 30), np.int32)
    labels[2:6, 2:6] = 70000
    write_labels(tmp_path / "x_labels.tif", labels, "YX", PixelSize(0.5, 0.25))
    with tifffile.TiffFile(tmp_path / "x_labels.tif") as tif:
        assert tif.pages[0].tags["ResolutionUnit"].value == 1  # no unit, and no inch
    out.mkdir()
    assert run("export", tmp_path / "x_labels.tif", "--to", "csv", "-o", out / "x.csv") == 0
    assert pd.read_csv(out / "x.csv")["area_um2"].tolist() == [16 * 0.125]


def test_coco_names_the_image_with_its_ending(out: Path, tmp_path: Path) -> None:
    def named(*more: Any) -> str:
        path = tmp_path / "c.json"
        arguments = ["--to", "coco", "-o", path, "--overwrite", *more]
        assert run("export", tmp_path / "x_labels.tif", *arguments) == 0
        name: str = json.loads(path.read_text())["images"][0]["file_name"]
        return name

    tifffile.imwrite(tmp_path / "x_labels.tif", np.eye(9, dtype=np.uint8))
    assert named() == "x_labels.tif"
    tifffile.imwrite(tmp_path / "x.ome.tif", np.eye(9, dtype=np.uint8))
    assert named() == "x.ome.tif"
    assert named("--image", "plate1/x.jpg") == "plate1/x.jpg"


def test_an_export_does_not_write_over_its_labels(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x_labels.tif"
    tifffile.imwrite(path, np.eye(9, dtype=np.uint8))
    before = path.read_bytes()
    assert run("export", path, "--to", "csv", "-o", path, "--overwrite") == 1
    assert "labels themselves" in capsys.readouterr().err
    assert path.read_bytes() == before


@pytest.mark.parametrize("size", ["0", "-1", "nan", "inf"])
def test_a_senseless_pixel_size_is_refused(
    size: str, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tifffile.imwrite(tmp_path / "x.tif", np.eye(9, dtype=np.uint8))
    arguments = ["--to", "csv", "-o", tmp_path / "x.csv", f"--pixel-size={size}"]
    assert run("export", tmp_path / "x.tif", *arguments) == 1
    assert "positive" in capsys.readouterr().err
