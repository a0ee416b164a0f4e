"""A run that writes down what it is while it goes on, and one table when it has ended."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from napari_sam.batch import record, run_table
from napari_sam.batch.job import Job
from napari_sam.batch.outcome import Outcome
from napari_sam.errors import DataError

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
    one = record.Record(jobs, datetime.now().astimezone().isoformat(timespec="seconds"))
    has_table = run_table.table_of(jobs[0]) in jobs[0].outputs.paths
    table = folder / run_table.NAME if has_table else None
    of_a_run = (folder / record.NAME).exists()
    if table is not None and table.exists() and not (of_a_run or overwrite):
        raise DataError(
            f"already in {folder}: {table.name}. Choose another folder, or add --overwrite."
        )
    one.write(folder)
    written = time.monotonic()
    try:
        for outcome in outcomes:
            one.outcomes.append(outcome)
            if time.monotonic() - written > _EVERY:
                with suppress(OSError):  # it is tried again, and told at the end
                    one.write(folder)
                written = time.monotonic()
            yield outcome
    finally:
        one.write(folder)
    if table is not None:
        run_table.write_run_table(table, jobs)
