"""Labels too large for memory, written as a tiled TIFF."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from napari_sam.files.atomic import in_one_piece
from napari_sam.files.labels import tags_of
from napari_sam.files.signature import SOFTWARE
from napari_sam.pixel_size import PixelSize

__all__ = ["write_labels_in_tiles"]

_SIDE = 512  # pixels of a tile
_CLASSIC = 1 << 31  # bytes from which offsets take 64 bits; no file is larger than its pixels are


def write_labels_in_tiles(
    path: Path, labels: Any, axes: str, pixel_size: PixelSize | None, highest: int
) -> None:
    """Write labels as a compressed tiled TIFF; memory holds a row of tiles.

    `napari_sam.files.read_labels` reads back the same ids, axes and pixel size.

    Parameters
    ----------
    path : Path
    labels : integer array
        Read some rows at a time.
    axes : str
        A letter per axis, rows and columns last.
    pixel_size : PixelSize, optional
    highest : int
        The highest id: uint16 as long as it fits, int32 beyond.
    """
    kind = np.dtype(np.uint16 if highest <= np.iinfo(np.uint16).max else np.int32)
    metadata, resolution = tags_of(axes, pixel_size)
    with in_one_piece(path) as temporary:
        tifffile.imwrite(
            temporary,
            _tiles(labels, kind),
            shape=tuple(labels.shape),
            dtype=kind,
            tile=(_SIDE, _SIDE),
            bigtiff=int(np.prod(labels.shape, dtype=np.int64)) * kind.itemsize > _CLASSIC,
            resolution=resolution,
            resolutionunit=None if resolution is None else "NONE",
            metadata=metadata,
            photometric="minisblack",
            compression="zlib",
            software=SOFTWARE,
        )


def _tiles(labels: Any, kind: np.dtype[Any]) -> Iterator[npt.NDArray[Any]]:
    """Iterate over tiles plane by plane and row by row; those at the end are filled up with 0."""
    height, width = labels.shape[-2:]
    for leading in np.ndindex(*labels.shape[:-2]):
        for top in range(0, height, _SIDE):
            rows = np.asarray(labels[(*leading, slice(top, top + _SIDE), slice(0, width))])
            for left in range(0, width, _SIDE):
                part = rows[:, left : left + _SIDE]
                tile = np.zeros((_SIDE, _SIDE), kind)
                tile[: part.shape[0], : part.shape[1]] = part
                yield tile
