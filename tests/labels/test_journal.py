"""Journals: what happened to labels comes back exactly, wherever the file was cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from napari_sam.errors import Cancelled, DataError
from napari_sam.images import Plane
from napari_sam.labels import entries
from napari_sam.labels.accept import accept
from napari_sam.labels.change import Change
from napari_sam.labels.change_bytes import to_bytes
from napari_sam.labels.compact import BESIDE, shorten, take_place
from napari_sam.labels.document import Document
from napari_sam.labels.journal import Journal, JournalEntry, read
from napari_sam.labels.replay import Recovered, replay
from napari_sam.labels.runs import Runs
from napari_sam.labels.sheet import PlainSheet

SHAPE = (3, 24, 30)


def plane(index: int) -> Plane:
    return Plane((1, 2), (index, None, None), SHAPE[1:])


def square(at: int) -> np.ndarray:
    mask = np.zeros(SHAPE[1:], bool)
    mask[at : at + 5, at : at + 5] = True
    return mask


def fresh() -> Document:
    empty = pd.DataFrame({"index": np.empty(0, np.int64)})
    return Document(PlainSheet(np.zeros(SHAPE, np.int32), empty))


class Written:
    """A document that is written down, and how it was after every entry."""

    def __init__(self, path: Path) -> None:
        self.document = fresh()
        self.journal = Journal(path)
        sheet = self.document.sheet
        self.add(entries.began(SHAPE, np.int32, sheet.table, {"name": "cells"}))
        self.add(entries.READY)
        self.states = [self.state()]
        self.ends = [path.stat().st_size]
        self.path = path
        self.document.listen(self.heard)

    def add(self, entry: JournalEntry) -> None:
        self.journal.append(entry)
        self.journal.sync()

    def heard(self, event: Any, change: Change | None) -> None:
        assert change is not None
        self.add(entries.happened(event, change))
        self.states.append(self.state())
        self.ends.append(self.path.stat().st_size)

    def state(self) -> tuple[Any, ...]:
        return state_of(self.document)


def state_of(document: Document) -> tuple[Any, ...]:
    log = tuple((change.told, change.kind, change.ids, change.when) for change in document.log)
    return document.sheet.pixels.copy(), document.table, log, len(document.undone)


def again(found: Recovered | None) -> Document:
    assert found is not None
    document = Document(PlainSheet(found.pixels, found.table))
    document.adopt(found.done, found.undone)
    return document


def same(found: tuple[Any, ...], expected: tuple[Any, ...]) -> None:
    np.testing.assert_array_equal(found[0], expected[0])
    pd.testing.assert_frame_equal(found[1], expected[1], check_dtype=False)
    assert found[2:] == expected[2:]


def work(document: Document) -> None:
    """Some of everything."""
    for at in (1, 8, 15):
        accept(document, plane(1), [square(at)], "keep")
    document.undo()
    document.undo()
    document.redo()
    early = accept(document, plane(2), [square(2)], "keep", measure=False)
    late = accept(document, plane(2), [square(9)], "keep", measure=False)
    document.complete(late, pd.DataFrame({"index": late.new_ids, "score": [0.5]}))
    document.complete(early, pd.DataFrame({"index": early.new_ids, "score": [1.0]}))
    document.retract(accept(document, plane(0), [square(2)], "keep"))
    document.undo()


@pytest.fixture
def written(tmp_path):
    made = Written(tmp_path / "images" / "one.journal")
    work(made.document)
    made.journal.close()
    return made


def test_a_journal_brings_everything_back(written):
    found = replay(written.path)
    assert found is not None
    assert found.about == {"name": "cells"}
    assert not found.saved
    assert found.ids().tolist() == np.unique(found.pixels[found.pixels > 0]).tolist()
    back, document = again(found), written.document
    same(state_of(back), state_of(document))
    for one in (document, back):
        document.unlisten(written.heard) if one is document else None
        one.redo()
    same(state_of(back)[:2], state_of(document)[:2])
    while document.undo():
        back.undo()
        same(state_of(back)[:2], state_of(document)[:2])
    assert not back.can_undo


def test_a_journal_that_was_cut_anywhere_gives_what_was_whole(written):
    whole = written.path.read_bytes()
    for end in range(written.ends[0], len(whole), 211):
        written.path.write_bytes(whole[:end])
        count = sum(1 for stop in written.ends if stop <= end) - 1
        same(state_of(again(replay(written.path))), written.states[count])
        later = Journal(written.path)  # goes on behind the last whole entry
        later.append(entries.SAVED)
        later.close()
        found = replay(written.path)
        assert found is not None
        assert found.saved
        same(state_of(again(found)), written.states[count])


def test_a_journal_whose_beginning_was_cut_gives_nothing(written):
    whole = written.path.read_bytes()
    for end in range(30, written.ends[0] - 1, 23):
        written.path.write_bytes(whole[:end])
        assert replay(written.path) is None


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_byte_never_gives_labels_that_never_were(written, seed):
    data = bytearray(written.path.read_bytes())
    at = int(np.random.default_rng(seed).integers(25, len(data)))
    data[at] ^= 0x5A
    written.path.write_bytes(bytes(data))
    found = replay(written.path)
    if found is not None:
        count = sum(1 for stop in written.ends if stop <= at) - 1
        same(state_of(again(found)), written.states[count])


def test_an_entry_that_cannot_be_followed_ends_the_story_until_labels_are_told_anew(written):
    journal = Journal(written.path)
    journal.append(JournalEntry("apply", b"no change"))
    journal.append(entries.SAVED)
    journal.close()
    found = replay(written.path)
    assert found is not None
    assert not found.whole
    assert not found.saved
    same(state_of(again(found)), written.states[-1])
    journal = Journal(written.path)
    journal.append(entries.began(SHAPE, np.uint8, found.table, {"name": "anew"}))
    journal.append(entries.READY)
    journal.close()
    found = replay(written.path)
    assert found is not None
    assert found.whole
    assert found.about == {"name": "anew"}


def test_planes_that_are_told_while_work_goes_on_are_told_rightly(tmp_path):
    """The second plane is copied after a change of it that was told before."""
    document = fresh()
    for index in (0, 1, 2):
        accept(document, plane(index), [square(3)], "keep")
    journal = Journal(tmp_path / "one.journal")
    journal.append(entries.began(SHAPE, np.int32, document.sheet.table, {}))
    for step in document.log:
        journal.append(entries.logged(step))
    document.listen(lambda event, change: journal.append(entries.happened(event, change)))
    for index in (0, 1, 2):
        journal.append(entries.content((index, 0, 0), document.sheet.pixels[index][None]))
        accept(document, plane((index + 1) % 3), [square(9)], "overwrite")
        document.undo()
        accept(document, plane(index), [square(6)], "overwrite")
    assert replay(journal.path) is None
    journal.append(entries.READY)
    journal.close()
    same(state_of(again(replay(journal.path))), state_of(document))


def test_a_journal_never_writes_over_another_file(tmp_path):
    path: Path = tmp_path / "notes.txt"
    path.write_text("what somebody wrote, and nobody else has")
    with pytest.raises(DataError, match="no journal"):
        Journal(path)
    with pytest.raises(DataError, match="no journal"):
        list(read(path))
    assert path.read_text().startswith("what somebody wrote")
    started = tmp_path / "started.journal"
    started.write_bytes(b"napari-sam jou")  # cut in its first line
    Journal(started).close()
    assert list(read(started)) == []


def test_kinds_have_a_length(tmp_path):
    journal = Journal(tmp_path / "one.journal")
    with pytest.raises(ValueError, match="letters"):
        journal.append(JournalEntry("ninetimes", b""))
    journal.close()


def test_what_is_told_anew_is_not_followed_before(tmp_path):
    """A slider that moves writes one result after the other: only the last is read."""
    journal = Journal(tmp_path / "one.journal")
    journal.append(entries.began(SHAPE, np.int32, fresh().sheet.table, {"name": "cells"}))
    journal.append(entries.READY)
    block = np.zeros((1, *SHAPE[1:]), np.int32)
    for number in range(1, 6):
        journal.append(entries.content((1, 0, 0), np.full_like(block, number)))
        journal.append(entries.rows(pd.DataFrame({"index": [number]})))
    across = np.full((SHAPE[0], 1, SHAPE[2]), 9, np.int32)  # another block with the same corner
    journal.append(entries.content((0, 0, 0), across))
    journal.close()
    labels = replay(journal.path)
    assert labels is not None
    assert labels.whole
    assert labels.table["index"].tolist() == [5]
    assert (labels.pixels[1, 1:] == 5).all()
    assert (labels.pixels[:, 0] == 9).all()
    assert not labels.pixels[0, 1:].any()


def test_labels_in_a_file_of_their_own_are_told_without_pixels(tmp_path):
    journal = Journal(tmp_path / "disk.journal")
    huge = (300, 100_000, 100_000)  # no memory holds it
    about = {"name": "cells", entries.PLACE: {"kind": "zarr", "file": "x", "path": ""}}
    journal.append(entries.began(huge, np.int32, fresh().sheet.table, about))
    journal.append(entries.READY)
    runs = Runs.at(huge, ([299], [99_999], [5]), 0, 7)
    journal.append(entries.happened("apply", Change("Added.", runs, when=5)))
    journal.append(entries.happened("undo", Change("Added.", runs, when=5)))
    journal.close()
    labels = replay(journal.path)
    assert labels is not None
    assert labels.pixels is None
    assert labels.ids().size == 0
    assert [step.told for step in labels.undone] == ["Added."]


# -- short journals ------------------------------------------------------------------------------


def tells_the_same(one: Recovered | None, other: Recovered | None) -> None:
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.pixels, other.pixels)
    pd.testing.assert_frame_equal(one.table, other.table)
    for mine, theirs in ((one.done, other.done), (one.undone, other.undone)):
        assert [step.when for step in mine] == [step.when for step in theirs]
        for step, its in zip(mine, theirs, strict=True):
            assert to_bytes(step) == to_bytes(its)
    assert (one.saved, one.whole, one.about) == (other.saved, other.whole, other.about)


def test_a_short_journal_tells_the_same_and_takes_what_came_meanwhile(written):
    path = written.path
    long = path.stat().st_size
    for stop in written.ends:
        made = shorten(path, stop)
        assert made is not None
        short, size = made
        assert short.stat().st_size == size
        tells_the_same(replay(short), replay(path, stop))
    stop = written.ends[-2]
    whole = replay(path)
    made = shorten(path, stop)
    assert made is not None
    take_place(made[0], path, stop)
    tells_the_same(replay(path), whole)
    assert not made[0].exists()
    assert path.stat().st_size < long
    journal = Journal(path)
    journal.append(entries.SAVED)
    journal.close()
    now = replay(path)
    assert now is not None
    assert now.saved


def test_a_journal_whose_labels_are_being_told_anew_is_not_made_short(written):
    stop = written.path.stat().st_size
    journal = Journal(written.path)
    journal.append(entries.began(SHAPE, np.int32, fresh().sheet.table, {"name": "cells"}))
    journal.close()
    assert shorten(written.path, journal.size) is None
    before = replay(written.path, stop)
    now = replay(written.path)
    assert before is not None
    assert now is not None
    assert before.whole
    assert not now.whole
    np.testing.assert_array_equal(now.pixels, before.pixels)


def test_a_rest_of_a_short_journal_is_written_over(written):
    short = written.path.with_name(written.path.name + BESIDE)
    short.write_bytes(b"half of something else")
    made = shorten(written.path, written.path.stat().st_size)
    assert made is not None
    tells_the_same(replay(short), replay(written.path))


@pytest.mark.parametrize("after", [0.0, 0.6])
def test_making_short_can_be_stopped_and_leaves_nothing_beside(written, after):
    def stop(fraction: float) -> None:
        if fraction >= after:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        shorten(written.path, written.path.stat().st_size, stop)
    assert replay(written.path) is not None
    assert list(written.path.parent.iterdir()) == [written.path]


def test_a_full_disk_leaves_no_half_of_a_short_journal(written, monkeypatch):
    def full(journal: Journal, entry: JournalEntry) -> None:
        raise OSError(28, "No space left on device")

    whole = written.path.read_bytes()
    monkeypatch.setattr(Journal, "append", full)
    with pytest.raises(OSError, match="No space"):
        shorten(written.path, len(whole))
    assert list(written.path.parent.iterdir()) == [written.path]
    assert written.path.read_bytes() == whole


def far_apart() -> Change:
    before = np.zeros((2, *SHAPE[1:]), np.int32)
    after = np.broadcast_to(square(3), before.shape).astype(np.int32)
    return Change("Wrote on two planes.", Runs.between(SHAPE, (0, 0, 0), before, after), when=5)


def test_what_was_begun_is_known_from_a_short_journal_too(tmp_path):
    """Labels in a file of their own may hold half of it."""
    path = tmp_path / "one.journal"
    journal = Journal(path)
    about = {"name": "cells", entries.PLACE: {"kind": "zarr"}}
    journal.append(entries.began(SHAPE, np.int32, fresh().table, about))
    journal.append(entries.READY)
    journal.append(entries.begins("apply", far_apart()))
    journal.sync()
    short = shorten(path, journal.size)
    assert short is not None
    for one in (path, short[0]):
        labels = replay(one)
        assert labels is not None
        assert labels.half_written is not None
        assert to_bytes(labels.half_written) == to_bytes(far_apart())
        assert labels.done == []
    for end, steps in ((entries.STOPPED, 0), (entries.made(far_apart()), 1)):
        other = Journal(tmp_path / f"{end.kind}.journal")
        for entry in (*read(short[0]), end):
            other.append(entry)
        other.close()
        labels = replay(other.path)
        assert labels is not None
        assert labels.half_written is None
        assert len(labels.done) == steps
    journal.close()
