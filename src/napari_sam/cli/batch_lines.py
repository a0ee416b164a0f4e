"""What is said of a batch while it goes on: a line for each image, and the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from napari_sam.batch.job import Job
from napari_sam.batch.outcome import Outcome
from napari_sam.progress import Line, duration


class BatchLines:
    """Says on standard error what comes of the jobs of a batch, in their order.

    Parameters
    ----------
    jobs : sequence of Job
    beside : bool
        Whether they run elsewhere, so that how far each of them is cannot be seen.
    """

    def __init__(self, jobs: Sequence[Job], beside: bool = False) -> None:
        self._jobs, self._beside = jobs, beside
        self._started = time.monotonic()
        self._told = self._worked = 0
        self._failed: list[Outcome] = []
        self._line = Line("")

    @property
    def failed(self) -> bool:
        """Whether any has failed."""
        return bool(self._failed)

    @property
    def complete(self) -> bool:
        """Whether of every job it was told what came of it."""
        return self._told == len(self._jobs)

    def watch(self, number: int) -> Line:
        """Begin the line of a job that works here."""
        self._line = self._line_of(self._head(number), number)
        return self._line

    def note(self, said: str) -> None:
        """Say on a line of its own what a person should know meanwhile."""
        self._line.done(said)

    def tell(self, outcome: Outcome) -> None:
        """Say what came of the next job."""
        head = self._head(self._told)
        self._told += 1
        self._worked += outcome.kind != "skipped"
        failed = outcome.kind == "failed"
        if failed:
            self._failed.append(outcome)
        self._line.done(f"{head}: {'failed. ' if failed else ''}{outcome.said}")
        if self._beside and self._told < len(self._jobs):
            self._line = self._line_of(f"{self._told} of {len(self._jobs)} images", self._told)
            self._line(0.0)

    def end(self, folder: Path) -> None:
        """Say again what failed, and how long all took."""
        count, skipped = len(self._jobs), self._told - self._worked
        done = count - len(self._failed)
        if self._failed and count > 1:
            self._tell_failed(count)
        took = duration(time.monotonic() - self._started)
        if not skipped:
            told = f"done in {took}"
        elif done > skipped:
            told = f"done: {done - skipped} in {took}, {skipped} before"
        else:
            told = "were done before"
        print(f"{done} of {count} images {told}; results in {folder}", file=sys.stderr)

    def _tell_failed(self, count: int) -> None:
        """Say again which failed, or once for what all of them did."""
        reasons = {outcome.said for outcome in self._failed}
        if len(self._failed) == count and len(reasons) == 1:
            print(f"{count} of {count} images failed: {reasons.pop()}", file=sys.stderr)
            return
        print(f"{len(self._failed)} of {count} images failed:", file=sys.stderr)
        for outcome in self._failed:
            print(f"  {outcome.job.source.title}: {outcome.said}", file=sys.stderr)

    def _head(self, number: int) -> str:
        return f"[{number + 1}/{len(self._jobs)}] {self._jobs[number].source.title}"

    def _line_of(self, what: str, number: int) -> Line:
        # What was left out took no time, and says nothing about the time that is left.
        whole = self._worked + len(self._jobs) - number
        return Line(what, self._worked / whole, 1 / whole, self._started)
