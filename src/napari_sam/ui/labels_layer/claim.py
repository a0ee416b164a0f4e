"""Labels that lie on a disk are written through one layer at a time, whichever napari shows it.

Two that write would give new cells the same numbers. Who writes first has the place until the layer
is closed; others may look. What tells them so lies in the home folder: nothing is written beside
the labels.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from pathlib import Path
from typing import IO, Any

from napari_sam.errors import DataError, LabelsError
from napari_sam.models.home import home
from napari_sam.models.locks import Busy, held, locked
from napari_sam.ui.labels_layer.on_disk import Place, place_of

_OLD = 100 * 86400.0  # seconds after which a place that nobody has is forgotten
_TAKEN = b"x"  # stays in the file of whoever was killed


class Claim:
    """The right to write where labels lie, until it is released; of others anybody may write.

    A file per place is locked. When it was written last, others have begun or stopped to write; it
    stays, so that this can still be seen.

    Parameters
    ----------
    pixels : array
    """

    def __init__(self, pixels: Any) -> None:
        self._files: dict[Path, str] = {}
        with contextlib.suppress(DataError):  # no home folder: nobody can be kept out
            self._files = {_file(place): place for place in _places(place_of(pixels))}
        self._seen = {path: _last(path) for path in self._files}
        self._locks: list[IO[bytes]] = []
        self._taken = False

    def take(self, name: str) -> bool:
        """Keep others out from now on; tell whether any may have written since this was made.

        Parameters
        ----------
        name : str
            What the person calls the labels.

        Raises
        ------
        LabelsError
            When another layer or another napari writes there.
        """
        if self._taken:
            return False
        written = False
        for path, place in self._files.items():
            last = _last(path)
            try:
                lock = _lock(path)
            except Busy:
                self.release()
                raise LabelsError(
                    f"{name!r} is being edited in another layer or another napari, too ({place}): "
                    "both would give new cells the same numbers. Remove that layer, or close that "
                    "napari, and try again; or work on a copy."
                ) from None
            except OSError:  # a folder that cannot be written: nobody can be kept out
                continue
            self._locks.append(lock)
            written |= last is None or last != self._seen[path]
            with contextlib.suppress(OSError):  # a full disk
                os.write(lock.fileno(), _TAKEN)
        self._taken = True
        return written

    def release(self) -> None:
        """Let others write."""
        for lock in self._locks:
            with contextlib.suppress(OSError):
                os.ftruncate(lock.fileno(), 0)
            lock.close()
        self._locks.clear()
        self._taken = False


def _places(place: Place | None) -> list[str]:
    """List where arrays lie, in words that are the same however they were opened."""
    if place is None:
        return []
    if place["kind"] == "levels":
        return [one for level in place["levels"] for one in _places(level)]
    if place["kind"] == "memmap":
        begin = f", from byte {place['offset']}" if place["offset"] else ""
        return [f"{place['file']}{begin}"]
    return [str(Path(place["file"]) / place["path"].strip("/"))]


def _file(place: str) -> Path:
    key = hashlib.blake2b(os.path.normcase(place).encode(), digest_size=16).hexdigest()
    return home() / "open" / f"{key}.lock"


def _last(path: Path) -> int | None:
    """When somebody last stopped writing, 0 for never; None while that is not known."""
    try:
        about = path.stat()
    except OSError:
        return 0
    return None if about.st_size else about.st_mtime_ns


def _lock(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = locked(path, 0.0)
    for other in path.parent.glob("*.lock"):
        with contextlib.suppress(Busy, OSError):
            if other != path and time.time() - other.stat().st_mtime > _OLD:
                with held(other, 0.0):  # which throws it away
                    pass
    return lock
