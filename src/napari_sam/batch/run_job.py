"""A job run: its image is segmented, and its outputs are written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_sam.batch.job import Job
from napari_sam.batch.outputs import ImageResults
from napari_sam.counts import counted
from napari_sam.progress import Progress, part, silent

if TYPE_CHECKING:
    from napari_sam.images import Image
    from napari_sam.models.model import Model


def run_job(
    job: Job, model: Model, finder: Model | None = None, progress: Progress = silent
) -> str:
    """Segment the image of a job and write its outputs.

    Parameters
    ----------
    job : Job
    model : Model
    finder : Model, optional
        Who sees where objects are, when the model cannot.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Returns
    -------
    str
        What came of it, such as ``"12 objects"``.

    Raises
    ------
    DataError, ImageError, ModelError, Cancelled
    """
    from napari_sam.batch.large import goes_in_tiles, run_in_tiles
    from napari_sam.engine.run import run
    from napari_sam.engine.whole import FOUND
    from napari_sam.files.mark import mark_of
    from napari_sam.images import remembering
    from napari_sam.segment import masks_of

    job.refuse_existing()
    image, picked = job.read()
    if job.method.along:  # joining looks at the planes again
        picked = remembering(picked)
    # Tables of planes get their units last; haze is looked for by how far apart slices are.
    size = picked.pixel_size if job.method.along and not job.outputs.of_planes else None
    seen = replace(picked, limits=job.limits, pixel_size=size)
    if goes_in_tiles(job, seen):
        count = run_in_tiles(job, seen, image.pixel_size, (model, finder), progress)
        return counted(count, "object") if count else _said_nothing(job, seen, "object")
    finding = part(progress, 0.0, FOUND) if job.method.along else progress
    found = run(seen, None, job.method, model, job.options, finder=finder, progress=finding)
    kept = list(found) if job.outputs.of_planes else None
    segmentation, noun = None, "mask"
    if job.outputs.joined:
        planes = ((one.block.plane, one.chosen) for one in kept or found)
        joining = part(progress, FOUND, 1.0)
        segmentation = job.method.join(
            planes, picked, job.options, source=model.name, progress=joining
        )
        count, noun = len(segmentation), "track" if job.method.along == "T" else "object"
    else:
        count = sum(masks_of(one) for one in kept or ())
    name, mark = job.outputs.name, mark_of(job.source.path)
    results = ImageResults(name, picked, image.pixel_size, segmentation, kept, mark)
    job.outputs.write(results, job.refuse_existing)
    return counted(count, noun) if count else _said_nothing(job, seen, noun)


def _said_nothing(job: Job, image: Image, noun: str) -> str:
    from napari_sam.images import is_blank, is_large

    blank = all(not is_large(block) and is_blank(block.read()) for block in image.blocks())
    return f"0 {noun}s. {job.method.words.why_nothing(blank, typed=True)}"
