"""From a journal back to labels, their table, and what can be undone."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_sam.errors import DataError, LabelsError, NapariSamError
from napari_sam.labels import entries
from napari_sam.labels import table as object_table
from napari_sam.labels.change import Change
from napari_sam.labels.change_bytes import from_bytes, table_in
from napari_sam.labels.journal import JournalEntry, read
from napari_sam.labels.levels import pieces, sparse_zeros
from napari_sam.labels.runs import Runs, write
from napari_sam.labels.witness import Way
from napari_sam.progress import Progress, silent

_DAMAGED = (
    *(NapariSamError, KeyError, ValueError, TypeError, IndexError, OSError, EOFError),
    *(zipfile.BadZipFile, ArithmeticError, AttributeError),
)


@dataclass(eq=False)
class Recovered:
    """Labels as a journal tells them.

    Parameters
    ----------
    pixels : integer array or None
        None of labels whose pixels were in a file of their own, see `entries.began`.
    shape : tuple of int
    dtype : numpy.dtype
    table : DataFrame
    about : dict
        What `entries.began` was told.
    done, undone : list of Change
        What can be undone and redone, the last first to go.
    saved : bool
        Whether a person has saved the labels as they are.
    whole : bool
        Whether all entries could be followed; else these are the labels before the damage, or
        before they were told anew and not to the end.
    begun : (str, Change) or None
        What was about to be written when the journal ends, and whether it was to be made, taken
        back or made again. Pixels in a file of their own may hold half of it.
    """

    pixels: npt.NDArray[np.integer[Any]] | None
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    table: pd.DataFrame
    about: dict[str, Any]
    done: list[Change] = field(default_factory=list)
    undone: list[Change] = field(default_factory=list)
    saved: bool = False
    whole: bool = True
    begun: tuple[Way, Change] | None = None

    @property
    def half_written(self) -> Change | None:
        """The step that has to be taken back in the file of the pixels, see `taken_back`."""
        return None if self.begun is None or self.pixels is not None else self.begun[1]

    def taken_back(self) -> None:
        """Hear that the file holds nothing of the `half_written` step any more."""
        begun, self.begun = self.begun, None
        if begun is not None and begun[0] == "undo":
            _undo(self, begun[1].when)

    def ids(self) -> npt.NDArray[np.int64]:
        """Return the objects that the labels hold, ascending, as far as the journal has them."""
        if self.pixels is None:
            return np.empty(0, np.int64)
        parts = (self.pixels[where] for where in pieces(self.shape))
        found = [np.unique(part) for part in parts if part.any()]
        ids = np.unique(np.concatenate([np.zeros(1, np.int64), *found]))
        return np.asarray(ids[ids != 0].astype(np.int64))


def replay(path: Path, stop: int | None = None, progress: Progress = silent) -> Recovered | None:
    """Do again what a journal tells, up to where it was cut off or is damaged.

    What the labels were at first is written plane by plane while a person goes on working, so a
    plane may be told of after changes that it holds already. Steps are therefore written whatever
    they find; what is told of a plane replaces all that was told before.

    Parameters
    ----------
    path : Path
    stop : int, optional
        The byte behind the last entry that is followed.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Returns
    -------
    Recovered or None
        None when the labels were never told completely.

    Raises
    ------
    DataError
        When the file is no journal of a known version.
    Cancelled
    OSError
        When it cannot be read.
    MemoryError
        When the labels are too large.
    """
    now: Recovered | None = None
    coming: Recovered | None = None
    size, done = max(1, path.stat().st_size if stop is None else stop), 0
    for entry in _worth_following(read(path, stop)):
        done += len(entry.body)
        progress(min(1.0, done / size))
        try:
            if entry.kind == entries.BEGUN:
                coming = _begin(entry.body)
            elif entry.kind == "ready":
                now = coming or now
            elif coming is not None:
                _follow(coming, entry)
        except _DAMAGED:
            coming = None  # until labels are told anew
    if now is not None and coming is not now:
        now.whole = False
    return now


def _worth_following(told: Iterator[JournalEntry]) -> Iterator[JournalEntry]:
    """Leave out contents and tables that are replaced before any step follows them."""
    waiting: dict[object, JournalEntry] = {}
    for entry in told:
        if entry.kind not in ("content", "table"):
            yield from waiting.values()
            waiting.clear()
            yield entry
            continue
        where: object = "table"
        if entry.kind == "content":
            try:
                where = entries.block_of(entry.body)
            except _DAMAGED:  # which will show
                where = entry
        waiting.pop(where, None)
        waiting[where] = entry
    yield from waiting.values()


def _begin(body: bytes) -> Recovered:
    text = json.loads(body)
    dtype = np.dtype(text["dtype"])
    if dtype.kind not in "iu":
        raise DataError(f"Labels are integers, not {dtype}.")
    shape = tuple(text["shape"])
    pixels = None if text["about"].get(entries.PLACE) else _zeros(shape, dtype)
    return Recovered(pixels, shape, dtype, table_in(text["table"]), text["about"])


def _zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[np.integer[Any]]:
    try:
        return sparse_zeros(shape, dtype)
    except LabelsError as error:  # which is no damage
        raise MemoryError(str(error)) from error


def _follow(labels: Recovered, entry: JournalEntry) -> None:
    if entry.kind == "saved":
        labels.saved = True
        return
    step = _STEPS.get(entry.kind)
    if step is None:
        raise DataError(f"Entries of the kind {entry.kind!r} are not known.")
    step(labels, entry.body)
    if entry.kind not in ("complete", "table"):  # what is measured is no work of a person's
        labels.saved = False


def _apply(labels: Recovered, body: bytes) -> None:
    change = from_bytes(body)
    table = _turned(labels, change)
    _put(labels, change.pixels)
    labels.table = table
    labels.done.append(change)
    labels.undone.clear()


def _begins(labels: Recovered, way: Way, body: bytes) -> None:
    if way == "apply":
        labels.begun = way, from_bytes(body)
    else:
        steps = labels.done if way == "undo" else labels.undone
        labels.begun = way, _of(steps, entries.when(body))


def _stopped(labels: Recovered, body: bytes) -> None:
    labels.begun = None


def _made(labels: Recovered, body: bytes) -> None:
    """Follow a step that was announced; what a person painted meanwhile stays."""
    if labels.begun is None or labels.begun[0] != "apply":
        raise DataError("The journal tells of a step that did not begin.")
    change = labels.begun[1]
    table = _turned(labels, change)
    _move(labels, change.pixels)
    change.when = entries.when(body)
    labels.table, labels.begun = table, None
    labels.done.append(change)
    labels.undone.clear()


def _complete(labels: Recovered, body: bytes) -> None:
    told = from_bytes(body)
    last = range(len(labels.done) - 1, -1, -1)
    at = next((i for i in last if labels.done[i].when == told.when), None)
    if at is None or told.rows is None:
        return
    step, table = labels.done[at], object_table.adopt(labels.table)
    if step.rows is not None and at == len(labels.done) - 1:
        table = step.rows.revert(table)
    step.rows = told.rows
    labels.table = told.rows.apply(table)


def _undo(labels: Recovered, moment: int) -> None:
    change = _of(labels.done, moment)
    _take_back(labels, change)
    if change is labels.done[-1]:  # else a person has painted meanwhile
        labels.undone.append(change)
    labels.done.remove(change)


def _undone(labels: Recovered, body: bytes) -> None:
    _undo(labels, entries.when(body))
    labels.begun = None


def _redo(labels: Recovered, body: bytes) -> None:
    begun = labels.begun
    change = labels.undone[-1] if begun is None or begun[0] != "redo" else begun[1]
    table = _turned(labels, change)
    _move(labels, change.pixels)
    labels.table, labels.begun = table, None
    change.when = entries.when(body)
    if change in labels.undone:  # else a person has painted meanwhile
        labels.undone.remove(change)
    labels.done.append(change)


def _retract(labels: Recovered, body: bytes) -> None:
    moment = entries.when(body)
    step = _of(labels.done, moment)
    if labels.begun is not None and labels.begun[1] is step:
        labels.begun = None
    _take_back(labels, step)
    labels.done.remove(step)
    labels.undone.clear()


def _of(steps: list[Change], moment: int) -> Change:
    """Find a step by when it was made."""
    step = next((step for step in reversed(steps) if step.when == moment), None)
    if step is None:
        raise DataError("The journal tells of a step that is not in its log.")
    return step


def _take_back(labels: Recovered, change: Change) -> None:
    table = _turned(labels, change, back=True)
    _move(labels, change.pixels.reversed)
    labels.table = table


def _turned(labels: Recovered, change: Change, back: bool = False) -> pd.DataFrame:
    """The table as a step leaves it, or as it found it."""
    if change.rows is None:
        return labels.table
    table = object_table.adopt(labels.table)
    return change.rows.revert(table) if back else change.rows.apply(table)


def _content(labels: Recovered, body: bytes) -> None:
    corner, pixels = entries.read_content(body)
    if labels.pixels is None:
        raise DataError("The journal tells of pixels that lie elsewhere.")
    where = tuple(slice(at, at + n) for at, n in zip(corner, pixels.shape, strict=True))
    if labels.pixels[where].shape != pixels.shape:
        raise DataError("The journal tells of pixels outside of the labels.")
    labels.pixels[where] = pixels


def _table(labels: Recovered, body: bytes) -> None:
    labels.table = entries.read_rows(body)


def _move(labels: Recovered, runs: Runs) -> None:
    """Write a step that is taken back or done again, where nobody has changed it since."""
    if labels.pixels is not None:
        write(labels.pixels, runs, strictly=False)


def _put(labels: Recovered, runs: Runs) -> None:
    """Write a change whatever it finds."""
    if runs.shape != labels.shape:
        raise DataError(f"The journal tells of labels {runs.shape}, not {labels.shape}.")
    pixels = labels.pixels
    if pixels is None:
        return
    for block in runs.blocks():
        new = np.repeat(runs.after[block.part], runs.length[block.part])
        pixels[block.where][block.rows, block.columns] = new.astype(pixels.dtype)


_STEPS: dict[str, Callable[[Recovered, bytes], None]] = {
    "content": _content,
    "done": lambda labels, body: labels.done.append(from_bytes(body)),
    "undone": lambda labels, body: labels.undone.append(from_bytes(body)),
    "apply": _apply,
    "complete": _complete,
    "applying": lambda labels, body: _begins(labels, "apply", body),
    "undoing": lambda labels, body: _begins(labels, "undo", body),
    "redoing": lambda labels, body: _begins(labels, "redo", body),
    "stopped": _stopped,
    "made": _made,
    "undo": _undone,
    "redo": _redo,
    "retract": _retract,
    "table": _table,
}
