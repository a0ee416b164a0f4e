"""``segment --mode volume`` and ``--mode track``, and the folders that come of them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile

import napari_sam as ns
from fake_model import FakeModel, blobs
from napari_sam import loading
from napari_sam.batch import large_writers, writers
from napari_sam.batch.run import run_jobs
from napari_sam.cli import main
from napari_sam.cli.app import build_parser
from napari_sam.cli.segment import jobs_typed
from napari_sam.errors import ImageError, ParameterError
from napari_sam.files import read_image
from napari_sam.files.atomic import temporary_name
from napari_sam.images import Image
from napari_sam.methods.recipe import as_command, as_python
from napari_sam.methods.track import TrackOptions
from napari_sam.methods.volume import VolumeOptions

BALLS = blobs((10, 60, 80), ((4, 20, 20), (5, 40, 60)), 5)


def divided(frames: int = 6) -> np.ndarray:
    """A cell that moves, and one that divides in the middle."""
    found = []
    for t in range(frames):
        apart = 0 if t < frames // 2 else 5 + 2 * (t - frames // 2)
        daughters = [(16, 30 - apart), (16, 30 + apart)] if apart else [(16, 30)]
        found.append(blobs((64, 80), ((46, 12 + 3 * t), *daughters), 4 if apart else 6))
    return np.stack(found)


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    """Bright things are cells."""
    made = FakeModel("cells")
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: made)
    return made


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """Two balls, slices two micrometres apart and pixels half a micrometre wide."""
    path = tmp_path / "in" / "balls.tif"
    path.parent.mkdir()
    metadata = {"axes": "ZYX", "spacing": 2.0, "unit": "um"}
    tifffile.imwrite(path, BALLS, imagej=True, resolution=(2, 2), metadata=metadata)
    return path


def test_the_overlay_of_a_large_plane_is_small(stack, tmp_path, monkeypatch):
    monkeypatch.setattr(writers, "DRAWN", 1000)
    monkeypatch.setattr(large_writers, "PICTURE", 32)
    assert main(["segment", str(stack), "-o", str(tmp_path / "out"), "--mode", "volume"]) == 0
    height, width, _ = read_image(tmp_path / "out" / "balls_overlay.png").finest.shape
    assert (height % 20, width % 27) == (0, 0)  # of every third pixel of 60 x 80


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "movie.tif"
    path.parent.mkdir(exist_ok=True)
    tifffile.imwrite(path, divided(), imagej=True, metadata={"axes": "TYX"})
    return path


def run(*arguments: Any) -> int:
    return main(["segment", *(str(argument) for argument in arguments)])


def test_objects_in_space_have_one_number_and_a_volume(stack: Path, tmp_path: Path, capsys) -> None:
    assert run(stack, "-o", tmp_path / "out", "--mode", "volume") == 0
    assert "2 objects" in capsys.readouterr().err
    labels = tifffile.imread(tmp_path / "out" / "balls_labels.tif")
    assert labels.shape == BALLS.shape
    assert ((labels > 0) == (BALLS > 100)).mean() > 0.99
    table = pd.read_csv(tmp_path / "out" / "balls_objects.csv")
    assert sorted(table["label"]) == sorted(set(labels.ravel()) - {0})
    assert table["volume_um3"].tolist() == pytest.approx((table["voxels"] * 0.5).tolist())
    assert table["depth_um"].tolist() == pytest.approx((2.0 * (table["z1"] - table["z0"])).tolist())
    assert {"score", "slices", "centroid_slice", "height_um", "width_um"} <= set(table)
    assert (tmp_path / "out" / "balls_overlay.png").exists()


def test_a_movie_gives_tracks_with_parents_and_a_folder_of_the_challenge(
    movie: Path, tmp_path: Path, capsys
) -> None:
    out = tmp_path / "out"
    assert run(movie, "-o", out, "--mode", "track", "--save", "labels,frames,ctc") == 0
    assert "4 tracks" in capsys.readouterr().err
    labels = tifffile.imread(out / "movie_labels.tif")
    table = pd.read_csv(out / "movie_objects.csv").set_index("label")
    daughters = table[table["parent"] > 0]
    assert len(table) == 4
    assert len(daughters) == 2
    mother = int(daughters["parent"].iloc[0])
    assert table.loc[mother, "last"] == daughters["first"].iloc[0] - 1 == 2
    frames = pd.read_csv(out / "movie_frames.csv")
    assert len(frames) == table["frames"].sum()
    loaded = ns.Tracks.load_ctc(out / "movie_ctc")
    assert ((loaded.labels > 0) == (labels > 0)).all()
    assert sorted(loaded.table["parent"] > 0) == [False, False, True, True]


def test_the_same_as_from_python(stack: Path, movie: Path, tmp_path: Path) -> None:
    for path, options in (
        (stack, VolumeOptions(min_area=5, anisotropy=3.0)),
        (movie, TrackOptions(max_gap=1, divisions=False)),
    ):
        scope: dict[str, Any] = {}
        exec(as_python(options, image=path), scope)
        command = as_command(options, image=path, output=tmp_path / "out")
        assert main(shlex.split(command)[1:]) == 0
        written = tifffile.imread(tmp_path / "out" / f"{path.stem}_labels.tif")
        np.testing.assert_array_equal(scope["result"].labels, written)


def test_options_of_tracks_hold_where_nothing_else_is_said(movie: Path) -> None:
    frames = tifffile.imread(movie)
    alone = TrackOptions(divisions=False)
    assert len(ns.track_cells(frames, FakeModel()).parents) == 2
    assert not ns.track_cells(frames, FakeModel(), options=alone).parents
    assert len(ns.track_cells(frames, FakeModel(), options=alone, divisions=True).parents) == 2


def test_interrupted_batches_go_on(stack: Path, movie: Path, tmp_path: Path, model, capsys) -> None:
    out = tmp_path / "out"
    arguments = [stack.parent, "-o", out, "--mode", "track", "--save", "labels,ctc"]
    assert run(*arguments) == 0
    encoded = len(model.encoded)
    last = out / "movie_ctc"  # to get its name
    last.rename(out / temporary_name(last))
    assert run(*arguments, "--skip-existing") == 0
    assert len(model.encoded) == encoded + 12  # each frame for its sizes, then for its cells
    assert run(*arguments) == 1
    assert "already in" in capsys.readouterr().err
    (out / "movie_ctc" / "notes.txt").write_text("mine")
    assert run(movie, *arguments[1:], "--overwrite") == 1
    assert "notes.txt" in capsys.readouterr().err
    assert (out / "movie_ctc" / "notes.txt").read_text() == "mine"
    (out / "movie_ctc" / "notes.txt").unlink()
    assert run(movie, *arguments[1:], "--overwrite") == 0
    assert not list(out.glob(".*"))


def test_jobs_of_stacks_go_through_several_processes(stack: Path, tmp_path: Path) -> None:
    words = ["segment", str(stack), "-o", str(tmp_path), "--mode", "volume", "--anisotropy", "4"]
    job = jobs_typed(build_parser().parse_args(words))[0]
    assert job.options == VolumeOptions(anisotropy=4.0)
    assert [one.kind for one in run_jobs([job])] == ["done"]


@pytest.mark.parametrize(
    ("mode", "told"), [("volume", "no slices to join"), ("track", "no frames to join")]
)
def test_a_plane_is_refused(mode: str, told: str, tmp_path: Path, capsys) -> None:
    path = tmp_path / "plane.tif"
    tifffile.imwrite(path, BALLS[4])
    assert run(path, "-o", tmp_path / "out", "--mode", mode) == 1
    assert told in capsys.readouterr().err


def test_files_of_other_modes_are_refused(stack: Path, tmp_path: Path, capsys) -> None:
    assert run(stack, "-o", tmp_path / "out", "--mode", "volume", "--save", "ctc") == 1
    assert "saved by --mode track" in capsys.readouterr().err
    assert run(stack, "-o", tmp_path / "out", "--max-gap", "1") == 1
    assert "--max-gap belongs to --mode track" in capsys.readouterr().err


def test_a_movie_of_stacks(tmp_path: Path) -> None:
    """Volumes are one for every time; tracks go through all of them."""
    moving = np.stack([np.roll(BALLS, 2 * t, axis=2) for t in range(3)])
    image = Image(moving, "TZYX")
    volumes = ns.segment_volume(image, FakeModel())
    assert volumes.table["axis_0"].tolist() == [0, 0, 1, 1, 2, 2]
    assert sorted(volumes.table["label"]) == [1, 2, 3, 4, 5, 6]
    assert ((volumes.labels > 0) == (moving > 100)).mean() > 0.99
    for named in (image, moving):
        tracks = ns.track_cells(named, FakeModel())
        assert tracks.table["frames"].tolist() == [3, 3]
        assert {"voxels", "path"} <= set(tracks.table)
        assert tracks.paths().shape == (6, 5)
    turned = Image(np.swapaxes(moving, 0, 1), "ZTYX")
    again = ns.track_cells(turned, FakeModel())
    np.testing.assert_array_equal(np.swapaxes(again.labels, 0, 1), tracks.labels)


def test_several_movies_have_numbers_of_their_own() -> None:
    both = np.stack([divided(), divided()])
    tracks = ns.track_cells(Image(both, "QTYX"), FakeModel())
    assert sorted(tracks.table["label"]) == list(range(1, 9))
    assert len(tracks.parents) == 4
    for child, mother in tracks.parents.items():
        assert (child > 4) == (mother > 4)


def test_rows_and_columns_anywhere() -> None:
    """Of a stack whose slices lie along its last axis."""
    expected = ns.segment_volume(BALLS, FakeModel()).labels
    turned = ns.segment_volume(Image(np.moveaxis(BALLS, 0, 2), "YXZ"), FakeModel())
    np.testing.assert_array_equal(np.moveaxis(turned.labels, 2, 0), expected)


def test_senseless_settings_are_refused() -> None:
    with pytest.raises(ParameterError, match="no option 'strength'"):
        ns.segment_volume(BALLS, FakeModel(), strength=3)
    with pytest.raises(ParameterError, match="Did you mean 'diameter'"):
        ns.segment_volume(BALLS, FakeModel(), diamter=3)
    with pytest.raises(ParameterError, match="anisotropy"):
        ns.segment_volume(BALLS, FakeModel(), anisotropy=0)
    with pytest.raises(ImageError, match="TZYX"):
        ns.segment_volume(np.stack([BALLS, BALLS]), FakeModel())


def export(*arguments: Any) -> int:
    return main(["export", *(str(argument) for argument in arguments)])


def test_tracks_are_exported_with_their_parents(movie: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    assert run(movie, "-o", out, "--mode", "track") == 0
    labels = out / "movie_labels.tif"
    assert export(labels, "--to", "ctc", "-o", tmp_path / "01_RES") == 0
    loaded = ns.Tracks.load_ctc(tmp_path / "01_RES")
    assert len(loaded.parents) == 2
    for folder in (tmp_path / "01_RES", out):  # one of tracks; one of other files: a folder inside
        assert export(labels, "--to", "ctc", "-o", folder) == (folder != out)
        assert export(labels, "--to", "ctc", "-o", folder) == 1
        assert "--overwrite" in capsys.readouterr().err
    assert not (tmp_path / "01_RES" / "movie_labels_ctc").exists()
    assert (out / "movie_labels_ctc" / "res_track.txt").exists()


def test_volumes_are_exported_everywhere(stack: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(stack, "-o", out, "--mode", "volume") == 0
    for kind in ("coco", "geojson", "imagej", "csv"):
        assert export(out / "balls_labels.tif", "--to", kind, "-o", tmp_path / f"it_{kind}") == 0
    table = pd.read_csv(tmp_path / "it_csv.csv")
    assert table["score"].notna().all()
    assert "volume_um3" in table
