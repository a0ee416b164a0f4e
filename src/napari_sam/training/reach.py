"""How far the maps of a network's layers reach on images of all kinds: what 8 bits have to hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_sam.contrast import contrast_limits, normalise
from napari_sam.models.cells.network import CellsNetwork, Ranges
from napari_sam.models.cells.walk import ranges_of
from napari_sam.models.cells.windows import Pyramid
from napari_sam.training.synthetic import KINDS, generate

__all__ = ["measured_ranges"]

SEED = 5000
SIDE = 128
#: Objects of generated images are about as large as the network wants them, or half of that.
ZOOMS = (1.0, 0.5)


def measured_ranges(checkpoint: dict[str, Any]) -> Ranges:
    """Measure the ranges of a checkpoint's averaged weights on a generated image of every kind.

    Parameters
    ----------
    checkpoint : dict
        From :func:`~napari_sam.training.checkpoints.load_checkpoint`.
    """
    network = CellsNetwork.of(checkpoint["config"])
    # As an exported file holds them.
    network.load_state_dict(
        {
            name: tensor.half().float() if tensor.ndim > 1 else tensor
            for name, tensor in checkpoint["ema"].items()
        }
    )
    network.eval().fold_norms()
    found = ranges_of(network, [window for kind in KINDS for window in _windows(kind)])
    return {name: (round(low, 3), round(high, 3)) for name, (low, high) in found.items()}


def _windows(kind: str) -> list[Tensor]:
    image = np.asarray(generate(kind, SEED, (SIDE, SIDE)).image)
    pyramid = Pyramid.of(normalise(image, contrast_limits(image)), "cpu")
    edges = (-0.5, -0.5, SIDE - 0.5, SIDE - 0.5)
    sides = [round(SIDE * zoom) for zoom in ZOOMS]
    return [pyramid.sample(edges, (side, side)).to(torch.float32) for side in sides]
