"""SAM networks of a few thousand weights, built by ``segment_anything`` itself."""

from __future__ import annotations

from typing import Any

import torch

from napari_sam.models.sam.architecture import Architecture
from napari_sam.models.sam.model import SamModel
from napari_sam.models.sam.network import build

torch.set_num_threads(1)  # so small that threads would only wait for each other

# Windows that do not divide the grid of 8, so that there is padding; one global layer.
TINY = Architecture(
    image_size=128,
    patch=16,
    width=32,
    depth=3,
    heads=2,
    mlp_ratio=2.0,
    window=3,
    global_layers=(1,),
    prompt_width=32,
    mask_channels=8,
    masks=3,
    decoder_depth=2,
    decoder_mlp=64,
    decoder_downsample=2,
    iou_depth=3,
    iou_hidden=16,
)


def tiny_network(seed: int = 0) -> Any:
    """Build a network with random weights everywhere: position tables too, which begin as 0."""
    torch.manual_seed(seed)
    network = build(TINY).eval()
    with torch.no_grad():
        for name, weight in network.named_parameters():
            # Strong position tables and lively activations, so that any mistake shows.
            scale = 1.0 if "rel_pos" in name or "pos_embed" in name else 0.3
            torch.nn.init.normal_(weight, std=scale)
            if "norm" in name and name.endswith("weight"):
                weight += 1.0
    return network


def tiny_sam(seed: int = 0) -> SamModel:
    """Make a model of such a network on the CPU."""
    return SamModel(tiny_network(seed), "tiny", "cpu", f"{seed}" * 64)
