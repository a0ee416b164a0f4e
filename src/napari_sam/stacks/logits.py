"""Logits of a model's answer on the pixels of the plane."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_sam.prompts import Window as Edges
from napari_sam.stacks.flow import looked_up

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
    rows, tall = _places(edges[0], edges[2], logits.shape[0], shape[0])
    columns, wide = _places(edges[1], edges[3], logits.shape[1], shape[1])
    # Not by a matrix product of numpy: the threads of its library wait by running, and take the
    # cores from those of torch.
    maps = torch.from_numpy(np.array(logits, np.float32))[None]
    found: Map = looked_up(maps, rows[:, None], columns)[0].numpy()
    found[~tall] = OUTSIDE
    found[:, ~wide] = OUTSIDE
    return found


def _places(
    low: float, high: float, count: int, pixels: int
) -> tuple[Tensor, npt.NDArray[np.bool_]]:
    """Return where each pixel lies on the map, and which pixels are covered."""
    at = (torch.arange(pixels) - low) * (count / (high - low)) - 0.5
    return at, ((at >= -0.5) & (at <= count - 0.5)).numpy()
