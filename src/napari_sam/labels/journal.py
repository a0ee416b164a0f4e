"""What happened to labels, on disk within a moment: an append-only journal per image.

A crash may cut the last entry in two; it is left out when the journal is read, and cut off before
the next one is written. Only changes are written, never whole stacks.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from napari_sam.errors import DataError
from napari_sam.labels.change import Change
from napari_sam.labels.document import Document, Event
from napari_sam.labels.record import from_bytes, to_bytes

_MAGIC = b"napari-sam journal 1\n"
_HEAD = struct.Struct("<4sQI")  # kind, length of what follows, its checksum
_KINDS: dict[str, bytes] = {
    "apply": b"done",
    "undo": b"undo",
    "redo": b"redo",
    "retract": b"gone",
    "complete": b"rows",
    "forget": b"void",
}
_EVENTS = {kind: event for event, kind in _KINDS.items()}
_WITH_CHANGE = ("apply", "complete")


class Entry(NamedTuple):
    """One event; ``change`` is None where the event says all."""

    event: Event
    change: Change | None


class Journal:
    """Writes down whatever a document tells of.

    Parameters
    ----------
    path : Path
        A file of its own; what is there already stays, and is gone on from.
    document : Document
        Is listened to until `close`.
    """

    def __init__(self, path: Path, document: Document) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = _length_of_whole(path) if path.exists() else 0
        self._file: BinaryIO = path.open("r+b" if path.exists() else "w+b")
        self._file.truncate(whole)
        self._file.seek(whole)
        if whole == 0:
            self._file.write(_MAGIC)
            self._flush()
        self._document = document
        document.listen(self._write)

    def _write(self, event: Event, change: Change | None) -> None:
        body = to_bytes(change) if change is not None and event in _WITH_CHANGE else b""
        self._file.write(_HEAD.pack(_KINDS[event], len(body), zlib.crc32(body)) + body)
        self._flush()

    def _flush(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Write no more; the journal stays."""
        self._document.unlisten(self._write)
        self._file.close()


def read(path: Path) -> Iterator[Entry]:
    """Read a journal up to where it was cut off.

    Raises
    ------
    DataError
        When the file is no journal of a known version.
    """
    with path.open("rb") as file:
        _check(file, path)
        for kind, body, _ in _entries(file):
            event = _EVENTS[kind]
            yield Entry(event, from_bytes(body) if body else None)  # type: ignore[arg-type]


def replay(path: Path, document: Document) -> int:
    """Do again what a journal tells, on labels as they were when it began.

    Parameters
    ----------
    document : Document
        Without steps.

    Returns
    -------
    int
        How many events were replayed; afterwards the log, undo and redo are as they were.

    Raises
    ------
    DataError, LabelsError
        When the labels are others than those that the journal is about. What was replayed
        until then stands, and can be undone.
    """
    count = 0
    for event, change in read(path):
        if event == "apply" and change is not None:
            when = change.when
            document.apply(change)
            change.when = when
        elif event == "complete" and change is not None and change.rows is not None:
            last = document.last
            if last is not None:
                document.complete(last, change.rows.after, change.rows.ids)
        elif event == "undo":
            document.undo()
        elif event == "redo":
            document.redo()
        elif event == "retract" and document.last is not None:
            document.retract(document.last)
        elif event == "forget":
            document.forget()
        count += 1
    return count


def _check(file: BinaryIO, path: Path) -> None:
    if file.read(len(_MAGIC)) != _MAGIC:
        raise DataError(f"{path.name} is no journal of labels that this version can read.")


def _entries(file: BinaryIO) -> Iterator[tuple[bytes, bytes, int]]:
    """Read entries as far as they are whole: kind, body, where the entry ends."""
    while True:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return
        kind, length, checksum = _HEAD.unpack(head)
        if kind not in _EVENTS:
            return
        body = file.read(length)
        if len(body) < length or zlib.crc32(body) != checksum:
            return
        yield kind, body, file.tell()


def _length_of_whole(path: Path) -> int:
    """Tell how much of a journal was written whole; 0 when not even its beginning was.

    Raises
    ------
    DataError
        When there is another file, which must not be written over.
    """
    with path.open("rb") as file:
        start: Any = file.read(len(_MAGIC))
        if start != _MAGIC:
            if _MAGIC.startswith(start):
                return 0
            raise DataError(f"{path.name} is no journal of labels that this version can read.")
        return max((end for _, _, end in _entries(file)), default=len(_MAGIC))
