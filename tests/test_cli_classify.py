"""``napari-sam classify``: a folder of labels, examples of two classes, tables and exports."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile

from describing_model import DescribingModel, two_kinds
from napari_sam import loading
from napari_sam.cli import main
from napari_sam.errors import LabelsError
from napari_sam.files import write_labels
from napari_sam.files.ngff_alone import write_labels_group
from napari_sam.objects import classify
from napari_sam.objects.classify_series import OfImage, suggest_for_all


def run(*arguments: Any) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two images of large and small discs; of the first a person said what four of them are."""
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: DescribingModel())
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    image, marks = two_kinds()
    for name in ("a", "b"):
        tifffile.imwrite(images / f"{name}.tif", image.astype(np.float32))
        tifffile.imwrite(labels / f"{name}_labels.tif", marks.astype(np.uint16))
    tifffile.imwrite(images / "empty.tif", image.astype(np.float32))
    tifffile.imwrite(labels / "empty_labels.tif", np.zeros(marks.shape, np.uint16))
    ids = np.unique(marks[marks > 0])
    table = pd.DataFrame({"label": ids, "mine": ids * 2})
    table["class"] = table["label"].map(
        {1: "small", 2: "large", 3: "small", 4: "large", 5: "large"}
    )
    table["class_by"] = np.where(table["label"] == 5, "suggested", "person")
    table.to_csv(labels / "a_objects.csv", index=False)
    return images, labels


def test_a_folder_is_classified_after_the_tables_beside_its_labels(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("classify", *folders, "-o", out, "--to", "coco") == 0
    said = capsys.readouterr()
    assert "40 'large', 40 'small' on 2 images" in said.err
    for name in ("a", "b"):
        table = pd.read_csv(out / f"{name}_objects.csv").set_index("label")
        assert all(table["class"] == np.where(table.index % 2, "small", "large"))
        by_person = set(table.index[table["class_by"] == "person"])
        assert by_person == ({1, 2, 3, 4} if name == "a" else set())
        assert ("mine" in table) == (name == "a")
        coco = json.loads((out / f"{name}_classes.json").read_text(encoding="utf-8"))
        assert {one["name"] for one in coco["categories"]} >= {"large", "small"}
    assert not (out / "empty_objects.csv").exists()
    assert run("classify", *folders, "-o", out) == 1
    assert "--overwrite" in capsys.readouterr().err


def test_images_that_are_called_alike_have_a_table_each(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    images, labels = folders
    shutil.copy(images / "b.tif", images / "b.tiff")
    assert run("classify", images, labels, "-o", tmp_path / "out") == 0
    tables = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert tables == ["a_objects.csv", "b_tif_objects.csv", "b_tiff_objects.csv"]


def test_labels_of_images_called_alike_are_found_as_segment_names_them(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    images, labels = folders
    shutil.copy(images / "b.tif", images / "b.tiff")
    few = two_kinds()[1].astype(np.uint16)
    few[few > 4] = 0
    (labels / "b_labels.tif").unlink()
    tifffile.imwrite(labels / "b_tiff_labels.tif", few)
    assert run("classify", images, labels, "-o", tmp_path / "out") == 0
    tables = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert tables == ["a_objects.csv", "b_tiff_objects.csv"]
    assert len(pd.read_csv(tmp_path / "out" / "b_tiff_objects.csv")) == 4


@pytest.mark.parametrize("save", ["labels", "zarr"])
def test_the_wells_of_a_plate_are_classified_after_one_of_them(
    folders: tuple[Path, Path], tmp_path: Path, save: str
) -> None:
    zarr = pytest.importorskip("zarr")
    image, marks = two_kinds()
    wells = {"A/1": 0, "B/2": 1}
    root = zarr.open_group(tmp_path / "plate.zarr", mode="w", zarr_format=3)
    root.attrs["ome"] = {"version": "0.5", "plate": {"wells": [{"path": well} for well in wells]}}
    for well, flip in wells.items():
        group = root.create_group(well)
        group.attrs["ome"] = {"version": "0.5", "well": {"images": [{"path": "0"}]}}
        field = group.create_group("0")
        pixels = image[::-1] if flip else image
        field.create_array("0", data=np.ascontiguousarray(pixels).astype(np.float32))
        axes = [{"name": name, "type": "space"} for name in "yx"]
        levels = [{"axes": axes, "datasets": [{"path": "0"}]}]
        field.attrs["ome"] = {"version": "0.5", "multiscales": levels}
    found, out = tmp_path / "found", tmp_path / "out"
    for well, flip in wells.items():
        labels = np.ascontiguousarray(marks[::-1] if flip else marks)
        name = f"plate_{well.replace('/', '_')}_0_labels"
        if save == "zarr":
            write_labels_group(found / f"{name}.zarr", labels, "YX", None, [])
        else:
            write_labels(found / f"{name}.tif", labels)
    own = tmp_path / "own.csv"
    rows = {"image": ["plate_B_2_0"] * 2, "label": [1, 2], "class": ["s", "l"]}
    pd.DataFrame(rows).to_csv(own, index=False)
    assert run("classify", tmp_path / "plate.zarr", found, "-o", out, "--examples", own) == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == ["plate_A_1_0_objects.csv", "plate_B_2_0_objects.csv"]
    for name in names:
        table = pd.read_csv(out / name).set_index("label")
        assert all(table["class"] == np.where(table.index % 2, "s", "l"))


def test_every_object_gets_a_row_and_rejected_ones_hinder_nothing(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    images, labels = folders
    table = pd.read_csv(labels / "a_objects.csv")
    gone = {"label": 99, "class": "small", "class_by": "person", "reviewed": "rejected"}
    table = pd.concat([table[table["label"] != 7], pd.DataFrame([gone])])
    table.to_csv(labels / "a_objects.csv", index=False)
    assert run("classify", images, labels, "-o", tmp_path / "out") == 0
    found = pd.read_csv(tmp_path / "out" / "a_objects.csv").set_index("label")
    assert sorted(found.index) == list(range(1, 41))
    assert found.loc[7, "class"] == "small"
    assert found.loc[7, "area"] == (two_kinds()[1] == 7).sum()


def test_examples_on_images_that_are_not_there_are_told(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.csv"
    rows = {"image": ["b", "b", "typo.tif"], "label": [1, 2, 3], "class": ["s", "l", "s"]}
    pd.DataFrame(rows).to_csv(own, index=False)
    assert run("classify", *folders, "-o", tmp_path / "out", "--examples", own) == 0
    assert "examples on typo.tif are left out" in capsys.readouterr().err


def test_a_table_of_ones_own_has_the_examples(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images, labels = folders
    (labels / "a_objects.csv").unlink()
    own = tmp_path / "own.csv"
    rows = {"image": ["b.tif", "b", "b"], "label": [1, 2, 4], "class": ["s", "l", "l"]}
    pd.DataFrame(rows).to_csv(own, index=False)
    assert run("classify", images, labels, "-o", tmp_path / "out", "--examples", own) == 0
    table = pd.read_csv(tmp_path / "out" / "a_objects.csv").set_index("label")
    assert all(table["class"] == np.where(table.index % 2, "s", "l"))
    assert "area" in table
    pd.DataFrame(rows).drop(columns="image").to_csv(own, index=False)
    capsys.readouterr()
    assert run("classify", images, labels, "-o", tmp_path / "more", "--examples", own) == 1
    assert "column image" in capsys.readouterr().err
    own.write_text("nothing\n1\n", encoding="utf-8")
    assert run("classify", images, labels, "-o", tmp_path / "more", "--examples", own) == 1
    assert "image, label and class" in capsys.readouterr().err
    assert not (tmp_path / "more").exists()


def test_examples_of_one_class_or_of_nothing_are_refused(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images, labels = folders
    (labels / "a_objects.csv").unlink()
    assert run("classify", images, labels, "-o", tmp_path / "out") == 1
    assert "No object has a class yet" in capsys.readouterr().err
    alone = tmp_path / "alone.csv"
    pd.DataFrame({"image": ["a"], "label": [1], "class": ["small"]}).to_csv(alone, index=False)
    assert run("classify", images, labels, "-o", tmp_path / "out", "--examples", alone) == 1
    assert "All examples are of the class 'small'" in capsys.readouterr().err
    assert run("classify", images, images, "-o", tmp_path / "out") == 1
    assert "no labels for the images" in capsys.readouterr().err
    assert run("classify", images, labels / "a_labels.tif", "-o", tmp_path / "out") == 1
    assert "no labels for the images" in capsys.readouterr().err  # but for one of them
    empty = images / "empty.tif", labels / "empty_labels.tif"
    assert run("classify", *empty, "-o", tmp_path / "out") == 1
    assert "hold no objects" in capsys.readouterr().err
    image, marks = two_kinds()
    from napari_sam.images import Image
    from napari_sam.objects.classify import see

    seen = see(Image.of(image), marks, DescribingModel())
    with pytest.raises(LabelsError, match=r"no object 99 in the labels of a\.tif"):
        suggest_for_all([OfImage("a.tif", seen, {99: "x"})])


def test_nothing_is_looked_at_for_what_cannot_be_written_or_told(
    folders: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    looked: list[Any] = []
    monkeypatch.setattr(classify, "see", lambda *what: looked.append(what))
    images, labels = folders
    file = tmp_path / "results"
    file.touch()
    assert run("classify", images, labels, "-o", file) == 1
    assert "is a file: -o names the folder for the results" in capsys.readouterr().err
    (labels / "a_objects.csv").unlink()
    assert run("classify", images, labels, "-o", tmp_path / "out") == 1
    assert "No object has a class yet" in capsys.readouterr().err
    assert looked == []
