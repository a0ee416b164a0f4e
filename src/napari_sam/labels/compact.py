"""Makes a journal as short as what it tells: the labels as they are, and what can be undone.

A journal grows with every change, those that were taken back or replaced too. The short one is
written beside it while the long one still grows, gets what came meanwhile, and takes its place in
one step: whenever that is killed, one of the two lies there whole.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from napari_sam.labels import entries
from napari_sam.labels.journal import Journal
from napari_sam.labels.levels import pieces
from napari_sam.labels.replay import replay
from napari_sam.progress import Progress, part, silent

#: Of a short journal that is being written; left behind by a kill, it is thrown away.
BESIDE = ".short"


def shorten(path: Path, stop: int, progress: Progress = silent) -> tuple[Path, int] | None:
    """Write a short journal beside a long one.

    Parameters
    ----------
    path : Path
    stop : int
        How many bytes of the long one are on the disk; it may grow on.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Returns
    -------
    short : Path
        For `take_place`.
    size : int
        Its bytes.

    None when the long one is damaged, or the labels are being told anew: it is needed as it is.

    Raises
    ------
    DataError, OSError, MemoryError, Cancelled
    """
    told = replay(path, stop, part(progress, 0.0, 0.5))
    if told is None or not told.whole:
        return None
    short = path.with_name(path.name + BESIDE)
    short.unlink(missing_ok=True)
    journal = Journal(short)
    try:
        journal.append(entries.began(told.shape, told.dtype, told.table, told.about))
        later = part(progress, 0.5, 1.0)
        parts = [] if told.pixels is None else list(pieces(told.shape, entries.PIECE))
        for done, where in enumerate(parts):
            later(done / len(parts))
            if told.pixels is not None and told.pixels[where].any():
                block = tuple(at if isinstance(at, slice) else slice(at, at + 1) for at in where)
                journal.append(entries.content([at.start for at in block], told.pixels[block]))
        for undone, steps in ((False, told.done), (True, told.undone)):
            for step in steps:
                journal.append(entries.logged(step, undone=undone))
        journal.append(entries.READY)
        if told.begun is not None:
            journal.append(entries.begins(*told.begun))
        if told.saved:
            journal.append(entries.SAVED)
        journal.sync()
    except BaseException:  # a full disk, or stopped: half of one only takes room
        with contextlib.suppress(OSError):  # what still waits to be written does not fit either
            journal.close()
        short.unlink(missing_ok=True)
        raise
    journal.close()
    return short, journal.size


def take_place(short: Path, path: Path, stop: int) -> None:
    """Put a short journal in the place of a long one, which nobody writes meanwhile.

    Parameters
    ----------
    short : Path
        Of `shorten`.
    path : Path
        The long one. It stays when this fails.
    stop : int
        As `shorten` was told; what came behind is copied.

    Raises
    ------
    OSError
    """
    try:
        with path.open("rb") as long, short.open("ab") as file:
            long.seek(stop)
            while piece := long.read(1 << 20):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        short.replace(path)
    except OSError:
        short.unlink(missing_ok=True)
        raise
