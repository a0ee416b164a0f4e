"""What is written of an image that was searched in tiles: memory holds a part of it at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from napari_sam.images import Image, Plane
    from napari_sam.pixel_size import PixelSize

PICTURE = 2048  # pixels of the longer side of an overlay, at most
_DESCRIBED = 20_000  # objects that a group describes; its description is read whole by everybody


class Large(NamedTuple):
    """What is known of an image that was searched in tiles.

    Attributes
    ----------
    picked : Image
        The image.
    pixel_size : PixelSize or None
    labels : integer array
        Read where it is looked at.
    objects : int
        The highest id: what was found in tiles is numbered 1..objects.
    tables : callable
        Returns an iterator over tables, which are read one after the other.
    mark : str
        By which the image's file is known again; empty of another.
    """

    picked: Image
    pixel_size: PixelSize | None
    labels: Any
    objects: int
    tables: Callable[[], Iterator[pd.DataFrame]]
    mark: str = ""


def labels(path: Path, large: Large) -> None:
    """Write the labels as a tiled TIFF."""
    from napari_sam.files.labels_in_tiles import write_labels_in_tiles

    axes = large.picked.axes.removesuffix("S")
    write_labels_in_tiles(path, large.labels, axes, large.pixel_size, large.objects)


def group(path: Path, large: Large) -> None:
    """Write the labels as OME-Zarr."""
    from napari_sam.files.ngff_alone import write_labels_group

    axes = large.picked.axes.removesuffix("S")
    tables = large.tables() if large.objects <= _DESCRIBED else ()
    write_labels_group(path, large.labels, axes, large.pixel_size, tables)


def table(path: Path, large: Large) -> None:
    """Write a row per object."""
    from napari_sam.files import in_one_piece
    from napari_sam.segmentation import with_units

    with in_one_piece(path) as temporary:
        for number, rows in enumerate(large.tables()):
            known = with_units(rows, large.pixel_size)
            known.to_csv(temporary, mode="a", header=number == 0, index=False)


def overlay(path: Path, large: Large) -> None:
    """Write a small picture of the plane with the most objects."""
    from napari_sam.files import write_picture
    from napari_sam.images import Block
    from napari_sam.overlays import draw_overlay

    plane = _fullest(large)
    block = Block(large.picked, plane)
    step = -(-max(plane.shape) // PICTURE)
    pixels = _thinned(block, step)
    shown = large.labels[tuple(slice(None, None, step) if at is None else at for at in plane.index)]
    write_picture(path, draw_overlay(pixels, shown, large.picked.limits), large.mark)


def _fullest(large: Large) -> Plane:
    planes = list(large.picked.planes())
    if len(planes) == 1:
        return planes[0]
    counts = dict.fromkeys((plane.position for plane in planes), 0)
    for rows in large.tables():
        leading = [name for name in rows.columns if name.startswith("axis_")]
        if not leading:  # of objects that go through planes
            return planes[len(planes) // 2]
        for position, number in rows.groupby(leading).size().items():
            key = position if isinstance(position, tuple) else (position,)
            counts[tuple(int(at) for at in key)] += number
    return max(planes, key=lambda plane: counts[plane.position])


def _thinned(block: Any, step: int) -> npt.NDArray[np.generic]:
    """Read every so manieth pixel of a plane, from the coarsest level that has as many."""
    import numpy as np

    from napari_sam.images import coarsest_within, read_part, scales_of

    plain = tuple(scale for scale in scales_of(block.image, block.plane) if scale.pooled == 1)
    scale = coarsest_within(plain, step)
    data = block.image.levels[scale.level]
    rows, columns = (
        np.minimum(np.arange(0, side, step) // by, length - 1).astype(int)
        for side, by, length in zip(block.plane.shape, scale.step, scale.shape, strict=True)
    )
    lines = []
    for first in range(0, len(rows), 64):
        some = rows[first : first + 64]
        band = read_part(block, data, (some[0], some[-1] + 1), (0, scale.shape[1]))
        lines.append(band[some - some[0]][:, columns])
    return np.concatenate(lines)
