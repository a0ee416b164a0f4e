"""Labels come back as they were written, and those of other programs are read."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import roifile
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image as Pillow

from decoded_runs import decode_runs
from napari_sam.errors import DataError, LabelsError
from napari_sam.exports.formats import FORMATS, export
from napari_sam.files import made_here, read_labels, write_labels
from napari_sam.pixel_size import METRES, PixelSize

LABELS = np.zeros((64, 80), np.uint8)
LABELS[5:20, 5:20] = 1
LABELS[30:50, 30:60] = 2


@st.composite
def stacks(draw: st.DrawFn) -> tuple[np.ndarray, str]:
    """Labels with their axes: any letters before rows and columns, any ids of 31 bits."""
    letters = "".join(draw(st.permutations("TZCPR")))[: draw(st.integers(0, 4))]
    shape = tuple(draw(st.integers(1, 3)) for _ in letters)
    shape += (draw(st.integers(2, 6)), draw(st.integers(2, 6)))
    top = draw(st.sampled_from([1, 255, 256, 65535, 65536, 2**31 - 1]))
    kind = draw(st.sampled_from([np.uint8, np.uint16, np.int32, np.uint32, np.int64, np.uint64]))
    top = min(top, int(np.iinfo(kind).max))
    return draw(hnp.arrays(kind, shape, elements=st.integers(0, top))), f"{letters}YX"


lengths = st.floats(1e-3, 1e4)
sizes = st.none() | st.builds(
    PixelSize, lengths, lengths, st.sampled_from(sorted(METRES)), st.none() | lengths
)


def same_size(found: PixelSize | None, meant: PixelSize | None) -> bool:
    """Compare two pixel sizes, in whatever unit they are told."""
    if found is None or meant is None:
        return found is meant
    told = found.in_unit(meant.unit)
    pairs = [(told.row, meant.row), (told.column, meant.column)]
    if (told.slice is None) != (meant.slice is None):
        return False
    if told.slice is not None and meant.slice is not None:
        pairs.append((told.slice, meant.slice))
    return all(abs(a - b) <= 1e-6 * b for a, b in pairs)


@settings(max_examples=150, deadline=None)
@given(stacks(), sizes)
def test_ids_axes_and_pixel_size_come_back(
    made: tuple[np.ndarray, str], size: PixelSize | None
) -> None:
    labels, axes = made
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x_labels.tif"
        write_labels(path, labels, axes, size)
        found = read_labels(path)
        assert made_here(path)
        assert list(Path(folder).iterdir()) == [path]
    kept = [a for a, n in zip(axes, labels.shape, strict=True) if n > 1 or a in "YX"]
    told = [a for a, n in zip(found.axes, found.shape, strict=True) if n > 1 or a in "YX"]
    assert kept == told
    np.testing.assert_array_equal(found.pixels.squeeze(), labels.squeeze())
    assert same_size(found.pixel_size, size)


#: Tracks become a folder, and of movies only: see tests of stacks.
FILES = sorted(set(FORMATS) - {"ctc"})


@pytest.mark.filterwarnings("ignore:This looks like an image")  # as some of these numbers do
@settings(max_examples=60, deadline=None)
@given(stacks())
def test_every_export_holds_every_object(made: tuple[np.ndarray, str]) -> None:
    labels, axes = made
    ids = set(np.unique(labels).tolist()) - {0}
    planes = labels.reshape(-1, *labels.shape[-2:])
    with tempfile.TemporaryDirectory() as folder:
        paths = {to: export(labels, Path(folder) / f"x_{to}", to, axes=axes) for to in FILES}
        coco = json.loads(paths["coco"].read_text())
        geojson = json.loads(paths["geojson"].read_text())
        table = pd.read_csv(paths["csv"])
        regions = roifile.roiread(paths["imagej"])
    back = np.zeros_like(planes)
    for found in coco["annotations"]:
        mask = decode_runs(found["segmentation"]["counts"], labels.shape[-2:])
        back[found["image_id"] - 1][mask] = found["label"]
        assert found["area"] == mask.sum()
    np.testing.assert_array_equal(back, planes)
    assert set(table["label"]) == ids
    assert {f["properties"]["label"] for f in geojson["features"]} == ids
    assert len(regions) == len(geojson["features"]) == len(coco["annotations"])


def test_a_plane_is_named_by_its_axes_in_geojson_and_imagej(tmp_path: Path) -> None:
    labels = np.zeros((2, 3, 8, 9), np.uint8)
    labels[1, 2, 2:4, 2:4] = 5
    for axes, place in (("TZYX", {"z": 2, "t": 1}), ("ZTYX", {"z": 1, "t": 2})):
        path = export(labels, tmp_path / axes, "geojson", axes=axes)
        (feature,) = json.loads(path.read_text())["features"]
        assert feature["geometry"]["plane"] == {"c": -1, **place}
        region = roifile.ImagejRoi.fromfile(export(labels, tmp_path / axes, "imagej", axes=axes))
        region = region[0] if isinstance(region, list) else region
        assert (region.z_position, region.t_position) == (place["z"] + 1, place["t"] + 1)
    for axes, place in (("TYX", {"z": 0, "t": 2}), ("ZYX", {"z": 2, "t": 0})):
        path = export(labels[1], tmp_path / axes, "geojson", axes=axes)
        (feature,) = json.loads(path.read_text())["features"]
        assert feature["geometry"]["plane"] == {"c": -1, **place}


# of other programs --------------------------------------------------------------------------


def saved(path: Path, name: str) -> Path:
    """Write the labels as a program does, into a file of that name."""
    if name == "imagej float.tif":
        tifffile.imwrite(path / name, LABELS.astype(np.float32), imagej=True)
    elif name == "imagej lookup table.tif":
        colours = np.random.default_rng(0).integers(0, 65535, (3, 256)).astype(np.uint16)
        tifffile.imwrite(path / name, LABELS, photometric="palette", colormap=colours)
    elif name == "indexed.png":
        picture = Pillow.fromarray(LABELS)
        picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
        picture.save(path / name)
    elif name == "grey as colour.png":
        Pillow.fromarray(np.dstack([LABELS] * 3)).save(path / name)
    elif name == "cellpose_cp_masks.png":
        Pillow.fromarray(LABELS.astype(np.uint16)).save(path / name)
    elif name == "big endian.tif":
        tifffile.imwrite(path / name, LABELS.astype(">u4"), byteorder=">", compression="lzw")
    elif name == "qupath.ome.tif":
        tifffile.imwrite(
            path / name, LABELS[None], ome=True, tile=(32, 32), metadata={"axes": "CYX"}
        )
    elif name == "grey with transparency.png":
        Pillow.fromarray(np.dstack([LABELS, np.full_like(LABELS, 255)]), "LA").save(path / name)
    elif name == "float64.tif":
        tifffile.imwrite(path / name, LABELS.astype(np.float64), metadata=None)
    return path / name


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning")
@pytest.mark.parametrize(
    "name",
    [
        *["imagej float.tif", "imagej lookup table.tif", "indexed.png", "grey as colour.png"],
        *["cellpose_cp_masks.png", "big endian.tif", "qupath.ome.tif", "float64.tif"],
        "grey with transparency.png",
    ],
)
def test_labels_of_other_programs_are_read(name: str, tmp_path: Path) -> None:
    found = read_labels(saved(tmp_path, name))
    assert np.issubdtype(found.dtype, np.integer)
    np.testing.assert_array_equal(np.squeeze(found.pixels), LABELS)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_black_and_white_is_one_object(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    if suffix == ".tif":
        tifffile.imwrite(path, LABELS > 0, photometric="minisblack")
    else:
        Pillow.fromarray(LABELS > 0).save(path)
    np.testing.assert_array_equal(read_labels(path).pixels, LABELS > 0)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (LABELS / 255, "broken numbers"),
        (np.where(LABELS, LABELS, np.nan), "broken numbers"),
        (np.where(LABELS, np.inf, 0.0), "broken numbers"),
        (np.where(LABELS, 1e300, 0.0), "broken numbers"),
        (np.zeros((8, 9), np.float32), "labels"),
    ],
)
def test_real_numbers_that_are_no_labels_are_refused(
    pixels: np.ndarray, message: str, tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "x.tif", pixels)
    with pytest.raises(LabelsError, match=message):
        read_labels(tmp_path / "x.tif")


def test_colours_and_jpeg_are_no_labels(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (8, 9, 3)).astype(np.uint8)
    Pillow.fromarray(colours).save(tmp_path / "x.png")
    Pillow.fromarray(LABELS).save(tmp_path / "x.jpg")
    with pytest.raises(LabelsError, match="colour picture, not labels"):
        read_labels(tmp_path / "x.png")
    with pytest.raises(LabelsError, match="JPEG"):
        read_labels(tmp_path / "x.jpg")


@pytest.mark.parametrize(
    ("labels", "axes"),
    [
        (np.zeros((2, 2)), "YX"),
        (np.zeros((0, 2), int), "YX"),
        (np.zeros((2, 2), int), "ZYX"),
        (np.zeros((2, 2), int), "XY"),
        (np.zeros((2, 2, 2), int), "YYX"),
        (np.zeros((2, 2), int), None),
        ("labels", "YX"),
        (None, "YX"),
    ],
)
def test_what_cannot_be_written_is_refused(labels: Any, axes: Any, tmp_path: Path) -> None:
    with pytest.raises(LabelsError):
        write_labels(tmp_path / "x.tif", labels, axes)
    assert not list(tmp_path.iterdir())


# arguments of exports -----------------------------------------------------------------------

GOOD = {"labels": LABELS, "path": "x", "to": "csv"}


@pytest.mark.parametrize(
    "bad",
    [
        {"labels": None},
        {"labels": [[1, 2], [3]]},
        {"labels": "x"},
        {"labels": np.zeros((0, 4), int)},
        {"labels": np.zeros((3, 0, 4), int)},
        {"labels": np.full((4, 4), np.nan)},
        {"labels": np.full((4, 4), 2**63, np.uint64)},
        {"labels": np.array([[ValueError]])},
        {"path": None},
        {"path": ""},
        {"path": "."},
        {"path": "a\0b"},
        {"path": 3},
        {"to": None},
        {"to": "CSV"},
        {"to": ["csv"]},
        {"table": {"label": [1, 2]}},
        {"table": pd.DataFrame({"score": [1.0]})},
        {"table": pd.DataFrame({"label": [1, 1]})},
        {"table": pd.DataFrame({"label": ["a", "b"]})},
        {"table": pd.DataFrame({"label": [1.5]})},
        {"pixel_size": 0.5},
        {"pixel_size": (0.5, 0.5)},
        {"name": None},
        {"axes": "ZYX"},
        {"axes": "XY"},
        {"axes": 3},
    ],
    ids=str,
)
def test_bad_arguments_of_an_export_are_typed_errors(
    bad: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_sam.errors import NapariSamError

    monkeypatch.chdir(tmp_path)
    arguments = {**GOOD, **bad}
    for to in FORMATS if "to" not in bad else [bad["to"]]:
        with pytest.raises(NapariSamError):
            export(**{**arguments, "to": to})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("to", FILES)
@pytest.mark.parametrize("shape", [(5, 6), (2, 5, 6), (2, 2, 5, 6), (1, 1)])
def test_labels_without_objects_are_exported(
    to: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    path = export(np.zeros(shape, np.int32), tmp_path / "none", to)
    assert path.stat().st_size > 0
    if to == "csv":
        assert "label" in pd.read_csv(path).columns


@pytest.mark.parametrize("shape", [(2, 5, 6), (2, 2, 5, 6)])
def test_a_movie_without_tracks_is_a_folder_with_a_file_per_frame(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    folder = export(np.zeros(shape, np.int32), tmp_path / "none", "ctc")
    assert len(list(folder.glob("mask*.tif"))) == shape[0]


def test_a_plane_is_no_movie(tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match="movie"):
        export(np.zeros((5, 6), np.int32), tmp_path / "none", "ctc")
    assert not list(tmp_path.iterdir())


def test_a_folder_of_tracks_does_not_take_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(DataError, match="is a file"):
        export(np.ones((2, 5, 6), np.int32), tmp_path / "notes", "ctc")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("notes", "mine")]


def test_scores_that_are_no_numbers_are_left_out(tmp_path: Path) -> None:
    table = pd.DataFrame({"label": [1, 2], "score": [np.inf, 0.5]})
    for to, key in (("coco", "annotations"), ("geojson", "features")):
        text = export(LABELS, tmp_path / to, to, table=table).read_text()
        assert "Infinity" not in text
        assert len(json.loads(text)[key]) == 2
    table = pd.DataFrame({"label": [1, 2], "score": ["high", "low"]})
    export(LABELS, tmp_path / "words", "coco", table=table)


def test_a_folder_is_no_file_to_write(tmp_path: Path) -> None:
    (tmp_path / "x.csv").mkdir()
    with pytest.raises(DataError, match="folder"):
        export(LABELS, tmp_path / "x.csv", "csv")
