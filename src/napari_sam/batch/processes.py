"""Jobs in several processes: each loads the model once, results come in order."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from napari_sam.batch.job import Job, run_job
from napari_sam.batch.outcome import Outcome, attempt, told
from napari_sam.errors import NapariSamError

_TRIES = 3  # of a job at whose turn a process ended

_held: dict[str, Any] = {}  # of a working process: its model and finder


def run_in_processes(
    jobs: Sequence[Job], inputs: frozenset[Path], workers: int
) -> Iterator[Outcome]:
    """Run jobs in processes; those of a process that ended are done again.

    Parameters
    ----------
    jobs : sequence of Job
        Of one model and one method.
    inputs : frozenset of Path
        All images, which no output may replace.
    workers : int

    Yields
    ------
    Outcome
        In the order of the jobs.
    """
    workers = min(workers, len(jobs))
    threads = max(1, (os.cpu_count() or 1) // workers)
    place, tries = 0, 0
    while place < len(jobs):
        pool = ProcessPoolExecutor(
            workers,
            multiprocessing.get_context("spawn"),  # forked threads of torch do not work
            _begin,
            (threads,),
        )
        pending: list[Future[Outcome]] = []
        try:
            pending = [pool.submit(_work, job, inputs) for job in jobs[place:]]
            for future in pending:
                outcome = future.result()
                yield outcome
                place, tries = place + 1, 0
        except BrokenProcessPool:
            tries += 1
            if tries == _TRIES:
                reason = "A process that worked on it ended, as for want of memory. Use fewer "
                yield Outcome(jobs[place], "failed", f"{reason}--workers, or cut the image.")
                place, tries = place + 1, 0
        finally:
            _end(pool)


def _end(pool: ProcessPoolExecutor) -> None:
    """Let go of the processes at once: nothing half-written stays."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(10)


def _begin(threads: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it ends it
    import torch

    torch.set_num_threads(threads)


def _work(job: Job, inputs: frozenset[Path]) -> Outcome:
    if _held.get("models") != job.models:
        try:
            _held["loaded"] = job.models.load(job.options)
        except NapariSamError as error:
            return Outcome(job, "failed", told(error))
        _held["models"] = job.models
    model, finder = _held["loaded"]
    return attempt(job, inputs, lambda: run_job(job, model, finder))
