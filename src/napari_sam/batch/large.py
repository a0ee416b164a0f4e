"""An image that is searched in tiles, and gone on with after it was ended."""

from __future__ import annotations

import hashlib
import pickle
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sam import __version__
from napari_sam.batch.job import Job
from napari_sam.batch.large_writers import Large
from napari_sam.batch.tile_journal import TileJournal
from napari_sam.errors import DataError
from napari_sam.progress import Progress, part

if TYPE_CHECKING:
    from napari_sam.images import Image
    from napari_sam.models.model import Model
    from napari_sam.pixel_size import PixelSize

_FOUND = 0.95  # of the time, the share until the last tile is searched


def goes_in_tiles(job: Job, image: Image) -> bool:
    """Tell whether the image of a job is searched in tiles, as it comes from the file.

    Raises
    ------
    DataError
        When it has to be, and what is to be saved is not made in tiles.
    """
    from napari_sam.engine.tiled import in_tiles
    from napari_sam.images import too_large

    if not in_tiles(image, job.method):
        return False
    not_large = job.outputs.not_large
    if not not_large:
        return True
    height, width = next(image.planes()).shape
    if too_large((height, width)):
        raise DataError(
            f"Planes of {height} x {width} are searched in tiles, of which no "
            f"{not_large[0]} are made: leave --save at labels or zarr, or cut the "
            "image."
        )
    return False


def run_in_tiles(
    job: Job,
    image: Image,
    pixel_size: PixelSize | None,
    models: tuple[Model, Model | None],
    progress: Progress,
) -> int:
    """Search the image of a job in tiles and write its outputs.

    What is found is kept in a hidden folder beside the outputs. When the run is ended, the next
    one with the same image, options and models goes on from there.

    Parameters
    ----------
    job : Job
    image : Image
        As it is searched.
    pixel_size : PixelSize or None
    models : (Model, Model or None)
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Returns
    -------
    int
        Objects.

    Raises
    ------
    DataError, ImageError, ModelError, Cancelled
    """
    from napari_sam.engine.tiled import search_in_tiles
    from napari_sam.files.mark import mark_of
    from napari_sam.files.stored_labels import StoredLabels
    from napari_sam.models.locks import Busy, held

    folder = job.outputs.unfinished
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with held(folder.with_name(f"{folder.name}.lock"), patience=0.0):
            journal = _begun(folder, _meant(job, image, models))
            labels = StoredLabels(folder / "labels", image.shape)
            searching = part(progress, 0.0, _FOUND)
            search_in_tiles(image, job.options, models, labels, journal, progress=searching)
            mark = mark_of(job.source.path)
            found = Large(image, pixel_size, labels, journal.used, journal.tables, mark)
            job.outputs.write_large(found, job.refuse_existing)
            shutil.rmtree(folder, ignore_errors=True)
    except Busy as error:
        raise DataError(
            f"Another process is working on {job.source.title}, into the same folder."
        ) from error
    progress(1.0)
    return journal.used


def _begun(folder: Path, meant: str) -> TileJournal:
    """Open the journal of an earlier run that meant the same, or begin one."""
    path = folder / "journal"
    if not TileJournal.fits(path, meant):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    return TileJournal(path, meant)


def _meant(job: Job, image: Image, models: tuple[Model, Model | None]) -> str:
    """Tell which image is searched, how and by whom, as a fingerprint."""
    from napari_sam.images import content_hash, sample_of

    what: list[Any] = [__version__, pickle.dumps(job.options)]
    what += [model and model.fingerprint for model in models]
    what += [image.axes, image.shape, image.dtype.str, image.limits]
    source = job.source
    what += [str(source.path.resolve()), source.series, source.path.stat().st_mtime_ns]
    what.append(content_hash(sample_of(next(image.blocks()))))
    return hashlib.blake2b(repr(what).encode(), digest_size=16).hexdigest()
