"""The command line, on real files: what is written, what is refused, what is said."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pandas as pd
import pytest
import tifffile
import torch

from fake_model import FakeModel, blobs
from napari_sam import loading
from napari_sam.cli import main
from napari_sam.errors import Cancelled
from napari_sam.models import zoo
from napari_sam.models.sam.encoding import PlaneEncoder
from napari_sam.progress import Line
from napari_sam.segment import segment_everything
from tiny_sam import tiny_network, tiny_sam

SHAPE = (64, 80)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    """Bright discs are cells."""
    made = FakeModel("cells")
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: made)
    return made


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Image file with two discs."""
    path = tmp_path / "in" / "discs.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, blobs())
    return path


def run(*arguments: Any) -> int:
    """Run a command line in this process."""
    return main([str(argument) for argument in arguments])


def names(folder: Path) -> list[str]:
    """Names in a folder, temporary ones too."""
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


# segment ------------------------------------------------------------------------------------


def test_an_image_becomes_labels_table_and_overlay(
    model: FakeModel, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("segment", image, "-o", tmp_path / "out") == 0
    assert names(tmp_path / "out") == ["discs_labels.tif", "discs_objects.csv", "discs_overlay.png"]
    labels = tifffile.imread(tmp_path / "out" / "discs_labels.tif")
    assert labels.shape == SHAPE
    assert labels.dtype == np.uint16
    assert {labels[20, 20], labels[40, 60]} == {1, 2}
    assert labels[0, 0] == 0
    table = pd.read_csv(tmp_path / "out" / "discs_objects.csv").set_index("label")
    assert table.loc[labels[20, 20], "area"] == (labels == labels[20, 20]).sum()
    overlay = iio.imread(tmp_path / "out" / "discs_overlay.png")
    coloured = overlay.max(axis=-1) != overlay.min(axis=-1)
    zoom = overlay.shape[0] // SHAPE[0]
    assert not coloured[np.repeat(np.repeat(labels == 0, zoom, 0), zoom, 1)].any()
    assert coloured.any()
    said = capsys.readouterr()
    assert said.out == ""
    assert "[1/1] discs.tif: 2 objects" in said.err


def test_folders_and_patterns_are_searched_and_own_outputs_left_out(
    model: FakeModel, image: Path, tmp_path: Path
) -> None:
    folder = image.parent
    iio.imwrite(folder / "second.png", blobs())
    (folder / "notes.txt").write_text("not an image")
    assert run("segment", folder, "-o", folder) == 0
    first = names(folder)
    assert len(first) == 3 + 2 * 3 + 2  # and the table and the record of both
    # The results lie among the inputs now, and stay results.
    assert run("segment", folder, folder / "*.png", "-o", folder, "--overwrite") == 0
    assert [name for name in names(folder) if not name.startswith("run_")] == first


def test_pixel_size_and_axes_go_through(model: FakeModel, tmp_path: Path) -> None:
    stack = np.stack([blobs(), blobs(centres=((30, 40),)), blobs()])
    tifffile.imwrite(
        tmp_path / "s.tif",
        stack,
        imagej=True,
        resolution=(4, 2),
        metadata={"axes": "ZYX", "unit": "um", "spacing": 3.0},
    )
    assert run("segment", tmp_path / "s.tif", "-o", tmp_path / "out") == 0
    from napari_sam.files import read_image

    written = read_image(tmp_path / "out" / "s_labels.tif")
    assert written.axes == "ZYX"
    assert written.pixels.shape == stack.shape
    assert len(np.unique(written.pixels)) == 1 + 5  # ids are unique over the stack
    assert written.pixel_size is not None
    assert written.pixel_size.slice == 3.0
    assert written.pixel_size.column == pytest.approx(0.25)
    table = pd.read_csv(tmp_path / "out" / "s_objects.csv")
    assert table["area_um2"].tolist() == pytest.approx((table["area"] * 0.125).tolist())


def two_channels() -> np.ndarray:
    """Nothing in channel 0, discs in channel 1."""
    return np.stack([np.full(SHAPE, 10, np.uint8), blobs()])


@pytest.mark.parametrize("ome", [True, False])
def test_the_channel_must_be_chosen_and_is_used(
    ome: bool, model: FakeModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / ("x.ome.tif" if ome else "x.tif")
    tifffile.imwrite(
        path,
        two_channels(),
        ome=ome,
        metadata={"axes": "CYX"} if ome else None,
        photometric="minisblack",
    )
    assert run("segment", path, "-o", tmp_path / "out") == 1
    assert "--channel 0..1" in capsys.readouterr().err
    assert names(tmp_path / "out") == []
    assert run("segment", path, "-o", tmp_path / "out", "--channel", 5) == 1
    assert "no channel 5" in capsys.readouterr().err
    assert run("segment", path, "-o", tmp_path / "out", "--channel", 1) == 0
    assert tifffile.imread(tmp_path / "out" / "x_labels.tif").max() == 2


def test_an_unnamed_short_axis_may_be_called_a_stack(model: FakeModel, tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, two_channels(), photometric="minisblack", metadata=None)
    assert run("segment", path, "-o", tmp_path / "out", "--axes", "ZYX") == 0
    assert tifffile.imread(tmp_path / "out" / "x_labels.tif").shape == (2, *SHAPE)


def test_colour_is_segmented_as_colour_unless_a_channel_is_chosen(
    model: FakeModel, tmp_path: Path
) -> None:
    colour = np.stack([blobs(), np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)], axis=-1)
    iio.imwrite(tmp_path / "c.png", colour)
    assert run("segment", tmp_path / "c.png", "-o", tmp_path / "out") == 0
    assert model.encoded[-1].shape == (*SHAPE, 3)
    assert run("segment", tmp_path / "c.png", "-o", tmp_path / "one", "--channel", 0) == 0
    np.testing.assert_array_equal(model.encoded[-1], blobs())


def test_a_transposed_file_is_turned(model: FakeModel, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "t.tif", blobs().T)
    assert run("segment", tmp_path / "t.tif", "-o", tmp_path / "out", "--axes", "XY") == 0
    np.testing.assert_array_equal(model.encoded[-1], blobs())


def test_a_bad_file_is_reported_and_the_rest_goes_on(
    model: FakeModel, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (image.parent / "broken.tif").write_bytes(b"not a TIFF")
    assert run("segment", image.parent, "-o", tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "broken.tif: failed." in said
    assert "Traceback" not in said
    assert "1 of 2 images done" in said
    assert "discs_labels.tif" in names(tmp_path / "out")


def test_nothing_is_overwritten_unasked(
    model: FakeModel, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "discs_objects.csv").write_text("my own table")
    assert run("segment", image, "-o", out) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert (out / "discs_objects.csv").read_text() == "my own table"
    assert names(out) == ["discs_objects.csv"]
    assert run("segment", image, "-o", out, "--overwrite") == 0
    assert (out / "discs_objects.csv").read_text().startswith("label,")


def test_two_inputs_of_one_name_get_outputs_of_their_own(
    model: FakeModel, image: Path, tmp_path: Path
) -> None:
    iio.imwrite(image.with_suffix(".png"), blobs(centres=((20, 20),)))
    assert run("segment", image.parent, "-o", tmp_path / "out") == 0
    for name, count in (("discs_tif", 2), ("discs_png", 1)):
        assert tifffile.imread(tmp_path / "out" / f"{name}_labels.tif").max() == count


@pytest.mark.parametrize("error", [KeyboardInterrupt, Cancelled])
def test_an_interrupt_leaves_no_partial_file(
    error: type[BaseException],
    model: FakeModel,
    image: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise error("stop")

    monkeypatch.setattr(tifffile, "imwrite", interrupted)
    assert run("segment", image, "-o", tmp_path / "out") in (1, 130)
    assert names(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere/*.tif"], "Nothing found"),
        (["{empty}"], "No images found"),
        (["{image}", "--mode", "everything", "--diameter", "20"], "--diameter belongs"),
        (["{image}", "-o", "{image}"], "is a file"),
    ],
)
def test_wrong_requests_end_in_one_clear_line(
    arguments: list[str],
    message: str,
    model: FakeModel,
    image: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    filled = [a.format(image=image, empty=tmp_path / "empty") for a in arguments]
    if "-o" not in filled:
        filled += ["-o", str(tmp_path / "out")]
    assert run("segment", *filled) == 1
    said = capsys.readouterr().err
    assert said.startswith("napari-sam: ")
    assert message in said
    assert len(said.strip().splitlines()) == 1


def test_images_in_folders_within_are_told_of_and_reached_as_it_says(
    model: FakeModel, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "plates [1]"  # brackets mean something in a pattern
    for name in ("a/1.TIF", "b/deep/2.TIF"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(image.read_bytes())
    assert run("segment", folder, "-o", tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "folders within, such as" in said
    assert len(said.strip().splitlines()) == 1
    pattern = said.split("'")[1]
    assert run("segment", pattern, "-o", tmp_path / "out") == 0
    assert {"1_labels.tif", "2_labels.tif"} <= set(names(tmp_path / "out"))


def test_debug_shows_where_an_error_came_from(model: FakeModel, tmp_path: Path) -> None:
    from napari_sam.errors import DataError

    with pytest.raises(DataError):
        run("segment", tmp_path / "none.tif", "-o", tmp_path / "out", "--debug")


def test_a_model_without_a_sense_for_cells_is_asked_where_the_embedded_one_finds_them(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind, finder = FakeModel("sam_vit_b"), FakeModel("cells")
    blind.has_instances = False  # type: ignore[misc]
    known = {"sam_vit_b": blind, "cells": finder}
    monkeypatch.setattr(loading, "load_model", lambda name, *_, **__: known[name])
    assert run("segment", image, "-o", tmp_path / "out", "--model", "sam_vit_b") == 0
    table = pd.read_csv(tmp_path / "out" / "discs_objects.csv")
    assert len(table) == len(blind.prompts) == 2
    assert set(table["source"]) == {"sam_vit_b"}
    assert not finder.prompts


@pytest.mark.parametrize(
    ("precision", "of_finder"), [("auto", "auto"), ("float32", "float32"), ("int8", "auto")]
)
def test_a_finder_is_as_exact_as_was_asked_for(
    precision: str,
    of_finder: str,
    image: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blind, finder = FakeModel("sam_vit_b"), FakeModel("cells")
    blind.has_instances = False  # type: ignore[misc]
    known, asked = {"sam_vit_b": blind, "cells": finder}, {}

    def load(name: str, *_: object, precision: str, **__: object) -> FakeModel:
        asked[name] = precision
        return known[name]

    monkeypatch.setattr(loading, "load_model", load)
    arguments = ["--model", "sam_vit_b", "--precision", precision]
    assert run("segment", image, "-o", tmp_path / "out", *arguments) == 0
    assert asked == {"sam_vit_b": precision, "cells": of_finder}


@pytest.mark.parametrize("flag", ["--sensitivity", "--splitting", "--min-score"])
def test_senseless_options_are_refused_before_anything_is_read(
    flag: str, model: FakeModel, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("segment", image, "-o", tmp_path / "out", flag, "7") == 1
    assert flag.strip("-").replace("-", "_") in capsys.readouterr().err
    assert not model.encoded
    assert not (tmp_path / "out").exists()


# export -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "suffix"),
    [("coco", ".json"), ("csv", ".csv"), ("geojson", ".geojson"), ("imagej", ".zip")],
)
def test_labels_are_exported_and_not_overwritten_unasked(
    to: str, suffix: str, model: FakeModel, image: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert run("segment", image, "-o", out) == 0
    labels = out / "discs_labels.tif"
    assert run("export", labels, "--to", to, "-o", out) == 0
    written = out / f"discs_labels{suffix}"
    assert written.stat().st_size > 0
    before = written.read_bytes()
    assert run("export", labels, "--to", to, "-o", out / "discs_labels", "--pixel-size", 0.5) == 1
    assert written.read_bytes() == before
    assert run("export", labels, "--to", to, "-o", out, "--overwrite") == 0


def test_a_folder_of_exported_tracks_is_replaced_only_when_asked(tmp_path: Path) -> None:
    labels, out = tmp_path / "movie_labels.tif", tmp_path / "01_RES"
    frames = np.zeros((3, 20, 20), np.uint16)
    frames[:, 2:8, 2:8] = 1
    tifffile.imwrite(labels, frames, imagej=True, metadata={"axes": "TYX"})
    arguments = ["export", labels, "--to", "ctc", "-o", out]
    assert run(*arguments) == 0
    names = {path.name for path in out.iterdir()}
    tifffile.imwrite(labels, frames[:2], imagej=True, metadata={"axes": "TYX"})
    assert run(*arguments) == 1
    assert {path.name for path in out.iterdir()} == names
    assert run(*arguments, "--overwrite") == 0
    assert {path.name for path in out.iterdir()} == names - {"mask002.tif"}
    (out / "notes.txt").write_text("mine")  # a folder of something else, which it is put into
    assert run(*arguments, "--overwrite") == 0
    assert (out / "movie_labels_ctc" / "res_track.txt").is_file()


@pytest.mark.parametrize("to", ["coco", "csv", "geojson", "imagej"])
def test_no_export_takes_the_place_of_an_image(to: str, tmp_path: Path, capsys: Any) -> None:
    labels, image = tmp_path / "a_labels.tif", tmp_path / "a.TIF"
    tifffile.imwrite(labels, np.eye(20, dtype=np.uint16))
    tifffile.imwrite(image, np.eye(20))
    before = image.read_bytes()
    assert run("export", labels, "--to", to, "-o", image, "--overwrite") == 1
    assert "called like an image" in capsys.readouterr().err
    assert image.read_bytes() == before


def test_an_image_that_is_exported_as_labels_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = np.random.default_rng(0).integers(1, 90, (30, 40)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "x.tif", image)
    assert run("export", tmp_path / "x.tif", "--to", "csv", "-o", tmp_path / "out.csv") == 0
    told = capsys.readouterr().err
    assert told.startswith("Note: This looks like an image")
    assert "napari-sam segment" in told
    tifffile.imwrite(tmp_path / "y.tif", image / 90)
    assert run("export", tmp_path / "y.tif", "--to", "csv", "-o", tmp_path / "no.csv") != 0
    assert "Is this the image and not its labels?" in capsys.readouterr().err
    assert not (tmp_path / "no.csv").exists()


def test_exported_areas_are_physical_when_the_pixel_size_is_given(
    model: FakeModel, image: Path, tmp_path: Path
) -> None:
    run("segment", image, "-o", tmp_path)
    arguments = ["--to", "csv", "-o", tmp_path / "t.csv", "--pixel-size", 0.5]
    assert run("export", tmp_path / "discs_labels.tif", *arguments) == 0
    table = pd.read_csv(tmp_path / "t.csv")
    assert (table["area_um2"] == table["area"] / 4).all()


def test_exported_tables_know_what_segment_knew_unless_the_labels_were_edited(
    model: FakeModel, image: Path, tmp_path: Path
) -> None:
    run("segment", image, "-o", tmp_path)
    labels, out = tmp_path / "discs_labels.tif", tmp_path / "t.csv"
    assert run("export", labels, "--to", "csv", "-o", out) == 0
    pd.testing.assert_frame_equal(pd.read_csv(out), pd.read_csv(tmp_path / "discs_objects.csv"))
    edited = tifffile.imread(labels)
    edited[edited == edited.max()] = 0
    tifffile.imwrite(labels, edited)
    assert run("export", labels, "--to", "csv", "-o", out, "--overwrite") == 0
    table = pd.read_csv(out)
    assert set(table["label"]) == set(np.unique(edited)) - {0}
    assert table["score"].notna().all()  # what is left is as it was
    edited[tuple(np.argwhere(edited)[0])] = 0
    tifffile.imwrite(labels, edited)
    assert run("export", labels, "--to", "csv", "-o", out, "--overwrite") == 0
    assert pd.read_csv(out)["score"].isna().all()


def test_an_image_is_not_taken_for_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    iio.imwrite(tmp_path / "c.png", np.zeros((5, 5, 3), np.uint8))
    tifffile.imwrite(tmp_path / "f.tif", np.zeros((5, 5), np.float32))
    for name in ("c.png", "f.tif"):
        assert run("export", tmp_path / name, "--to", "csv", "-o", tmp_path / "x.csv") == 1
        assert "labels" in capsys.readouterr().err


# models -------------------------------------------------------------------------------------


def test_models_are_listed_and_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models") == 0
    listed = capsys.readouterr().out
    assert run("models", "list") == 0
    assert capsys.readouterr().out == listed
    for entry in zoo.available():
        assert entry.name in listed
        assert entry.licence in listed
    assert run("models", "info", "sam_vit_b") == 0
    described = capsys.readouterr().out
    assert "375 MB" in described
    assert zoo.info("sam_vit_b").known_hash in described


def test_a_misspelt_model_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "info", "sam_vitb") == 1
    assert "sam_vit_b" in capsys.readouterr().err


def test_the_embedded_model_needs_no_download(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "download", "cells") == 0
    assert "nothing to download" in capsys.readouterr().err


def test_what_is_no_checkpoint_is_not_added(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "weights.pth"
    bad.write_bytes(b"nonsense")
    assert run("models", "add", bad) == 1
    assert "napari-sam: " in capsys.readouterr().err
    assert run("models", "add", tmp_path / "none.pth") == 1


# the program itself -------------------------------------------------------------------------


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed program."""
    return subprocess.run(
        [sys.executable, "-m", "napari_sam", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_version_and_exit_codes() -> None:
    from napari_sam import __version__

    assert program("--version").stdout.strip() == f"napari-sam-bio {__version__}"
    assert program("segment", "--help").returncode == 0
    assert program().returncode == 2
    assert program("segment").returncode == 2
    wrong = program("models", "info", "nothing_like_it")
    assert wrong.returncode == 1
    assert "Traceback" not in wrong.stderr


@pytest.mark.parametrize("command", ["['--version']", "['models', 'list']"])
def test_simple_commands_load_neither_torch_nor_napari(command: str) -> None:
    check = (
        "import sys\nfrom napari_sam.cli import main\n"
        f"try:\n    main({command})\nexcept SystemExit:\n    pass\n"
        "assert not {'torch', 'napari', 'qtpy'} & set(sys.modules), 'heavy'"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# demo ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sample", "shape"), [("coins", (303, 384)), ("nuclei_stack", (256, 256))])
def test_without_a_display_the_demo_writes_files_and_says_where(
    sample: str,
    shape: tuple[int, int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the embedded model: the same cells that the window would show."""
    assert run("demo", "--no-window", "--sample", sample, "-o", tmp_path / "out") == 0
    said = capsys.readouterr().out.split()
    assert sorted(said) == [
        str((tmp_path / "out" / name).resolve()) for name in names(tmp_path / "out")
    ]
    labels = tifffile.imread(tmp_path / "out" / f"{sample}_labels.tif")
    assert labels.shape == shape
    table = pd.read_csv(tmp_path / "out" / f"{sample}_objects.csv")
    assert len(table) == labels.max() >= 20
    assert ("area_um2" in table) == (sample == "nuclei_stack")


def test_the_demo_says_that_its_output_is_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("mine")
    assert run("demo", "--no-window", "--sample", "coins", "-o", file) == 1
    assert f"{file} is a file: -o names the folder" in capsys.readouterr().err
    assert file.read_text() == "mine"


def test_the_demo_leaves_what_is_there_of_a_former_one(model, tmp_path, capsys):
    command = ("demo", "--no-window", "--sample", "coins", "-o", tmp_path)
    assert run(*command) == 0
    (tmp_path / "coins_objects.csv").write_text("corrected")
    assert run(*command) == 1
    assert "or move them elsewhere" in capsys.readouterr().err
    assert (tmp_path / "coins_objects.csv").read_text() == "corrected"


def test_the_demo_notices_a_missing_display(monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_sam.cli import demo

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not demo.has_display()
    monkeypatch.setenv("DISPLAY", ":7")
    assert demo.has_display()


def test_an_unknown_sample_names_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("demo", "--no-window", "--sample", "nothing") == 1
    assert "stained_tissue" in capsys.readouterr().err


def test_the_demo_shows_a_window_with_the_panel_and_its_cells(
    model: FakeModel, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    import napari

    seen: dict[str, Any] = {}

    def look() -> None:  # in place of the event loop that a person would end
        viewer = napari.current_viewer()
        seen["docks"] = list(viewer.window.dock_widgets)
        qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=20_000)
        seen["layers"] = [type(layer).__name__ for layer in viewer.layers]
        seen["cells"] = np.unique(viewer.layers[1].data).size - 1
        panel = next(iter(viewer.window.dock_widgets.values()))
        qtbot.waitUntil(lambda: panel.session.state.chip.kind == "ready", timeout=20_000)
        seen["again"] = panel.pages["find"].find.isEnabled()
        viewer.close()

    monkeypatch.setattr(napari, "run", look)
    assert run("demo", "--sample", "coins") == 0
    assert any("Segment cells" in name for name in seen["docks"])
    assert seen["layers"] == ["Image", "Labels"]
    assert seen["cells"] > 5
    assert seen["again"]


@pytest.mark.skipif(sys.platform == "win32", reason="would end the tests instead")
@pytest.mark.parametrize("ended", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_the_window_of_the_demo(ended, model, monkeypatch, qtbot):
    import napari
    from qtpy.QtCore import QEventLoop, QTimer
    from qtpy.QtWidgets import QApplication

    event_loop, handler = napari.run, signal.default_int_handler
    if ended == signal.SIGTERM:
        handler = signal.SIG_DFL
    given = signal.signal(ended, handler)  # who started the tests may have had it ignored

    def run_and_interrupt():
        QTimer.singleShot(0, lambda: os.kill(os.getpid(), ended))
        event_loop()

    monkeypatch.setattr(napari, "run", run_and_interrupt)
    assert run("demo", "--sample", "coins") == 128 + ended
    assert napari.current_viewer() is None
    assert signal.getsignal(ended) is handler
    signal.signal(ended, given)
    # Event loops of whoever goes on in this process run as before.
    QApplication.processEvents()
    loop = QEventLoop()
    QTimer.singleShot(50, lambda: loop.exit(7))
    assert loop.exec() == 7


@pytest.mark.skipif(sys.platform == "win32", reason="would end the tests instead")
@pytest.mark.parametrize("ended", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_is_ignored_leaves_the_demo_open(ended, model, monkeypatch, qtbot):
    import napari

    def ignore():  # in place of the event loop
        os.kill(os.getpid(), ended)
        seen.append(napari.current_viewer() is not None)
        napari.current_viewer().close()

    seen: list[bool] = []
    monkeypatch.setattr(napari, "run", ignore)
    given = signal.signal(ended, signal.SIG_IGN)
    try:
        assert run("demo", "--sample", "coins") == 0
        assert signal.getsignal(ended) is signal.SIG_IGN
    finally:
        signal.signal(ended, given)
    assert seen == [True]


def test_the_cache_is_listed_limited_and_cleared(tmp_path, monkeypatch, capsys):
    from napari_sam.embeddings.disk import EmbeddingStore
    from napari_sam.embeddings.memory import key_of_embedding

    monkeypatch.setenv("NAPARI_SAM_HOME", str(tmp_path))
    model = tiny_sam()
    for seed in (0, 1):
        embedding = model.encode(np.random.default_rng(seed).normal(size=(40, 50)))
        assert EmbeddingStore().write(key_of_embedding(embedding), embedding, model)
    (EmbeddingStore().folder / "torn.npz").write_bytes(b"PK")
    assert main(["cache"]) == 0
    out = capsys.readouterr().out
    assert out.count("40 x 50") == 2
    assert "damaged" in out
    assert main(["cache", "limit", "0"]) == 0
    assert "0 slices, 0 of at most 0 MB" in capsys.readouterr().out
    EmbeddingStore().write(key_of_embedding(embedding), embedding, model)
    assert len(EmbeddingStore()) == 0
    assert main(["cache", "limit", "100"]) == 0
    EmbeddingStore().write(key_of_embedding(embedding), embedding, model)
    assert main(["cache", "clear"]) == 0
    assert "1 slice deleted" in capsys.readouterr().out
    assert len(EmbeddingStore()) == 0
    assert EmbeddingStore().max_bytes == 100_000_000


def test_eight_bits_are_refused_for_a_model_that_has_none(tmp_path, capsys):
    image = tmp_path / "image.tif"
    tifffile.imwrite(image, np.zeros((40, 50), np.uint8))
    code = main(["segment", str(image), "-o", str(tmp_path / "out"), "--precision", "int8"])
    assert code == 1
    assert "precision='int8'" in capsys.readouterr().err


# everything ---------------------------------------------------------------------------------

EASY = ["--mode", "everything", "--points-per-side", "8", "--stability-score-thresh", "0.5"]


def test_everything_is_saved_as_labels_masks_and_run_lengths(model, image, tmp_path):
    out = tmp_path / "out"
    arguments = [*EASY, "--pred-iou-thresh", "0.4", "--box-nms-thresh", "0.9"]
    assert run("segment", image, "-o", out, *arguments, "--save", "labels,masks,rle") == 0
    assert names(out) == [
        "discs_labels.tif",
        "discs_masks.npz",
        "discs_objects.csv",
        "discs_overlay.png",
        "discs_rle.json",
    ]
    chosen = {
        "points_per_side": 8,
        "stability_score_thresh": 0.5,
        "pred_iou_thresh": 0.4,
        "box_nms_thresh": 0.9,
    }
    expected = segment_everything(blobs(), model, **chosen)
    np.testing.assert_array_equal(tifffile.imread(out / "discs_labels.tif"), expected.labels)
    records = segment_everything(blobs(), model, output="masks", **chosen)
    areas = sum(record["area"] for record in records)
    assert areas > np.count_nonzero(expected.labels)  # some overlap, or labels would do
    with np.load(out / "discs_masks.npz") as arrays:
        assert arrays["segmentation"].dtype == bool
        for name in records[0]:
            np.testing.assert_array_equal(arrays[name], np.array([r[name] for r in records]))
    document = json.loads((out / "discs_rle.json").read_text())
    (described,) = document["images"]
    assert (described["height"], described["width"]) == SHAPE
    compressed = segment_everything(blobs(), model, output="rle", **chosen)
    for annotation, record, mask in zip(document["annotations"], compressed, records, strict=True):
        assert annotation["segmentation"] == record["segmentation"]
        assert annotation["predicted_iou"] == record["predicted_iou"]
        rows, columns = np.nonzero(mask["segmentation"])
        x, y, width, height = annotation["bbox"]
        assert (x, y) == (columns.min(), rows.min())
        assert (x + width, y + height) == (columns.max() + 1, rows.max() + 1)
        assert annotation["image_id"] == described["id"]


def test_masks_of_a_stack_say_on_which_plane_they_lie(model, tmp_path):
    empty = np.full(SHAPE, 10, np.uint8)
    stack = np.stack([blobs(), empty, blobs(centres=((30, 40),))])
    tifffile.imwrite(tmp_path / "s.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    arguments = ["--save", "masks,rle", *EASY, "--max-area", 400]
    assert run("segment", tmp_path / "s.tif", "-o", tmp_path / "out", *arguments) == 0
    assert names(tmp_path / "out") == ["s_masks.npz", "s_rle.json"]
    with np.load(tmp_path / "out" / "s_masks.npz") as arrays:
        planes = arrays["plane"][:, 0]
        masks = arrays["segmentation"]
    chosen = {"points_per_side": 8, "stability_score_thresh": 0.5, "max_area": 400}
    for plane in range(3):
        expected = segment_everything(stack[plane], model, output="masks", **chosen)
        np.testing.assert_array_equal(
            masks[planes == plane], [record["segmentation"] for record in expected]
        )
    annotations = json.loads((tmp_path / "out" / "s_rle.json").read_text())["annotations"]
    assert [a["image_id"] - 1 for a in annotations] == planes.tolist()
    assert {0, 2} <= set(planes.tolist())


def test_nothing_found_is_written_as_nothing_and_said_with_advice(model, image, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = [*EASY, "--pred-iou-thresh", "1", "--save", "labels,masks,rle"]
    assert run("segment", image, "-o", out, *arguments) == 0
    assert "0 objects. Try a lower --pred-iou-thresh" in capsys.readouterr().err
    with np.load(out / "discs_masks.npz") as arrays:
        assert arrays["segmentation"].shape == (0, *SHAPE)
        assert arrays["bbox"].shape == (0, 4)
    assert json.loads((out / "discs_rle.json").read_text())["annotations"] == []


@pytest.mark.parametrize("kind", ["labels", "masks", "rle"])
def test_no_kind_of_output_is_overwritten_unasked(kind, model, image, tmp_path):
    ending = {"labels": "labels.tif", "masks": "masks.npz", "rle": "rle.json"}[kind]
    out = tmp_path / "out"
    out.mkdir()
    (out / f"discs_{ending}").write_text("mine")
    arguments = ["segment", image, "-o", out, *EASY, "--save", "labels,masks,rle"]
    assert run(*arguments) == 1
    assert names(out) == [f"discs_{ending}"]
    assert (out / f"discs_{ending}").read_text() == "mine"
    assert run(*arguments, "--overwrite") == 0
    assert len(names(out)) == 5


@pytest.mark.parametrize("form", ["one.npy", "layers.npy", "one.json", "layers.json"])
def test_points_of_ones_own_come_from_a_file(form, model, image, tmp_path):
    grid = np.array([[0.25, 0.3], [0.75, 0.62]])  # (x, y): each in a disc
    held = [grid] if "layers" in form else grid
    path = tmp_path / form
    if path.suffix == ".npy":
        np.save(path, held)
    else:
        path.write_text(json.dumps(np.asarray(held).tolist()))
    arguments = ["--mode", "everything", "--stability-score-thresh", "0", "--point-grids", path]
    assert run("segment", image, "-o", tmp_path / "out", *arguments) == 0
    asked = {tuple(np.round(p.points[0]).astype(int)) for p in model.prompts}
    assert asked == {(19, 20), (40, 60)}
    assert tifffile.imread(tmp_path / "out" / "discs_labels.tif").max() == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("none.npy", None),
        ("bad.npy", b"nonsense"),
        ("bad.json", b"{"),
        ("words.json", b'[["a", "b"]]'),
        ("far.json", b"[[7, 8]]"),
        ("ragged.json", b"[[0.1, 0.2], [0.3]]"),
        ("number.json", b"3"),
        ("empty.json", b"[]"),
        ("grid.txt", b"0.1 0.2"),
    ],
)
def test_a_file_without_points_ends_in_one_clear_line(
    name, content, model, image, tmp_path, capsys
):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    arguments = ["--mode", "everything", "--point-grids", tmp_path / name]
    assert run("segment", image, "-o", tmp_path / "out", *arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith("napari-sam: ")
    assert len(said.strip().splitlines()) == 1
    assert not model.encoded


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--points-per-side", "8"], "--points-per-side belongs to --mode everything"),
        (["--mode", "everything", "--refine"], "--refine belongs to --mode cells"),
        (["--save", "rle"], "--mode cells has no rle"),
        (["--mode", "everything", "--finder", "cells"], "add --ask-at objects"),
        (["--mode", "everything", "--points-per-side", "0"], "points_per_side"),
        (["--mode", "everything", "--min-area", "9", "--max-area", "5"], "max_area"),
        (["--limits", "5", "5"], "--limits"),
    ],
)
def test_options_of_the_other_mode_and_senseless_ones_are_refused(
    arguments, message, model, image, tmp_path, capsys
):
    assert run("segment", image, "-o", tmp_path / "out", *arguments) == 1
    said = capsys.readouterr().err
    assert message in said
    assert len(said.strip().splitlines()) == 1
    assert not model.encoded


def test_options_may_be_spelled_as_in_python(model, image, tmp_path):
    arguments = [word.replace("-per-", "_per_").replace("-score-", "_score_") for word in EASY]
    assert any("_" in word for word in arguments)
    assert run("segment", image, "-o", tmp_path / "out", *arguments, "--min_area=150") == 0
    assert len(model.prompts) == 64


def test_objects_are_asked_about_where_the_finder_sees_them(image, tmp_path, monkeypatch):
    blind, finder = FakeModel("sam_vit_b"), FakeModel("cells")
    blind.has_instances = False  # type: ignore[misc]
    loaded = []
    known = {"sam_vit_b": blind, "cells": finder}

    def load(name, *_, **__):
        loaded.append(name)
        return known[name]

    monkeypatch.setattr(loading, "load_model", load)
    iio.imwrite(image.parent / "second.png", blobs())
    arguments = ["--mode", "everything", "--model", "sam_vit_b", "--ask-at", "objects"]
    assert run("segment", image.parent, "-o", tmp_path / "out", *arguments) == 0
    assert loaded == ["sam_vit_b", "cells"]  # once for all images
    asked = [tuple(prompt.points[0]) for prompt in blind.prompts]
    assert asked.count((20, 20)) == asked.count((40, 60)) == 2  # both discs of both images
    assert len(asked) < 2 * 32 * 32 / 4
    assert not finder.prompts
    run("segment", image, "-o", tmp_path / "grid", *EASY, "--model", "sam_vit_b")
    assert loaded[2:] == ["sam_vit_b"]  # a grid needs nobody who sees objects


def test_limits_are_what_the_model_sees(model, image, tmp_path, monkeypatch):
    seen = []
    encode = FakeModel.encode

    def spy(self, plane, *, limits=None, **words):
        seen.append(limits)
        return encode(self, plane, limits=limits, **words)

    monkeypatch.setattr(FakeModel, "encode", spy)
    for mode in ("cells", "everything"):
        arguments = ["--mode", mode, "--limits", -0.5, 255]
        assert run("segment", image, "-o", tmp_path / mode, *arguments) == 0
    assert seen == [(-0.5, 255.0)] * 2


# a real checkpoint: the cache, and interrupts ----------------------------------------------


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Tiny SAM with random weights, as a file."""
    path = tmp_path / "tiny.pth"
    torch.save(tiny_network().state_dict(), path)
    return path


@pytest.mark.parametrize("mode", ["cells", "everything"])
def test_a_second_run_with_the_cache_encodes_nothing(
    mode, checkpoint, image, tmp_path, monkeypatch
):
    monkeypatch.setenv("NAPARI_SAM_HOME", str(tmp_path / "home"))
    encoded = []
    encode = PlaneEncoder.encode

    def spy(self, array, *words):
        encoded.append(array.shape)
        return encode(self, array, *words)

    monkeypatch.setattr(PlaneEncoder, "encode", spy)
    arguments = ["segment", image, "--model", checkpoint, "--mode", mode]
    if mode == "everything":
        loose = ["--pred-iou-thresh", 0, "--stability-score-thresh", 0.1]
        arguments += ["--points-per-side", 3, "--crop-n-layers", 1, *loose]
    times = 1 if mode == "cells" else 5  # the plane and its four crops
    assert run(*arguments, "-o", tmp_path / "plain") == 0
    assert len(encoded) == times
    assert not (tmp_path / "home").exists()  # nothing is kept unasked
    assert run(*arguments, "-o", tmp_path / "first", "--cache") == 0
    assert len(encoded) == 2 * times
    assert run(*arguments, "-o", tmp_path / "second", "--cache") == 0
    assert len(encoded) == 2 * times
    results = [tifffile.imread(tmp_path / o / "discs_labels.tif") for o in ("plain", "second")]
    np.testing.assert_array_equal(*results)
    tifffile.imwrite(image, 255 - blobs())
    assert run(*arguments, "-o", tmp_path / "other", "--cache") == 0
    assert len(encoded) == 3 * times  # another image


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize(
    ("ended", "told"), [(signal.SIGINT, b"interrupted"), (signal.SIGTERM, b"ended by SIGTERM")]
)
def test_progress_shows_on_a_terminal_and_a_signal_ends_it_cleanly(
    ended, told, checkpoint, image, tmp_path
):
    import pty

    ours, theirs = pty.openpty()
    # So many points that nothing is finished when the interrupt comes.
    arguments = ["--mode", "everything", "--points-per-side", "400", "--save", "labels,masks,rle"]
    out = tmp_path / "out"
    command = [sys.executable, "-m", "napari_sam", "segment", image, "-o", out]
    running = subprocess.Popen(
        [*command, "--model", checkpoint, *arguments],
        stderr=theirs,
        # A shell's background jobs ignore interrupts, and pass that on to all they start.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    os.close(theirs)
    said = b""
    try:
        while b"1%" not in said:
            said += os.read(ours, 4096)
        running.send_signal(ended)
        with contextlib.suppress(OSError):  # how the end of a pseudo-terminal shows
            while more := os.read(ours, 4096):
                said += more
        assert running.wait(60) == 128 + ended
    finally:
        running.kill()
        running.wait()
        os.close(ours)
    assert b"[1/1] discs.tif" in said
    assert told + b"; finished files are kept" in said
    assert b"--skip-existing goes on where it was" in said
    assert b"Traceback" not in said
    assert names(out) == []


@pytest.mark.parametrize(
    "writer",
    [
        "files.write_picture",
        "exports.tables.write",
        "files.write_labels",
        "exports.mask_arrays.write",
        "exports.coco_masks.write",
    ],
)
def test_an_interrupt_while_writing_leaves_all_files_of_an_image_or_none(
    writer, model, image, tmp_path, monkeypatch, capsys
):
    def interrupted(path, *_, **__):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    arguments = ["segment", image, "-o", tmp_path / "out", *EASY, "--save", "labels,masks,rle"]
    with monkeypatch.context() as patch:
        patch.setattr(f"napari_sam.{writer}", interrupted)
        assert run(*arguments) == 130
    assert "interrupted" in capsys.readouterr().err
    assert names(tmp_path / "out") == []
    assert run(*arguments) == 0  # nothing is in the way
    assert len(names(tmp_path / "out")) == 5


def test_the_line_of_progress_never_wraps(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    line = Line(
        "[1/1] a file of quite a long name, as microscopes write them.ome.tif", stream=stream
    )
    line(0.5)
    shown = stream.getvalue().split("\r")[-1]
    assert len(shown) < 40
    assert shown.endswith(" 50%")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("cache", "limit", "plenty"), "whole number of 0 or more, not 'plenty'"),
        (("segment", "a.tif", "-o", "out", "--diameter", "large"), "larger than 0, not 'large'"),
    ],
)
def test_a_number_that_is_none_is_told_in_words_of_the_person(capsys, arguments, told):
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_an_empty_path_is_not_the_folder_one_is_in(tmp_path, monkeypatch, image, model, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        run("segment", image, "-o", "")
    assert ended.value.code == 2
    assert "is empty" in capsys.readouterr().err
    assert run("segment", "", "-o", "out") == 1
    assert "is empty" in capsys.readouterr().err
    assert names(tmp_path) == ["in"]


def test_an_option_that_there_is_not_is_told_with_where_they_are_listed(capsys):
    with pytest.raises(SystemExit) as ended:
        run("segment", "a.tif", "-o", "out", "--diametre", "20")
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert "--diametre" in told
    assert "napari-sam segment --help" in told


def test_a_file_that_is_no_checkpoint_is_refused_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NAPARI_SAM_HOME", str(tmp_path / "home"))
    file = tmp_path / "notes.pth"
    file.write_text("broken\n")
    assert run("models", "add", file) == 1
    assert "notes.pth cannot be read as a checkpoint" in capsys.readouterr().err


def test_a_command_in_a_thread_or_with_a_handler_of_ones_own_leaves_signals_alone(capsys):
    def own(*_: object) -> None: ...

    before = signal.signal(signal.SIGTERM, own)
    try:
        assert run("models") == 0
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(run, "models").result() == 0
