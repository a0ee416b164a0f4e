"""A run of several images: one table, and a record from which it can be repeated."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile

from describing_model import DescribingModel, two_kinds
from fake_model import FakeModel, blobs
from napari_sam import loading
from napari_sam.batch.diary import recorded
from napari_sam.batch.job import Models
from napari_sam.batch.model_files import files_of, models_from
from napari_sam.batch.options_json import options_from, spelled
from napari_sam.batch.record import read_record
from napari_sam.batch.run import run_jobs
from napari_sam.cli import main
from napari_sam.cli.batch_lines import BatchLines
from napari_sam.errors import DataError, ParameterError
from napari_sam.methods.options import CellOptions
from napari_sam.methods.similar_options import SimilarOptions
from napari_sam.objects.examples import Examples


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    """Bright discs are cells."""
    made = FakeModel("cells")
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: made)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images: two discs, one, whose pixel size is known, and none."""
    path = tmp_path / "in"
    path.mkdir()
    tifffile.imwrite(path / "a.tif", blobs())
    metadata = {"axes": "YX", "unit": "um"}
    pixels = blobs(centres=((30, 30),))
    tifffile.imwrite(path / "b.tif", pixels, imagej=True, resolution=(2, 2), metadata=metadata)
    tifffile.imwrite(path / "c.tif", blobs(centres=()))
    return path


def run(*arguments: Any) -> int:
    return main(["segment", *(str(argument) for argument in arguments)])


def test_one_table_holds_the_rows_of_all_images(model, folder, tmp_path):
    out = tmp_path / "out"
    assert run(folder, "-o", out) == 0
    table = pd.read_csv(out / "objects.csv")
    assert table["image"].tolist() == ["a", "a", "b"]
    assert table["area_um2"].isna().tolist() == [True, True, False]
    for name, rows in table.groupby("image"):
        own = pd.read_csv(out / f"{name}_objects.csv")
        columns = list(own.columns)
        pd.testing.assert_frame_equal(rows[columns].reset_index(drop=True), own, check_dtype=False)
    with (out / "objects.csv").open(newline="") as file:
        assert len({len(row) for row in csv.reader(file)}) == 1


def test_one_image_has_its_own_files_alone(model, folder, tmp_path):
    assert run(folder / "a.tif", "-o", tmp_path / "out") == 0
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_the_record_tells_the_run_and_repeats_it(model, folder, tmp_path, capsys):
    out, again = tmp_path / "out", tmp_path / "again"
    (folder / "d.tif").write_bytes(b"II*")
    assert run(folder, "-o", out, "--min-area", 5, "--diameter", 14, "--limits", 0, 255) == 1
    said = json.loads((out / "run.json").read_text())
    assert said["model"]["fingerprint"] == "cells-1"
    assert said["options"]["min_area"] == 5
    assert [one["outcome"] for one in said["images"]] == ["done", "done", "done", "failed"]
    assert "d.tif" in said["images"][3]["said"]
    assert {"napari-sam-bio", "python", "torch"} <= set(said["versions"])
    record = read_record(out / "run.json")
    assert record.jobs[0].options == CellOptions(min_area=5, diameter=14)
    assert record.jobs[0].limits == (0, 255)
    capsys.readouterr()
    assert run("--repeat", out / "run.json", "-o", again) == 1
    assert "not as in the record" not in capsys.readouterr().err
    for path in out.iterdir():
        if path.name != "run.json":
            assert (again / path.name).read_bytes() == path.read_bytes()


def test_a_folder_that_was_moved_is_repeated_where_it_is(model, folder, tmp_path):
    assert run(folder, "-o", folder / "out", "--save", "labels") == 0
    moved = tmp_path / "moved"
    shutil.move(folder, moved)
    assert run("--repeat", moved / "out" / "run.json", "--skip-existing") == 0
    record = read_record(moved / "out" / "run.json")
    assert {job.source.path.parent for job in record.jobs} == {moved}


def test_what_differs_from_the_record_is_said(model, folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(folder, "-o", out) == 0
    said = json.loads((out / "run.json").read_text())
    said["versions"]["torch"] = "1.0"
    (out / "run.json").write_text(json.dumps(said))
    model.fingerprint = "cells-2"
    capsys.readouterr()
    assert run("--repeat", out / "run.json", "-o", tmp_path / "again") == 0
    told = capsys.readouterr().err
    assert "instead of 1.0" in told
    assert "cells-2 instead of cells-1" in told


def test_a_run_that_left_all_out_tells_the_model_too(model, folder, tmp_path, monkeypatch):
    out = tmp_path / "out"
    assert run(folder, "-o", out) == 0
    for by_whom in ("cells-1", "cells-2"):  # as the record before tells, or whoever would work now
        assert run(folder, "-o", out, "--skip-existing") == 0
        said = json.loads((out / "run.json").read_text())
        assert {one["outcome"] for one in said["images"]} == {"skipped"}
        assert said["model"]["fingerprint"] == by_whom
        model.fingerprint = "cells-2"
        (out / "run.json").unlink()
        (out / "objects.csv").unlink()


def test_runs_at_once_into_one_folder_have_a_record_and_a_table_each(model, folder, tmp_path):
    out = tmp_path / "out"
    assert run(folder, "-o", tmp_path / "before") == 0
    a, b, c = read_record(tmp_path / "before" / "run.json").jobs
    a, b, c = (replace(job, outputs=replace(job.outputs, folder=out)) for job in (a, b, c))
    first = recorded([a, b], run_jobs([a, b]), out)
    next(first)
    second = recorded([c], run_jobs([c]), out)
    next(second)
    assert [one.kind for one in (*first, *second)] == ["done"]
    told = {}
    for path in out.glob("run*.json"):
        images = json.loads(path.read_text())["images"]
        told[path.name.replace("run", "objects").replace("json", "csv")] = images
    assert sorted([one["outcome"] for one in images] for images in told.values()) == [
        ["done"],
        ["done", "done"],
    ]
    for name, images in told.items():
        rows = pd.read_csv(out / name)
        assert set(rows.get("image", [])) == {one["name"] for one in images} - {"c"}  # has no cells


def test_a_model_that_is_not_there_is_said_before_anything_is_written(folder, tmp_path, capsys):
    assert run(folder, "-o", tmp_path / "out", "--model", tmp_path / "no.pth") == 1
    assert "no.pth" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_record_of_another_run_is_kept_and_files_of_others_too(model, folder, tmp_path):
    out = tmp_path / "out"
    assert run(folder, "-o", out) == 0
    first = json.loads((out / "run.json").read_text())
    first["started"] = "2020-01-02T03:04:05+00:00"
    (out / "run.json").write_text(json.dumps(first))
    assert run(folder, "-o", out, "--skip-existing") == 0
    assert json.loads((out / "run_20200102030405.json").read_text()) == first
    assert len(pd.read_csv(out / "objects.csv")) == 3
    for name in ("run.json", "objects.csv"):
        other = tmp_path / name.replace(".", "_")
        other.mkdir()
        (other / name).write_text("mine")
        assert run(folder, "-o", other) == 1
        assert [path.name for path in other.iterdir()] == [name]
        assert (other / name).read_text() == "mine"


def test_a_run_that_ends_before_its_record_is_there_leaves_the_one_before(
    model, folder, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    assert run(folder, "-o", out) == 0
    first = json.loads((out / "run.json").read_text())

    def killed():
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("napari_sam.batch.record.versions", killed)  # asked while it is made
        for _ in range(2):
            assert run(folder, "-o", out, "--skip-existing") == 130
    assert json.loads((out / "run.json").read_text()) == first
    assert run(folder, "-o", out, "--skip-existing") == 0
    kept = [json.loads(path.read_text()) for path in out.glob("run_*.json")]
    assert kept == [first]
    assert json.loads((out / "run.json").read_text())["started"] > first["started"]


def test_a_run_that_is_interrupted_leaves_its_record(model, folder, tmp_path, monkeypatch):
    encode = FakeModel.encode

    def stopped(self, plane, **words):
        if (plane == blobs(centres=((30, 30),))).all():
            raise KeyboardInterrupt
        return encode(self, plane, **words)

    monkeypatch.setattr(FakeModel, "encode", stopped)
    out = tmp_path / "out"
    assert run(folder, "-o", out) == 130
    said = json.loads((out / "run.json").read_text())
    assert [one["outcome"] for one in said["images"]] == ["done", "to do", "to do"]
    assert not (out / "objects.csv").exists()
    monkeypatch.setattr(FakeModel, "encode", encode)
    assert run("--repeat", out / "run.json", "--skip-existing") == 0
    assert len(pd.read_csv(out / "objects.csv")) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no record"),
        ("[]", "no record"),
        ('{"software": "other"}', "no record"),
        ('{"software": "napari-sam-bio", "format": 99}', "no record"),
        (None, "cannot be read"),
    ],
)
def test_what_is_no_record_is_refused(text, words, tmp_path):
    path = tmp_path / "run.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=words):
        read_record(path)


def test_options_beside_a_record_are_refused(model, folder, tmp_path, capsys):
    assert run(folder, "-o", tmp_path / "out") == 0
    assert run("--repeat", tmp_path / "out" / "run.json", "--min-area", 3) == 1
    assert "--min-area is told by the record" in capsys.readouterr().err
    for words in ([], [folder], [folder, "--repeat", tmp_path / "out" / "run.json"]):
        with pytest.raises(SystemExit) as stopped:
            run(*words)
        assert stopped.value.code == 2


def test_channels_are_seen_together(model, tmp_path, capsys):
    nuclei, cytoplasm = blobs(centres=((20, 20),)), 100 * blobs(centres=((40, 60),)).astype("u2")
    pixels = np.stack([nuclei.astype("u2"), np.zeros((64, 80), "u2"), cytoplasm])
    path = tmp_path / "x.ome.tif"
    tifffile.imwrite(path, pixels, ome=True, metadata={"axes": "CYX"}, photometric="minisblack")
    assert run(path, "-o", tmp_path / "out", "--channels", "0,2") == 0
    seen = model.encoded[-1]
    assert seen.shape == (64, 80, 3)
    assert seen[20, 20, 0] == seen[40, 60, 1] == 255  # each between its own limits
    assert not seen[..., 2].any()
    assert run(path, "-o", tmp_path / "two", "--channels", "0,7") == 1
    assert "no channel 7" in capsys.readouterr().err
    assert run(path, "-o", tmp_path / "two", "--channels", "0,2", "--channel", 1) == 1
    with pytest.raises(SystemExit):
        run(path, "-o", tmp_path / "two", "--channels", "0,1,2,3")


def test_what_was_left_out_says_nothing_about_the_time_left(model, folder, tmp_path):
    out = tmp_path / "out"
    run(folder, "-o", out)
    jobs = list(read_record(out / "run.json").jobs) * 4
    lines = BatchLines(jobs)
    from napari_sam.batch.outcome import Outcome

    for job in jobs[:9]:
        lines.tell(Outcome(job, "skipped", "already there"))
    line = lines.watch(9)
    assert (line._before, line._share) == (0, pytest.approx(1 / 3))


@pytest.mark.parametrize("file", ["run.json", "objects.csv"])
def test_a_disk_that_is_full_at_the_end_is_told_after_what_was_done(
    file, folder, model, tmp_path, monkeypatch, capsys
):
    from napari_sam.files import atomic

    def full(source: Path, target: Path, move: Any = atomic.os.replace) -> None:
        if Path(target).name == file and len(list((tmp_path / "out").glob("*_labels.tif"))) == 3:
            raise OSError(28, "No space left on device")
        move(source, target)

    monkeypatch.setattr(atomic.os, "replace", full)
    assert main(["segment", str(folder), "-o", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert "3 of 3 images done" in told
    assert f"{file} cannot be written (No space left on device)" in told
    monkeypatch.undo()


def otherwise(out: Path, day: int) -> dict[str, Any]:
    """Return what the record tells of images that were made otherwise, and date it."""
    said = json.loads((out / "run.json").read_text())
    (out / "run.json").write_text(json.dumps({**said, "started": f"2020-01-{day:02}T03:04:05"}))
    return {one["name"]: one["otherwise"] for one in said["images"] if "otherwise" in one}


def test_what_is_left_out_and_was_made_otherwise_is_told(model, folder, tmp_path, capsys):
    out, later = tmp_path / "out", folder / "c.tif"
    kept = later.read_bytes()
    later.unlink()
    assert run(folder, "-o", out, "--diameter", 14) == 0
    assert otherwise(out, 1) == {}
    later.write_bytes(kept)
    assert run(folder, "-o", out, "--diameter", 14, "--skip-existing") == 0
    assert "other settings" not in capsys.readouterr().err
    assert otherwise(out, 2) == {}
    for path in out.glob("c_*"):
        path.unlink()
    model.fingerprint = "cells-2"
    assert run(folder, "-o", out, "--diameter", 30, "--skip-existing") == 0
    assert "2 images were made before with other settings (diameter 14" in capsys.readouterr().err
    then = {"diameter": 14, "model fingerprint": "cells-1"}
    assert otherwise(out, 3) == {"a": then, "b": then}
    # It is told again by the next run; of one that was killed, the record tells of "to do" alone.
    first = out / "run_20200101030405.json"
    first.write_text(first.read_text().replace('"outcome": "done"', '"outcome": "to do"'))
    assert run(folder, "-o", out, "--diameter", 30, "--skip-existing") == 0
    assert "2 images were made before" in capsys.readouterr().err
    assert otherwise(out, 4) == {"a": then, "b": then}
    assert run("--repeat", out / "run.json", "-o", tmp_path / "again") == 0
    assert "as in the record, so results may differ: 2 images were made" in capsys.readouterr().err
    assert otherwise(tmp_path / "again", 1) == {}
    assert run(folder, "-o", out, "--mode", "everything", "--skip-existing") == 0
    assert "3 images were made before with other settings (method cells" in capsys.readouterr().err


def test_who_works_is_told_from_the_first_image_on(model, folder, tmp_path, monkeypatch):
    out, told, tell = tmp_path / "out", [], BatchLines.tell

    def look(lines: BatchLines, outcome: Any) -> None:
        told.append(json.loads((out / "run.json").read_text())["model"]["fingerprint"])
        tell(lines, outcome)

    monkeypatch.setattr(BatchLines, "tell", look)
    assert run(folder, "-o", out) == 0
    assert told == ["cells-1"] * 3


def test_a_run_that_was_killed_before_it_told_who_works_had_no_other_settings(
    model, folder, tmp_path, capsys
):
    out = tmp_path / "out"
    assert run(folder, "-o", out) == 0
    said = json.loads((out / "run.json").read_text())
    said["model"]["fingerprint"] = ""
    for image in said["images"]:
        image["outcome"] = "to do"
    (out / "run.json").write_text(json.dumps(said))
    for path in out.glob("c_*"):
        path.unlink()
    assert run(folder, "-o", out, "--skip-existing") == 0
    assert "other settings" not in capsys.readouterr().err
    assert otherwise(out, 1) == {}


def test_examples_are_told_by_their_file_and_read_again(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: DescribingModel())
    image, labels = two_kinds()
    inputs = tmp_path / "in"
    inputs.mkdir()
    tifffile.imwrite(inputs / "a.tif", image.astype(np.float32))
    tifffile.imwrite(inputs / "b.tif", image[:, ::-1].astype(np.float32))
    shown = inputs / "a_examples.tif"
    tifffile.imwrite(shown, np.where(np.isin(labels, (2, 4)), labels, 0).astype(np.uint16))
    others = inputs / "b_unlike.tif"
    tifffile.imwrite(others, np.where(labels == 1, 1, 0)[:, ::-1].astype(np.uint16))
    out, again = tmp_path / "out", tmp_path / "again"
    how = ("--mode", "similar", "--examples", shown)
    assert run(inputs, "-o", tmp_path / "both", *how, "--unlike", others) == 0
    others.unlink()
    assert run(inputs, "-o", out, *how) == 0
    for folder in (out, tmp_path / "both"):
        assert len(list(folder.glob("*_labels.tif"))) == 2  # labels of examples are no images
    said = json.loads((out / "run.json").read_text())
    assert said["options"]["examples"] == {"file": str(shown), "from_here": "../in/a_examples.tif"}
    assert said["options"]["unlike"] is None
    assert run("--repeat", out / "run.json", "-o", again) == 0
    for name in ("a_objects.csv", "b_objects.csv"):
        assert (again / name).read_text() == (out / name).read_text()
    shown.unlink()
    assert run("--repeat", out / "run.json", "-o", tmp_path / "third") == 1
    assert "no examples at" in capsys.readouterr().err


def test_images_and_examples_are_found_where_all_was_moved_together(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: DescribingModel())
    image, labels = two_kinds()
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    for name in ("a", "b"):
        tifffile.imwrite(before / f"{name}.tif", image.astype(np.float32))
    shown = before / "a_examples.tif"
    tifffile.imwrite(shown, np.where(np.isin(labels, (2, 4)), labels, 0).astype(np.uint16))
    images = (before / "a.tif", before / "b.tif")
    assert run(*images, "-o", before / "out", "--mode", "similar", "--examples", shown) == 0
    before.rename(after)
    record = after / "out" / "run.json"
    assert run("--repeat", record, "-o", tmp_path / "again") == 0
    name = "a_objects.csv"
    assert (tmp_path / "again" / name).read_text() == (after / "out" / name).read_text()
    capsys.readouterr()
    assert run("--repeat", record, "--skip-existing") == 0  # the settings are the same ones
    assert "other settings" not in capsys.readouterr().err


def test_a_checkpoint_is_found_where_it_was_moved_to_with_the_record(tmp_path, monkeypatch):
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    (before / "mine.safetensors").write_bytes(b"")
    for typed in (str(before / "mine.safetensors"), "mine.safetensors"):
        monkeypatch.chdir(before)
        told = files_of(Models(typed, "cells"), before / "out")
        assert told["name"]["from_here"] == "../mine.safetensors"
        assert list(told) == ["name"]
        said = {"name": typed, "finder": "cells", "fingerprint": "", "files": told}
        assert models_from(said, before / "out") == Models(typed, "cells")
        monkeypatch.chdir(tmp_path)
        before.rename(after)
        now = models_from(said, after / "out")
        assert now == Models(str(after / "mine.safetensors"), "cells")
        after.rename(before)
    assert models_from({"name": "cells"}, before) == Models("cells")


def test_examples_of_a_script_are_said_to_be_missing_from_a_record():
    image, labels = two_kinds()
    words = spelled(SimilarOptions(examples=Examples.of(image, labels), likeness=0.25))
    assert words["likeness"] == 0.25
    assert json.loads(json.dumps(words)) == words
    with pytest.raises(ParameterError, match="came from no file"):
        options_from("similar", words)


def test_what_all_images_fail_for_is_said_once_at_the_end(model, folder, tmp_path, capsys):
    assert run(folder, "-o", tmp_path / "out", "--mode", "volume") == 1
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if line.startswith("3 of 3 images failed: This is a single")]
    assert not [line for line in said if line.startswith("  ")]
    tifffile.imwrite(folder / "stack.tif", np.stack([blobs()] * 5), metadata={"axes": "ZYX"})
    assert run(folder, "-o", tmp_path / "out", "--mode", "volume") == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in said if line.startswith("  ")] == [
        "  a.tif",
        "  b.tif",
        "  c.tif",
    ]


def test_what_another_image_left_there_is_not_taken_for_that_of_this_one(
    model, folder, tmp_path, capsys
):
    out, second = tmp_path / "out", tmp_path / "second"
    second.mkdir()
    tifffile.imwrite(second / "a.tif", blobs(centres=((40, 40), (20, 60), (60, 20))))
    tifffile.imwrite(second / "d.tif", blobs(centres=((40, 40),)))
    assert run(folder, "-o", out) == 0
    labels, rows = (out / "a_labels.tif").read_bytes(), (out / "objects.csv").read_bytes()
    otherwise(out, 1)
    for typed in ((), ("--skip-existing",), ("--skip-existing", "--workers", 2)):
        capsys.readouterr()
        assert run(second, "-o", out, *typed) == 1
        table = pd.read_csv(out / "objects.csv")
        assert set(table["image"]) == {"d"}
        if typed:
            assert f"made of another image, {folder / 'a.tif'}" in capsys.readouterr().err
            said = json.loads((out / "run.json").read_text())
            assert [one["outcome"] for one in said["images"]] == ["failed", "skipped"]
    assert (out / "a_labels.tif").read_bytes() == labels
    # The table of the first run has kept its rows, under the name of its record.
    assert (out / "objects_20200101030405.csv").read_bytes() == rows
    assert len(list(out.glob("objects_*.csv"))) == 1
    assert run(second, "-o", out, "--overwrite") == 0
    assert pd.read_csv(out / "objects.csv")["image"].value_counts().to_dict() == {"a": 3, "d": 1}
    assert run(second, "-o", out, "--skip-existing") == 0


@pytest.mark.parametrize("save", ["labels", "zarr"])
def test_images_that_are_run_one_by_one_are_told_apart_by_what_they_hold(
    model, folder, tmp_path, capsys, save
):
    out, second = tmp_path / "out", tmp_path / "second"
    second.mkdir()
    tifffile.imwrite(second / "a.tif", blobs(centres=((40, 40),)))
    how = ("-o", out, "--save", save, "--skip-existing")
    assert run(folder / "a.tif", *how) == 0
    before = (out / "a_objects.csv").read_bytes()
    assert run(second / "a.tif", *how) == 1
    assert "made of another image, or of this one as it was before" in capsys.readouterr().err
    (folder / "a.tif").rename(tmp_path / "a.tif")  # an archive; the second is no less another one
    assert run(second / "a.tif", *how) == 1
    assert run(tmp_path / "a.tif", *how) == 0
    assert (out / "a_objects.csv").read_bytes() == before
    assert run(second / "a.tif", "-o", out, "--save", save, "--overwrite") == 0
    assert run(second / "a.tif", *how) == 0


def test_an_image_that_has_changed_is_not_left_out(model, folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(folder, "-o", out) == 0
    tifffile.imwrite(folder / "a.tif", blobs(centres=((40, 40),)))
    capsys.readouterr()
    assert run(folder, "-o", out, "--skip-existing") == 1
    assert "was made of this image as it was before" in capsys.readouterr().err
    assert set(pd.read_csv(out / "objects.csv")["image"]) == {"b"}


def test_results_without_an_overlay_are_told_apart_by_the_record(model, folder, tmp_path, capsys):
    out, second = tmp_path / "out", tmp_path / "second"
    shutil.copytree(folder, second)
    how = ("-o", out, "--mode", "everything", "--save", "rle", "--skip-existing")
    assert run(folder, *how) == 0
    assert run(folder, *how) == 0
    assert run(second, *how) == 1
    assert f"made of another image, {folder / 'a.tif'}" in capsys.readouterr().err


def test_images_that_were_moved_are_the_same(model, folder, tmp_path, capsys):
    out, moved = tmp_path / "out", tmp_path / "moved"
    assert run(folder, "-o", out) == 0
    folder.rename(moved)
    assert run(moved, "-o", out, "--skip-existing") == 0
    assert "3 of 3 images were done before" in capsys.readouterr().err
    whole = tmp_path / "whole"
    whole.mkdir()
    moved.rename(folder)
    shutil.copytree(folder, whole / "in")
    shutil.copytree(out, whole / "out")
    assert run(whole / "in", "-o", whole / "out", "--skip-existing") == 0
