"""Jobs on a cluster of dask: each worker loads the model once, a lost worker's jobs are done again.

Scheduling is dask's; images and results lie on storage that all workers see under the same paths.
"""

from __future__ import annotations

import logging
import platform
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from napari_sam.batch.job import Job
from napari_sam.batch.outcome import Outcome, told
from napari_sam.batch.processes import in_order, load_held, run_with_held, threads_each
from napari_sam.batch.record import versions
from napari_sam.errors import ClusterError, InstallationError, NapariSamError
from napari_sam.progress import Tell, unheard

LOCAL = "local"
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # which dask sets to 1
_TRIMMED = "MALLOC_TRIM_THRESHOLD_"
_STARTS = 3
_PORT = 8786  # of a scheduler, where none is said
_PATIENCE = 20.0  # seconds to find the scheduler, and until a first worker is there
_ENDED = (
    "The workers that worked on it ended: there may not be enough memory for it. Cut the image, or "
    "choose another model."
)

_EVERY, _WAIT = 5.0, 0.05  # seconds between looks for workers, and for what has ended
_NOBODY = (
    "No worker of dask is left at {address}: the images wait for one. Start one with 'dask worker "
    "{address}', or end this and repeat it with --skip-existing."
)

_Known = tuple[dict[str, str], str]  # the versions of the client, and a run

_held: dict[str, Any] = {}  # of a worker's process: a run, and its model and finder
_alone = threading.Lock()  # a worker may have several threads, which share the model


def run_on_dask(
    jobs: Sequence[Job], address: str, workers: int = 1, tell: Tell = unheard
) -> Iterator[Outcome]:
    """Run jobs on a cluster.

    Parameters
    ----------
    jobs : sequence of Job
        Of one model and one method.
    address : str
        Of the scheduler, such as ``tcp://10.0.0.1:8786``, or ``local`` for workers on this machine.
    workers : int
        How many processes ``local`` starts.
    tell : callable
        Told in words when the jobs wait because no worker is left.

    Returns
    -------
    iterator of Outcome
        In the order of the jobs.

    Raises
    ------
    InstallationError
        When dask.distributed is not installed.
    ClusterError
        When there is no scheduler at that address, it has no workers, or their versions differ:
        at once. When it ends before all jobs are done.
    ModelError
        When the model cannot be loaded by the worker that has tried it first: at once.
    """
    with ExitStack() as connection:
        client = connection.enter_context(connected(address, workers))
        return _within(connection.pop_all(), run_with_client(jobs, client, tell))


def _within(connection: ExitStack, outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    with connection:
        yield from outcomes


def run_with_client(jobs: Sequence[Job], client: Any, tell: Tell = unheard) -> Iterator[Outcome]:
    """Run jobs on the cluster of a client of dask.distributed, see `run_on_dask`."""
    check_versions(client)
    known = (versions(), uuid.uuid4().hex)
    _load_model(jobs[0], client, known, tell)
    return in_order(_as_they_end(jobs, client, known, tell))


@contextmanager
def connected(address: str, workers: int = 1) -> Iterator[Any]:
    """Connect to a scheduler, or start one with workers here; end both afterwards.

    Yields
    ------
    distributed.Client

    Raises
    ------
    InstallationError, ClusterError
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise InstallationError(
            "--dask needs dask.distributed: pip install 'napari-sam-bio[dask]'."
        ) from error
    if address == LOCAL:
        with _started(LocalCluster, workers) as cluster, Client(cluster) as client:
            yield client
        return
    try:
        _knock(address)
        client = Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(
            f"There is no scheduler of dask at {address!r} ({error}). Give the address that it "
            "printed when it was started, such as tcp://10.0.0.1:8786, or 'local'."
        ) from error
    with client:
        yield client


def _started(make: Any, workers: int) -> Any:
    """Start a cluster on this machine; a worker that ends while it starts costs another try.

    Raises
    ------
    ClusterError
    """
    how = {
        "n_workers": workers,
        "threads_per_worker": 1,  # a job at a time, which PyTorch's own threads share
        "env": dict.fromkeys(_THREADS, threads_each(workers)),
        "dashboard_address": None,
        "silence_logs": logging.ERROR,  # that a worker takes seconds to end is no news
    }
    for start in range(1, _STARTS + 1):
        try:
            with _memory_kept():
                return make(**how)
        except RuntimeError as error:
            if start == _STARTS:
                raise ClusterError(
                    f"The workers end before they begin ({error}). Try --workers without --dask "
                    "to see why."
                ) from error
    raise AssertionError


@contextmanager
def _memory_kept() -> Iterator[None]:
    """Let workers that start here keep the memory of an image for the next one.

    Dask has glibc give back at once what is free, so that each large array is made of new pages:
    with the model ``cells`` 150000 of them for an image of 512 x 512.
    """
    import dask

    place = "distributed.nanny.pre-spawn-environ"
    usual = {name: value for name, value in dask.config.get(place).items() if name != _TRIMMED}
    with dask.config.set({place: usual}):
        yield


def _knock(address: str) -> None:
    """Fail at once where nobody listens: dask itself would go on trying.

    Raises
    ------
    OSError, ValueError
    """
    scheme, _, place = address.rpartition("://")
    if scheme not in ("", "tcp", "tls"):
        return
    at = urlsplit(f"//{place}")
    with socket.create_connection((at.hostname or "", at.port or _PORT), timeout=5):
        pass


def check_versions(client: Any) -> None:
    """Compare what is installed here with what every worker has.

    Raises
    ------
    ClusterError
        When there is no worker, one lacks this package, or results could differ.
    """
    try:
        client.wait_for_workers(1, timeout=_PATIENCE)
    except TimeoutError as error:
        raise ClusterError(
            f"The scheduler at {client.scheduler.address} has no workers. Start some, with "
            "'dask worker ADDRESS' in this environment, and try again."
        ) from error
    found = client.run(versions, on_error="return")
    for worker, theirs in found.items():
        if isinstance(theirs, OSError):
            continue  # it was lost meanwhile; whoever comes in its place compares by itself
        if isinstance(theirs, BaseException):  # of a package's absence, or another Python
            raise ClusterError(
                f"The workers cannot run napari-sam-bio ({type(theirs).__name__}: {theirs}). "
                f"Install it there as it is here: version {versions()['napari-sam-bio']}, Python "
                f"{platform.python_version()}."
            ) from theirs
        difference = _difference(theirs)
        if difference:
            raise ClusterError(f"The worker {worker} has {difference}. Install the same on both.")


def _difference(theirs: dict[str, str]) -> str:
    ours = versions()
    differing = [
        f"{name} {theirs.get(name, 'none')}, but here is {ours[name]}"
        for name in ours
        if _of_note(name, theirs.get(name, "")) != _of_note(name, ours[name])
    ]
    return "; ".join(differing)


def _of_note(name: str, version: str) -> str:
    """Return the part of a version that must be the same: patches of Python change no result."""
    return ".".join(version.split(".")[:2]) if name == "python" else version


def _load_model(job: Job, client: Any, known: _Known, tell: Tell) -> None:
    """Have the model loaded by as many workers as there are; return when the first has done it.

    Raises
    ------
    ModelError, ClusterError
    """
    workers = client.nthreads() or [""]  # one may come in a moment
    trials = [client.submit(_load, job, *known, pure=False) for _ in workers]
    first = next(_completed(trials, client, tell))
    error = first.result() if first.status == "finished" else first.exception()
    for trial in trials:
        trial.release()
    if isinstance(error, NapariSamError):
        raise error  # that a worker was lost meanwhile, the jobs tell


def _completed(futures: list[Any], client: Any, tell: Tell) -> Iterator[Any]:
    """Yield futures as they end; tell when they cannot, as there are no workers."""
    from distributed import as_completed

    ended = as_completed(futures, loop=client.loop)
    looked, told = time.monotonic(), False
    while not ended.is_empty():
        if ended.has_ready():
            yield next(ended)
        elif time.monotonic() - looked < _EVERY:
            time.sleep(_WAIT)
        else:
            alone = _without_workers(client)
            if alone and not told:
                tell(_NOBODY.format(address=client.scheduler.address))
            looked, told = time.monotonic(), alone


def _without_workers(client: Any) -> bool:
    """Tell whether a scheduler says that it has no workers."""
    try:
        return client.status == "running" and not client.nthreads()
    except (OSError, TimeoutError):  # it has ended, which the futures tell
        return False


def _as_they_end(
    jobs: Sequence[Job], client: Any, known: _Known, tell: Tell
) -> Iterator[tuple[int, Outcome]]:
    from distributed.scheduler import KilledWorker

    numbers = {}
    for number, job in enumerate(jobs):
        # What is there of these afterwards is our own, of a worker that ended while it wrote.
        new = not any(path.exists() for path in job.outputs.paths)
        again = replace(job, overwrite=job.overwrite or new)
        numbers[client.submit(_work, again, *known, pure=False)] = number
    try:
        for future in _completed(list(numbers), client, tell):
            number = numbers[future]
            if future.status in ("cancelled", "lost"):
                raise ClusterError(
                    "The scheduler of dask has ended, or let go of the jobs. What is done is "
                    "kept: repeat the run with --skip-existing."
                )
            error = future.exception()
            if error is None:
                yield number, replace(future.result(), job=jobs[number])
            elif isinstance(error, KilledWorker):
                yield number, Outcome(jobs[number], "failed", _ENDED)
            else:
                yield number, Outcome(jobs[number], "failed", told(error))
            del numbers[future]
            future.release()
    finally:
        with suppress(Exception):  # of a scheduler that has ended
            client.cancel(list(numbers))


def _work(job: Job, expected: dict[str, str], run: str) -> Outcome:
    """Run a job in a worker, also one that came after the versions were compared."""
    with _held_for(expected, run) as held:
        return run_with_held(job, held)


def _load(job: Job, expected: dict[str, str], run: str) -> NapariSamError | None:
    with _held_for(expected, run) as held:
        return load_held(job, held)


@contextmanager
def _held_for(expected: dict[str, str], run: str) -> Iterator[dict[str, Any]]:
    """Give what a worker holds of a run to one thread at a time.

    A worker lives longer than a run. The next one may need a finder as well, or mean other weights
    by the same name, so that a model is held for one run alone.
    """
    difference = _difference(expected)
    if difference:
        raise ClusterError(f"A worker's versions differ: the client has {difference}.")
    with _alone:
        if _held.get("run") != run:
            _held.clear()
            _held["run"] = run
        yield _held
