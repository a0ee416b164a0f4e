"""Jobs run one after the other: none that fails ends the batch."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from napari_sam.batch.job import Job, run_job
from napari_sam.batch.outcome import Outcome, attempt
from napari_sam.batch.processes import run_in_processes
from napari_sam.errors import DataError
from napari_sam.progress import Progress, silent

Watch = Callable[[int], Progress]
"""Called with the number of a job that begins; returns who is told how far it is."""


def nobody(number: int) -> Progress:
    """Watch no job."""
    return silent


def run_jobs(
    jobs: Sequence[Job],
    *,
    skip_existing: bool = False,
    workers: int = 1,
    watch: Watch = nobody,
    debug: bool = False,
) -> Iterator[Outcome]:
    """Run jobs, all of one model and one method, and tell of each in order.

    Parameters
    ----------
    jobs : sequence of Job
    skip_existing : bool
        Whether jobs whose outputs are all there are left out.
    workers : int
        Processes that work at a time; 1 works in this one.
    watch : callable
        Told of every job that begins here.
    debug : bool
        Whether what fails ends the batch with its traceback.

    Yields
    ------
    Outcome

    Raises
    ------
    ModelError
        When the model cannot be loaded.
    Cancelled
    """
    inputs = frozenset(job.source.path.resolve() for job in jobs)
    todo: dict[int, Job] = {}
    for number, job in enumerate(jobs):
        job.outputs.remove_rests()
        if not (skip_existing and job.outputs.complete):
            # What a killed run did not complete is not another program's.
            again = job.overwrite or (skip_existing and job.outputs.interrupted)
            todo[number] = replace(job, overwrite=again)
    if workers > 1 and len(todo) > 1 and not debug:
        results = run_in_processes(list(todo.values()), inputs, workers)
    else:
        results = _run_here(todo, inputs, watch, debug)
    for number, job in enumerate(jobs):
        yield next(results) if number in todo else Outcome(job, "skipped", "already there")


def _run_here(
    jobs: Mapping[int, Job], inputs: frozenset[Path], watch: Watch, debug: bool
) -> Iterator[Outcome]:
    if not jobs:
        return
    first = next(iter(jobs.values()))
    model, finder = first.models.load(first.options)
    for number, job in jobs.items():
        work = partial(run_job, job, model, finder, watch(number))
        yield attempt(job, inputs, work, debug)


def try_folder(folder: Path) -> None:
    """Make the folder for the results, and try it, before any work is done.

    Raises
    ------
    DataError
        When nothing can be written there.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file: -o names the folder for the results.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise DataError(
            f"Nothing can be written into {folder} ({error.strerror or error}): choose another "
            "folder with -o."
        ) from error
