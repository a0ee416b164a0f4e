"""What a killed run leaves behind is written over by the next, and never taken for good."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from napari_sam.files import in_one_piece

HOLD = """
import signal, sys, time
from pathlib import Path
from napari_sam.files import in_one_piece
# A shell's background jobs ignore interrupts, and pass that on to all they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
with in_one_piece(Path(sys.argv[1])) as temporary:
    temporary.write_text("half of it")
    print("writing", flush=True)
    time.sleep(60)
"""


def writer(path: Path) -> subprocess.Popen[str]:
    """Another process in the middle of writing a file."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    return process


def test_the_rest_of_a_killed_run_is_used_up(tmp_path: Path) -> None:
    path = tmp_path / "x_labels.tif"
    for _ in range(2):
        with writer(path) as process:
            process.kill()
            process.wait()
    rests = list(tmp_path.iterdir())
    assert len(rests) == 1  # however often it is killed
    assert rests[0].name.startswith(".")
    with in_one_piece(path) as temporary:
        assert temporary.read_bytes() == b""
        temporary.write_text("all")
    assert path.read_text() == "all"
    assert list(tmp_path.iterdir()) == [path]


def test_two_processes_that_write_the_same_file_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    with writer(path) as process:
        with in_one_piece(path) as temporary:
            temporary.write_text("mine")
        assert path.read_text() == "mine"
        process.kill()
        process.wait()
    assert path.read_text() == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interrupt_removes_the_temporary_file(tmp_path: Path) -> None:
    with writer(tmp_path / "x.txt") as process:
        process.send_signal(signal.SIGINT)
        process.wait()
    assert list(tmp_path.iterdir()) == []


def test_within_one_process_two_writers_do_not_mix_either(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    with in_one_piece(path) as outer:
        outer.write_text("outer")
        with in_one_piece(path) as inner:
            assert inner != outer
            inner.write_text("inner")
        assert path.read_text() == "inner"
    assert path.read_text() == "outer"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="permissions")
def test_others_may_read_what_is_written(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("x")
    with in_one_piece(tmp_path / "x.txt") as temporary:
        temporary.write_text("x")
    assert (tmp_path / "x.txt").stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("stem", ["x" * 240, "ü" * 120, "a.b.c", "."])
def test_any_name_that_the_disk_takes_is_written(stem: str, tmp_path: Path) -> None:
    path = tmp_path / f"{stem}.tif"
    with in_one_piece(path) as temporary:
        assert temporary.suffix == ".tif"
        temporary.write_text("x")
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
