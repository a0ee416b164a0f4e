"""Whether memory has room for labels of a large image."""

from __future__ import annotations

import numpy as np

from napari_sam.errors import LabelsError

_LEVELS = 4 / 3  # of a pyramid, by the pixels of its finest one
_BYTES = 4  # of a pixel


def available() -> int:
    """Return how many bytes of memory nobody uses."""
    import psutil

    return int(psutil.virtual_memory().available)


def check_room(shape: tuple[int, ...]) -> None:
    """Refuse labels that memory would not hold if objects were everywhere.

    Parameters
    ----------
    shape : tuple of int

    Raises
    ------
    LabelsError
    """
    needed = _BYTES * _LEVELS * float(np.prod(shape, dtype=np.float64))
    free = available()
    if needed > free:
        raise LabelsError(
            f"Labels of {' x '.join(map(str, shape))} pixels take up to {needed / 1e9:.1f} GB, and "
            f"{free / 1e9:.1f} GB are free. Search a part (Search: what is visible, or inside "
            "shapes), put what is found into a Labels layer of a zarr array, or search it by the "
            "command line: Advanced, Copy as command, with --save zarr."
        )
