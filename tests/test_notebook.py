"""The package as somebody in a notebook meets it: files in, results looked at, saved, read back."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile

import napari_sam as ns
from fake_model import FakeModel, blobs
from napari_sam.cli.app import main
from napari_sam.errors import DataError, ImageError, LabelsError, ParameterError
from napari_sam.segmentation import measure

IMAGE = blobs((64, 80))
STACK = np.stack([IMAGE] * 4)
POINT = ns.Prompt(points=[(20, 20)])


def labelled() -> ns.Segmentation:
    labels = np.zeros((30, 40), np.int32)
    labels[2:9, 3:12] = 5
    labels[12:20, 20:31] = 70_000
    return ns.Segmentation(labels, measure(labels, scores={5: 0.5, 70_000: 0.25}))


def tracked() -> ns.Tracks:
    labels = np.zeros((4, 20, 40), np.int32)
    labels[:2, 5:15, 10:20] = 1
    labels[2:, 5:15, 4:12], labels[2:, 5:15, 18:26] = 2, 3
    return ns.link_labels(labels)


def model() -> FakeModel:
    return FakeModel()


# -- what is printed ------------------------------------------------------------------------------


def test_a_result_is_printed_in_a_line_and_not_as_pixels() -> None:
    assert repr(labelled()) == (
        "Segmentation: 2 objects; labels (30, 40) int32; table: label, score, area, centroid_row, "
        "centroid_col, r0, c0, r1, c1, source"
    )
    assert repr(tracked()).startswith("Tracks: 3 tracks; labels (4, 20, 40) int32; table: label,")
    assert "parents" not in repr(tracked())
    one = np.ones((3, 9, 9), int)
    assert repr(ns.Segmentation(one[0], measure(one[0]))).startswith("Segmentation: 1 object;")
    assert repr(ns.link_labels(one)).startswith("Tracks: 1 track;")


def test_a_notebook_shows_the_table() -> None:
    shown = labelled()._repr_html_()
    assert "2 objects, labels (30, 40) int32" in shown
    assert "<table" in shown
    assert "70000" in shown
    many = pd.DataFrame({"label": range(1, 500)})
    long = ns.Segmentation(np.zeros((2, 2), int), many)._repr_html_()
    assert long.count("<tr") < 15


@pytest.mark.parametrize(
    ("thing", "printed"),
    [
        (lambda: POINT, "Prompt(points=[[20.0, 20.0]], labels=[1])"),
        (lambda: ns.Prompt(boxes=[(1, 2, 3, 4)]), "Prompt(boxes=[[1.0, 2.0, 3.0, 4.0]])"),
        (lambda: ns.Prompt(mask=np.eye(3)), "Prompt(mask=3 pixels)"),
        (model, "FakeModel 'fake' on cpu"),
        (lambda: model().encode(IMAGE), "Embedding: plane of (64, 80), read by fake-1, limits "),
        (
            lambda: model().predict(model().encode(IMAGE), POINT),
            "Candidates: 3 masks of (64, 80), scores 0.90, 0.70, 0.50",
        ),
        (
            lambda: ns.Image(STACK, "ZYX", ns.PixelSize(0.5, 0.5, "um", 2.0)),
            "Image: ZYX, 4 x 64 x 80 uint8, PixelSize(row=0.5, column=0.5, unit='um', slice=2.0)",
        ),
        (
            lambda: ns.propagate(STACK, {1: POINT}, model()),
            "Propagation: on 4 of 4 slices, 0 to 3; mask (4, 64, 80)",
        ),
    ],
)
def test_what_a_person_holds_is_printed_in_a_line(thing: Any, printed: str) -> None:
    assert repr(thing()).startswith(printed)
    assert len(repr(thing())) < 120


def test_a_name_that_is_nearly_right_is_told() -> None:
    with pytest.raises(AttributeError, match="Did you mean 'segment_cells'"):
        _ = ns.segment_cell
    with pytest.raises(AttributeError) as raised:
        _ = ns.quite_another_thing
    assert "mean" not in str(raised.value)


def test_an_option_that_is_nearly_right_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ParameterError, match=r"no option 'diamter'\. Did you mean 'diameter'"):
        ns.segment_objects(IMAGE, "cells", model(), diamter=20)
    with pytest.raises(ParameterError, match=r"no option 'max_gapp'\. Did you mean 'max_gap'"):
        ns.track_cells(STACK, model(), max_gapp=20)
    with pytest.raises(SystemExit):
        main(["segment", "a.tif", "-o", "out", "--diamter", "30"])
    assert "Did you mean '--diameter'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["segment", "a.tif", "-o", "out", "--nothing-alike"])
    assert "Did you mean" not in capsys.readouterr().err


# -- files ----------------------------------------------------------------------------------------


def test_a_result_is_saved_and_read_back(tmp_path: Path) -> None:
    result = labelled()
    path = result.save(tmp_path / "new" / "a_labels.tif", pixel_size=ns.PixelSize(0.5, 0.25))
    assert {file.name for file in path.parent.iterdir()} == {"a_labels.tif", "a_objects.csv"}
    again = ns.Segmentation.load(path)
    np.testing.assert_array_equal(again.labels, result.labels)
    pd.testing.assert_frame_equal(again.table.drop(columns="source"), result.table.iloc[:, :-1])
    assert ns.read_labels(path).pixel_size == ns.PixelSize(0.5, 0.25)
    assert ns.read_labels(path).axes == "YX"


def test_tracks_are_saved_and_read_back_with_their_parents(tmp_path: Path) -> None:
    tracks = tracked()
    assert tracks.parents == {2: 1, 3: 1}
    path = tracks.save(tmp_path / "movie_labels.tif")
    assert ns.read_labels(path).axes == "TYX"
    again = ns.Tracks.load(path)
    assert again.parents == tracks.parents
    np.testing.assert_array_equal(again.paths(), tracks.paths())
    pd.testing.assert_frame_equal(again.table, tracks.table, check_exact=False)
    labelled().save(tmp_path / "a_labels.tif")
    with pytest.raises(LabelsError, match="no tracks"):
        ns.Tracks.load(tmp_path / "a_labels.tif")


def test_nothing_is_replaced_unless_one_says_so(tmp_path: Path) -> None:
    path = labelled().save(tmp_path / "a_labels.tif")
    before = path.read_bytes()
    other = tracked()
    with pytest.raises(DataError, match="would be replaced"):
        other.save(path)
    path.unlink()
    with pytest.raises(DataError, match=r"a_objects\.csv would be replaced"):
        other.save(path)
    labelled().save(path, overwrite=True)
    assert path.stat().st_size == len(before)
    with pytest.raises(DataError, match=r"ends in \.tif"):
        labelled().save(tmp_path / "a.png")
    with pytest.raises(LabelsError):
        labelled().save(tmp_path / "b_labels.tif", axes="ZYX")
    assert not (tmp_path / "b_objects.csv").exists()  # both or none


def test_a_table_of_other_objects_is_not_taken_for_that_of_the_labels(tmp_path: Path) -> None:
    path = labelled().save(tmp_path / "a_labels.tif")
    edited = labelled().labels.copy()
    edited[:5] = 0
    ns.write_labels(path, edited)
    with pytest.raises(LabelsError, match="no table of the same objects"):
        ns.Segmentation.load(path)


def test_rows_of_rejected_objects_are_no_rows_of_other_objects(tmp_path: Path) -> None:
    path = labelled().save(tmp_path / "a_labels.tif")
    table = pd.read_csv(tmp_path / "a_objects.csv")
    kept, gone = table["label"].iloc[0], table["label"].iloc[1:]
    ns.write_labels(path, np.where(labelled().labels == kept, kept, 0))
    table["reviewed"] = np.where(table["label"] == kept, "accepted", "rejected")
    table["class"] = "resting"
    table.to_csv(tmp_path / "a_objects.csv", index=False)
    assert len(gone)
    assert ns.Segmentation.load(path).table["label"].tolist() == [kept]
    assert main(["export", str(path), "--to", "csv", "-o", str(tmp_path / "out.csv")]) == 0
    out = pd.read_csv(tmp_path / "out.csv")
    assert out[["label", "score", "class"]].values.tolist() == [
        [kept, table["score"].iloc[0], "resting"]
    ]


def test_that_a_table_is_left_out_of_an_export_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = labelled().save(tmp_path / "a_labels.tif")
    ns.write_labels(path, labelled().labels * 2)
    assert main(["export", str(path), "--to", "csv", "-o", str(tmp_path / "out.csv")]) == 0
    assert "a_objects.csv tells of other objects" in capsys.readouterr().err


def test_what_the_command_line_wrote_is_read_in_a_notebook(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", blobs((96, 96), ((30, 30), (60, 70)), 9))
    assert main(["segment", str(tmp_path / "a.tif"), "-o", str(tmp_path / "out")]) == 0
    found = ns.Segmentation.load(tmp_path / "out" / "a_labels.tif")
    assert len(found) == 2
    assert set(np.unique(found.labels)) == {0, *found.table["label"]}


@pytest.mark.parametrize("name", ["a.tif", Path("a.tif")])
def test_a_path_in_the_place_of_pixels_is_told_what_reads_it(name: Any) -> None:
    with pytest.raises(ImageError, match="read_image"):
        ns.segment_cells(name)
    with pytest.raises(LabelsError, match="read_labels"):
        ns.link_labels(name)


# -- images that know more than their pixels ------------------------------------------------------


def test_everything_takes_what_read_image_returns() -> None:
    plane, stack = ns.Image(IMAGE, "YX"), ns.Image(STACK, "ZYX")
    fake = model()
    assert fake.encode(plane).plane_hash == fake.encode(IMAGE).plane_hash
    np.testing.assert_array_equal(np.asarray(stack), STACK)
    found = ns.propagate(stack, {1: POINT}, fake)
    np.testing.assert_array_equal(found.mask, ns.propagate(STACK, {1: POINT}, fake).mask)
    assert ns.propagate_objects(stack, {7: {1: POINT}}, fake)[7].mask.any()
    labels = np.stack([IMAGE > 100] * 4).astype(np.int32)
    kept = ns.Image(labels, "TYX")
    linked = ns.link_labels(kept, ns.Image(STACK, "TYX"))
    np.testing.assert_array_equal(linked.labels, ns.link_labels(labels, STACK).labels)
    drawn = labels.copy()
    drawn[1:3] = 0
    filled = ns.interpolate(ns.Image(drawn, "ZYX"), 1)
    assert sorted(filled) == [1, 2]
    beside = ns.propagate(stack, {1: POINT}, fake, others=kept)
    np.testing.assert_array_equal(
        beside.mask, ns.propagate(STACK, {1: POINT}, fake, others=labels).mask
    )
    assert not beside.mask[0].any()  # all of it is taken there


def test_what_an_image_knows_is_used_where_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from napari_sam.stacks import propagate as module

    heard: list[dict[str, Any]] = []

    class Heard(module.Carry):
        def __init__(self, *args: Any, **how: Any) -> None:
            heard.append(how)
            super().__init__(*args, **how)

    monkeypatch.setattr(module, "Carry", Heard)
    apart = ns.PixelSize(0.5, 0.5, "um", 2.0)
    ns.propagate(ns.Image(STACK, "ZYX", apart), {1: POINT}, model())
    ns.propagate(ns.Image(STACK, "ZYX", apart), {1: POINT}, model(), spacing=(1, 1, 1))
    ns.propagate(ns.Image(STACK, "TYX"), {1: POINT}, model())
    ns.propagate(ns.Image(STACK, "TYX"), {1: POINT}, model(), over_time=False)
    ns.propagate(STACK, {1: POINT}, model())
    assert [how["step"] for how in heard] == [4.0, 1.0, None, None, None]
    assert [how["over_time"] for how in heard] == [False, False, True, False, False]


def test_limits_of_an_image_hold_where_it_is_followed() -> None:
    fake = model()
    ns.propagate(ns.Image(STACK, "ZYX", limits=(5.0, 150.0)), {1: POINT}, fake)
    assert fake.encode(IMAGE, limits=(5.0, 150.0)).limits == (5.0, 150.0)
    from napari_sam.stacks.crops import Slices

    assert Slices(ns.Image(STACK, "ZYX", limits=(5.0, 150.0))).limits == (5.0, 150.0)
    assert Slices(ns.Image(STACK, "ZYX", limits=(5.0, 150.0)), limits=(1, 2)).limits == (1, 2)


@pytest.mark.parametrize("axes", ["CYX", "TZYX", "YXZ"])
def test_an_image_of_other_axes_is_not_followed(axes: str) -> None:
    pixels = np.zeros((3, 20, 20, 20)[-len(axes) :])
    with pytest.raises(ImageError, match=axes):
        ns.propagate(ns.Image(pixels, axes), {0: POINT}, model())


# -- progress -------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_of_progress_ends_when_the_call_does() -> None:
    stream = Terminal()
    line = ns.ProgressLine("Finding cells", stream=stream)
    ns.segment_cells(STACK, FakeModel(), progress=line)
    shown = stream.getvalue()
    assert shown.startswith("\rFinding cells")
    assert shown.count("\n") == 1
    assert "Finding cells  100%" in shown.rpartition("\r")[2]
    ns.segment_cells(STACK, FakeModel(), progress=line)  # the same line once more
    assert stream.getvalue().count("\n") == 2


def test_what_was_longer_is_covered_without_a_terminal_s_codes() -> None:
    stream = Terminal()
    line = ns.ProgressLine("Finding cells", stream=stream)
    line(0.5)
    line.done("Done")
    assert stream.getvalue().rstrip("\n").rpartition("\r")[2] == f"{'Done':<19}"


def test_a_line_of_progress_is_silent_in_a_file() -> None:
    stream = io.StringIO()
    ns.segment_cells(STACK, FakeModel(), progress=ns.ProgressLine(stream=stream))
    assert stream.getvalue() == ""
