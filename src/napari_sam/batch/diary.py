"""Keeps the record of a run up to date while it goes on, and writes one table at its end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from napari_sam.batch import record, run_table
from napari_sam.batch.earlier_runs import made_with, records_in
from napari_sam.batch.job import Job
from napari_sam.batch.origins import of_others
from napari_sam.batch.outcome import Outcome, fingerprint_of
from napari_sam.errors import DataError, NapariSamError

_EVERY = 10.0  # seconds; what a killed run has done is known as far


def recorded(
    jobs: Sequence[Job], outcomes: Iterator[Outcome], folder: Path, *, overwrite: bool = False
) -> Iterator[Outcome]:
    """Pass on what comes of jobs, and keep ``run.json`` and ``objects.csv`` of all of them.

    The record is there from the beginning, and whatever ends the run. The table is written when
    all jobs have been done or left out.

    Parameters
    ----------
    jobs : sequence of Job
    outcomes : iterator of Outcome
        One for each.
    folder : Path
        The folder for the results.
    overwrite : bool
        Whether a table that is no table of a run may be replaced.

    Yields
    ------
    Outcome

    Raises
    ------
    DataError
        Before the first job is begun: when something else lies where one of the two would be.
    """
    diary = Diary(jobs, folder, overwrite=overwrite)
    diary.begin()
    try:
        for outcome in outcomes:
            diary.add(outcome)
            yield outcome
    finally:
        diary.write()
    diary.tell_who()
    diary.write_table()


class Diary:
    """Keeps the record of a run up to date, and writes its table.

    Parameters
    ----------
    jobs, folder, overwrite
        See `recorded`.
    """

    def __init__(self, jobs: Sequence[Job], folder: Path, *, overwrite: bool = False) -> None:
        self._jobs, self._folder, self._overwrite = jobs, folder, overwrite
        # To the microsecond, by which runs that begin together are told apart.
        started = datetime.now().astimezone().isoformat(timespec="microseconds")
        self.record = record.Record(list(jobs), started)
        self._table: Path | None = None
        self._written = 0.0
        self._of_others: frozenset[str] = frozenset()

    def begin(self) -> None:
        """Write the record of a run of which nothing is done.

        Raises
        ------
        DataError
            When something else lies where record or table would be.
        """
        former = self._folder / record.NAME
        if run_table.table_of(self._jobs[0]) in self._jobs[0].outputs.paths:
            self._table = self._folder / run_table.NAME
        ours = former.exists() or self._overwrite
        if self._table is not None and self._table.exists() and not ours:
            raise DataError(
                f"already in {self._folder}: {self._table.name}. Choose another folder, or add "
                "--overwrite."
            )
        # What that one has done is left out by this one: by the same model, if it is called alike.
        self.record.said = record.said_of(former, self._jobs[0].models)
        self._of_others = frozenset(of_others(self._jobs))
        self.record.before = made_with(records_in(self._folder, record.NAME), self._jobs)
        self.write()

    def add(self, outcome: Outcome) -> None:
        """Note what came of a job; they may be done in any order."""
        known, jobs = self.record.outcomes, self.record.jobs
        news = bool(outcome.by) and outcome.by != self.record.fingerprint
        at = next(k for k in range(len(known), len(jobs)) if jobs[k].source == outcome.job.source)
        jobs.insert(len(known), jobs.pop(at))
        known.append(outcome)
        # Who works is told at once: by that the results of a run that is killed are compared.
        if news or time.monotonic() - self._written > _EVERY:
            with suppress(DataError):  # it is tried again, and told at the end
                self.write()

    def write(self) -> None:
        """Write the record as it is now.

        Raises
        ------
        DataError
            When there is no room for it, or nothing can be written there any more.
        """
        with _told(self._folder / record.NAME):
            self.record.write(self._folder)
        self._written = time.monotonic()

    def tell_who(self) -> None:
        """Note who would have worked, where nobody did and no record tells it."""
        if not self.record.fingerprint:
            with suppress(NapariSamError):
                model, finder = self._jobs[0].models.load(self._jobs[0].options)
                self.record.said = {"model": {"fingerprint": fingerprint_of(model, finder)}}
                self.write()

    def write_table(self) -> None:
        """Write the table of all images that have one: not those that other images left there."""
        if self._table is not None:
            done = {one.job.source for one in self.record.outcomes if one.kind == "done"}
            own = [
                job
                for job in self._jobs
                if job.source in done or job.source.name not in self._of_others
            ]
            table = record.table_beside(self.record.place(self._folder))
            with _told(table):
                run_table.write_run_table(table, own)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say which file of a run cannot be written, and how it is made once it can."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{path} cannot be written ({error.strerror or error}). What was done of the images "
            "is kept: make room, and start the same run again."
        ) from error


def renew_table(jobs: Sequence[Job], folder: Path) -> None:
    """Write the table of a run anew, if there is one: tables of its images have changed.

    Raises
    ------
    DataError
        When a table of an image cannot be read.
    """
    table = folder / run_table.NAME
    if table.exists() and record.is_record(folder / record.NAME):
        run_table.write_run_table(table, jobs)
