"""Labels on a disk that two windows, or two layers, have open: no two cells get one number."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from fake_model import blobs
from napari_sam.errors import LabelsError
from napari_sam.labels.levels import LabelLevels
from napari_sam.models.home import home
from napari_sam.ui.labels_layer.claim import Claim

HERE = Path(__file__).parent
CENTRES = ((20, 50), (44, 20))
STACK = blobs((6, 64, 80), tuple((at, *place) for at in (1, 3) for place in CENTRES), radius=6)
TOLD = "being edited in another layer or another napari"


def as_array(folder: Path) -> Any:
    path = folder / "mine.zarr"
    if path.exists():
        return zarr.open_array(path, mode="r+")
    return zarr.create_array(path, shape=STACK.shape, chunks=(1, 64, 80), dtype="i4")


def in_a_group(folder: Path) -> Any:
    if (folder / "group.zarr").exists():  # the same, named otherwise
        return zarr.open_array(folder / "group.zarr" / "mine", mode="r+")
    group = zarr.open_group(folder / "group.zarr", mode="w")
    return group.create_array("mine", shape=STACK.shape, chunks=(1, 64, 80), dtype="i4")


def through_a_link(folder: Path) -> Any:
    if not (folder / "mine.zarr").exists():
        return as_array(folder)
    link = folder / "link"
    try:
        link.symlink_to(folder, target_is_directory=True)
    except OSError:
        pytest.skip("links are not allowed here")
    return as_array(link)


def as_memmap(folder: Path) -> Any:
    path = folder / "mine.dat"
    return np.memmap(path, np.int32, "r+" if path.exists() else "w+", shape=STACK.shape)


def as_levels(folder: Path) -> Any:
    levels = []
    for number, shape in enumerate((STACK.shape, (6, 32, 40))):
        path = folder / f"{number}.zarr"
        if path.exists():
            levels.append(zarr.open_array(path, mode="r+"))
        else:
            levels.append(zarr.create_array(path, shape=shape, chunks=(1, 64, 80), dtype="i4"))
    return levels


KINDS = [as_array, in_a_group, through_a_link, as_memmap, as_levels]


def window(bench: Any, data: Any, at: int = 3) -> Any:
    """Show the stack at a slice, and keep cells of it in labels."""
    if "image" not in bench.viewer.layers:
        bench.viewer.add_image(STACK, name="image")
    bench.viewer.dims.set_point(0, at)
    bench.settle()
    layer = bench.viewer.add_labels(data, name="mine", multiscale=isinstance(data, list))
    bench.session.layers.choose("target", layer)
    bench.viewer.layers.selection.active = bench.viewer.layers["image"]
    bench.settle()
    return layer


def keep(bench: Any, at: int, cell: int) -> None:
    bench.viewer.dims.set_point(0, at)
    bench.settle()
    bench.keep(at, *CENTRES[cell])


def numbers(folder: Path, kind: Any = as_array) -> list[list[int]]:
    """The cells of both slices that show any, as they are on the disk."""
    pixels = kind(folder)
    pixels = pixels[0] if isinstance(pixels, list) else pixels
    return [np.unique(pixels[at]).tolist()[1:] for at in (1, 3)]


@pytest.mark.parametrize("kind", KINDS)
def test_two_windows_give_no_number_twice(make_bench: Any, tmp_path: Path, kind: Any) -> None:
    first, second = make_bench(), make_bench()
    window(first, kind(tmp_path))
    window(second, kind(tmp_path))
    keep(first, 3, 0)
    keep(second, 1, 0)
    assert second.state.problem
    assert TOLD in second.state.status
    assert "work on a copy" in second.state.status
    assert second.state.answer is not None  # to be kept later
    reader = as_array if kind is through_a_link else kind
    assert numbers(tmp_path, reader) == [[], [1]]
    keep(first, 3, 1)
    assert numbers(tmp_path, reader) == [[], [1, 2]]
    first.viewer.layers.remove("mine")
    first.settle()
    second.cells.accept()
    second.settle()
    assert numbers(tmp_path, reader) == [[3], [1, 2]]


@pytest.mark.parametrize("kind", KINDS)
def test_two_layers_of_a_window_give_no_number_twice(bench: Any, tmp_path: Path, kind: Any) -> None:
    first = window(bench, kind(tmp_path))
    keep(bench, 3, 0)
    second = window(bench, kind(tmp_path))
    keep(bench, 1, 0)
    assert TOLD in bench.state.status
    bench.viewer.layers.remove(first)
    bench.settle()
    assert bench.state.target is second
    bench.cells.accept()
    bench.settle()
    assert numbers(tmp_path, as_array if kind is through_a_link else kind) == [[2], [1]]


def test_cells_that_were_kept_elsewhere_meanwhile_are_counted(
    make_bench: Any, tmp_path: Path
) -> None:
    """Also of a window that was opened in the middle, and of two that write in turns."""
    before, writer = make_bench(), make_bench()
    window(before, as_array(tmp_path))
    window(writer, as_array(tmp_path))
    keep(writer, 3, 0)
    between = make_bench()
    window(between, as_array(tmp_path))
    for bench in (before, between):
        presence = bench.session._documents.of(bench.state.target).presence
        while presence.count_next():
            pass
    keep(writer, 3, 1)
    writer.session.set_active(False)
    writer.session.close()
    keep(between, 1, 0)
    assert numbers(tmp_path) == [[3], [1, 2]]
    between.viewer.layers.remove("mine")
    between.settle()
    keep(before, 1, 1)
    assert numbers(tmp_path) == [[3, 4], [1, 2]]


def test_undo_is_refused_as_well_and_then_goes_on(make_bench: Any, tmp_path: Path) -> None:
    first, second = make_bench(), make_bench()
    layer = window(first, as_array(tmp_path))
    keep(first, 3, 0)
    layer.undo(wait=True)
    first.session.layers.choose("target", None)
    window(second, as_array(tmp_path))
    keep(second, 1, 0)
    assert TOLD in second.state.status  # the layer is still there, and can be redone
    layer.redo(wait=True)
    assert numbers(tmp_path) == [[], [1]]


def test_a_search_is_refused_before_it_runs(make_bench: Any, tmp_path: Path) -> None:
    first, second = make_bench(), make_bench()
    window(first, as_array(tmp_path))
    layer = window(second, as_array(tmp_path))
    keep(first, 3, 0)
    second.session.set_tool("find")
    for region in ("slice", "volume"):
        second.find.look_in(region)
        second.find.put_into(layer)
        second.find.start()
        assert TOLD in second.state.status
        assert second.state.progress is None
    second.settle()
    assert numbers(tmp_path) == [[], [1]]


def test_others_may_look_and_decide(make_bench: Any, tmp_path: Path) -> None:
    first, second = make_bench(), make_bench()
    window(first, as_array(tmp_path))
    keep(first, 3, 0)
    layer = window(second, as_array(tmp_path))
    second.session.set_tool("review")
    second.settle()
    assert not second.state.problem
    second.review.select(1)
    assert second.review.state.selected == 1
    assert second.review.edit(lambda editing: editing.accept([1]))
    assert layer.features["reviewed"].tolist() == ["accepted"]
    assert not second.review.edit(lambda editing: editing.delete([1]))
    assert TOLD in second.state.status
    assert numbers(tmp_path) == [[], [1]]


def test_a_brush_where_another_window_writes_is_told(
    make_bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warned: list[str] = []
    monkeypatch.setattr("napari.utils.notifications.show_warning", warned.append)
    first, second = make_bench(), make_bench()
    window(first, as_array(tmp_path))
    layer = window(second, as_array(tmp_path))
    layer.paint((1, 5, 5), 1)
    second.settle()
    assert not warned
    keep(first, 3, 0)
    assert TOLD in first.state.status
    other = first.state.target
    other.paint((1, 30, 30), 1)
    first.settle()
    assert len(warned) == 1
    assert TOLD in warned[0]
    assert "there all the same" in warned[0]
    assert as_array(tmp_path)[1, 30, 30] == 1


def test_copies_and_labels_in_memory_are_nobody_elses(make_bench: Any, tmp_path: Path) -> None:
    for data in (np.zeros(STACK.shape, np.int32), as_array(tmp_path)[:], zarr.zeros(STACK.shape)):
        for _ in range(2):
            bench = make_bench()
            bench.session.recovery.discard()
            window(bench, np.asarray(data).astype(np.int32))
            keep(bench, 3, 0)
            assert not bench.state.problem
    assert not (home() / "open").exists()


def test_nothing_is_written_beside_the_labels(make_bench: Any, tmp_path: Path) -> None:
    as_array(tmp_path)
    about = sorted((tmp_path / "mine.zarr").iterdir())
    bench = make_bench()
    window(bench, as_array(tmp_path))
    assert not (home() / "open").exists()  # who only looks leaves nothing
    keep(bench, 3, 0)
    new = {path.name for path in (tmp_path / "mine.zarr").iterdir()}
    assert new - {path.name for path in about} == {"c"}


def test_a_home_that_cannot_be_written_keeps_nobody_out(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "a file"
    blocked.write_bytes(b"")
    monkeypatch.setenv("NAPARI_SAM_HOME", str(blocked))
    window(bench, as_array(tmp_path))
    keep(bench, 3, 0)
    assert numbers(tmp_path) == [[], [1]]


def test_places_that_nobody_has_had_for_long_are_forgotten(make_bench: Any, tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("old", "kept", "now")]
    benches = [make_bench() for _ in places]
    for bench, place in zip(benches, places, strict=True):
        place.mkdir()
        window(bench, as_array(place))
    for bench in benches[:2]:
        keep(bench, 3, 0)
    benches[0].viewer.layers.remove("mine")
    benches[0].settle()
    long_ago = time.time() - 400 * 86400
    for path in (home() / "open").iterdir():
        os.utime(path, (long_ago, long_ago))
    keep(benches[2], 3, 0)
    assert len(list((home() / "open").iterdir())) == 2
    again = make_bench()
    window(again, as_array(places[1]))
    keep(again, 3, 1)
    assert TOLD in again.state.status  # it was had all the time


def test_what_is_refused_in_part_is_left_to_others_altogether(tmp_path: Path) -> None:
    fine, coarse = as_levels(tmp_path)
    other, third = Claim(coarse), Claim(fine)
    assert not other.take("coarse")
    with pytest.raises(LabelsError, match=TOLD):
        Claim(LabelLevels([fine, coarse])).take("both")
    third.take("fine")
    third.release()
    other.release()


def test_only_what_others_may_have_written_is_counted_anew(tmp_path: Path) -> None:
    pixels = as_array(tmp_path)
    first, looked, late = Claim(pixels), Claim(pixels), Claim(pixels)
    assert not first.take("mine")
    assert not first.take("mine")  # it has it already
    during = Claim(pixels)
    first.release()
    after = Claim(pixels)
    assert not after.take("mine")
    after.release()
    for one in (looked, late, during):
        assert one.take("mine")
        one.release()


SCRIPT = """
    import sys
    sys.path[:0] = {paths!r}
    from pathlib import Path
    import conftest, test_open_twice
    bench = conftest.Bench()
    test_open_twice.window(bench, test_open_twice.as_array(Path({folder!r})))
    for line in sys.stdin:
        at, cell = map(int, line.split())
        test_open_twice.keep(bench, at, cell)
        print(bench.state.status, flush=True)
"""


@pytest.fixture
def another_napari(tmp_path: Path) -> Any:
    """A second process with the same labels, which keeps cells when it is told."""
    paths = [str(HERE), str(HERE.parent)]
    script = textwrap.dedent(SCRIPT.format(paths=paths, folder=str(tmp_path)))
    as_array(tmp_path)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", script], **pipes) as process:
        yield process
        process.kill()


def tell(process: Any, at: int, cell: int) -> str:
    process.stdin.write(f"{at} {cell}\n")
    process.stdin.flush()
    said: str = process.stdout.readline()
    return said


def test_another_napari_that_is_killed_is_no_obstacle(
    bench: Any, tmp_path: Path, another_napari: Any
) -> None:
    window(bench, as_array(tmp_path))
    assert "Kept" in tell(another_napari, 3, 0)
    keep(bench, 1, 0)
    assert TOLD in bench.state.status
    assert "Kept" in tell(another_napari, 3, 1)
    another_napari.kill()
    another_napari.wait()
    bench.cells.accept()
    bench.settle()
    assert numbers(tmp_path) == [[3], [1, 2]]


def test_another_napari_is_told_that_these_are_open_here(
    bench: Any, tmp_path: Path, another_napari: Any
) -> None:
    window(bench, as_array(tmp_path))
    keep(bench, 3, 0)
    assert TOLD in tell(another_napari, 1, 0)
    bench.viewer.layers.remove("mine")
    bench.settle()
    assert "Kept cell 2" in tell(another_napari, 1, 1)
    assert numbers(tmp_path)[1] == [1]
