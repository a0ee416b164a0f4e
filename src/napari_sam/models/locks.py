"""One process at a time: a lock on a file, which the system takes back when its owner dies."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

_STEP = 0.1  # seconds between two tries
_TAKEN = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)


class Busy(Exception):
    """Another process holds the lock, and does not seem to get on."""


@contextlib.contextmanager
def held(
    path: Path, patience: float, waiting: Callable[[], object] | None = None
) -> Iterator[None]:
    """Hold the lock that this file stands for; the file is removed afterwards.

    Parameters
    ----------
    path : Path
        In a folder that is there.
    patience : float
        Seconds to wait while `waiting` returns the same.
    waiting : callable, optional
        Called while another one holds the lock. It may raise, to stop waiting; what it returns
        tells how far the other one is.

    Raises
    ------
    Busy
    OSError
        When the file cannot be made.
    """
    file = locked(path, patience, waiting)
    try:
        yield
    finally:
        # Removed while it is locked, so that nobody can have locked what is removed; where open
        # files cannot be removed it stays, empty.
        with contextlib.suppress(OSError):
            path.unlink()
        file.close()


def locked(path: Path, patience: float, waiting: Callable[[], object] | None = None) -> IO[bytes]:
    """Return a file that is locked until it is closed, and stays then; see `held`."""
    seen: object = None
    since = time.monotonic()
    while True:
        file = _try(path)
        if file is not None:
            return file
        now = waiting() if waiting is not None else None
        if now != seen:
            seen, since = now, time.monotonic()
        if time.monotonic() - since >= patience:
            raise Busy
        time.sleep(_STEP)


def _try(path: Path) -> IO[bytes] | None:
    """Lock a file, or return None when another one has it."""
    try:
        file = open(path, "a+b")  # noqa: SIM115
    except PermissionError:
        if os.name == "nt":  # it is being removed
            return None
        raise
    try:
        if _lock(file) and os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
            return file
    except FileNotFoundError:  # it has just been removed by who held it
        pass
    file.close()
    return None


def _lock(file: IO[bytes]) -> bool:
    """Lock an open file; where the drive knows no locks nobody is kept out."""
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _TAKEN
    return True
