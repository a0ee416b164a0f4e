"""Results in a folder that were made of other images than those of a run, called alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sam.batch.otherwise import makers, said_in
from napari_sam.batch.record import NAME

if TYPE_CHECKING:
    from napari_sam.batch.job import Job


def of_others(jobs: Sequence[Job]) -> dict[str, Path]:
    """Tell which results that are there were made of another image than that of the job.

    Two plates have wells of the same names. What records of earlier runs tell decides; an image
    that has gone from where it was then may have been moved, and counts as the same.

    Parameters
    ----------
    jobs : sequence of Job

    Returns
    -------
    dict
        The other image, by the names of images of these jobs.
    """
    found: dict[str, Path] = {}
    for folder in dict.fromkeys(job.outputs.folder for job in jobs):
        here = [job for job in jobs if job.outputs.folder == folder]
        made = makers(said_in(folder, NAME), here)
        for job in here:
            if job.source.name not in made:
                continue
            image = made[job.source.name][1]
            other = _other(job, _places(image, folder), image.get("series"))
            if other is not None:
                found[job.source.name] = other
    return found


def _places(image: dict[str, Any], folder: Path) -> list[Path]:
    """List where an image of a record may lie: where it was, and at the same way from here."""
    places = [Path(image["path"])] if image.get("path") else []
    return places + ([folder / image["from_here"]] if image.get("from_here") else [])


def _other(job: Job, places: Iterable[Path], series: int | None) -> Path | None:
    """Return the image that results were made of if it is another one, and still there."""
    there = [place.resolve() for place in places]
    if job.source.path.resolve() not in there:
        return next((place for place in there if place.exists()), None)
    ours = job.source.series
    return there[0] if None not in (ours, series) and ours != series else None
