"""What came of a job, and what is said of one that failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from napari_sam.batch.job import Job
from napari_sam.errors import Cancelled, NapariSamError


@dataclass(frozen=True)
class Outcome:
    """What came of a job.

    Parameters
    ----------
    job : Job
    kind : {"done", "skipped", "failed"}
    said : str
        What came of it, or what was wrong and what to do.
    """

    job: Job
    kind: Literal["done", "skipped", "failed"]
    said: str


def attempt(
    job: Job, inputs: frozenset[Path], work: Callable[[], str], debug: bool = False
) -> Outcome:
    """Do the work of a job, and tell what was wrong if it fails."""
    try:
        job.outputs.refuse_inputs(inputs)
        return Outcome(job, "done", work())
    except Cancelled:
        raise
    except Exception as error:
        if debug:
            raise
        return Outcome(job, "failed", told(error))


def told(error: Exception) -> str:
    """Say what was wrong, and what to do, as far as it is known.

    Examples
    --------
    >>> from napari_sam.errors import DataError
    >>> told(DataError("There is no file a.tif."))
    'There is no file a.tif.'
    >>> told(OSError(28, "No space left on device", "out/a.tif"))
    'out/a.tif: no space left on device.'
    """
    if isinstance(error, NapariSamError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory for it. Close other programs, or cut the image."
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        reason = error.strerror if place == "" else error.strerror[:1].lower() + error.strerror[1:]
        return f"{place}{reason}."
    return (
        f"It cannot be segmented ({type(error).__name__}: {error}). Add --debug to see where, and "
        "report it."
    )
