"""SAM 3 networks of a few thousand weights, built by ``transformers`` itself."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from tiny_sam2 import library, randomise

WIDTH = 128
SIDE = 112
_VISION = {
    "backbone_config": {
        "model_type": "sam3_vit_model",
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "image_size": SIDE,
        "window_size": 4,
        "global_attn_indexes": [1],
        "pretrain_image_size": 56,
    },
    "fpn_hidden_size": WIDTH,
    "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
}
_PART = {"hidden_size": WIDTH, "intermediate_size": 48, "num_attention_heads": 2, "num_layers": 2}
SETTINGS = {
    "model_type": "sam3_video",
    "detector_config": {
        "vision_config": {**_VISION, "model_type": "sam3_vision_model"},
        "text_config": {
            "model_type": "clip_text_model",
            "vocab_size": 600,
            "hidden_size": 32,
            "intermediate_size": 48,
            "projection_dim": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "max_position_embeddings": 32,
            "hidden_act": "gelu",
            "bos_token_id": 0,
            "eos_token_id": 1,
        },
        "geometry_encoder_config": dict(_PART),
        "detr_encoder_config": dict(_PART),
        "detr_decoder_config": {**_PART, "num_queries": 12},
        "mask_decoder_config": {"hidden_size": WIDTH, "num_attention_heads": 2},
    },
    "tracker_config": {
        "vision_config": {**_VISION, "model_type": "sam3_vision_model"},
        "image_size": SIDE,
        "prompt_encoder_config": {
            "hidden_size": WIDTH,
            "image_size": SIDE,
            "mask_input_channels": 8,
        },
        "mask_decoder_config": {"hidden_size": WIDTH, "mlp_dim": 64, "iou_head_hidden_dim": 16},
        "memory_attention_hidden_size": WIDTH,
        "memory_attention_num_layers": 2,
        "memory_attention_feed_forward_hidden_size": 64,
        "memory_attention_rope_feat_sizes": [8, 8],
        "memory_encoder_hidden_size": WIDTH,
        "mask_downsampler_embed_dim": WIDTH,
        "memory_fuser_embed_dim": WIDTH,
        "memory_fuser_intermediate_dim": 64,
    },
}


def tiny_network(seed: int = 0) -> Any:
    """Build a network with random weights everywhere, embeddings of places too."""
    found = library()
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what the library imports
        config = found.Sam3VideoConfig(**copy.deepcopy(SETTINGS))
        network = found.Sam3VideoModel(config).eval().requires_grad_(False)
    randomise(network)
    with torch.no_grad():  # so that scores are neither all alike nor all near 0
        for weight in network.detector_model.detr_decoder.presence_head.parameters():
            weight *= 0.1
        network.detector_model.dot_product_scoring.query_proj.weight *= 0.5
    tracker = network.tracker_model
    places = tracker.prompt_encoder.shared_embedding.positional_embedding
    tracker.shared_image_embedding.positional_embedding.copy_(places.normal_())
    return network


def save(network: Any, folder: Path) -> Path:
    """Save a network as it is published, with letters as its tokens; returns the weights."""
    from tokenizers.pre_tokenizers import ByteLevel

    network.config.save_pretrained(folder)
    save_file(network.state_dict(), folder / "model.safetensors")
    letters = sorted(ByteLevel.alphabet())
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{one}</w>" for one in letters)]
    vocabulary = {word: number for number, word in enumerate(words)}
    library().CLIPTokenizer(vocab=vocabulary).save_pretrained(folder)
    return folder / "model.safetensors"
