"""From the pixels of a model's maps to those of the plane."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Map = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]


def enlarge(
    values: Map,
    shape: tuple[int, int],
    scale: tuple[float, float],
    origin: tuple[float, float] = (0.0, 0.0),
) -> Map:
    """Interpolate a map to the pixels of the plane, linearly; constant beyond its last pixels.

    Parameters
    ----------
    values : (h, w) float32
    shape : (H, W)
        Size of the plane.
    scale : (float, float)
        Plane pixels per map pixel, down and along.
    origin : (float, float)
        Where the first map pixel begins, in plane pixels.
    """
    (r0, r1, down), (c0, c1, along) = _neighbours(values.shape, shape, scale, origin)
    tall = values[r0] + (values[r1] - values[r0]) * down[:, None]
    left = tall.take(c0, axis=1)
    result: Map = tall.take(c1, axis=1)
    result -= left
    result *= along
    result += left
    return result


def enlarge_labels(
    labels: Labels,
    shape: tuple[int, int],
    scale: tuple[float, float],
    inside: npt.NDArray[np.bool_],
    origin: tuple[float, float] = (0.0, 0.0),
) -> Labels:
    """Bring labels to the pixels of the plane: each goes to the object that weighs most there.

    Each object is interpolated like a grey image, so borders between neighbours run smoothly
    where one map pixel covers many pixels of the plane. Background weighs nothing: how far out
    an object reaches is for `inside` to say.

    Parameters
    ----------
    labels : (h, w) int32
    shape : (H, W)
        Size of the plane.
    scale : (float, float)
        Plane pixels per map pixel, down and along.
    inside : (H, W) bool
        Pixels that may belong to an object.
    origin : (float, float)
        Where the first map pixel begins, in plane pixels.
    """
    (r0, r1, down), (c0, c1, along) = _neighbours(labels.shape, shape, scale, origin)
    full = labels[r0].take(c0, axis=1)
    # Squares of four map pixels that do not agree are few; only plane pixels in them are work.
    mixed = np.zeros(labels.shape, dtype=bool)
    across = labels[:, :-1] != labels[:, 1:]
    mixed[:, :-1] |= across
    mixed[:-1, :-1] |= across[1:]
    mixed[:-1] |= labels[:-1] != labels[1:]
    work = np.flatnonzero(mixed[r0].take(c0, axis=1) & inside)
    rows, columns = np.divmod(work, shape[1])
    top, bottom, left, right = r0[rows], r1[rows], c0[columns], c1[columns]
    corners = (labels[top, left], labels[top, right], labels[bottom, left], labels[bottom, right])
    y, x = down[rows], along[columns]
    weights = ((1 - y) * (1 - x), (1 - y) * x, y * (1 - x), y * x)
    best = np.zeros(len(rows), dtype=np.int32)
    most = np.zeros(len(rows), dtype=np.float32)
    for corner in corners:
        weight = np.zeros(len(rows), dtype=np.float32)
        for other, amount in zip(corners, weights, strict=True):
            weight += np.where(other == corner, amount, 0)
        wins = (weight > most) & (corner > 0)
        best = np.where(wins, corner, best)
        most = np.where(wins, weight, most)
    full.ravel()[work] = best
    full[~inside] = 0
    return full


def _neighbours(
    size: tuple[int, ...],
    shape: tuple[int, int],
    scale: tuple[float, float],
    origin: tuple[float, float],
) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Map]]:
    """For rows and columns: the map pixels before and after each plane pixel, and how far."""
    axes = []
    for count, side, step, start in zip(size, shape, scale, origin, strict=True):
        position = np.clip((np.arange(side) + 0.5 - start) / step - 0.5, 0, count - 1)
        before = position.astype(np.intp)
        after = np.minimum(before + 1, count - 1)
        axes.append((before, after, (position - before).astype(np.float32)))
    return axes
