"""SAM 2 networks of a few thousand weights, built by ``transformers`` itself."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import pytest
import torch

from napari_sam.models.sam2.model import Sam2Model
from napari_sam.models.sam2.network import configuration

WIDTH = 128
SETTINGS = {
    "model_type": "sam2_video",
    "image_size": 128,
    "vision_config": {
        "backbone_config": {
            "hidden_size": 8,
            "image_size": [128, 128],
            "embed_dim_per_stage": [8, 16, 32, 64],
            "blocks_per_stage": [1, 1, 2, 1],
            "num_attention_heads_per_stage": [1, 2, 4, 8],
            "window_size_per_stage": [8, 4, 6, 2],
            "global_attention_blocks": [3],
        },
        "backbone_channel_list": [64, 32, 16, 8],
        "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
        "fpn_hidden_size": WIDTH,
    },
    "prompt_encoder_config": {"hidden_size": WIDTH, "image_size": 128, "mask_input_channels": 8},
    "mask_decoder_config": {"hidden_size": WIDTH, "mlp_dim": 64, "iou_head_hidden_dim": 16},
    "memory_attention_hidden_size": WIDTH,
    "memory_attention_num_layers": 2,
    "memory_attention_feed_forward_hidden_size": 64,
    "memory_attention_rope_feat_sizes": [8, 8],
    "memory_encoder_hidden_size": WIDTH,
    "memory_encoder_output_channels": 64,
    "mask_downsampler_embed_dim": WIDTH,
    "memory_fuser_embed_dim": WIDTH,
    "memory_fuser_intermediate_dim": 64,
}


def library() -> Any:
    """Import ``transformers``; skips the test where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("transformers", minversion="5.0", reason="an extra")


def tiny_network(seed: int = 0, **changes: Any) -> Any:
    """Build a network with random weights everywhere, embeddings of places too."""
    found = library()
    torch.manual_seed(seed)
    config = configuration({**copy.deepcopy(SETTINGS), **changes})
    network = found.Sam2VideoModel(config).eval().requires_grad_(False)
    randomise(network)
    twin = network.prompt_encoder.shared_embedding.positional_embedding
    network.shared_image_embedding.positional_embedding.copy_(twin.normal_())
    return network


@torch.no_grad()
def randomise(network: Any) -> None:
    """Give all weights random values of a sensible size."""
    for name, weight in network.state_dict().items():
        if not weight.is_floating_point():
            continue
        spread = 0.5 if weight.dim() < 2 else 1.5 * weight[0].numel() ** -0.5
        torch.nn.init.normal_(weight, std=min(spread, 0.5))
        if "norm" in name and name.endswith("weight"):
            weight += 1.0


def tiny_sam2(seed: int = 0) -> Sam2Model:
    """Make a model of such a network on the CPU."""
    return Sam2Model(tiny_network(seed), "tiny 2", "cpu", f"{seed}" * 64)
