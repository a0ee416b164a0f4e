"""Background work: the only threads of the plugin.

One `Jobs` runs one piece of work at a time, in its own thread. Work is submitted to a slot; a
newer submission to a slot replaces an older one, so that only the latest answer of a slot ever
arrives. Results are delivered where the person's layers live: on the main thread.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Protocol

from napari_sam.errors import Cancelled
from napari_sam.progress import Progress

_log = logging.getLogger(__name__)

Work = Callable[[Progress], Any]


class Loop(Protocol):
    """The main thread's event loop, as far as this package needs it."""

    def post(self, call: Callable[[], None]) -> None:
        """Run a call on the main thread soon; may be called from any thread."""

    def later(self, name: str, milliseconds: int, call: Callable[[], None]) -> None:
        """Run a call after a delay, instead of an earlier one of the same name."""

    def stop(self) -> None:
        """Drop whatever has not run yet."""


@dataclass(eq=False)
class _Job:
    slot: str
    work: Work
    done: Callable[[Any], None]
    failed: Callable[[Exception], None]
    progress: Callable[[float], None] | None
    cancelled: threading.Event = field(default_factory=threading.Event)


class Jobs:
    """One worker and a few slots, each of which wants the answer of its latest work alone.

    Parameters
    ----------
    loop : Loop
        Where results are delivered.
    slots : sequence of str
        Names of the slots, most urgent first.
    name : str
        Name of the thread.
    gives_way : str
        A slot whose work is cancelled as soon as any other is submitted.
    threaded : bool
        False runs nothing by itself: `run_next` does, on the calling thread. For tests and for
        viewers without an event loop.
    """

    def __init__(
        self,
        loop: Loop,
        slots: tuple[str, ...],
        *,
        name: str,
        gives_way: str = "",
        threaded: bool = True,
    ) -> None:
        self._loop = loop
        self._slots = slots
        self._name = name
        self._gives_way = gives_way
        self._threaded = threaded
        self._wanted: dict[str, _Job] = {}
        self._pending: dict[str, _Job] = {}
        self._closed = False
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None

    def wants(self, slot: str) -> bool:
        """Tell whether a slot still owes an answer."""
        return slot in self._wanted

    @property
    def busy(self) -> bool:
        """Whether any slot owes an answer."""
        return bool(self._wanted)

    def submit(
        self,
        slot: str,
        work: Work,
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
        progress: Callable[[float], None] | None = None,
    ) -> None:
        """Queue work, replacing what the slot held.

        Parameters
        ----------
        work : callable
            Called in the worker with a progress callback, which raises `Cancelled` once the
            work is no longer wanted.
        done, failed, progress : callable
            Called on the main thread, only while the work is the latest of its slot. A
            cancelled job calls none of them.
        """
        with self._change:
            if self._closed:
                return
            self.cancel(slot)
            if self._gives_way:
                self.cancel(self._gives_way)
            job = _Job(slot, work, done, failed, progress)
            self._wanted[slot] = self._pending[slot] = job
            if self._threaded and self._thread is None:
                self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
                self._thread.start()
            self._change.notify_all()

    def cancel(self, slot: str) -> None:
        """Forget a slot's work; if it runs, it stops at its next progress report."""
        with self._change:
            job = self._wanted.pop(slot, None)
            self._pending.pop(slot, None)
            if job is not None:
                job.cancelled.set()

    def cancel_all(self, but: Collection[str] = ()) -> None:
        """Forget all queued jobs and ask those that run to stop, but for some slots."""
        for slot in self._slots:
            if slot not in but:
                self.cancel(slot)

    def close(self, timeout: float = 20.0) -> None:
        """Cancel everything and wait for the thread to end."""
        with self._change:
            self._closed = True
            self.cancel_all()
            self._change.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def run_next(self) -> bool:
        """Run the most urgent pending job on this thread; tell whether there was one."""
        with self._change:
            job = self._take()
        if job is None:
            return False
        self._run(job)
        return True

    def _take(self) -> _Job | None:
        for slot in self._slots:
            if slot in self._pending:
                return self._pending.pop(slot)
        return None

    def _serve(self) -> None:
        while True:
            with self._change:
                while not self._pending and not self._closed:
                    self._change.wait()
                if self._closed:
                    return
                job = self._take()
            if job is not None:
                self._run(job)

    def _run(self, job: _Job) -> None:
        def report(fraction: float) -> None:
            if job.cancelled.is_set():
                raise Cancelled("No longer wanted.")
            if (tell := job.progress) is not None:
                self._loop.post(lambda: self._deliver(job, tell, fraction, last=False))

        try:
            report(0.0)
            result = job.work(report)
        except Cancelled:
            return
        except Exception as error:  # noqa: BLE001
            # Everything a model may raise ends up in the status line, never in a dead thread.
            _log.debug("Work in slot %r failed", job.slot, exc_info=True)
            failure = error
            self._loop.post(lambda: self._deliver(job, job.failed, failure))
        else:
            self._loop.post(lambda: self._deliver(job, job.done, result))

    def _deliver(
        self, job: _Job, call: Callable[[Any], None], value: Any, last: bool = True
    ) -> None:
        if self._closed or self._wanted.get(job.slot) is not job:
            return  # stale: a newer request took the slot, or the person cancelled
        if last:
            del self._wanted[job.slot]
        call(value)
