"""Logits of a model's answer on the pixels of the plane."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_sam.prompts import Window as Edges

Map = npt.NDArray[np.float32]

OUTSIDE = -8.0  # where an answer does not reach


def spread(logits: Map, edges: Edges, shape: tuple[int, int]) -> Map:
    """Interpolate logits (h, w) that cover a region, linearly, to the pixels of a plane.

    Parameters
    ----------
    logits : (h, w) float32
    edges : (r0, c0, r1, c1)
        What they cover, in pixels of the plane; -0.5 is the outer edge of its first pixel.
    shape : (H, W)

    Returns
    -------
    (H, W) float32
        `OUTSIDE` where the answer does not reach.

    Examples
    --------
    >>> spread(np.array([[1.0, 3.0]], np.float32), (-0.5, -0.5, 0.5, 3.5), (1, 5)).tolist()
    [[1.0, 1.5, 2.5, 3.0, -8.0]]
    """
    down, tall = _weights(edges[0], edges[2], logits.shape[0], shape[0])
    along, wide = _weights(edges[1], edges[3], logits.shape[1], shape[1])
    found = np.asarray(down @ logits @ along.T, np.float32)
    found[~tall] = OUTSIDE
    found[:, ~wide] = OUTSIDE
    return found


def _weights(low: float, high: float, count: int, pixels: int) -> tuple[Map, npt.NDArray[np.bool_]]:
    """Return what each map pixel contributes to each pixel, and which pixels are covered."""
    at = (np.arange(pixels) - low) / (high - low) * count - 0.5
    covered = (at > -0.5) & (at < count - 0.5)
    at = np.clip(at, 0, count - 1)
    before = np.minimum(at.astype(np.intp), max(count - 2, 0))
    after = np.minimum(before + 1, count - 1)
    weights = np.zeros((pixels, count), np.float32)
    rows = np.arange(pixels)
    weights[rows, before] += 1 - (at - before)
    weights[rows, after] += at - before
    return weights, covered
