"""Event loops to deliver results on: Qt's, and one that a test turns by hand."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable


class ManualLoop:
    """Runs nothing until told to: for scripts and tests without Qt.

    Its time passes only while timers are waited for, so that they go off in the right order.
    """

    def __init__(self) -> None:
        self._posted: deque[Callable[[], None]] = deque()
        self._timers: dict[str, tuple[int, Callable[[], None]]] = {}
        self._now = 0

    def post(self, call: Callable[[], None]) -> None:
        self._posted.append(call)

    def later(self, name: str, milliseconds: int, call: Callable[[], None]) -> None:
        self._timers.pop(name, None)  # anew, behind others that are due at the same time
        self._timers[name] = (self._now + milliseconds, call)

    def stop(self) -> None:
        self._posted.clear()
        self._timers.clear()

    def drop(self, name: str) -> None:
        """Let a timer pass without its call."""
        self._timers.pop(name, None)

    def turn(self) -> bool:
        """Run what was posted, else the timer that is due first; tell whether there was any."""
        if self._posted:
            self._posted.popleft()()
            return True
        if self._timers:
            name = min(self._timers, key=lambda name: self._timers[name][0])
            due, call = self._timers.pop(name)
            self._now = max(self._now, due)
            call()
            return True
        return False


class QtLoop:
    """Qt's event loop, reached from any thread through a queued signal."""

    def __init__(self) -> None:
        # Imported here so that everything else in the session works without Qt.
        from qtpy.QtCore import QObject, Qt, QTimer, Signal

        class Mailbox(QObject):
            posted = Signal(object)

            def run(self, call: Callable[[], None]) -> None:
                call()

        self._mailbox = Mailbox()
        self._mailbox.posted.connect(self._mailbox.run, Qt.ConnectionType.QueuedConnection)
        self._timer_type = QTimer
        self._timers: dict[str, QTimer] = {}
        self._calls: dict[str, Callable[[], None]] = {}
        self._stopped = False

    def post(self, call: Callable[[], None]) -> None:
        if not self._stopped:
            self._mailbox.posted.emit(call)

    def later(self, name: str, milliseconds: int, call: Callable[[], None]) -> None:
        if self._stopped:
            return
        timer = self._timers.get(name)
        if timer is None:
            timer = self._timers[name] = self._timer_type(self._mailbox)
            timer.setSingleShot(True)
            timer.timeout.connect(lambda: self._fire(name))
        self._calls[name] = call
        # A window that goes with its application has no timers left: nobody waits for this then.
        with contextlib.suppress(RuntimeError):
            timer.start(milliseconds)  # anew, if it runs

    def _fire(self, name: str) -> None:
        call = self._calls.pop(name, None)
        if call is not None and not self._stopped:
            call()

    def stop(self) -> None:
        self._stopped = True
        self._calls.clear()
        # When the application itself ends, Qt may have deleted them before.
        with contextlib.suppress(RuntimeError):
            for timer in self._timers.values():
                timer.stop()
            self._mailbox.deleteLater()
        self._timers.clear()
