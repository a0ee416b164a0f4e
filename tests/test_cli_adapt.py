"""``napari-sam adapt``: pairs found, a file written when it is better, nothing half done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_sam import loading
from napari_sam.cli import main
from napari_sam.files.beside import image_beside, labels_beside
from napari_sam.models import zoo
from napari_sam.models.load import load
from napari_sam.training import adapt as adapting
from napari_sam.training import teaching
from napari_sam.training.held_back import Judged, Seen
from tiny_cells import QUICK, tiny_model


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Three images, two of which have labels."""
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        tifffile.imwrite(images / f"a{number}.tif", rng.integers(0, 99, (64, 64), np.uint8))
    marks = np.zeros((64, 64), np.uint16)
    marks[10:25, 10:25], marks[35:50, 30:50] = 1, 2
    tifffile.imwrite(labels / "a0_labels.tif", marks)
    tifffile.imwrite(labels / "a2.tif", marks)
    return images, labels


def run(*arguments: Any) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny network and two steps, and whether it is better is settled."""
    monkeypatch.setattr(teaching, "Recipe", lambda: QUICK)
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: tiny_model())
    teach = teaching.teach
    monkeypatch.setattr(adapting, "teach", lambda *a, **k: teach(*a, **{**k, "steps": 2}))
    judge(monkeypatch, better=True)


def judge(monkeypatch: pytest.MonkeyPatch, better: bool) -> None:
    def seen(worth: float) -> Seen:
        return Seen((Judged(worth, worth, np.zeros((9, 9), bool)),) * 2)

    figures = iter([seen(0.5)] * 2 + [seen(0.9 if better else 0.4)] * 6)
    monkeypatch.setattr(teaching, "look_at", lambda *_, **__: next(figures))


def test_a_folder_of_labels_teaches_a_model(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "my.safetensors"
    assert run("adapt", *folders, "-o", out, "--seconds", 600, "--add", "mine") == 0
    said = capsys.readouterr()
    assert said.out.strip() == str(out)
    assert "click IoU .50 to .90" in said.err
    assert len(load(out).history) == 1
    entry = zoo.info("mine")
    assert entry.licence == "CC0-1.0"
    assert "taught" in entry.good_for
    assert run("models", "remove", "mine") == 0
    assert str(out) in capsys.readouterr().out
    assert out.exists()
    assert "mine" not in [entry.name for entry in zoo.available()]
    assert run("adapt", *folders, "-o", out) == 1  # it is there already
    assert "--overwrite" in capsys.readouterr().err


def test_a_model_that_is_not_better_is_not_written(
    folders: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judge(monkeypatch, better=False)
    assert run("adapt", *folders, "-o", tmp_path / "my", "--seconds", 600) == 1
    assert "Nothing was written" in capsys.readouterr().err
    assert not list(tmp_path.glob("my*"))


def test_interrupted_nothing_is_left(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(adapting, "teach", interrupt)
    assert run("adapt", *folders, "-o", tmp_path / "my") == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "labels"]


def test_what_cannot_be_kept_is_told_before_the_lesson(
    folders: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lessons: list[Any] = []
    monkeypatch.setattr(adapting, "teach", lambda *given, **_: lessons.append(given))
    assert run("adapt", *folders, "-o", tmp_path / "my", "--add", "cells") == 1
    assert "'my_cells'" in capsys.readouterr().err
    assert run("adapt", *folders, "-o", tmp_path / "my", "--add", "a/b") == 1
    assert "cannot be the name" in capsys.readouterr().err
    no_folder = tmp_path / "file"
    no_folder.touch()
    assert run("adapt", *folders, "-o", no_folder / "my") == 1
    assert "Nothing can be written to" in capsys.readouterr().err
    assert not lessons
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "images", "labels"]


def test_labels_belong_to_images_of_their_name(folders: tuple[Path, Path]) -> None:
    images, labels = folders
    assert labels_beside(images / "a0.tif", labels) == labels / "a0_labels.tif"
    assert labels_beside(images / "a1.tif", labels) is None
    assert labels_beside(images / "a2.tif", labels) == labels / "a2.tif"
    assert image_beside(images / "a1_examples.tif") == images / "a1.tif"
    assert image_beside(images / "b.tif") is None
    (labels / "a1_unlike.tif").write_bytes(b"")  # what is not meant teaches nothing
    assert labels_beside(images / "a1.tif", labels) is None


def test_no_labels_are_an_error(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run("adapt", folders[0], empty, "-o", tmp_path / "my") == 1
    assert "cells_1_labels.tif" in capsys.readouterr().err
    assert run("adapt", folders[0], tmp_path / "nosuch", "-o", tmp_path / "my") == 1
    assert "no such file or folder" in capsys.readouterr().err
