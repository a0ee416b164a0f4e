"""Strokes: lines that a person draws along an object, or paints with a brush."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from napari_sam.regions import Region, box_of

_PLACES = 6  # that a model hears; more make masks worse: models are taught with few clicks


def along(vertices: npt.NDArray[np.float64], count: int = _PLACES) -> npt.NDArray[np.float64]:
    """Spread places evenly along a line.

    Parameters
    ----------
    vertices : (N, 2) array
        Corners of the line, ``(row, column)``.
    count : int
        At least two.

    Returns
    -------
    (count, 2) array
        The first and the last corner, and places in between at the same distance of each other.

    Examples
    --------
    >>> along(np.array([(0.0, 0.0), (0.0, 6.0), (2.0, 6.0)]), 5).tolist()
    [[0.0, 0.0], [0.0, 2.0], [0.0, 4.0], [0.0, 6.0], [2.0, 6.0]]
    """
    steps = np.linalg.norm(np.diff(vertices, axis=0), axis=1)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.linspace(0.0, length[-1], count)
    return np.stack([np.interp(at, length, vertices[:, axis]) for axis in (0, 1)], axis=1)


def within(
    vertices: npt.NDArray[np.float64], shape: tuple[int, int]
) -> npt.NDArray[np.float64] | None:
    """Cut a line where the plane ends.

    Parameters
    ----------
    vertices : (N, 2) array
    shape : (H, W)

    Returns
    -------
    (M, 2) array or None
        Its longest piece on the plane; None where it is beyond it.

    Examples
    --------
    >>> within(np.array([(2.0, 3.0), (2.0, 9.0), (8.0, 9.0)]), (5, 5)).tolist()
    [[2.0, 3.0], [2.0, 4.5]]
    >>> within(np.array([(-2.0, 1.0), (1.0, -2.0)]), (5, 5)) is None  # beyond a corner
    True
    """
    last = np.array(shape) - 0.5
    pieces: list[list[npt.NDArray[np.float64]]] = []
    for start, stop in pairwise(vertices):
        way = stop - start
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.sort([(-0.5 - start) / way, (last - start) / way], axis=0)
        level = way == 0  # along the other axis: it is on all of the way, or nowhere
        beside = level & ((start < -0.5) | (start > last))
        shares[:, level] = [[0.0], [1.0]]
        enters, leaves = max(0.0, shares[0].max()), min(1.0, shares[1].min())
        if beside.any() or enters >= leaves:
            continue
        ends = [(start + share * way).clip(-0.5, last) for share in (enters, leaves)]
        if pieces and np.array_equal(pieces[-1][-1], ends[0]):
            pieces[-1].append(ends[1])
        else:
            pieces.append(ends)
    lengths = [np.linalg.norm(np.diff(piece, axis=0), axis=1).sum() for piece in pieces]
    return np.array(pieces[int(np.argmax(lengths))]) if pieces else None


def brushed(
    region: Region,
    path: npt.NDArray[np.float64],
    size: float,
    shape: tuple[int, int],
    *,
    erase: bool = False,
) -> Region:
    """Paint on a region with a round brush, or erase from it.

    Parameters
    ----------
    region : Region
    path : (N, 2) array
        Where the middle of the brush went, ``(row, column)``.
    size : float
        Diameter of the brush, in pixels: a pixel is painted when its centre is not farther than
        half of it from the path. The pixels on the path itself always are.
    shape : (H, W)
        Of the plane, beyond which nothing is painted.
    erase : bool

    Returns
    -------
    Region

    Examples
    --------
    >>> dot = brushed(Region(np.zeros((0, 0), bool)), np.array([(2.0, 2.0)]), 3, (5, 5))
    >>> dot.mask.astype(int)
    array([[1, 1, 1],
           [1, 1, 1],
           [1, 1, 1]])
    >>> brushed(dot, np.array([(2.0, 1.0)]), 1, (5, 5), erase=True).area
    8
    """
    reach = max(size / 2, 0.5**0.5)
    low = np.maximum(np.floor(path.min(axis=0) - reach), 0).astype(int)
    high = np.minimum(np.ceil(path.max(axis=0) + reach) + 1, shape).astype(int)
    if (low >= high).any():
        return region
    rows, columns = (np.arange(*ends, dtype=float) for ends in zip(low, high, strict=True))
    near = np.zeros((len(rows), len(columns)), dtype=bool)
    starts, stops = (path, path) if len(path) == 1 else (path[:-1], path[1:])
    for start, stop in zip(starts, stops, strict=True):
        near |= _within(rows[:, None], columns[None], start, stop, reach)
    painted = Region.of(near, *map(int, low))
    r0, c0, r1, c1 = box_of([region, painted]) or (0, 0, 1, 1)
    before, stroke = (one.on((r1 - r0, c1 - c0), r0, c0) for one in (region, painted))
    return Region.of(before & ~stroke if erase else before | stroke, r0, c0)


def _within(
    rows: npt.NDArray[np.float64],
    columns: npt.NDArray[np.float64],
    start: npt.NDArray[np.float64],
    stop: npt.NDArray[np.float64],
    reach: float,
) -> npt.NDArray[np.bool_]:
    """Tell which pixel centres are not farther than ``reach`` from a straight line."""
    way = stop - start
    length = float(way @ way)
    along_it = (rows - start[0]) * way[0] + (columns - start[1]) * way[1]
    share = np.clip(along_it / length, 0, 1) if length else np.zeros(along_it.shape)
    down, right = rows - start[0] - share * way[0], columns - start[1] - share * way[1]
    near: npt.NDArray[np.bool_] = down**2 + right**2 <= reach**2
    return near
