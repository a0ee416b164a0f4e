"""How long work reports where it stands and learns that it was cancelled."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import TextIO

Progress = Callable[[float], None]
"""Called with the fraction done, 0..1. Raise `napari_sam.errors.Cancelled` from it to stop."""


Tell = Callable[[str], None]
"""Called with what a person should know while work goes on."""


def silent(fraction: float) -> None:
    """Ignore progress; the default wherever nobody watches."""


def unheard(said: str) -> None:
    """Tell nobody."""


def part(progress: Progress, start: float, stop: float) -> Progress:
    """Map a stage's own 0..1 onto ``start..stop`` of the whole.

    Raises
    ------
    ParameterError
        When `progress` cannot be called, or the stage does not lie within 0..1.
    """
    from napari_sam import checks  # NumPy, which a command line is parsed without

    checks.reports(progress)
    start = checks.number(start, "start", 0, 1)
    stop = checks.number(stop, "stop", start, 1)

    def report(fraction: float) -> None:
        progress(start + (stop - start) * fraction)

    return report


def duration(seconds: float) -> str:
    """Write a duration for people.

    Examples
    --------
    >>> duration(8), duration(200), duration(7500)
    ('8 s', '3 min 20 s', '2 h 5 min')
    """
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Line:
    """One line that is rewritten while work goes on; silent when nobody watches a terminal.

    Parameters
    ----------
    what : str
        What is being done.
    before, share : float
        The fraction of the whole run that is done already, and the part this line stands for:
        the time left is that of the whole run.
    started : float, optional
        `time.monotonic` at the start of the whole run.
    """

    def __init__(
        self,
        what: str,
        before: float = 0.0,
        share: float = 1.0,
        started: float | None = None,
        stream: TextIO | None = None,
    ) -> None:
        self._what = what
        self._before, self._share = before, share
        self._started = time.monotonic() if started is None else started
        self._stream = sys.stderr if stream is None else stream
        # A notebook is no terminal, but rewrites a line as one does.
        notebook = type(self._stream).__module__.startswith("ipykernel")
        self._live = self._stream.isatty() or notebook
        self._last = 0.0
        self._shown = 0

    def __call__(self, fraction: float) -> None:
        """Show the fraction done, at most ten times a second."""
        now = time.monotonic()
        if not self._live or now - self._last < 0.1:
            return
        self._last = now
        text = f"{self._what}  {fraction:4.0%}"
        overall = self._before + self._share * fraction
        if overall > 0.02 and now - self._started > 1:
            left = (now - self._started) * (1 - overall) / overall
            text += f"  {duration(left)} left"
        # A line that wraps could not be rewritten.
        width = shutil.get_terminal_size().columns - 1
        self._write(text[-width:])

    def done(self, text: str) -> None:
        """Leave this text behind as the line's last word."""
        if self._live:
            self._write(text)
            self._shown, text = 0, ""
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def _write(self, text: str) -> None:
        """Put a text over the one before; blanks hide what was longer, in notebooks too."""
        self._stream.write(f"\r{text:<{self._shown}}")
        self._stream.flush()
        self._shown = len(text)


class ProgressLine(Line):
    """Shows in a terminal or a notebook how far a call is, and how long it will take.

    Parameters
    ----------
    what : str
        What is being done.
    stream : file, optional
        Where it is shown; standard error by default.

    Examples
    --------
    >>> import napari_sam as ns
    >>> import numpy as np
    >>> stack = np.zeros((2, 40, 40), np.uint8)
    >>> len(ns.segment_cells(stack, progress=ns.ProgressLine("Finding cells")))
    0
    """

    def __init__(self, what: str = "", *, stream: TextIO | None = None) -> None:
        from napari_sam import checks

        super().__init__(checks.text(what, "what"), stream=stream)
        self._over = False

    def __call__(self, fraction: float) -> None:
        """Show the fraction done; at 1 the line is left as it is."""
        if fraction >= 1 and not self._over and self._live:
            self.done(f"{self._what}  100%  {duration(time.monotonic() - self._started)}".lstrip())
        if fraction < 1:
            if self._over:  # another call
                self._started = time.monotonic()
            super().__call__(fraction)
        self._over = fraction >= 1
