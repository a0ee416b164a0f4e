"""Jobs run one after the other: none that fails ends the batch."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from napari_sam.batch.job import Job
from napari_sam.batch.outcome import Outcome, attempt, told
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
    dask: str | None = None,
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
    dask : str, optional
        Address of a scheduler whose workers do it, or ``local``; see
        `napari_sam.batch.cluster.run_on_dask`.
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
    ClusterError
        When the scheduler cannot be used.
    Cancelled
    """
    todo, known = _sorted_out(jobs, skip_existing, debug)
    if dask is not None and todo:
        from napari_sam.batch.cluster import run_on_dask

        results = run_on_dask(list(todo.values()), dask, workers)
    elif workers > 1 and len(todo) > 1 and not debug:
        results = run_in_processes(list(todo.values()), workers)
    else:
        results = _run_here(todo, watch, debug)
    for number in range(len(jobs)):
        yield known[number] if number in known else next(results)


def _sorted_out(
    jobs: Sequence[Job], skip_existing: bool, debug: bool
) -> tuple[dict[int, Job], dict[int, Outcome]]:
    """Part the jobs that are to be run from those of which it is known what comes of them."""
    inputs = frozenset(job.source.path.resolve() for job in jobs)
    todo: dict[int, Job] = {}
    known: dict[int, Outcome] = {}
    for number, job in enumerate(jobs):
        job.outputs.remove_rests()
        if skip_existing and job.outputs.complete:
            known[number] = Outcome(job, "skipped", "already there")
            continue
        try:
            job.outputs.refuse_inputs(inputs)
        except DataError as error:
            if debug:
                raise
            known[number] = Outcome(job, "failed", told(error))
            continue
        # What a killed run did not complete is not another program's.
        again = job.overwrite or (skip_existing and job.outputs.interrupted)
        todo[number] = replace(job, overwrite=again)
    return todo, known


def _run_here(jobs: Mapping[int, Job], watch: Watch, debug: bool) -> Iterator[Outcome]:
    if not jobs:
        return
    first = next(iter(jobs.values()))
    model, finder = first.models.load(first.options)
    for number, job in jobs.items():
        yield attempt(job, model, finder, watch(number), debug)


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
