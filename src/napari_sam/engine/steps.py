"""How long work goes on between two reports of its progress: so long can nothing stop it."""

from __future__ import annotations

import time

from napari_sam.progress import Progress


class TimedProgress:
    """Passes progress on and measures the longest time between two reports."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._at = time.monotonic()
        self.longest = 0.0

    def __call__(self, fraction: float) -> None:
        now = time.monotonic()
        self.longest = max(self.longest, now - self._at)
        self._progress(fraction)
        self._at = time.monotonic()
