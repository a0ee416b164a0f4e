"""Results in a folder that belong to other images of the same names as those of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sam.batch.earlier_runs import made_by, records_in
from napari_sam.batch.record import NAME
from napari_sam.files.mark import mark_in, mark_of

if TYPE_CHECKING:
    from napari_sam.batch.job import Job


def of_others(jobs: Sequence[Job]) -> dict[str, str]:
    """Tell which results that are there were made of another image than that of the job.

    Two plates have wells of the same names. The overlay says by a mark of which file it was made,
    wherever that lies now. Of results without one the records of earlier runs tell; an image that
    has gone from where it was then may have been moved, and counts as the same.

    Parameters
    ----------
    jobs : sequence of Job

    Returns
    -------
    dict
        Which other image, in words, by the names of images of these jobs.
    """
    found: dict[str, str] = {}
    for folder in dict.fromkeys(job.outputs.folder for job in jobs):
        here = [job for job in jobs if job.outputs.folder == folder]
        made = made_by(records_in(folder, NAME), here)
        for job in here:
            image = made[job.source.name][1] if job.source.name in made else {}
            other = _other(job, image, folder)
            if other:
                found[job.source.name] = other
    return found


def _other(job: Job, image: dict[str, Any], folder: Path) -> str:
    """Say of which other image results were made, as far as it is known; nothing of the same."""
    places = [Path(image["path"])] if image.get("path") else []
    places += [folder / image["from_here"]] if image.get("from_here") else []
    there = [place.resolve() for place in places]
    moved = bool(there) and job.source.path.resolve() not in there
    then = mark_in(folder / f"{job.outputs.name}_overlay.png")
    now = mark_of(job.source.path) if then else ""
    if then and now:
        if then == now:
            return ""
        if not there:
            return "another image, or of this one as it was before"
        return f"another image, {there[0]}" if moved else "this image as it was before"
    known = next((place for place in there if place.exists()), None) if moved else None
    return f"another image, {known}" if known is not None else ""
