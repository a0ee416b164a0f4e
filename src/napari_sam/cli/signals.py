"""SIGTERM, by which the scheduler of a cluster ends a job, ends a command as Ctrl+C does."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Terminated", "terminated_as_interrupted"]


class Terminated(KeyboardInterrupt):
    """Raised where SIGTERM came: who cleans up after Ctrl+C does so after it."""


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Raise `Terminated` where SIGTERM would end the process at once.

    Who has a handler of their own keeps it. Outside the main thread there can be none.
    """
    alone = threading.current_thread() is not threading.main_thread()
    if alone or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _raise(*_: object) -> None:
    raise Terminated
