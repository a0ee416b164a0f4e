"""Jobs in several processes: each loads the model once, results come in order."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from typing import Any

from napari_sam.batch.job import Job
from napari_sam.batch.outcome import Outcome, attempt, told
from napari_sam.errors import NapariSamError

_ALONE = 2  # tries of a job that was under way when a process ended, now with nothing beside it
_ROUNDS = 3  # in which processes end before any job of theirs has begun
_ENDED = (
    "The process that worked on it ended, alone too: there may not be enough memory for it. Cut "
    "the image, or choose another model."
)
_NEVER_BEGAN = "The processes end before they begin. Try without --workers to see why."

_Numbered = Generator[tuple[int, Outcome], None, list[int]]

_held: dict[str, Any] = {}  # of a working process: its model and finder, and what it has begun


def run_in_processes(jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
    """Run jobs in processes. None is lost with a process that ends.

    Jobs that were under way then are done again, one at a time; one whose process ends even so
    has failed, and the others go on. Before this returns a process has loaded the model.

    Parameters
    ----------
    jobs : sequence of Job
        Of one model and one method.
    workers : int

    Returns
    -------
    iterator of Outcome
        In the order of the jobs.

    Raises
    ------
    ModelError
        When the model cannot be loaded: none of the jobs has begun.
    """
    workers = min(workers, len(jobs))
    pool = _Pool(workers, len(jobs))
    pool.load(jobs[0])
    return in_order(_as_they_end(jobs, workers, pool))


def threads_each(workers: int) -> int:
    """Tell how many threads each of some processes may use, so that they do not fight."""
    return max(1, (os.cpu_count() or 1) // workers)


def in_order(found: Iterator[tuple[int, Outcome]]) -> Iterator[Outcome]:
    """Yield numbered outcomes, whenever they come, in the order of their numbers from 0 on."""
    known: dict[int, Outcome] = {}
    place = 0
    for number, outcome in found:
        known[number] = outcome
        while place in known:
            yield known.pop(place)
            place += 1


def _as_they_end(jobs: Sequence[Job], workers: int, pool: _Pool) -> Iterator[tuple[int, Outcome]]:
    rest = dict(enumerate(jobs))
    # What is there of these afterwards is our own, of a process that ended while it wrote.
    new = {n for n, job in rest.items() if not any(path.exists() for path in job.outputs.paths)}
    rounds = 0
    while rest:
        begun = yield from _in_a_pool(rest, pool)
        for number in begun:
            job = rest.pop(number)
            job.outputs.remove_rests()
            alone = {number: replace(job, overwrite=job.overwrite or number in new)}
            for _ in range(_ALONE):
                yield from _in_a_pool(alone, _Pool(1, len(jobs)))
            for left in alone.values():
                yield number, Outcome(left, "failed", _ENDED)
        rounds = 0 if begun else rounds + 1
        if rest and rounds == _ROUNDS:
            yield from ((n, Outcome(job, "failed", _NEVER_BEGAN)) for n, job in rest.items())
            return
        pool = _Pool(workers, len(jobs))


class _Pool:
    """Processes that start when there is work, and the numbers of the jobs that they have begun."""

    def __init__(self, workers: int, count: int) -> None:
        context = multiprocessing.get_context("spawn")  # forked threads of torch do not work
        self._workers, self.begun = workers, context.RawArray("b", count)
        how = (_begin, (threads_each(workers), self.begun))
        self.executor = ProcessPoolExecutor(workers, context, *how)

    def load(self, job: Job) -> None:
        """Load the model of a job, all at the same time; return when the first has done it.

        That a process ends meanwhile is left to those who give them jobs.

        Raises
        ------
        ModelError
        """
        try:
            trials = [self.executor.submit(_load, job) for _ in range(self._workers)]
            error = next(as_completed(trials)).result()
        except BrokenProcessPool:
            return
        except BaseException:
            self.end()
            raise
        if error is not None:
            self.end()
            raise error

    def end(self) -> None:
        """Let go of the processes at once: nothing half-written stays."""
        processes = list((self.executor._processes or {}).values())
        self.executor.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(10)


def _in_a_pool(rest: dict[int, Job], pool: _Pool) -> _Numbered:
    """Run jobs until all are done, or a process ends; take those that are done out of `rest`.

    Returns
    -------
    list of int
        Jobs that were under way when a process ended.
    """
    numbers = {}
    try:
        try:
            for number, job in rest.items():
                numbers[pool.executor.submit(_work, number, job)] = number
        except BrokenProcessPool:
            pass  # what was submitted ends below
        for future in as_completed(numbers):
            try:
                outcome = future.result()
            except BrokenProcessPool:
                continue
            del rest[numbers[future]]
            yield numbers[future], outcome
        # Also one that was done, and of which nobody heard any more.
        return [number for number in rest if pool.begun[number]]
    finally:
        pool.end()
        for number, job in rest.items():
            # What a process was giving names to when it was ended tells the next run so.
            if pool.begun[number] and not job.outputs.interrupted:
                job.outputs.remove_rests()


def _begin(threads: int, begun: Any) -> None:
    _held["begun"] = begun
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it ends it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import torch

    torch.set_num_threads(threads)


def _end_with_parent() -> None:
    """End this process when the one that started it has been killed: it would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(number: int, job: Job) -> Outcome:
    _held["begun"][number] = True
    return run_with_held(job, _held)


def _load(job: Job) -> NapariSamError | None:
    return load_held(job, _held)


def load_held(job: Job, held: dict[str, Any]) -> NapariSamError | None:
    """Load the model of a job, unless the process holds it; return why that does not work."""
    if held.get("models") != job.models:
        try:
            held["loaded"] = job.models.load(job.options)
        except NapariSamError as error:
            return error
        held["models"] = job.models
    return None


def run_with_held(job: Job, held: dict[str, Any]) -> Outcome:
    """Run a job with the model that a process holds, which is loaded for the first of them."""
    error = load_held(job, held)
    return attempt(job, *held["loaded"]) if error is None else Outcome(job, "failed", told(error))
