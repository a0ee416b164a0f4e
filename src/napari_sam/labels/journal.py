"""What happened to labels, on disk within a moment: the append-only file of a journal.

A crash may cut the last entry in two; it is left out when the journal is read, and cut off before
the next one is written. What the entries say is told by `napari_sam.labels.entries`.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from napari_sam.errors import DataError

_MAGIC = b"napari-sam journal 1\n"
_HEAD = struct.Struct("<8sQI")  # kind, length of what follows, its checksum with the kind's
_LONGEST = _HEAD.size - 12


class JournalEntry(NamedTuple):
    """One entry: what kind it is, and its content."""

    kind: str
    body: bytes


class Journal:
    """A journal that is written.

    Parameters
    ----------
    path : Path
        A file of its own; what is there already stays, and is gone on from.

    Attributes
    ----------
    size : int
        Its bytes, those that wait for `sync` too.

    Raises
    ------
    DataError
        When there is another file.
    OSError
        When the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = _length_of_whole(path) if path.exists() else 0
        self._file: BinaryIO = path.open("r+b" if path.exists() else "w+b")
        self._file.truncate(whole)
        self.size = self._file.seek(whole)
        if whole == 0:
            self.size = self._file.write(_MAGIC)
            self.sync()

    def append(self, entry: JournalEntry) -> None:
        """Write an entry; it is safe once `sync` returns."""
        kind = entry.kind.encode("ascii")
        if not 0 < len(kind) <= _LONGEST:
            raise ValueError(f"A kind has 1 to {_LONGEST} letters, not {entry.kind!r}.")
        head = _HEAD.pack(kind, len(entry.body), _checksum(kind, entry.body))
        self.size += self._file.write(head + entry.body)

    def sync(self) -> None:
        """Wait until everything is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Write no more; the journal stays."""
        self._file.close()


def read(path: Path, stop: int | None = None) -> Iterator[JournalEntry]:
    """Read a journal up to where it was cut off.

    Parameters
    ----------
    path : Path
    stop : int, optional
        The byte behind the last entry that is read.

    Raises
    ------
    DataError
        When the file is no journal of a known version.
    """
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise _no_journal(path)
        for entry, end in _entries(file):
            if stop is not None and end > stop:
                return
            yield entry


def _no_journal(path: Path) -> DataError:
    return DataError(f"{path.name} is no journal of labels that this version can read.")


def _checksum(kind: bytes, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(kind))


def _entries(file: BinaryIO) -> Iterator[tuple[JournalEntry, int]]:
    """Read entries as far as they are whole, each with where it ends."""
    size = os.fstat(file.fileno()).st_size
    while True:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return
        padded, length, checksum = _HEAD.unpack(head)
        if length > size - file.tell():  # cut, or damaged: nothing so large is asked for
            return
        body, kind = file.read(length), padded.rstrip(b"\0")
        if _checksum(kind, body) != checksum or not kind.isalpha():
            return
        yield JournalEntry(kind.decode("ascii"), body), file.tell()


def _length_of_whole(path: Path) -> int:
    """Tell how much of a journal was written whole; 0 when not even its beginning was.

    Raises
    ------
    DataError
        When there is another file, which must not be written over.
    """
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
        if start != _MAGIC:
            if _MAGIC.startswith(start):
                return 0
            raise _no_journal(path)
        return max((end for _, end in _entries(file)), default=len(_MAGIC))
