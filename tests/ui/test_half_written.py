"""Killed while many cells of labels on disk are written: the next start finds no half of a step."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from napari_sam.images import plane
from napari_sam.labels import held, placed, presence, runs
from napari_sam.labels.journal import Journal
from napari_sam.ui.labels_layer import autosave, shelf, slowly
from nine_discs import IMAGE, discs, table

HERE = Path(__file__).parent
SMALL: list[tuple[Any, str, Any]] = [
    # As if the plane were too large to be read, and as little as can be done in a turn.
    *((plane, "WHOLE", 60_000), (held, "LARGE", 1000)),
    *((placed, "_TOGETHER", 150), (placed, "_PART", 150), (presence, "_AT_ONCE", 50_000)),
    *((runs, "_AT_ONCE", 50_000), (runs, "_TILE", 150)),
    *((slowly, "_AT_ONCE", 1), (slowly, "_TURN", 0.0)),
]


def pyramid(folder: Path) -> list[Any]:
    """Nine discs in two levels of zarr; those that are there are opened."""
    import zarr

    if not (folder / "0.zarr").exists():
        for number, pixels in enumerate((discs(), discs()[::2, ::2])):
            made = zarr.open_array(
                folder / f"{number}.zarr",
                mode="w",
                shape=pixels.shape,
                chunks=(50, 50),
                dtype="i4",
            )
            made[:] = pixels
    return [zarr.open_array(folder / f"{number}.zarr", mode="r+") for number in (0, 1)]


def begin(bench: Any, data: Any) -> Any:
    bench.viewer.add_image(IMAGE, name="slide")
    layer = bench.viewer.add_labels(
        data, multiscale=isinstance(data, list), name="found", features=table()
    )
    bench.settle()
    bench.session.set_tool("review")
    bench.settle()
    return layer


def half_way(bench: Any, data: Any, way: str) -> None:
    """Delete eight of nine cells, take that back or do it again: but not to the end."""
    layer = begin(bench, data)
    many = bench.review.many
    assert bench.review.edit(lambda editing: editing.accept([3]))
    many.delete(list(range(1, 9)))
    if way != "delete":
        bench.settle()
        bench.review.undo()
    if way == "redo":
        bench.settle()
        bench.review.redo()
    for _ in range(3):  # windows
        before = np.array(layer.data[0] if layer.multiscale else layer.data)
        while np.array_equal(layer.data[0] if layer.multiscale else layer.data, before):
            assert bench.loop.turn()


SCRIPT = """
    import sys
    sys.path[:0] = {paths!r}
    from pathlib import Path
    import conftest, test_half_written
    for module, name, value in test_half_written.SMALL:
        setattr(module, name, value)
    data = test_half_written.pyramid(Path({folder!r}))
    test_half_written.half_way(conftest.Bench(), data, {way!r})
    print("half", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in SMALL:
        monkeypatch.setattr(module, name, value)


@pytest.fixture(scope="module")
def left_by_kills() -> dict[str, Path]:
    """What a kill in the middle of each kind of step has left, as far as one was asked for."""
    return {}


@pytest.fixture
def killed(
    small: None,
    left_by_kills: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], Path]:
    """Kill another process in the middle of a step; return the folder of its labels.

    Tests of the same kind of step all begin with what one kill has left.
    """

    def kill(way: str) -> Path:
        first = way not in left_by_kills
        where = left_by_kills.setdefault(way, tmp_path_factory.mktemp(way))
        here, kept = where / "here", where / "kept"
        monkeypatch.setenv("NAPARI_SAM_HOME", str(here / "home"))
        if first:
            (here / "home").mkdir(parents=True)
            half_way_and_killed(here, way)
            shutil.copytree(here, kept)
        else:
            shutil.rmtree(here)
            shutil.copytree(kept, here)
        left = np.unique(pyramid(here)[0][:])
        assert 2 < len(left) < 10
        return here

    return kill


def half_way_and_killed(folder: Path, way: str) -> None:
    paths = [str(HERE), str(HERE.parent)]
    script = textwrap.dedent(SCRIPT.format(paths=paths, folder=str(folder), way=way))
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "half"
        other.kill()


def opened(bench: Any) -> Any:
    bench.viewer.add_image(IMAGE, name="slide")
    bench.settle()
    return bench


def check_whole(folder: Path) -> None:
    fine, coarse = pyramid(folder)
    np.testing.assert_array_equal(fine[:], discs())
    np.testing.assert_array_equal(coarse[:], discs()[::2, ::2])


@pytest.mark.parametrize("way", ["delete", "undo", "redo"])
def test_a_kill_half_way_gives_back_what_was_before(
    make_bench: Any, killed: Callable[[str], Path], way: str
) -> None:
    folder = killed(way)
    bench = opened(make_bench())
    assert "cut off on the way" in bench.state.unsaved
    bench.session.recovery.restore()
    assert bench.state.progress is not None  # the window answers meanwhile
    bench.settle()
    check_whole(folder)
    layer = bench.state.target
    assert layer.features["reviewed"].tolist() == [*["open"] * 2, "accepted", *["open"] * 6]
    assert "Restored" in bench.state.status
    bench.session.set_tool("review")
    bench.settle()
    assert bench.review.state.can_redo == (way != "delete")
    if way != "delete":
        bench.review.redo()
        bench.settle()
        assert np.unique(layer.data[0]).tolist() == [0, 9]
        assert layer.features["reviewed"].tolist() == [*["rejected"] * 8, "open"]
        bench.review.undo()
        bench.settle()
    bench.review.undo()  # what was accepted before
    bench.settle()
    check_whole(folder)
    assert not bench.review.state.can_undo
    assert "accepted" not in layer.features.to_string()


@pytest.mark.parametrize("by_hand", [False, True])
def test_what_is_discarded_leaves_whole_cells_too(
    make_bench: Any, killed: Callable[[str], Path], by_hand: bool
) -> None:
    folder = killed("delete")
    bench = opened(make_bench())
    if by_hand:
        bench.viewer.add_labels(pyramid(folder), multiscale=True, name="opened by hand")
        bench.settle()
    bench.session.recovery.discard()
    bench.settle()
    check_whole(folder)
    assert list(shelf.folder().rglob("*.journal")) == []
    assert "Discarded" in bench.state.status


def test_killed_once_more_while_it_is_taken_back(
    make_bench: Any, killed: Callable[[str], Path]
) -> None:
    folder = killed("delete")
    bench = opened(make_bench())
    bench.session.recovery.restore()
    half = np.asarray(pyramid(folder)[0])
    while np.array_equal(pyramid(folder)[0], half):
        assert bench.loop.turn()
    bench.session.close()
    second = opened(make_bench())
    assert "cut off on the way" in second.state.unsaved
    second.session.recovery.restore()
    second.settle()
    check_whole(folder)


@pytest.mark.parametrize("way", ["delete", "undo", "redo"])
def test_what_came_to_its_end_is_not_taken_back(
    make_bench: Any, small: None, tmp_path: Path, way: str
) -> None:
    bench = make_bench()
    half_way(bench, pyramid(tmp_path), way)
    bench.settle()
    bench.session.close()
    after = opened(make_bench())
    assert "cut off" not in after.state.unsaved
    after.session.recovery.restore()
    after.settle()
    left = [0, *range(1, 10)] if way == "undo" else [0, 9]
    assert np.unique(pyramid(tmp_path)[0][:]).tolist() == left
    after.session.set_tool("review")
    after.settle()
    getattr(after.review, "redo" if way == "undo" else "undo")()
    after.settle()
    left = [0, 9] if way == "undo" else [0, *range(1, 10)]
    assert np.unique(pyramid(tmp_path)[0][:]).tolist() == left


@pytest.mark.parametrize("way", ["cancel", "close"])
def test_what_is_stopped_is_not_offered(
    make_bench: Any, small: None, tmp_path: Path, way: str
) -> None:
    bench = make_bench()
    begin(bench, pyramid(tmp_path))
    bench.review.many.delete(list(range(1, 9)))
    while np.array_equal(pyramid(tmp_path)[0], discs()):
        assert bench.loop.turn()
    getattr(bench.session, way)()
    if way == "cancel":
        bench.settle()
        bench.session.close()
    check_whole(tmp_path)
    assert opened(make_bench()).state.unsaved == ""
    assert list(shelf.folder().rglob("*.journal")) == []


@pytest.mark.parametrize("way", ["delete", "undo", "redo"])
@pytest.mark.parametrize("on_disk", [False, True])
def test_what_is_painted_meanwhile_comes_back_too(
    make_bench: Any,
    small: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    on_disk: bool,
) -> None:
    bench = make_bench()
    half_way(bench, pyramid(tmp_path)[0] if on_disk else discs(), way)
    layer = bench.viewer.layers["found"]
    layer.data_setitem((np.array([40, 100]), np.array([40, 100])), 77)  # one on the first disc
    bench.settle()
    there, features = np.array(layer.data), layer.features.copy()
    assert there[40, 40] == there[100, 100] == 77
    log = [step.kind for step in bench.session._documents.of(layer).log]
    bench.session.close()
    monkeypatch.setattr(plane, "WHOLE", 1 << 24)  # of so few pixels are no levels
    after = opened(make_bench())
    after.session.recovery.restore()
    after.settle()
    back = after.state.target
    np.testing.assert_array_equal(back.data, there)
    pd.testing.assert_frame_equal(back.features, features, check_dtype=False)
    assert [step.kind for step in after.session._documents.of(back).log] == log


def test_nothing_is_written_before_the_journal_is_on_the_disk(
    make_bench: Any, small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autosave, "_MOMENT", 0.001)
    may_write, inner = threading.Event(), Journal.sync

    def slow(journal: Journal) -> None:
        assert may_write.wait(60)
        inner(journal)

    bench = make_bench(threaded=True)
    begin(bench, pyramid(tmp_path))
    monkeypatch.setattr(Journal, "sync", slow)
    bench.review.many.delete(list(range(1, 9)))
    for _ in range(30):  # the window answers
        assert bench.loop.turn()
    check_whole(tmp_path)
    may_write.set()
    document = bench.session._documents.of(bench.viewer.layers["found"])
    while document.under_way:
        bench.loop.turn()
    assert np.unique(pyramid(tmp_path)[0][:]).tolist() == [0, 9]


def test_where_no_journal_can_be_written_cells_are_deleted_all_the_same(
    make_bench: Any, small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("NAPARI_SAM_HOME", str(tmp_path / "file"))
    bench = make_bench()
    begin(bench, pyramid(tmp_path))
    bench.review.many.delete(list(range(1, 9)))
    bench.settle()
    assert np.unique(pyramid(tmp_path)[0][:]).tolist() == [0, 9]


def test_a_layer_that_is_removed_meanwhile_is_written_to_the_end(
    make_bench: Any, small: None, tmp_path: Path
) -> None:
    bench = make_bench()
    half_way(bench, pyramid(tmp_path), "delete")
    bench.viewer.layers.remove("found")
    bench.settle()
    assert np.unique(pyramid(tmp_path)[0][:]).tolist() == [0, 9]
    bench.session.close()
    after = opened(make_bench())
    assert "undo of 'found'" in after.state.unsaved
    assert "cut off" not in after.state.unsaved
    after.session.recovery.restore()
    after.settle()
    after.state.target.undo()
    after.settle()
    check_whole(tmp_path)
