"""EdgeTAM networks of a few thousand weights, built by ``transformers`` and ``timm``."""

from __future__ import annotations

import copy
import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from napari_sam.models.edgetam.model import EdgeTamModel
from napari_sam.models.edgetam.network import configuration
from tiny_sam2 import SETTINGS as OF_SAM2
from tiny_sam2 import WIDTH, library, randomise

SETTINGS = {
    **{key: value for key, value in OF_SAM2.items() if key != "vision_config"},
    "model_type": "edgetam_video",
    "vision_config": {
        "backbone_config": {
            "architecture": "repvit_m1",
            "model_args": {
                "in_chans": 3,
                "features_only": True,
                "out_indices": [0, 1, 2, 3],
                "embed_dim": [8, 16, 24, 32],
                "depth": [1, 1, 2, 1],
            },
        },
        "backbone_channel_list": [32, 24, 16, 8],
        "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
        "fpn_hidden_size": WIDTH,
    },
    "memory_attention_hidden_size": WIDTH,
    "memory_attention_mlp_hidden_size": 64,
    "memory_attention_rope_k_sizes": [4, 4],
    "perceiver_resampler_num_latents": 6,
    "perceiver_resampler_num_latents_2d": 16,
    "perceiver_resampler_mlp_intermediate_size": 32,
    "enable_occlusion_spatial_embedding": False,
    "enable_temporal_pos_encoding_for_object_pointers": False,
}
SETTINGS.pop("memory_attention_feed_forward_hidden_size")


def tiny_network(seed: int = 0) -> Any:
    """Build a network with random weights everywhere."""
    found = library()
    pytest.importorskip("timm", reason="an extra")
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = found.EdgeTamVideoModel(configuration(copy.deepcopy(SETTINGS)))
    network = network.eval().requires_grad_(False)
    randomise(network)
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2.0)
    twin = network.prompt_encoder.shared_embedding.positional_embedding
    network.shared_image_embedding.positional_embedding.copy_(twin.normal_())
    return network


def save(folder: Path) -> Path:
    """Save such a network as ``transformers`` does, which would ask the network for defaults."""
    folder.mkdir()
    path = folder / "model.safetensors"
    save_file(tiny_network().state_dict(), path)
    (folder / "config.json").write_text(json.dumps(SETTINGS))
    return path


def tiny_edgetam(seed: int = 0) -> EdgeTamModel:
    """Make a model of such a network on the CPU."""
    return EdgeTamModel(tiny_network(seed), "tiny edge", "cpu", f"{seed}" * 64)
