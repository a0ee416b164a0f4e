"""Exact outlines of masks along pixel edges: filling them gives the mask back."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Ring = npt.NDArray[np.int64]
"""(N, 2) corners ``(row, column)``, not closed. Pixel (r, c) covers r..r+1 and c..c+1."""


class Outline(NamedTuple):
    """One connected part: its outer ring and the rings of its holes."""

    outer: Ring
    holes: list[Ring]


# East, south, west, north; the object lies on the right hand.
_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))


def outlines(mask: npt.NDArray[np.bool_]) -> list[Outline]:
    """Trace the outlines of a mask.

    Parameters
    ----------
    mask : (H, W) bool

    Returns
    -------
    list of Outline
        One per part; parts that touch only at a corner are separate. Outer rings run
        clockwise as seen on the screen, holes the other way.
    """
    parts, count = ndimage.label(mask)
    outers: dict[int, Ring] = {}
    holes: dict[int, list[Ring]] = {part: [] for part in range(1, count + 1)}
    for vertices in _rings(mask):
        ring = np.array(vertices, dtype=np.int64)
        part = int(parts[_pixel_on_the_right(vertices[0], vertices[1])])
        if _twice_the_area(ring) > 0:
            outers[part] = _corners(ring)
        else:
            holes[part].append(_corners(ring))
    return [Outline(outers[part], holes[part]) for part in sorted(outers)]


def _edges(mask: npt.NDArray[np.bool_]) -> dict[tuple[int, int], set[int]]:
    """Map every vertex of the boundary to the directions of the edges that leave it."""
    padded = np.pad(mask, 1)
    inside = padded[1:-1, 1:-1]
    sides: tuple[tuple[npt.NDArray[Any], tuple[int, int]], ...] = (
        (padded[:-2, 1:-1], (0, 0)),  # above: its edge starts top left and runs east
        (padded[1:-1, 2:], (0, 1)),
        (padded[2:, 1:-1], (1, 1)),
        (padded[1:-1, :-2], (1, 0)),
    )
    leaving: dict[tuple[int, int], set[int]] = {}
    for direction, (neighbour, (down, right)) in enumerate(sides):
        rows, columns = np.nonzero(inside & ~neighbour)
        for vertex in zip((rows + down).tolist(), (columns + right).tolist(), strict=True):
            leaving.setdefault(vertex, set()).add(direction)
    return leaving


def _rings(mask: npt.NDArray[np.bool_]) -> list[list[tuple[int, int]]]:
    leaving = _edges(mask)
    rings: list[list[tuple[int, int]]] = []
    while leaving:
        start = vertex = next(iter(leaving))
        direction = next(iter(leaving[start]))
        path = [start]
        while True:
            leaving[vertex].discard(direction)
            if not leaving[vertex]:
                del leaving[vertex]
            down, right = _STEPS[direction]
            vertex = (vertex[0] + down, vertex[1] + right)
            if vertex == start:
                break  # an edge that still leaves from here belongs to a ring of its own
            path.append(vertex)
            # A right turn stays on the same pixel where two pixels touch at a corner.
            direction = next(d % 4 for d in _turns(direction) if d % 4 in leaving[vertex])
        rings.extend(_split(path))
    return rings


def _turns(direction: int) -> tuple[int, int, int]:
    return direction + 1, direction, direction + 3


def _split(path: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Cut a ring that touches itself at a corner into rings that do not."""
    rings = []
    seen: dict[tuple[int, int], int] = {}
    open_path: list[tuple[int, int]] = []
    for vertex in path:
        if vertex in seen:
            first = seen[vertex]
            rings.append(open_path[first:])
            for dropped in open_path[first + 1 :]:
                del seen[dropped]
            del open_path[first + 1 :]
        else:
            seen[vertex] = len(open_path)
            open_path.append(vertex)
    rings.append(open_path)
    return rings


def _pixel_on_the_right(start: tuple[int, int], stop: tuple[int, int]) -> tuple[int, int]:
    down, right = stop[0] - start[0], stop[1] - start[1]
    return start[0] - (right < 0 or down < 0), start[1] - (down > 0 or right < 0)


def _twice_the_area(ring: Ring) -> int:
    rows, columns = ring[:, 0], ring[:, 1]
    return int((columns * np.roll(rows, -1) - np.roll(columns, -1) * rows).sum())


def _corners(ring: Ring) -> Ring:
    """Drop the vertices on straight lines."""
    into = ring - np.roll(ring, 1, axis=0)
    out = np.roll(ring, -1, axis=0) - ring
    return np.asarray(ring[(into != out).any(axis=1)])
