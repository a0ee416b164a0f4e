"""The part of a plane that holds some objects: what has to be read to change or measure them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.images import Plane
from napari_sam.labels.ids import among
from napari_sam.regions import extent

__all__ = ["LARGE", "Box", "part_with"]

LARGE = 1 << 24  # pixels of a plane up to which all of it is looked through
_STEP = 64  # pixels by which a part grows at first

Box = tuple[int, int, int, int]
Labels = npt.NDArray[np.integer[Any]]


def part_with(
    pixels: Any, plane: Plane, box: Box, met: Callable[[Labels, int, int], Iterable[int]]
) -> tuple[Labels, tuple[int, int]]:
    """Read the smallest part of a plane that holds a box, and whole objects that are met there.

    Of a large plane only the surroundings are read, further and further until no object is cut:
    what an object has elsewhere, apart from the rest of it, is not seen.

    Parameters
    ----------
    pixels : integer array
        All labels: NumPy, zarr or alike.
    plane : Plane
    box : (r0, c0, r1, c1)
        Half open.
    met : callable
        ``met(labels, row, column)`` tells which objects are meant, given the labels of a part
        and where it begins.

    Returns
    -------
    labels : (h, w) integer array
    corner : (int, int)
        Row and column of the plane where they begin.

    Examples
    --------
    >>> labels = np.array([[0, 7, 7, 7, 7], [0, 7, 0, 0, 3]])
    >>> plane = Plane((0, 1), (None, None), (2, 5))
    >>> part, corner = part_with(labels, plane, (1, 1, 2, 2), lambda part, row, column: [7])
    >>> part.tolist(), corner
    ([[7, 7, 7, 7], [7, 0, 0, 3]], (0, 1))
    """
    height, width = plane.shape
    grown, step = (0, 0, height, width), _STEP
    if height * width > LARGE:
        grown = _clipped(box, 0, plane.shape)
    while True:
        part = plane.part(pixels, slice(grown[0], grown[2]), slice(grown[1], grown[3]))
        held = among(part, met(part, grown[0], grown[1]))
        wider = _clipped(grown, step, plane.shape)
        sides = (held[:1], held[:, :1], held[-1:], held[:, -1:])
        cut = [side.any() and grown[k] != wider[k] for k, side in enumerate(sides)]
        if not any(cut):
            break
        grown, step = wider, 2 * step
    rows, columns = extent(held)
    r0, c0, r1, c1 = _clipped(box, 0, plane.shape)
    if rows.stop:
        r0, r1 = min(r0, grown[0] + rows.start), max(r1, grown[0] + rows.stop)
        c0, c1 = min(c0, grown[1] + columns.start), max(c1, grown[1] + columns.stop)
    inner = part[r0 - grown[0] : r1 - grown[0], c0 - grown[1] : c1 - grown[1]]
    return inner, (r0, c0)


def _clipped(box: Box, by: int, shape: tuple[int, int]) -> Box:
    """Widen a box, within the plane."""
    r0, c0, r1, c1 = box
    return max(r0 - by, 0), max(c0 - by, 0), min(r1 + by, shape[0]), min(c1 + by, shape[1])
