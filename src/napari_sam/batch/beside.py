"""Labels and table that lie beside an image: read, and written as a batch writes them."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from napari_sam.batch.beside_large import (
    copied,
    is_large,
    is_pyramid,
    large_of,
    parts_of,
    read_in_parts,
    refuse_ids,
    with_overview,
)
from napari_sam.batch.in_step import in_step
from napari_sam.batch.job import Job
from napari_sam.batch.outputs import ImageResults
from napari_sam.batch.run_table import table_of
from napari_sam.batch.series import labels_file
from napari_sam.batch.writers import DRAWN
from napari_sam.errors import DataError, ImageError, LabelsError
from napari_sam.files.mark import mark_of as file_mark
from napari_sam.images import Image
from napari_sam.labels.rows import INDEX, OPEN, REVIEWED
from napari_sam.segmentation import Segmentation

if TYPE_CHECKING:
    import pandas as pd

Labels: TypeAlias = Any
"""Integers; of a large image levels that are read like an array."""
Mark = tuple[int, int]
"""When a file was written, and its size."""

_IN_MEMORY = 1 << 29  # bytes of an image that are read at once


@dataclass(frozen=True, eq=False)
class Opened:
    """An image of a series, with what lies beside it.

    Parameters
    ----------
    job : Job
    image : Image
        As it is seen: its channels chosen, rows and columns last.
    labels : integer array or None
        None where no labels lie beside it.
    table : pandas.DataFrame or None
        Of its objects, as napari keeps it: a column ``index`` says which object a row is about.
    mark : Mark or None
        Of the labels' file.
    digest : str
        See `digest_of`; empty where no labels lie beside it.
    channels : int
        How many there are, some of which are seen; 1 where there is nothing to choose.
    """

    job: Job
    image: Image
    labels: Labels | None
    table: pd.DataFrame | None
    mark: Mark | None
    digest: str = ""
    channels: int = 1


def mark_of(path: Path) -> Mark | None:
    """Return what tells whether a file was written since; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size


def is_as_read(opened: Opened) -> bool:
    """Whether the labels beside an image are still those that were read, or none as then."""
    return mark_of(labels_file(opened.job.outputs)) == opened.mark


def open_beside(job: Job) -> Opened:
    """Read an image and what lies beside it.

    Of an image with channels, of which none was chosen, the first is seen.

    Raises
    ------
    DataError, ImageError
        When the image cannot be read.
    LabelsError
        When labels lie beside it that do not fit, or its table cannot be read.
    """
    try:
        file, image = job.read()
    except ImageError:
        if job.seen is not None:
            raise
        job = job.seeing((0,))
        file, image = job.read()
    if not is_pyramid(image) and image.finest.nbytes <= _IN_MEMORY:
        image = replace(image, pixels=np.asarray(image.finest))
    image = with_overview(replace(image, pixel_size=file.pixel_size))
    channels = 1 if job.seen is None else _channels(file)
    path = labels_file(job.outputs)
    mark = mark_of(path)
    if mark is None:
        return Opened(job, image, None, None, None, channels=channels)
    labels, table = _read(path, table_of(job), image.shape)
    return Opened(job, image, labels, table, mark, digest_of(labels, table), channels)


def _channels(image: Image) -> int:
    """Count what a channel can be chosen of, as `pick` does: named channels, else a short axis."""
    shape = dict(zip(image.axes, image.finest.shape, strict=True))
    return next((shape[letter] for letter in "CSIQ" if shape.get(letter, 1) > 1), 1)


def _read(path: Path, table: Path, shape: tuple[int, ...]) -> tuple[Labels, pd.DataFrame]:
    import pandas as pd

    from napari_sam.files import read_labels

    large = is_large(shape)
    labels = read_in_parts(path) if large else np.asarray(read_labels(path).finest)
    if labels.shape != shape:
        raise LabelsError(
            f"{path.name} has shape {labels.shape}, but the image has {shape}: it is left as it "
            "is. Move it elsewhere to make new labels."
        )
    if large:
        labels = copied(labels, path.name)
    else:
        refuse_ids(int(labels.min(initial=0)), int(labels.max(initial=0)), path.name)
        labels = labels.astype(np.int32, copy=False)
    if not table.exists():
        return labels, pd.DataFrame({INDEX: np.empty(0, np.int64)})
    try:
        rows = pd.read_csv(table)
        rows.insert(0, INDEX, rows["label"].astype(np.int64))
    except (OSError, ValueError, KeyError) as error:
        raise LabelsError(
            f"{table.name} is no table of these labels ({error}): it is left as it is. Move it "
            "elsewhere to measure the objects anew."
        ) from error
    return labels, rows


def digest_of(labels: Labels, table: pd.DataFrame) -> str:
    """Know labels and their table again, without a copy of them.

    That all objects are open to review says nothing.
    """
    digest = hashlib.blake2b(str((labels.shape, labels.dtype.str)).encode(), digest_size=16)
    if is_large(labels.shape):
        for where, part in parts_of(labels):
            digest.update(str(where).encode())
            digest.update(np.ascontiguousarray(part).data)
    else:
        digest.update(np.ascontiguousarray(labels).data)
    said = table.drop(columns=[INDEX, "label"], errors="ignore")
    if REVIEWED in said and (said[REVIEWED] == OPEN).all():
        said = said.drop(columns=REVIEWED)
    digest.update(said.to_csv(index=False).encode())
    return digest.hexdigest()


def write_beside(
    opened: Opened, labels: Labels, table: pd.DataFrame, inputs: frozenset[Path]
) -> Mark:
    """Write labels, table and overlay beside an image: all of them, or none.

    Parameters
    ----------
    opened : Opened
        What they are made of.
    labels : integer array
    table : pandas.DataFrame
        As napari keeps it, with a column ``index``.
    inputs : frozenset of Path
        Resolved images, none of which is overwritten.

    Returns
    -------
    Mark
        Of the new file.

    Raises
    ------
    DataError
        When somebody else has written there since.
    OSError
    """
    outputs = opened.job.outputs
    outputs.refuse_inputs(inputs)
    path = labels_file(outputs)

    def agreed() -> None:
        if not is_as_read(opened):
            raise DataError(
                f"{path.name} was written by another program since the image was opened, and is "
                "left as it is. Move it elsewhere, then go on."
            )
        if opened.mark is None:
            outputs.refuse_existing()

    agreed()
    image, known = opened.image, _told(labels, table)
    file = file_mark(opened.job.source.path)
    if is_large(labels.shape) or math.prod(labels.shape[-2:]) > DRAWN:
        outputs.write_large(large_of(image, labels, known)._replace(mark=file), agreed)
    else:
        found = Segmentation(labels, known)
        results = ImageResults(outputs.name, image, image.pixel_size, found, mark=file)
        outputs.write(results, agreed)
    mark = mark_of(path)
    assert mark is not None
    return mark


def _told(labels: Labels, table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as a batch writes it; objects that nobody measured are measured."""
    from napari_sam.exports.tables import measured

    if len(table) == 0 and not is_large(labels.shape) and labels.any():
        return measured(labels)
    if not is_large(labels.shape):
        table = in_step(labels, table)
    known = table.drop(columns=["label", INDEX], errors="ignore")
    known.insert(0, "label", np.asarray(table[INDEX], np.int64))
    return known
