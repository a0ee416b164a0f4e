"""Files and folders are known again by some of their bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from napari_sam.files import write_picture
from napari_sam.files.mark import mark_in, mark_of

LONG = 1 << 20


@pytest.mark.parametrize("place", [0, LONG // 2, LONG - 1])
def test_a_file_is_told_from_others_of_its_size(place: int, tmp_path: Path) -> None:
    one, copy, other = (tmp_path / name for name in ("one", "copy", "other"))
    one.write_bytes(bytes(LONG))
    copy.write_bytes(bytes(LONG))
    changed = bytearray(LONG)
    changed[place] = 1
    other.write_bytes(bytes(changed))
    assert mark_of(one) == mark_of(copy) != mark_of(other)
    other.write_bytes(bytes(LONG + 1))
    assert mark_of(one) != mark_of(other)
    assert mark_of(tmp_path / "none") == ""


def test_a_folder_is_told_by_its_files_but_for_its_labels(tmp_path: Path) -> None:
    one = tmp_path / "one.zarr"
    for name, text in ((".zattrs", "{}"), ("0/0.0", "abc"), ("0/0.1", "abd")):
        (one / name).parent.mkdir(parents=True, exist_ok=True)
        (one / name).write_text(text)
    copy, other = shutil.copytree(one, tmp_path / "b"), shutil.copytree(one, tmp_path / "c")
    (copy / "labels").mkdir()
    (copy / "labels" / ".zattrs").write_text("{}")
    (other / "0/0.1").write_text("abe")  # of the same length
    assert mark_of(one) == mark_of(copy) != mark_of(other)


def test_a_large_folder_is_looked_at_all_over(tmp_path: Path) -> None:
    one = tmp_path / "one.zarr"
    for row in range(30):
        (one / f"0/{row}").mkdir(parents=True)
        for column in range(20):  # dark but for some chunks in the middle
            (one / f"0/{row}/{column}").write_text("light" if row == 15 else "dark!")
    other = shutil.copytree(one, tmp_path / "two.zarr")
    for column in range(20):
        (other / f"0/15/{column}").write_text("grey!")
    assert mark_of(one) != mark_of(other)
    other = shutil.copytree(one, tmp_path / "three.zarr")
    (other / "0/29/19").unlink()
    assert mark_of(one) != mark_of(other)


def test_a_picture_says_of_which_image_it_was_made(tmp_path: Path) -> None:
    picture = np.zeros((4, 5, 3), np.uint8)
    write_picture(tmp_path / "a.png", picture, "0123ab")
    write_picture(tmp_path / "b.png", picture)
    (tmp_path / "c.png").write_bytes((tmp_path / "a.png").read_bytes()[:20])
    said = [mark_in(tmp_path / name) for name in ("a.png", "b.png", "c.png", "none.png")]
    assert said == ["0123ab", "", "", ""]
