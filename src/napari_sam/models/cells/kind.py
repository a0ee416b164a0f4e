"""What kind of images a model was taught on, so that it sees all others as before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt
import torch

from napari_sam.models.cells.network import CellsNetwork
from napari_sam.models.cells.reading import OBJECT, STRIDE, clip_zoom, sampled
from napari_sam.models.cells.size import middle
from napari_sam.models.cells.windows import Pyramid

__all__ = ["Kind", "look_of"]

#: Likeness from which a plane is of the kind.
ALIKE = 0.6

Look = tuple[npt.NDArray[np.float32], ...]


@dataclass(frozen=True, eq=False)
class Kind:
    """The kind of images that a model was taught on.

    Parameters
    ----------
    diameter : float
        Of the objects, in pixels: planes are looked at so that such objects suit the network.
    looks : tuple of (n, C) float32
        Of images of this kind, by stage, see `look_of`.
    others : tuple of (m, C) float32
        Of images of many kinds: what is like all of them says nothing.
    """

    diameter: float
    looks: Look
    others: Look

    @classmethod
    def of(cls, diameter: float, looks: Sequence[Look], others: Sequence[Look]) -> Kind:
        """Make it of what `look_of` returned of images of this kind and of others."""
        gathered = (tuple(map(np.stack, zip(*some, strict=True))) for some in (looks, others))
        return cls(diameter, *gathered)

    def likeness(self, look: Look) -> float:
        """Tell how like the kind a plane looks: 1 like one of its images, 0 like any, or less.

        Of every stage, twice the product of what is unusual in both, over the sum of the squares.

        Examples
        --------
        >>> others = np.array([[0, 0], [2, 2]], np.float32)
        >>> kind = Kind(20.0, (np.array([[3, 1]], np.float32),), (others,))
        >>> [round(kind.likeness((np.array(look, np.float32),)), 2) for look in ([3, 1], [1, 3])]
        [1.0, 0.0]
        """
        stages = []
        for mine, theirs, others in zip(look, self.looks, self.others, strict=True):
            usual, spread = others.mean(0), others.std(0)
            spread = spread + 0.1 * spread.mean() + 1e-9
            mine, theirs = (mine - usual) / spread, (theirs - usual) / spread
            power = (mine**2).sum() + (theirs**2).sum(1)
            stages.append(2 * (theirs @ mine) / np.maximum(power, 1e-9))
        return float(np.mean(stages, axis=0).max())

    def has(self, network: CellsNetwork, pyramid: Pyramid) -> bool:
        """Whether a plane is of this kind, seen by the network before it was taught."""
        return self.likeness(look_of(network, pyramid, self.diameter)) >= ALIKE


@torch.inference_mode()
def look_of(network: CellsNetwork, pyramid: Pyramid, diameter: float) -> Look:
    """Say what the middle of a plane looks like, whatever is where on it.

    Parameters
    ----------
    network : CellsNetwork
        Its encoder's way down is asked.
    pyramid : Pyramid
    diameter : float
        Of the objects to be expected, in plane pixels.

    Returns
    -------
    tuple of (C,) float32
        Means of the maps of every stage.
    """
    zoom = clip_zoom(OBJECT / diameter)
    part = middle(pyramid.shape, zoom)
    sides = STRIDE * (part[2] - part[0]), STRIDE * (part[3] - part[1])
    means = []
    for level, seen in enumerate(
        network.image_encoder.stages(sampled(network, pyramid, part, zoom))
    ):
        # What lies beyond the plane is black and would count.
        rows, columns = (ceil(side / 2 ** (level + 1)) for side in sides)
        means.append(seen[0, :, :rows, :columns].float().mean((1, 2)).cpu().numpy())
    return tuple(means)
