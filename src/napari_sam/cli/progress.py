"""How far a command is, on standard error."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

from napari_sam.progress import duration


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
        self._live = self._stream.isatty()
        self._last = 0.0

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
        self._stream.write(f"\r\x1b[K{text[-width:]}")
        self._stream.flush()

    def done(self, text: str) -> None:
        """Leave this text behind as the line's last word."""
        start = "\r\x1b[K" if self._live else ""
        self._stream.write(f"{start}{text}\n")
        self._stream.flush()
