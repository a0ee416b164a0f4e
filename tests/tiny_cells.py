"""A model of the embedded kind with a tiny network, trained by nobody."""

from __future__ import annotations

import torch

from napari_sam.models.cells.model import CellsModel
from napari_sam.models.cells.network import LIGHT, CellsNetwork
from napari_sam.training.tuning import Recipe

#: Small windows and few images: a step takes milliseconds.
QUICK = Recipe(windows=2, size=64, prompts=1, generated=2, checked=1)


def tiny_network(light: bool = False, seed: int = 0) -> CellsNetwork:
    """Make a network with random weights and with statistics of batches that are not trivial."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = CellsNetwork((8, 8, 16, 16, 16), **({**LIGHT} if light else {}))
        network.train()
        with torch.no_grad():
            for _ in range(3):
                features = network.encode(torch.rand(2, 3, 64, 64))
                network.instances(features)
                network.sizes(features)
    return network.eval()


def tiny_model(light: bool = False, seed: int = 0) -> CellsModel:
    network = tiny_network(light, seed)
    network.fold_norms()
    model = CellsModel(network.requires_grad_(False), "tiny", "cpu", f"tiny:{seed}")
    model.licence = "CC0-1.0"
    return model
