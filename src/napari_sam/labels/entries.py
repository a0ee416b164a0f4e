"""The entries of a journal of labels: what they say, and how they are written.

A journal begins with what the labels were (`began`, `content`, `logged`, `ready`), goes on with
what happened to them (`happened`, `rows`), and notes when they were saved (`SAVED`). What takes
long to be written is told before (`begins`): then it happened (`made`, `happened`) or did not
(`STOPPED`).
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_sam.labels.change import Change
from napari_sam.labels.change_bytes import table_in, table_out, to_bytes
from napari_sam.labels.document import Event
from napari_sam.labels.journal import JournalEntry
from napari_sam.labels.runs import Runs
from napari_sam.labels.witness import Way

#: The kind of what `began` writes.
BEGUN = "begin"
#: Everything that `began` announced has been written.
READY = JournalEntry("ready", b"")
#: What `begins` announced was not written after all.
STOPPED = JournalEntry("stopped", b"")
#: A person has saved the labels as they are.
SAVED = JournalEntry("saved", b"")
#: What `began` is told of labels whose pixels are in a file of their own: where. The journal has
#: none of their pixels then, only what happened to them.
PLACE = "place"
#: Pixels of a block that `content` is told at once: where a large plane is empty, nothing is.
PIECE = 1 << 20

_WHEN = struct.Struct("<q")


def began(
    shape: Sequence[int], dtype: Any, table: pd.DataFrame, about: dict[str, Any]
) -> JournalEntry:
    """Begin: empty labels and a table, and what a person calls them.

    Parameters
    ----------
    about : dict
        Anything that JSON has words for: the name of the labels, and under `PLACE` the file that
        holds their pixels.
    """
    text = {
        "shape": [int(size) for size in shape],
        "dtype": np.dtype(dtype).str,
        "table": table_out(table),
        "about": about,
    }
    return JournalEntry(BEGUN, json.dumps(text).encode())


def content(corner: Sequence[int], pixels: npt.NDArray[np.integer[Any]]) -> JournalEntry:
    """Tell what a block of the labels holds, whatever was told of it before.

    Parameters
    ----------
    corner : sequence of int
        Index of the block's first pixel, one per axis of the labels.
    pixels : integer array
        Of as many axes as the labels.
    """
    stream = io.BytesIO()
    where = np.asarray([corner, pixels.shape], np.int64)
    np.savez_compressed(stream, corner=where[0], shape=where[1], pixels=pixels)
    return JournalEntry("content", stream.getvalue())


def logged(change: Change, *, undone: bool = False) -> JournalEntry:
    """Put a step into the log whose pixels and rows are there already, or are taken back."""
    return JournalEntry("undone" if undone else "done", to_bytes(change))


def happened(event: Event, change: Change) -> JournalEntry:
    """Write down what a document tells of."""
    if event == "apply":
        return JournalEntry("apply", to_bytes(change))
    if event == "complete":  # pixels and prompts are known from the step itself
        runs = Runs.none(change.pixels.shape)
        return JournalEntry("complete", to_bytes(replace(change, pixels=runs, origin=None)))
    return JournalEntry(event, _WHEN.pack(change.when))


def begins(way: Way, change: Change) -> JournalEntry:
    """Write down what is about to be written."""
    if way == "apply":
        return JournalEntry("applying", to_bytes(change))
    return JournalEntry({"undo": "undoing", "redo": "redoing"}[way], _WHEN.pack(change.when))


def made(change: Change) -> JournalEntry:
    """Write down that the change which `begins` announced has been made."""
    return JournalEntry("made", _WHEN.pack(change.when))


def rows(table: pd.DataFrame) -> JournalEntry:
    """Tell the whole table, which somebody else has written."""
    return JournalEntry("table", json.dumps(table_out(table)).encode())


# -- reading ---------------------------------------------------------------------------------


def when(body: bytes) -> int:
    """Read which step is meant, by when it was made."""
    return int(_WHEN.unpack(body)[0])


def read_content(body: bytes) -> tuple[tuple[int, ...], npt.NDArray[np.integer[Any]]]:
    """Read what `content` wrote."""
    with np.load(io.BytesIO(body), allow_pickle=False) as file:
        return tuple(int(at) for at in file["corner"]), file["pixels"]


def block_of(body: bytes) -> tuple[int, ...]:
    """Read which block `content` tells of, without its pixels."""
    with np.load(io.BytesIO(body), allow_pickle=False) as file:
        return tuple(int(at) for at in (*file["corner"], *file["shape"]))


def read_rows(body: bytes) -> pd.DataFrame:
    """Read what `rows` wrote."""
    return table_in(json.loads(body))
