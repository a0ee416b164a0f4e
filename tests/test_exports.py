"""Labels written for other programs, read back, are the same labels."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import roifile
from hypothesis import given
from hypothesis.extra import numpy as hnp
from skimage.draw import polygon

from decoded_runs import decode_runs
from napari_sam.errors import DataError, ImageError, LabelsError
from napari_sam.exports.formats import FORMATS, export
from napari_sam.exports.outlines import outlines
from napari_sam.pixel_size import PixelSize
from napari_sam.run_lengths import encode_runs
from napari_sam.segmentation import measure


@pytest.fixture
def labels() -> np.ndarray:
    """A square, a ring with an object in its hole, one id in two parts, one pixel; gaps in ids."""
    made = np.zeros((30, 40), dtype=np.uint16)
    made[2:6, 3:9] = 4
    made[10:20, 10:20] = 7
    made[12:18, 12:18] = 0
    made[14:16, 14:16] = 900
    made[22:25, 30:33] = 12
    made[25:28, 33:36] = 12  # touches its other part at a corner
    made[29, 39] = 2
    return made


def fill(rings: list[Any], shape: tuple[int, int]) -> np.ndarray:
    """Pixels whose centres lie inside the first ring of (x, y) corners and none of the others."""
    mask = np.zeros(shape, dtype=bool)
    for number, ring in enumerate(rings):
        xy = np.asarray(ring, dtype=float) - 0.5
        rows, columns = polygon(xy[:, 1], xy[:, 0], shape)
        mask[rows, columns] = number == 0
    return mask


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_filled_outlines_are_the_mask(mask: np.ndarray) -> None:
    back = np.zeros_like(mask)
    for part in outlines(mask):
        rings = [part.outer[:, ::-1], *(hole[:, ::-1] for hole in part.holes)]
        filled = fill(rings, mask.shape)
        assert not (back & filled).any()
        back |= filled
    np.testing.assert_array_equal(back, mask)


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_outlines_do_not_touch_themselves(mask: np.ndarray) -> None:
    for part in outlines(mask):
        for ring in (part.outer, *part.holes):
            assert len(np.unique(ring, axis=0)) == len(ring)


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_decoded_runs_are_the_mask(mask: np.ndarray) -> None:
    counts = encode_runs(mask)
    assert sum(counts) == mask.size
    np.testing.assert_array_equal(decode_runs(counts, mask.shape), mask)


def test_runs_go_down_the_columns_and_start_with_zeros() -> None:
    mask = np.zeros((3, 2), dtype=bool)
    mask[1:, 0] = True
    mask[0, 1] = True
    assert encode_runs(mask) == [1, 3, 2]
    assert encode_runs(np.ones((2, 2), dtype=bool)) == [0, 4]


def test_coco_holds_every_object_with_its_id(labels: np.ndarray, tmp_path: Path) -> None:
    table = measure(labels, scores={7: 0.75})
    path = export(labels, tmp_path / "cells", "coco", table=table, name="plate.tif")
    document = json.loads(path.read_text())
    back = np.zeros_like(labels)
    for annotation in document["annotations"]:
        mask = decode_runs(
            annotation["segmentation"]["counts"], tuple(annotation["segmentation"]["size"])
        )
        back[mask] = annotation["id"]
        x, y, width, height = annotation["bbox"]
        rows, columns = np.nonzero(mask)
        assert (rows.min(), columns.min()) == (y, x)
        assert (rows.max() + 1 - y, columns.max() + 1 - x) == (height, width)
        assert annotation["area"] == mask.sum()
    np.testing.assert_array_equal(back, labels)
    assert document["images"] == [{"id": 1, "file_name": "plate.tif", "height": 30, "width": 40}]
    scores = {a["id"]: a.get("score") for a in document["annotations"]}
    assert scores == {2: None, 4: None, 7: 0.75, 12: None, 900: None}


def test_coco_of_a_stack_has_an_image_per_plane_and_unique_ids(tmp_path: Path) -> None:
    stack = np.zeros((2, 3, 8, 9), dtype=np.int32)
    stack[0, 1, 2:4, 3:5] = 5
    stack[1, 2, 1:3, 1:4] = 5
    stack[1, 2, 5, 5] = 6
    document = json.loads(export(stack, tmp_path / "s.json", "coco").read_text())
    assert len(document["images"]) == 6
    found = [(a["id"], a["image_id"], a["label"]) for a in document["annotations"]]
    assert found == [(1, 2, 5), (2, 6, 5), (3, 6, 6)]


def test_geojson_polygons_filled_are_the_labels(labels: np.ndarray, tmp_path: Path) -> None:
    path = export(labels, tmp_path / "cells.geojson", "geojson", pixel_size=PixelSize(0.5, 0.25))
    document = json.loads(path.read_text())
    back = np.zeros_like(labels)
    for feature in document["features"]:
        geometry = feature["geometry"]
        parts = geometry["coordinates"]
        if geometry["type"] == "Polygon":
            parts = [parts]
        for rings in parts:
            assert all(ring[0] == ring[-1] for ring in rings)
            back[fill([ring[:-1] for ring in rings], labels.shape)] = feature["properties"]["label"]
        area = (labels == feature["properties"]["label"]).sum()
        measurements = feature["properties"]["measurements"]
        assert measurements == {"Area px": area, "Area um^2": area * 0.125}
    np.testing.assert_array_equal(back, labels)
    kinds = {f["properties"]["label"]: f["geometry"]["type"] for f in document["features"]}
    assert kinds[12] == "MultiPolygon"
    assert kinds[7] == "Polygon"


def test_geojson_of_a_stack_says_on_which_plane(tmp_path: Path) -> None:
    stack = np.zeros((3, 8, 9), dtype=np.uint8)
    stack[2, 1:3, 1:3] = 1
    document = json.loads(export(stack, tmp_path / "s", "geojson").read_text())
    assert [f["geometry"]["plane"]["z"] for f in document["features"]] == [2]


def test_imagej_regions_filled_are_the_labels(labels: np.ndarray, tmp_path: Path) -> None:
    path = export(labels, tmp_path / "cells", "imagej")
    assert path.suffix == ".zip"
    back = np.zeros_like(labels)
    for region in roifile.roiread(path):
        rings = region.coordinates(multi=True) if region.composite else [region.coordinates()]
        inside = np.zeros(labels.shape, dtype=bool)
        for ring in rings:  # ImageJ fills composite paths by the even-odd rule
            inside ^= fill([ring], labels.shape)
        back[inside] = int(region.name)
    np.testing.assert_array_equal(back, labels)


def test_imagej_regions_of_a_stack_know_their_slice(tmp_path: Path) -> None:
    stack = np.zeros((3, 8, 9), dtype=np.uint8)
    stack[0, 1:3, 1:3] = 3
    stack[2, 1:3, 1:3] = 3
    regions = roifile.roiread(export(stack, tmp_path / "s.zip", "imagej"))
    assert [(region.name, region.position) for region in regions] == [
        ("0001-00003", 1),
        ("0003-00003", 3),
    ]


def test_a_table_has_physical_columns_when_the_pixel_size_is_known(
    labels: np.ndarray, tmp_path: Path
) -> None:
    path = export(labels, tmp_path / "cells", "csv", pixel_size=PixelSize(0.5, 0.25))
    table = pd.read_csv(path).set_index("label")
    assert table.loc[4, "area"] == 24
    assert table.loc[4, "area_um2"] == 3
    assert table.loc[4, "centroid_row_um"] == 3.5 * 0.5
    assert table.loc[4, "centroid_col_um"] == 5.5 * 0.25
    plain = pd.read_csv(export(labels, tmp_path / "plain", "csv"))
    assert not any("um" in column for column in plain.columns)


def test_a_table_of_a_stack_has_volumes(tmp_path: Path) -> None:
    stack = np.zeros((5, 8, 9), dtype=np.uint8)
    stack[1:4, 2:4, 2:6] = 9
    stack[4, 0, 0] = 2
    path = export(stack, tmp_path / "s", "csv", pixel_size=PixelSize(0.5, 0.5, slice=2.0))
    table = pd.read_csv(path).set_index("label")
    assert table.loc[9, ["voxels", "first_plane", "last_plane"]].tolist() == [24, 1, 3]
    assert table.loc[9, ["centroid_0", "centroid_1", "centroid_2"]].tolist() == [2, 2.5, 3.5]
    assert table.loc[9, "volume_um3"] == 12


@pytest.mark.parametrize("to", sorted(FORMATS))
def test_labels_without_objects_make_a_valid_empty_file(to: str, tmp_path: Path) -> None:
    shape = (2, 5, 6) if to == "ctc" else (5, 6)
    path = export(np.zeros(shape, dtype=np.uint8), tmp_path / "none", to)
    if to in ("coco", "geojson"):
        document = json.loads(path.read_text())
        assert document["annotations" if to == "coco" else "features"] == []
    elif to == "csv":
        assert len(pd.read_csv(path)) == 0
    elif to == "ctc":
        assert (path / "res_track.txt").read_text() == ""
    else:
        assert roifile.roiread(path) == []


@pytest.mark.parametrize("to", sorted(FORMATS))
def test_a_failed_export_leaves_the_old_file_and_no_rest(
    to: str, labels: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if to == "ctc":
        labels = np.stack([labels, labels])
    path = export(labels, tmp_path / "cells", to)

    def content() -> list[bytes]:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        return [file.read_bytes() for file in files]

    before = content()

    def fail(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        export(labels, path, to)
    assert content() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((5, 5)), "whole numbers"),
        (np.zeros(5, dtype=int), "two axes"),
        (np.full((5, 5), -1), "negative"),
    ],
)
def test_what_is_no_labels_is_refused(bad: np.ndarray, message: str, tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match=message):
        export(bad, tmp_path / "x", "coco")


def test_an_unknown_format_names_the_known_ones(labels: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="coco, csv, ctc, geojson, imagej"):
        export(labels, tmp_path / "x", "yolo")


@pytest.mark.parametrize("size", [(0, 1), (1, -1), (np.nan, 1), (1, np.inf)])
def test_an_impossible_pixel_size_is_refused(size: tuple[float, float]) -> None:
    with pytest.raises(ImageError, match="positive"):
        PixelSize(*size)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_image_in_place_of_its_labels_is_told(dtype: Any, tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(1, 90, (30, 40)).astype(dtype)
    with pytest.warns(UserWarning, match="Give the label image"):
        export(image, tmp_path / "x", "csv")
    assert len(pd.read_csv(tmp_path / "x.csv")) == len(np.unique(image))  # it is the person's wish


@pytest.mark.parametrize("wrong", [np.float32, np.float64])
def test_an_image_of_real_numbers_is_refused(wrong: Any, tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match="image and not its labels"):
        export(np.full((30, 40), 0.5, wrong), tmp_path / "x", "csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("width", [1, 4])
def test_small_cells_that_touch_are_labels(width: int, tmp_path: Path) -> None:
    rows, columns = np.indices((48, 48)) // width
    cells = rows + 48 * columns + 1
    if width == 1:  # alone
        cells[::2] = cells[:, ::2] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        export(cells, tmp_path / "x", "coco")
