"""HQ-SAM's mask decoder: the weights that it has beside those of Segment Anything's.

References
----------
Ke et al., Segment Anything in High Quality, NeurIPS 2023.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from segment_anything.modeling import Sam


def add_detail(network: Sam, early_width: int) -> Sam:
    """Give a SAM's mask decoder what HQ-SAM adds to it, with PyTorch's random weights.

    Parameters
    ----------
    network : segment_anything.modeling.Sam
        Changed in place.
    early_width : int
        Channels of the early layer of the image encoder.
    """
    from segment_anything.modeling.common import LayerNorm2d
    from segment_anything.modeling.mask_decoder import MLP

    module: Any = network.mask_decoder
    width = module.transformer_dim
    fine = width // 8
    module.hf_token = nn.Embedding(1, width)
    module.hf_mlp = MLP(width, width, fine, 3)
    module.compress_vit_feat = nn.Sequential(
        nn.ConvTranspose2d(early_width, width, 2, 2),
        LayerNorm2d(width),
        nn.GELU(),
        nn.ConvTranspose2d(width, fine, 2, 2),
    )
    module.embedding_encoder = nn.Sequential(
        nn.ConvTranspose2d(width, width // 4, 2, 2),
        LayerNorm2d(width // 4),
        nn.GELU(),
        nn.ConvTranspose2d(width // 4, fine, 2, 2),
    )
    module.embedding_maskfeature = nn.Sequential(
        nn.Conv2d(fine, width // 4, 3, padding=1),
        LayerNorm2d(width // 4),
        nn.GELU(),
        nn.Conv2d(width // 4, fine, 3, padding=1),
    )
    return network


def early_width(state: dict[str, torch.Tensor]) -> int:
    """Read off the weights how many channels the early layer has."""
    return int(state["mask_decoder.compress_vit_feat.0.weight"].shape[0])
