"""The list of models that a person added: read when it changed, written whole, one at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_sam.errors import DataError
from napari_sam.models.entry import Entry
from napari_sam.models.families import family_named
from napari_sam.models.home import home
from napari_sam.models.locks import Busy, held

_PATIENCE = 10.0  # seconds; a change takes milliseconds
_WORDS = ("name", "file", "url", "licence", "good_for")
_Mark = tuple[str, int, int, int]

_known: tuple[_Mark, tuple[Entry, ...]] | None = None


def added() -> tuple[Entry, ...]:
    """Return the models that were added; the file is only read when it has changed.

    Raises
    ------
    DataError
        When the list cannot be read, with what to do.
    """
    global _known
    path = _path()
    try:
        status = path.stat()
        mark = (str(path), status.st_mtime_ns, status.st_size, status.st_ino)
        known = _known
        if known is not None and known[0] == mark:
            return known[1]
        entries = tuple(map(_entry, _rows(path)))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise DataError(
            f"The list of added models {path} cannot be read ({error.strerror}). Whoever owns it "
            "can share it (chmod a+r), or set NAPARI_SAM_HOME to another folder."
        ) from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DataError(
            f"The list of added models {path} is damaged ({error}). Delete the file and add the "
            "models again; the checkpoints themselves are not touched."
        ) from error
    _known = (mark, entries)
    return entries


def change(edit: Callable[[tuple[Entry, ...]], tuple[Entry, ...]]) -> None:
    """Read the list, change it and write it, while no other process does.

    Raises
    ------
    DataError
        When the list cannot be read or written.
    """
    path = _path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with held(path.with_name(path.name + ".lock"), _PATIENCE):
            _write(path, edit(added()))
    except Busy as error:
        raise DataError(
            f"Another process has been changing {path} for {_PATIENCE:.0f} seconds. Try again."
        ) from error
    except OSError as error:
        raise DataError(
            f"The list of added models {path} cannot be written ({error.strerror}). Set "
            "NAPARI_SAM_HOME to a folder that you may write to."
        ) from error


def _path() -> Path:
    return home() / "models.json"


def _rows(path: Path) -> list[Any]:
    rows = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(rows, list):
        raise TypeError("it is no list")
    return rows


def _entry(row: Any) -> Entry:
    words = {key: row[key] for key in _WORDS}
    if not all(isinstance(word, str) for word in words.values()):
        raise TypeError(f"what is said of {row.get('name')!r} is no text")
    if not isinstance(row["bytes"], int) or not words["name"] or not words["file"]:
        raise TypeError(f"name, file or size of {row.get('name')!r} is missing")
    family = family_named(row["family"])
    return Entry(family=family, bytes=row["bytes"], known_hash="", **words)


def _row(entry: Entry) -> dict[str, Any]:
    words = {key: getattr(entry, key) for key in _WORDS}
    return {**words, "family": entry.family.name, "bytes": entry.bytes}


def _write(path: Path, entries: tuple[Entry, ...]) -> None:
    from napari_sam.files import in_one_piece  # reading a list needs none of what it imports

    with in_one_piece(path) as temporary:
        text = json.dumps([_row(entry) for entry in entries], indent=1)
        temporary.write_text(text, encoding="utf-8")
