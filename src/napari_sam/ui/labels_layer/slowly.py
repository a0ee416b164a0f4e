"""Changes of labels that take long are made some of it at a time, and the window answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from napari_sam.errors import Cancelled, LabelsError
from napari_sam.labels.steps import Steps, done_at_once
from napari_sam.ui.workbench import Workbench

T = TypeVar("T")

_AT_ONCE = 10  # parts of work that nobody notices, even where each is read from a disk
_WRITING = "Labels are still being written. Wait for that, or press Cancel."
_TURN = 0.03  # seconds that nobody notices either: then the window may answer


class Slowly:
    """Does what takes long on the window's own thread, between its events.

    What reads and writes labels has to stay on this thread: napari paints there, too.

    Parameters
    ----------
    bench : Workbench
    ended : callable, optional
        Called when something was done later than it was asked for.
    """

    def __init__(self, bench: Workbench, ended: Callable[[], None] = lambda: None) -> None:
        self._bench, self._ended = bench, ended
        self._steps: Steps[Any] | None = None
        self._done: Callable[[Any], str | None] = lambda found: None
        self._cancelled = False
        self._after: list[Callable[[], None]] = []

    def run(
        self, steps: Steps[T], told: str, done: Callable[[T], str | None], wait: bool = False
    ) -> None:
        """Do something, at once if it is little.

        Parameters
        ----------
        steps : generator
        told : str
            What is being done, for the person.
        done : callable
            Called with what came of it; what it returns is said if that took a while. What goes
            wrong later ends up in the status line.
        wait : bool
            Whether it is done when this returns, however long it takes, and what is under way
            before it.

        Raises
        ------
        LabelsError
            When it cannot be done, or something else is under way.
        """
        if wait:
            self.finish()
            done(done_at_once(steps))
            return
        fraction, count, began = 0.0, 0, time.perf_counter()
        while count < _AT_ONCE or time.perf_counter() < began + _TURN:
            try:
                fraction = next(steps)
            except StopIteration as end:
                done(end.value)
                return
            count += 1
        if self._steps is not None:
            steps.close()
            raise LabelsError(_WRITING)
        self._steps, self._done, self._cancelled = steps, done, False
        self._bench.say(told)
        self._later(fraction)

    def check_free(self) -> None:
        """Refuse what cannot be done while something is under way.

        Raises
        ------
        LabelsError
        """
        if self._steps is not None:
            raise LabelsError(_WRITING)

    def after(self, act: Callable[[], None]) -> bool:
        """Do something as soon as what is under way is done, unless that fails or is stopped.

        Returns
        -------
        bool
            False when nothing is under way: then it is for whoever asks to do it.
        """
        if self._steps is None:
            return False
        self._after.append(act)
        self._bench.say("Labels are still being written: that comes right after.")
        return True

    def finish(self) -> None:
        """Do the rest of what is under way, and return when it is done."""
        while self._steps is not None:
            self._go_on()

    def cancel(self) -> None:
        """Take back what was done so far, some of it at a time, too."""
        self._cancelled = self._steps is not None

    def close(self) -> None:
        """Take back what was done so far, at once."""
        if self._steps is not None:
            self._steps.close()
            self._end()

    def _later(self, fraction: float) -> None:
        self._bench.progress(fraction)
        self._bench.loop.later(f"slowly {id(self)}", 0, self._go_on)

    def _go_on(self) -> None:
        steps, until = self._steps, time.monotonic() + _TURN
        if steps is None:
            return
        try:
            if self._cancelled:
                self._cancelled = False
                steps.throw(Cancelled("Stopped. Nothing was changed."))
            fraction = next(steps)
            while time.monotonic() < until:
                fraction = next(steps)
        except StopIteration as end:
            after = self._after
            self._end()
            said = self._done(end.value)
            if said:
                self._bench.result(said)
            self._ended()
            for act in after:
                act()
        except Cancelled as stopped:
            self._end()
            self._bench.result(str(stopped))
        except Exception as error:  # noqa: BLE001 -- there is nobody else to tell it
            self._end()
            self._bench.fail(error)
        else:
            self._later(fraction)

    def _end(self) -> None:
        self._steps, self._after = None, []
        self._bench.progress(None)
