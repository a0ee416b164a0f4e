"""What came of a job, and what is said of one that failed."""

from __future__ import annotations

import errno
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from napari_sam.batch.job import Job
from napari_sam.batch.run_job import run_job
from napari_sam.errors import Cancelled, NapariSamError
from napari_sam.progress import Progress, silent

if TYPE_CHECKING:
    from napari_sam.models.model import Model


LEFT_OUT = "already there"
_MAKE_ROOM = " Make room, and start it again: what is done is kept."


@dataclass(frozen=True)
class Outcome:
    """What came of a job.

    Parameters
    ----------
    job : Job
    kind : {"done", "skipped", "failed"}
    said : str
        What came of it, or what was wrong and what to do.
    by : str
        Fingerprint of the model that did it; of two models, both, with a plus between.
    seconds : float
        How long it took.
    """

    job: Job
    kind: Literal["done", "skipped", "failed"]
    said: str
    by: str = ""
    seconds: float = 0.0


def fingerprint_of(model: Model, finder: Model | None) -> str:
    """Tell who works: the fingerprint of a model, or of two with a plus between."""
    return "+".join(one.fingerprint for one in (model, finder) if one is not None)


def attempt(
    job: Job,
    model: Model,
    finder: Model | None = None,
    progress: Progress = silent,
    debug: bool = False,
) -> Outcome:
    """Run a job, and tell what was wrong if it fails."""
    started = time.monotonic()
    by = fingerprint_of(model, finder)
    if job.is_left_out:
        return Outcome(job, "skipped", LEFT_OUT)
    try:
        said = run_job(job, model, finder, progress)
    except Cancelled:
        raise
    except Exception as error:
        if job.is_left_out:  # another run was faster
            return Outcome(job, "skipped", LEFT_OUT)
        if debug:
            raise
        return Outcome(job, "failed", told(error), by, time.monotonic() - started)
    return Outcome(job, "done", said, by, time.monotonic() - started)


def told(error: Exception) -> str:
    """Say what was wrong, and what to do, as far as it is known.

    Examples
    --------
    >>> from napari_sam.errors import DataError
    >>> told(DataError("There is no file a.tif."))
    'There is no file a.tif.'
    >>> told(OSError(28, "No space left on device", "out/a.tif"))
    'out/a.tif: no space left on device. Make room, and start it again: what is done is kept.'
    """
    if isinstance(error, NapariSamError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory for it. Close other programs, or cut the image."
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        reason = error.strerror if place == "" else error.strerror[:1].lower() + error.strerror[1:]
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return f"{place}{reason}." + (_MAKE_ROOM if full else "")
    return (
        f"It cannot be segmented ({type(error).__name__}: {error}). Add --debug to see where, and "
        "report it."
    )
