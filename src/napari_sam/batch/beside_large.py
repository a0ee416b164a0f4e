"""Labels of very large images beside them: read, known again and written a part at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.batch.large_writers import Large
from napari_sam.batch.thinned import Thinned, thinned
from napari_sam.errors import LabelsError
from napari_sam.images import Image, too_large
from napari_sam.labels.levels import pieces, sparse_zeros

if TYPE_CHECKING:
    import pandas as pd

_LARGEST = 1 << 28  # pixels, of which labels are copied and written as a whole
_OVERVIEW = 1 << 27  # and at most of the picture of a larger one that memory holds
LARGEST_ID = int(np.iinfo(np.int32).max)


def is_large(shape: tuple[int, ...]) -> bool:
    """Tell whether labels of so many pixels are handled in parts."""
    return math.prod(shape) > _LARGEST


def refuse_ids(lowest: int, highest: int, name: str) -> None:
    """Refuse labels whose ids a layer would wrap round.

    Raises
    ------
    LabelsError
    """
    if lowest < 0 or highest > LARGEST_ID:
        raise LabelsError(
            f"{name} has ids from {lowest} to {highest}, which lie between 0 and "
            f"{LARGEST_ID}: it is left as it is. Number its objects anew."
        )


def parts_of(labels: Any) -> Iterator[tuple[tuple[int | slice, ...], npt.NDArray[Any]]]:
    """Iterate over the parts of labels in which there are objects."""
    for where in pieces(labels.shape):
        part = np.asarray(labels[where])
        if part.any():
            yield where, part


def copied(labels: Any, name: str) -> npt.NDArray[np.int32]:
    """Copy labels of a file; memory is taken only where there are objects.

    Parameters
    ----------
    labels : integer array
        Read where it is looked at.
    name : str
        Of the file.

    Raises
    ------
    LabelsError
        When its ids do not fit, or memory does not allow so much.
    """
    found = sparse_zeros(tuple(labels.shape), np.dtype(np.int32))
    for where, part in parts_of(labels):
        refuse_ids(int(part.min()), int(part.max()), name)
        found[where] = part
    return found


def is_pyramid(image: Image) -> bool:
    """Tell whether the planes of an image are large, and its file has coarser levels of them."""
    return len(image.levels) > 1 and too_large(image.shape)


def with_overview(image: Image) -> Image:
    """Add coarser levels to an image of large planes that has none: every fourth pixel, ...

    One plane is read once, and memory holds a sixteenth of it or less. Those of a stack are read
    when they are looked at; those in the middle, at which napari looks while it opens them,
    before this returns.
    """
    if len(image.levels) > 1 or not too_large(image.shape):
        return image
    step, pixels = 4, image.shape[-2] * image.shape[-1]
    while pixels > _OVERVIEW * step**2:
        step *= 2
    levels: list[Any] = [Thinned(image.finest, step, image.rgb)]
    if image.ndim == 2:
        levels = [thinned(image.finest, (), step)]
    side = image.ndim - 2
    while max(levels[-1].shape[side : side + 2]) > 1024:
        levels.append(_thinner(levels[-1], image))
    limits = image.limits
    if image.ndim > 2 and limits is None and not image.rgb:
        before, after = zip(*(((n - 1) // 2, n // 2) for n in image.shape[:-2]), strict=True)
        limits = _range(np.stack([levels[-1][at] for at in {before, after}]))
    return replace(image, pixels=[image.finest, *levels], limits=limits)


def _thinner(level: Any, image: Image) -> Any:
    return level[::4, ::4] if image.ndim == 2 else Thinned(level, 4, image.rgb)


def _range(planes: npt.NDArray[Any]) -> tuple[float, float] | None:
    """Tell between which values planes lie; napari would read all of them to find out."""
    finite = planes[np.isfinite(planes)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    return (low, high) if high > low else None


def large_of(image: Image, labels: Any, table: pd.DataFrame) -> Large:
    """Describe labels and their table for the writers of large images."""
    highest = max((int(part.max()) for _, part in parts_of(labels)), default=0)
    return Large(image, image.pixel_size, labels, highest, lambda: iter([table]))


def read_in_parts(path: Path) -> Any:
    """Open labels that this program wrote, to be read where they are looked at."""
    from napari_sam.files import read_image

    return read_image(path).finest
