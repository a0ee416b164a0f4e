"""Jobs run one after the other: none that fails ends the batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from napari_sam import checks
from napari_sam.batch.job import Job
from napari_sam.batch.origins import of_others
from napari_sam.batch.outcome import LEFT_OUT, Outcome, attempt, told
from napari_sam.batch.processes import run_in_processes
from napari_sam.errors import DataError
from napari_sam.files import try_folder
from napari_sam.progress import Progress, Tell, silent, unheard

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
    tell: Tell = unheard,
    debug: bool = False,
) -> Iterator[Outcome]:
    """Run jobs, all of one model and one method, and tell of each in order.

    Whoever works is sought before this returns: nothing has been written if there is nobody.

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
    tell : callable
        Told in words when jobs wait for workers of dask, of which none is left.
    debug : bool
        Whether what fails ends the batch with its traceback.

    Returns
    -------
    iterator of Outcome
        Each job is begun when what came of those before it is known, or earlier.

    Raises
    ------
    ModelError
        When the model cannot be loaded.
    ClusterError
        When the scheduler cannot be used.
    ParameterError
        When `jobs` are none.
    Cancelled
    """
    jobs = checks.instances(jobs, Job, "jobs")
    todo, known = _sorted_out(jobs, skip_existing, debug)
    if dask is not None and todo:
        from napari_sam.batch.cluster import run_on_dask

        results = run_on_dask(list(todo.values()), dask, workers, tell)
    elif workers > 1 and len(todo) > 1 and not debug:
        results = run_in_processes(list(todo.values()), workers)
    else:
        results = _run_here(todo, watch, debug)
    return (known[at] if at in known else next(results) for at in range(len(jobs)))


def _sorted_out(
    jobs: Sequence[Job], skip_existing: bool, debug: bool
) -> tuple[dict[int, Job], dict[int, Outcome]]:
    """Part the jobs that are to be run from those of which it is known what comes of them."""
    inputs = frozenset(job.source.path.resolve() for job in jobs)
    todo: dict[int, Job] = {}
    known: dict[int, Outcome] = {}
    others = of_others(jobs) if skip_existing else {}
    for number, job in enumerate(jobs):
        try:
            _refuse_another(job, others)
            job_or_outcome = prepared(job, inputs, skip_existing)
        except DataError as error:
            if debug:
                raise
            job_or_outcome = Outcome(job, "failed", told(error))
        if isinstance(job_or_outcome, Job):
            todo[number] = job_or_outcome
        else:
            known[number] = job_or_outcome
    return todo, known


def _refuse_another(job: Job, others: Mapping[str, str]) -> None:
    """Raise `DataError` when what would be left out was made of another image."""
    other = others.get(job.source.name)
    if other is not None and job.outputs.complete:
        raise DataError(
            f"what is called {job.outputs.name} in {job.outputs.folder} was made of {other}. "
            "Choose another folder with -o, or move it elsewhere to make it anew."
        )


def prepared(job: Job, inputs: frozenset[Path], skip_existing: bool) -> Job | Outcome:
    """Clean up after a killed run; tell what is to be done, or what is known without doing it.

    Parameters
    ----------
    job : Job
    inputs : frozenset of Path
        Resolved images, none of which is overwritten.
    skip_existing : bool
        Whether a job whose outputs are all there is left out.

    Raises
    ------
    DataError
        When one of its outputs is an image.
    """
    # What a killed run did not complete is not another program's; its rests tell of it.
    again = job.overwrite or (skip_existing and job.outputs.interrupted)
    job.outputs.remove_rests()
    if skip_existing and job.outputs.complete:
        return Outcome(job, "skipped", LEFT_OUT)
    job.outputs.refuse_inputs(inputs)
    return replace(job, overwrite=again, skip_existing=skip_existing)


def _run_here(jobs: Mapping[int, Job], watch: Watch, debug: bool) -> Iterator[Outcome]:
    if not jobs:
        return iter(())
    first = next(iter(jobs.values()))
    model, finder = first.models.load(first.options)
    return (attempt(job, model, finder, watch(number), debug) for number, job in jobs.items())


def try_results(folder: Path) -> None:
    """Make the folder for the results, and try it, before any work is done.

    Raises
    ------
    DataError
        When nothing can be written there.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file: -o names the folder for the results.")
    try_folder(folder, "choose another folder with -o.")
