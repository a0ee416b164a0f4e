"""Windows: squares re-sampled from a plane at any zoom, and logits pasted back into it.

Two frames meet here. The plane counts pixels with their centres on whole numbers; a window
counts its own pixels from its corner, with centres on halves, as its network does.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log2

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from napari_sam.prompts import Window as Edges


@dataclass(frozen=True)
class Pyramid:
    """A normalised plane at zooms 1, 1/2, 1/4 and 1/8.

    Parameters
    ----------
    levels : tuple of Tensor
        Each (1, C, h, w) float32; C is 1 or 3.
    shape : (H, W)
        Size of the plane.
    """

    levels: tuple[Tensor, ...]
    shape: tuple[int, int]

    @classmethod
    def of(cls, image: npt.NDArray[np.float32], device: str) -> Pyramid:
        """Build from a normalised plane (H, W) or (H, W, 3) with values in [0, 1]."""
        channels = image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0)
        level = torch.from_numpy(np.ascontiguousarray(channels))[None].to(device)
        levels = [level]
        while len(levels) < 4 and min(level.shape[-2:]) >= 32:
            level = F.avg_pool2d(level, 2)
            levels.append(level)
        return cls(tuple(levels), (image.shape[0], image.shape[1]))

    @property
    def nbytes(self) -> int:
        """Memory of all levels."""
        return sum(level.numel() * level.element_size() for level in self.levels)

    def sample(self, edges: Edges, size: tuple[int, int]) -> Tensor:
        """Re-sample a region to ``size`` pixels, black where it reaches beyond the plane.

        Parameters
        ----------
        edges : (r0, c0, r1, c1)
            The region in plane pixels; -0.5 is the outer edge of the first pixel.
        size : (h, w)
            Pixels of the result.

        Returns
        -------
        (1, C, h, w) Tensor
        """
        zoom = size[0] / (edges[2] - edges[0])
        # The 2x2 means of a coarser level stand in for an anti-aliasing filter.
        depth = min(len(self.levels) - 1, max(0, floor(log2(1 / zoom) + 0.35)))
        level = self.levels[depth]
        grid, inside = _grid(edges, size, self.shape, level.device)
        found = F.grid_sample(level, grid, padding_mode="border", align_corners=False)
        return found * inside


def _grid(
    edges: Edges, size: tuple[int, int], shape: tuple[int, int], device: torch.device
) -> tuple[Tensor, Tensor]:
    """Sampling positions in [-1, 1] of a region, and where they lie inside the plane."""
    axes, within = [], []
    for low, high, count, length in (
        (edges[0], edges[2], size[0], shape[0]),
        (edges[1], edges[3], size[1], shape[1]),
    ):
        step = (high - low) / count
        position = low + 0.5 + (torch.arange(count, device=device) + 0.5) * step
        axes.append(position * (2 / length) - 1)
        within.append((position > 0) & (position < length))
    rows, columns = torch.meshgrid(*axes, indexing="ij")
    inside = within[0][:, None] & within[1][None]
    return torch.stack([columns, rows], dim=-1)[None], inside.float()[None, None]


def square(centre: tuple[float, float], zoom: float, size: int) -> Edges:
    """Return the edges of a window of ``size`` pixels around a plane position."""
    half = size / zoom / 2
    return centre[0] - half, centre[1] - half, centre[0] + half, centre[1] + half


def to_window(points: npt.NDArray[np.float64], edges: Edges, size: int) -> Tensor:
    """Convert plane (row, column) points (N, 2) to window (x, y) with centres on halves."""
    zoom = size / (edges[2] - edges[0])
    moved = (points - np.array(edges[:2])) * zoom
    return torch.from_numpy(moved[:, ::-1].astype(np.float32).copy())


def resample(
    logits: Tensor, source: Edges, target: Edges, size: tuple[int, int], outside: float
) -> Tensor:
    """Re-sample maps (..., h, w) that cover one region of the plane onto another region.

    Parameters
    ----------
    outside : float
        Value where the target reaches beyond the source.
    """
    if source == target and tuple(logits.shape[-2:]) == size:
        return logits
    height, width = source[2] - source[0], source[3] - source[1]
    # Positions measured from the source's own corner, in units of its pixels.
    scale = logits.shape[-2] / height, logits.shape[-1] / width
    moved = (
        (target[0] - source[0]) * scale[0] - 0.5,
        (target[1] - source[1]) * scale[1] - 0.5,
        (target[2] - source[0]) * scale[0] - 0.5,
        (target[3] - source[1]) * scale[1] - 0.5,
    )
    grid, inside = _grid(moved, size, (logits.shape[-2], logits.shape[-1]), logits.device)
    flat = logits.reshape(1, -1, *logits.shape[-2:]).float()
    found = F.grid_sample(flat, grid, padding_mode="border", align_corners=False)
    found = torch.where(inside > 0, found, torch.as_tensor(outside, device=found.device))
    return found.reshape(*logits.shape[:-2], *size)


def paste(
    logits: Tensor, edges: Edges, shape: tuple[int, int]
) -> tuple[npt.NDArray[np.bool_], tuple[int, int]]:
    """Threshold logits (K, h, w) of a window at 0, on the pixels of the plane that it covers.

    Returns
    -------
    masks : (K, rows, columns) bool
    corner : (int, int)
        Row and column of the plane where they begin.
    """
    r0, c0 = max(0, floor(edges[0] + 0.5)), max(0, floor(edges[1] + 0.5))
    r1, c1 = min(shape[0], ceil(edges[2] + 0.5)), min(shape[1], ceil(edges[3] + 0.5))
    if r1 <= r0 or c1 <= c0:  # beside the plane
        return np.zeros((len(logits), 1, 1), dtype=bool), (0, 0)
    region = (r0 - 0.5, c0 - 0.5, r1 - 0.5, c1 - 0.5)
    found = resample(logits, edges, region, (r1 - r0, c1 - c0), outside=-1.0)
    return (found > 0).cpu().numpy(), (r0, c0)
