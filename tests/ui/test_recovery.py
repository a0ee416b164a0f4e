"""After a crash, what was kept is offered back: exactly, once, and only if it was not saved."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from napari.layers import Labels

from fake_model import blobs
from napari_sam.labels import entries, runs
from napari_sam.labels.change import Change
from napari_sam.labels.journal import Journal, read
from napari_sam.labels.levels import LabelLevels, empty_levels
from napari_sam.labels.runs import Runs
from napari_sam.ui.labels_layer import autosave, journal_file, recorder, shelf
from napari_sam.ui.labels_layer.layer_sheet import LayerSheet
from napari_sam.ui.labels_layer.on_disk import open_again, place_of
from napari_sam.ui.labels_layer.recovery import Recovery
from napari_sam.ui.widgets.recovery_box import RecoveryBox

CENTRES = [(row, column) for row in (10, 26, 42) for column in (10, 28, 46, 64)]
STACK = blobs((5, 64, 80), tuple((2, *centre) for centre in CENTRES), radius=5)


def keep(bench: Any, *centres: tuple[int, int]) -> Labels:
    for centre in centres:
        bench.click(2, *centre)
        bench.settle()
        bench.cells.accept()
        bench.settle()
    return bench.state.target


def opened(bench: Any, image: np.ndarray = STACK) -> Any:
    """An image in a viewer, as the next start of napari finds it."""
    bench.viewer.add_image(image.copy(), name="image")
    bench.viewer.dims.set_point(0, 2)
    bench.settle()
    return bench


def recovered(bench: Any) -> Any:
    """The same, with all that is offered taken back."""
    opened(bench).session.recovery.restore()
    bench.settle()
    return bench


@pytest.fixture
def kill(tmp_path, monkeypatch):
    """Leave a session as a kill does: the next one finds what is on the disk, and no locks."""
    count = 0

    def killed() -> Path:
        nonlocal count
        count += 1
        left = tmp_path / f"left {count}"
        shutil.copytree(shelf.folder(), left / "recovery")
        for lock in left.rglob("*.lock"):
            lock.unlink()
        monkeypatch.setenv("NAPARI_SAM_HOME", str(left))
        return left

    return killed


def journals() -> list[Path]:
    return sorted(shelf.folder().rglob("*.journal"))


def state(labels: Labels) -> tuple[np.ndarray, pd.DataFrame]:
    return labels.data.copy(), labels.features.copy()


def same(one: Any, other: Any) -> None:
    np.testing.assert_array_equal(one[0], other[0])
    pd.testing.assert_frame_equal(one[1], other[1], check_dtype=False)


def test_what_was_found_on_all_slices_is_offered_after_a_kill(make_bench, kill):
    bench = opened(make_bench())
    bench.find.adjust(region="stack")
    bench.find.start()
    bench.settle()
    labels = bench.viewer.layers["image cells found"]
    assert labels.data.any()
    kill()
    back = recovered(make_bench()).viewer.layers[labels.name]
    same(state(back), state(labels))


def test_after_a_kill_everything_is_offered_and_restored(make_bench, kill):
    bench = opened(make_bench())
    labels = keep(bench, *CENTRES[:5])
    bench.session.set_tool("review")
    bench.settle()
    assert bench.review.edit(lambda editing: editing.delete([2]))
    assert bench.review.edit(lambda editing: editing.accept([3]))
    bench.settle()
    kill()
    after = opened(make_bench())
    assert len(after.viewer.layers) == 1  # nothing happens by itself
    assert "4 cells" in after.state.unsaved
    assert labels.name in after.state.unsaved
    after.session.recovery.restore()
    after.settle()
    back = after.viewer.layers[labels.name]
    assert after.state.target is back
    assert after.state.unsaved == ""
    same(state(back), state(labels))
    log = after.session._documents.of(back).log
    expected = bench.session._documents.of(labels).log
    assert [step.told for step in log] == [step.told for step in expected]
    prompt, original = (steps[0].origin.prompts[0] for steps in (log, expected))
    np.testing.assert_array_equal(prompt.points, original.points)
    while labels.undo() or bench.session._documents.of(labels).can_undo:
        back.undo()
        same(state(back), state(labels))
    back.undo()
    assert not back.data.any()
    for _ in expected:
        labels.redo(), back.redo()
        same(state(back), state(labels))


def test_nothing_is_missing_where_little_may_wait_for_the_disk(make_bench, kill, monkeypatch):
    monkeypatch.setattr(autosave, "_MOST_WAITING", 1)
    bench = opened(make_bench())
    labels = keep(bench, *CENTRES[:3])
    kill()
    after = recovered(make_bench())
    same(state(after.viewer.layers[labels.name]), state(labels))


def test_work_on_what_was_restored_survives_the_next_kill_with_its_undo(make_bench, kill):
    keep(opened(make_bench()), *CENTRES[:2])
    kill()
    second = opened(make_bench())
    second.session.recovery.restore()
    labels = keep(second, CENTRES[5])
    second.viewer.layers.selection.active = labels
    labels.paint((0, 60, 70), 9)  # with napari's own brush
    second.settle()
    labels.undo()
    second.settle()
    kill()
    third = recovered(make_bench())
    back = third.state.target
    same(state(back), state(labels))
    for _ in range(3):
        back.undo()
    assert not back.data.any()
    assert len(journals()) == 1


def test_labels_that_were_there_before_come_back_with_what_was_done_to_them(
    make_bench, kill, monkeypatch
):
    monkeypatch.setattr(recorder, "_AT_ONCE", 1)  # plane by plane
    bench = opened(make_bench())
    data = np.zeros(STACK.shape, np.uint16)
    data[0, 5:9, 5:9], data[4, 50:60, 50:60] = 7, 9
    labels = bench.viewer.add_labels(data, name="mine")
    bench.session.layers.choose("target", labels)
    bench.settle()
    assert journals() == []  # labels that are only looked at are not copied
    keep(bench, *CENTRES[:2])
    kill()
    after = opened(make_bench())
    assert "4 cells in 'mine'" in after.state.unsaved
    after.session.recovery.restore()
    same(state(after.state.target), state(labels))
    assert after.state.target.data.dtype == np.uint16


def test_what_find_all_found_is_offered(make_bench, kill):
    bench = opened(make_bench())
    bench.session.set_tool("find")
    bench.find.start()
    bench.settle()
    (labels,) = (layer for layer in bench.viewer.layers if isinstance(layer, Labels))
    assert labels.data.any()
    kill()
    after = opened(make_bench())
    after.session.recovery.restore()
    same(state(after.state.target), state(labels))


def test_what_is_discarded_is_not_offered_again(make_bench, kill):
    keep(opened(make_bench()), CENTRES[0])
    kill()
    after = opened(make_bench())
    after.session.recovery.discard()
    after.settle()
    assert after.state.unsaved == ""
    assert journals() == []
    assert "Discarded" in after.state.status
    after.session.close()
    assert opened(make_bench()).state.unsaved == ""


def test_an_offer_that_nobody_answers_stays(make_bench, kill):
    keep(opened(make_bench()), CENTRES[0])
    kill()
    after = opened(make_bench())
    assert isinstance(after.session.recovery, Recovery)
    words = after.state.unsaved
    after.session.close()
    assert opened(make_bench()).state.unsaved == words != ""


def test_closing_without_saving_offers_it_and_saving_does_not(make_bench, tmp_path):
    bench = opened(make_bench())
    labels = keep(bench, CENTRES[0])
    bench.session.close()
    second = opened(make_bench())
    assert "1 cell " in second.state.unsaved
    second.session.recovery.restore()
    second.viewer.layers.selection = {second.state.target}
    assert second.viewer.layers.save(str(tmp_path / "cells.tif"), selected=True)
    second.session.close()
    assert journals() == []
    assert opened(make_bench()).state.unsaved == ""
    assert labels.data.any()


def test_saved_work_is_not_offered_after_a_kill_but_what_came_later_is(make_bench, tmp_path, kill):
    bench = opened(make_bench())
    labels = keep(bench, CENTRES[0])
    bench.viewer.layers.selection = {labels}
    assert bench.viewer.layers.save(str(tmp_path / "cells.tif"), selected=True)
    bench.settle()
    bench.viewer.layers.selection = {bench.viewer.layers["image"]}
    kill()
    assert opened(make_bench()).state.unsaved == ""


def test_work_after_saving_is_offered(make_bench, tmp_path, kill):
    bench = opened(make_bench())
    labels = keep(bench, CENTRES[0])
    bench.viewer.layers.selection = {labels}
    bench.viewer.layers.save(str(tmp_path / "cells.tif"), selected=True)
    bench.viewer.layers.selection = {bench.viewer.layers["image"]}
    keep(bench, CENTRES[1])
    kill()
    assert "2 cells" in opened(make_bench()).state.unsaved


def test_another_image_is_offered_nothing(make_bench, kill):
    keep(opened(make_bench()), CENTRES[0])
    kill()
    assert opened(make_bench(), np.roll(STACK, 3, axis=2)).state.unsaved == ""


def test_two_panels_on_one_image_do_not_mix(make_bench):
    first = opened(make_bench())
    keep(first, *CENTRES[:2])
    second = opened(make_bench())
    assert second.state.unsaved == ""  # it is in use
    keep(second, CENTRES[3])
    assert len(journals()) == 2
    first.session.close()
    second.session.close()
    third = opened(make_bench())
    assert "1 cell " in third.state.unsaved  # the newest first
    third.session.recovery.restore()
    third.settle()
    assert "2 cells" in third.state.unsaved
    fourth = opened(make_bench())
    assert fourth.state.unsaved == ""  # what one panel offers, another does not


def test_a_panel_opened_again_offers_nothing_that_is_still_there(make_bench):
    bench = opened(make_bench())
    labels = keep(bench, CENTRES[0])
    bench.session.close()
    labels.data[0, 50:55, 70:75] = 20  # while nobody looks
    again = make_bench(bench.viewer)
    again.settle()
    assert again.state.unsaved == ""
    keep(again, CENTRES[1])
    again.session.close()
    assert len(journals()) == 1
    after = opened(make_bench())
    assert "3 cells" in after.state.unsaved
    after.session.recovery.restore()
    same(state(after.state.target), state(labels))


@pytest.mark.parametrize("damage", ["torn", "garbage", "other"])
def test_damaged_journals_never_stop_the_panel(make_bench, kill, damage):
    labels = keep(opened(make_bench()), *CENTRES[:3])
    kill()
    (path,) = journals()
    data = path.read_bytes()
    path.write_bytes(
        {"torn": data[:-5], "garbage": b"\0" * 500, "other": data[: len(data) // 2]}[damage]
    )
    after = opened(make_bench())
    assert bool(after.state.unsaved) == (damage != "garbage")
    after.session.recovery.restore()
    after.settle()
    if damage == "torn":
        np.testing.assert_array_equal(after.state.target.data, labels.data)
    assert keep(after, CENTRES[8]).data.any()
    assert not after.state.problem


def test_a_disk_that_cannot_be_written_is_told_once_and_work_goes_on(
    make_bench, tmp_path, monkeypatch
):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("NAPARI_SAM_HOME", str(tmp_path / "file"))
    bench = opened(make_bench())
    labels = keep(bench, CENTRES[0])
    assert bench.state.problem
    assert "Save your labels" in bench.state.status
    assert keep(bench, CENTRES[1]) is labels
    assert len(np.unique(labels.data)) == 3
    assert not bench.state.problem


def comes_back(make_bench, kill, bench, labels):
    """After a crash labels are offered as they were, with every step that was to be undone."""
    kill()
    after = recovered(make_bench())
    back = after.state.target
    same(state(back), state(labels))
    while bench.session._documents.of(labels).can_undo:
        labels.undo(), back.undo()
        same(state(back), state(labels))


class Disk:
    """Room for so many more bytes of journals, and then none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = 1 << 40
        self.tries = 0
        inner = Journal.append

        def append(journal: Journal, entry: Any) -> None:
            self.room -= len(entry.body)
            if self.room < 0:
                self.tries += 1
                raise OSError(errno.ENOSPC, "No space left on device")
            inner(journal, entry)

        monkeypatch.setattr(Journal, "append", append)


@pytest.fixture
def disk(monkeypatch):
    return Disk(monkeypatch)


WORKS_AGAIN = "written down again"


@pytest.mark.parametrize("full_at", ["first", "later"])
def test_a_disk_that_has_room_again_is_written_again(make_bench, kill, disk, full_at):
    bench = opened(make_bench())
    heard: list[str] = []
    bench.state.events.status.connect(heard.append)
    if full_at == "later":
        keep(bench, CENTRES[0])
    disk.room = 0
    labels = keep(bench, CENTRES[1])
    keep(bench, CENTRES[2])
    labels.undo()
    bench.settle()
    assert sum("Save your labels" in words for words in heard) == 1
    assert not any(WORKS_AGAIN in words for words in heard)
    disk.room = 1 << 40
    keep(bench, CENTRES[3])
    keep(bench, CENTRES[4])
    assert sum(WORKS_AGAIN in words for words in heard) == 1
    comes_back(make_bench, kill, bench, labels)
    disk.room = 0
    keep(bench, CENTRES[5])
    assert sum("Save your labels" in words for words in heard) == 2


def test_all_layers_are_written_again_once_one_can_be(make_bench, kill, disk):
    bench = opened(make_bench())
    one = keep(bench, *CENTRES[:2])
    bench.session.layers.choose("target", None)
    other = keep(bench, CENTRES[2])
    assert other is not one
    disk.room = 0
    one.undo()
    bench.settle()
    disk.room = 1 << 40
    keep(bench, CENTRES[3])
    kill()
    after = opened(make_bench())
    for _ in range(2):
        after.session.recovery.restore()
        after.settle()
    for layer in (one, other):
        same(state(after.viewer.layers[layer.name]), state(layer))


def test_tries_on_a_full_disk_leave_what_was_told_before_and_take_no_room(make_bench, kill, disk):
    bench = opened(make_bench())
    labels = keep(bench, *CENTRES[:2])
    before = state(labels)
    size = journals()[0].stat().st_size
    tries = disk.tries
    for centre in CENTRES[2:6]:
        disk.room = 1_000  # enough to begin
        keep(bench, centre)
    assert disk.tries > tries + 1
    assert journals()[0].stat().st_size <= size + 1_000
    kill()
    after = recovered(make_bench())
    same(state(after.state.target), before)


def test_a_layer_that_is_removed_while_the_disk_is_full_lets_its_journal_go(make_bench, disk):
    bench = opened(make_bench())
    labels = keep(bench, CENTRES[0])
    disk.room = 0
    keep(bench, CENTRES[1])
    bench.viewer.layers.remove(labels)
    bench.settle()
    after = opened(make_bench())
    assert "1 cell in" in after.state.unsaved


def test_where_the_disk_fails_nobody_waits_for_it(make_bench, tmp_path, monkeypatch):
    """What waits to be written is not waited for, where nothing is written any more."""
    monkeypatch.setattr(autosave, "_MOST_WAITING", 1)
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("NAPARI_SAM_HOME", str(tmp_path / "file"))
    bench = opened(make_bench())
    there_before(bench)
    turns = 0
    while bench.loop.turn():
        turns += 1
        assert turns < 1_000
    assert "Save your labels" in bench.state.status


def there_before(bench: Any) -> Labels:
    """Labels with two cells far from each other on a large plane, and a third in a step."""
    both = LabelLevels(empty_levels((6_000, 9_000)))
    both[10:20, 5:9] = 3
    both[5_500:5_510, 8_990:9_000] = 4
    layer = bench.viewer.add_labels(list(both.levels), name="slide cells")
    third = Runs.at(both.shape, ([500, 501], [700, 700]), 0, 8)
    bench.session._documents.of(layer).apply(Change("Wrote a cell.", third))
    return layer


def test_of_a_large_plane_only_what_is_near_objects_is_copied(make_bench, kill):
    bench = opened(make_bench())
    labels = there_before(bench)
    bench.settle()
    (path,) = journals()
    blocks = [entries.block_of(entry.body) for entry in read(path) if entry.kind == "content"]
    assert len(blocks) == 2
    assert all(height * width <= 1 << 20 for _, _, height, width in blocks)
    kill()
    restored(make_bench, labels)


def restored(make_bench: Any, labels: Labels) -> None:
    after = recovered(make_bench())
    back = after.viewer.layers["slide cells"]
    np.testing.assert_array_equal(np.asarray(LayerSheet(back).pixels[:]), labels.data[0])
    back.undo()
    assert np.unique(LayerSheet(back).pixels[:]).tolist() == [0, 3, 4]


def test_what_is_half_written_is_not_copied(make_bench, kill, monkeypatch):
    monkeypatch.setattr(runs, "_AT_ONCE", 1)
    bench = opened(make_bench())
    labels = there_before(bench)
    document = bench.session._documents.of(labels)
    pixels = document.sheet.pixels
    few = np.array(pixels[:20, :20])
    delete = Runs.between((6_000, 9_000), (0, 0), few, np.zeros_like(few))
    far = Runs.at((6_000, 9_000), ([5_500], [8_990]), 4, 0)
    steps = document.applying(Change("Deleted.", Runs.joined([delete, far])))
    next(steps)
    assert not pixels[:20, :20].any()
    for _ in range(20):
        bench.loop.turn()
    steps.close()
    bench.settle()
    kill()
    restored(make_bench, labels)


def test_a_window_that_closes_does_not_wait_for_what_is_yet_to_be_copied(
    make_bench, tmp_path, monkeypatch
):
    may_write, inner = threading.Event(), entries.content

    def slow(*what: Any) -> Any:
        assert may_write.wait(60)
        return inner(*what)

    monkeypatch.setattr(recorder.entries, "content", slow)
    monkeypatch.setattr(autosave, "_LAST", 0.01)
    bench = opened(make_bench(threaded=True))
    labels = there_before(bench)
    bench.session.close()
    (last,) = [one for one in threading.enumerate() if one.name == "napari-sam last words"]
    may_write.set()
    last.join(60)
    restored(make_bench, labels)


def test_old_journals_are_thrown_away(make_bench, kill):
    keep(opened(make_bench()), CENTRES[0])
    kill()
    (path,) = journals()
    before = time.time() - 31 * 86400
    os.utime(path, (before, before))
    assert opened(make_bench()).state.unsaved == ""
    assert not path.exists()


def test_the_oldest_journals_go_where_there_are_too_many(make_bench, monkeypatch):
    for centre in CENTRES[:2]:
        bench = opened(make_bench())
        keep(bench, centre)
        bench.session.close()
    young = max(journals(), key=lambda path: path.stat().st_mtime)
    monkeypatch.setattr(shelf, "MOST_BYTES", young.stat().st_size)
    shelf.tidy(30)
    assert journals() == [young]


def test_nothing_is_written_when_the_person_wants_none(make_bench):
    bench = make_bench()
    bench.session._bench.preferences.remember(recovery_days=0)
    keep(opened(bench), CENTRES[0])
    assert journals() == []


def test_images_are_known_by_their_pixels():
    stack = np.random.default_rng(0).integers(0, 9, (40, 300, 40))
    assert shelf.identity(stack) == shelf.identity(stack.copy()) != shelf.identity(stack + 1)
    assert shelf.identity(stack) != shelf.identity(stack[:, ::-1])
    assert shelf.identity(stack) != shelf.identity(stack.astype(np.uint8))
    assert shelf.identity(stack[0]) != shelf.identity(stack[1])


SCRIPT = """
    import sys
    sys.path[:0] = {paths!r}
    import conftest, test_recovery
    bench = test_recovery.opened(conftest.Bench())
    labels = test_recovery.keep(bench, *test_recovery.CENTRES[:3])
    print(len(labels.features), flush=True)
    sys.stdin.read()
"""


def test_after_a_real_kill(make_bench):
    here = Path(__file__).parent
    script = textwrap.dedent(SCRIPT.format(paths=[str(here), str(here.parent)]))
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "3"
        assert opened(make_bench()).state.unsaved == ""  # the other process is alive
        other.kill()
    after = opened(make_bench())
    assert "3 cells" in after.state.unsaved
    after.session.recovery.restore()
    assert len(np.unique(after.state.target.data)) == 4


def test_the_panel_shows_the_offer_and_its_buttons_work(qtbot, make_bench, kill):
    bench = opened(make_bench())
    box = RecoveryBox(bench.session)
    qtbot.addWidget(box)
    assert box.isHidden()
    keep(bench, CENTRES[0])
    kill()
    for button in ("discard", "restore"):
        after = opened(make_bench())
        box = RecoveryBox(after.session)
        qtbot.addWidget(box)
        if button == "discard":
            data = journals()[0].read_bytes()
        assert box.text == after.state.unsaved != ""
        assert not box.isHidden()
        getattr(box, button).click()
        assert box.isHidden()
        assert (after.state.target is None) == (button == "discard")
        if button == "discard":
            path = shelf.new(shelf.identity_of(after.state.image)()).path
            path.write_bytes(data)
            after.session.close()


# -- labels on disk, long journals, saving from scripts -----------------------------------------


def on_zarr(folder: Path) -> Any:
    import zarr

    return zarr.open_array(
        folder / "mine.zarr", mode="w", shape=STACK.shape, chunks=(1, 32, 40), dtype="i4"
    )


def as_memmap(folder: Path) -> Any:
    return np.memmap(folder / "mine.dat", np.int32, "w+", shape=STACK.shape)


def levels_on_zarr(folder: Path) -> Any:
    import zarr

    fine, coarse = STACK.shape, (STACK.shape[0], 32, 40)
    return [
        zarr.open_array(folder / f"level{number}.zarr", mode="w", shape=shape, dtype="i4")
        for number, shape in enumerate((fine, coarse))
    ]


def in_memory(folder: Path) -> Any:
    import zarr

    return zarr.zeros(STACK.shape, dtype="i4")


def whole(labels: Labels) -> np.ndarray:
    return np.asarray(LayerSheet(labels).pixels[:])


@pytest.mark.parametrize("kind", [on_zarr, as_memmap, levels_on_zarr])
@pytest.mark.parametrize("open_before", [False, True])
def test_of_labels_on_disk_table_and_undo_come_back(make_bench, kill, tmp_path, kind, open_before):
    bench = opened(make_bench())
    labels = bench.viewer.add_labels(kind(tmp_path), name="mine")
    # There before: not in the journal, which tells of changes alone.
    LayerSheet(labels).pixels[0, 5:9, 5:9] = 70
    bench.session.layers.choose("target", labels)
    bench.settle()
    keep(bench, *CENTRES[:3])
    assert sum(path.stat().st_size for path in journals()) < 40_000
    wanted, table = whole(labels), labels.features.copy()
    kill()
    after = opened(make_bench())
    if open_before:
        pixels = open_again(place_of(LayerSheet(labels).pixels))
        pixels = list(pixels.levels) if labels.multiscale else pixels
        before = after.viewer.add_labels(pixels, name="opened by hand")
        after.settle()
    assert "undo of 'mine'" in after.state.unsaved
    after.session.recovery.restore()
    after.settle()
    back = after.state.target
    if open_before:
        assert back is before
    np.testing.assert_array_equal(whole(back), wanted)
    pd.testing.assert_frame_equal(back.features, table, check_dtype=False)
    for _ in range(3):
        back.undo()
    assert np.unique(whole(back)).tolist() == [0, 70]
    assert type(back.data) is type(labels.data)


def test_labels_on_disk_that_are_gone_are_told(make_bench, kill, tmp_path):
    bench = opened(make_bench())
    labels = bench.viewer.add_labels(on_zarr(tmp_path), name="mine")
    bench.session.layers.choose("target", labels)
    keep(bench, CENTRES[0])
    kill()
    shutil.rmtree(tmp_path / "mine.zarr")
    after = opened(make_bench())
    after.session.recovery.restore()
    assert after.state.problem
    assert "mine.zarr" in after.state.status
    assert len(after.viewer.layers) == 1


def test_labels_of_zarr_in_memory_come_back_whole(make_bench, kill, tmp_path):
    bench = opened(make_bench())
    data = in_memory(tmp_path)
    data[0, 5:9, 5:9] = 70
    labels = bench.viewer.add_labels(data, name="mine")
    bench.session.layers.choose("target", labels)
    keep(bench, *CENTRES[:2])
    kill()
    after = opened(make_bench())
    assert "3 cells" in after.state.unsaved
    after.session.recovery.restore()
    np.testing.assert_array_equal(after.state.target.data, np.asarray(data[:]))


def test_labels_of_unknown_storage_are_told_to_be_saved(make_bench):
    class Stored:
        """Something that reads and writes like an array."""

        def __init__(self) -> None:
            self.inner = np.zeros(STACK.shape, np.int32)
            self.shape, self.dtype, self.ndim = STACK.shape, np.dtype(np.int32), 3

        def __getitem__(self, where: Any) -> Any:
            return self.inner[where]

        def __setitem__(self, where: Any, values: Any) -> None:
            self.inner[where] = values

        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            return np.asarray(self.inner, dtype)

    bench = opened(make_bench())
    labels = bench.viewer.add_labels(Stored(), name="mine")
    bench.session.layers.choose("target", labels)
    keep(bench, CENTRES[0])
    assert journals() == []
    assert "not kept" in bench.state.status
    keep(bench, CENTRES[1])
    assert "Kept" in bench.state.status  # once is enough


def test_saving_from_a_script_is_saving(make_bench, kill, tmp_path):
    bench = opened(make_bench())
    labels = keep(bench, CENTRES[0])
    assert labels.save(str(tmp_path / "cells.tif"))
    bench.settle()
    assert (tmp_path / "cells.tif").exists()
    kill()
    assert opened(make_bench()).state.unsaved == ""
    bench.session.close()
    assert "save" not in vars(labels)  # napari's own again


@pytest.fixture
def short_soon(monkeypatch):
    """Journals are made short after every few steps."""
    monkeypatch.setattr(journal_file, "_LONG", 4_000)
    monkeypatch.setattr(journal_file, "_GROWN", 1.2)


def test_a_long_journal_is_made_short_and_tells_the_same(make_bench, kill, short_soon, monkeypatch):
    made = []
    inner = journal_file.take_place
    monkeypatch.setattr(journal_file, "take_place", lambda *how: (made.append(how), inner(*how)))
    bench = opened(make_bench())
    labels = keep(bench, *CENTRES[:5])
    for _ in range(6):  # what comes and goes leaves nothing
        labels.undo(), bench.settle()
        labels.redo(), bench.settle()
    labels.undo()
    bench.settle()
    keep(bench, *CENTRES[5:])
    assert len(made) >= 3
    comes_back(make_bench, kill, bench, labels)


def test_a_journal_that_slides_along_stays_small(make_bench, short_soon):
    """Every move of a slider writes a whole result, and takes the place of the last one."""
    bench = opened(make_bench())
    bench.session.set_tool("find")
    bench.find.start()
    bench.settle()
    sizes = []
    for number in range(40):
        bench.find.adjust_options(min_area=1 + number % 7)
        bench.settle()
        sizes.append(sum(path.stat().st_size for path in journals()))
    assert max(sizes[20:]) <= 1.5 * max(sizes[:20])


def test_the_next_kill_before_labels_were_told_anew_takes_nothing(make_bench, kill):
    bench = opened(make_bench())
    keep(bench, *CENTRES[:2])
    bench.session.close()
    (path,) = journals()
    journal = journal_file.Journal(path)
    empty = pd.DataFrame({"index": np.empty(0, np.int64)})
    about = {"name": "image cells"}
    journal.append(recorder.entries.began(STACK.shape, np.int32, empty, about))
    journal.sync()
    journal.close()
    second = opened(make_bench())
    second.session.recovery.restore()
    keep(second, CENTRES[4])
    kill()
    third = opened(make_bench())
    assert "3 cells" in third.state.unsaved


def test_a_journal_that_cannot_be_made_short_is_gone_on_with(
    make_bench, kill, short_soon, monkeypatch
):
    tries = []

    def fail(path: Path, stop: int, progress: Any) -> None:
        tries.append(stop)
        raise OSError("no space left on the device")

    monkeypatch.setattr(autosave, "shorten", fail)
    bench = opened(make_bench())
    labels = keep(bench, *CENTRES[:8])
    assert 1 <= len(tries) < 8  # now and then
    assert not bench.state.problem
    kill()
    after = opened(make_bench())
    after.session.recovery.restore()
    same(state(after.state.target), state(labels))


def test_only_what_is_written_into_its_file_at_once_has_a_place(tmp_path):
    whole_map = as_memmap(tmp_path)
    assert place_of(whole_map) is not None
    assert place_of(whole_map[1:]) is None  # it does not know where it begins
    assert place_of(np.memmap(tmp_path / "mine.dat", np.int32, "c", shape=STACK.shape)) is None
    assert place_of(np.zeros(3, int)) is None
    assert place_of(in_memory(tmp_path)) is None
    for data in (whole_map, on_zarr(tmp_path)):
        data[1, 2, 3] = 7
        again = open_again(place_of(data))
        assert again[1, 2, 3] == 7
        again[1, 2, 3] = 8
        assert open_again(place_of(data))[1, 2, 3] == 8
