"""Teaching in a process of its own: what comes back, and that nothing is lost when it ends."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import napari_sam as ns
from napari_sam.errors import Cancelled, DataError, LabelsError, ModelError
from napari_sam.models import taught, zoo
from napari_sam.training import apart
from napari_sam.training.apart import Lent, Marked, teach_apart
from tiny_cells import tiny_model

QUICKEST = {"windows": 1, "size": 64, "prompts": 1, "generated": 2, "checked": 1}


def discs() -> Marked:
    """Bright discs of 9 pixels' radius on noise, all of them marked."""
    rng = np.random.default_rng(3)
    rows, columns = np.indices((96, 96))
    image, labels = rng.normal(20, 3, (96, 96)), np.zeros((96, 96), np.int32)
    for number in range(6):
        row, column = 16 + 30 * (number // 3), 16 + 30 * (number % 3)
        inside = (rows - row) ** 2 + (columns - column) ** 2 <= 81
        image[inside] += 60
        labels[inside] = number + 1
    return Marked(image.astype(np.float32), labels, None, False, 0)


@pytest.fixture
def lent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lent:
    monkeypatch.setenv("NAPARI_SAM_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(apart, "PATIENCE", 0.02)
    path = tiny_model().save(tmp_path / "tiny.safetensors")
    return Lent(str(path), str(taught.draft()), seconds=0.5, device="cpu", recipe=QUICKEST)


def test_a_taught_model_comes_back_and_gets_a_name(lent: Lent) -> None:
    told: list[float] = []
    result = teach_apart(lent, [discs()], told.append)
    assert told == sorted(told)
    assert result.lesson.objects == result.lesson.held_back == 6
    assert result.lesson.base == "tiny"
    assert len(result.samples) == 4
    assert all(one.truth.any() for one in result.samples)
    entry = taught.keep(result.path, "mine")
    assert entry in zoo.available()
    assert taught.lessons_of("mine") == (result.lesson,)
    assert ns.load_model("mine", device="cpu").history == (result.lesson,)
    assert not result.path.exists()
    assert taught.free_name("mine", taught.names_taken()) == "my_mine"
    with pytest.raises(ModelError, match="already"):
        taught.keep(result.path, "mine")
    assert taught.lessons_of("cells") == ()


def test_slices_of_an_image_are_one_image(lent: Lent) -> None:
    first = discs()
    slices = [first._replace(pixels=first.pixels + n) for n in range(3)]
    lesson = teach_apart(lent, [*slices, first._replace(pixels=-first.pixels, image=1)]).lesson
    assert lesson.images == 2


def test_what_cannot_be_taught_says_so(lent: Lent) -> None:
    with pytest.raises(LabelsError, match="no corrected cells"):
        teach_apart(lent, [])
    one = discs()
    alone = one._replace(labels=np.where(one.labels == 1, 1, 0))
    with pytest.raises(LabelsError, match="at least two"):
        teach_apart(lent, [alone])


def test_cancelled_or_killed_nothing_is_left(lent: Lent, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []
    start = apart._begun

    def started(folder: Path) -> object:
        begun.append(start(folder))
        return begun[-1]

    monkeypatch.setattr(apart, "_begun", started)

    def cancel(fraction: float) -> None:
        if begun:
            raise Cancelled

    with pytest.raises(Cancelled):
        teach_apart(lent, [discs()], cancel)
    assert begun[0].returncode is not None
    end = threading.Timer(0.3, lambda: begun[1].kill())
    end.start()
    with pytest.raises(ModelError, match="ended before it was done"):
        teach_apart(lent, [discs()])
    assert not list(taught.folder().glob("*"))


def test_a_full_disk_says_so(lent: Lent, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*ignored: object, **also: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(DataError, match=r"The cells cannot be written.*make room"):
        teach_apart(lent, [discs()])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk here")
def test_a_folder_that_takes_no_model_is_told_before_the_lesson(
    lent: Lent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "no folder"
    file.touch()
    monkeypatch.setattr(apart, "_begun", lambda folder: pytest.fail("the lesson was begun"))
    with pytest.raises(DataError, match=r"Nothing can be written to .*no folder.*make room"):
        teach_apart(replace(lent, target=str(file / "taught" / "x.safetensors")), [discs()])


def test_a_disk_that_is_full_afterwards_says_so(
    lent: Lent, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = apart._begun

    def started(folder: Path) -> object:
        (folder / "lesson.json").symlink_to("/dev/full")
        return start(folder)

    monkeypatch.setattr(apart, "_begun", started)
    with pytest.raises(DataError, match="What came of the lesson cannot be written"):
        teach_apart(lent, [discs()])
    assert not list(taught.folder().glob("*"))


def test_what_a_library_prints_is_no_news() -> None:
    said = """print(5); print("{}"); print([[1], 2]); print('["done", 0.5]')"""
    told: list[float] = []
    with subprocess.Popen([sys.executable, "-c", said], stdout=subprocess.PIPE, text=True) as one:
        apart._follow(one, told.append)
    assert told[-1] == 0.5


def test_old_drafts_are_removed(lent: Lent) -> None:
    folder = taught.folder()
    folder.mkdir(parents=True)
    old, new = folder / ".not chosen yet 1.safetensors", folder / ".not chosen yet 2.safetensors"
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    assert taught.draft() != taught.draft()
    assert new.exists()
    assert not old.exists()
