"""Journals: what happened to labels comes back exactly, wherever the file was cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from napari_sam.errors import DataError
from napari_sam.images import Plane
from napari_sam.labels import entries
from napari_sam.labels.accept import accept
from napari_sam.labels.change import Change
from napari_sam.labels.document import Document
from napari_sam.labels.journal import Entry, Journal, read
from napari_sam.labels.replay import Recovered, replay
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

    def add(self, entry: Entry) -> None:
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
    journal.append(Entry("apply", b"no change"))
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
        journal.append(Entry("ninetimes", b""))
    journal.close()
