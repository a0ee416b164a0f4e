"""Names of EdgeTAM's weights: as Meta published them, and in ``transformers``.

References
----------
Zhou et al., EdgeTAM: On-Device Track Anything Model, CVPR 2025.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from napari_sam.models.sam2.names import Rules, renamed
from napari_sam.models.sam2.names import to_transformers as as_sam2
from napari_sam.models.weights import State

_LAYER = r"^spatial_perceiver\.layers\.(\d+)\."

#: Of what EdgeTAM has beside SAM 2, one after the other.
_PUBLISHED: Rules = (
    (r"^image_encoder\.trunk\.body\.", "vision_encoder.backbone.timm_model."),
    (r"^spatial_perceiver\.latents$", "spatial_perceiver.latents_1d"),
    (_LAYER + r"attn\.norm_x\.", r"spatial_perceiver.layers.\1.layer_norm_input."),
    (_LAYER + r"attn\.norm_latents\.", r"spatial_perceiver.layers.\1.layer_norm_latents."),
    (_LAYER + r"attn\.", r"spatial_perceiver.layers.\1.cross_attention."),
    (_LAYER + r"self_attn\.norm\.", r"spatial_perceiver.layers.\1.layer_norm_self."),
    (_LAYER + r"self_attn\.", r"spatial_perceiver.layers.\1.self_attention."),
    (
        _LAYER + r"(cross|self)_attention\.to_q\.",
        r"spatial_perceiver.layers.\1.\2_attention.q_proj.",
    ),
    (
        _LAYER + r"(cross|self)_attention\.to_out\.",
        r"spatial_perceiver.layers.\1.\2_attention.o_proj.",
    ),
    (_LAYER + r"ff\.0\.", r"spatial_perceiver.layers.\1.mlp.layer_norm."),
    (_LAYER + r"ff\.1\.", r"spatial_perceiver.layers.\1.mlp.up_proj."),
    (_LAYER + r"ff\.3\.", r"spatial_perceiver.layers.\1.mlp.down_proj."),
    (r"^(memory_attention\.layers\.\d+)\.linear1\.", r"\1.mlp.up_proj."),
    (r"^(memory_attention\.layers\.\d+)\.linear2\.", r"\1.mlp.down_proj."),
)
_BOTH = ".to_kv."  # keys and values in one matrix


def to_transformers(state: Mapping[str, Tensor]) -> State:
    """Give weights of Meta's file the names that they have in ``transformers``.

    Examples
    --------
    >>> import torch
    >>> state = {"spatial_perceiver.layers.0.attn.to_kv.weight": torch.zeros(4, 2)}
    >>> {name: len(value) for name, value in to_transformers(state).items()}
    ... # doctest: +NORMALIZE_WHITESPACE
    {'spatial_perceiver.layers.0.cross_attention.k_proj.weight': 2,
     'spatial_perceiver.layers.0.cross_attention.v_proj.weight': 2}
    """
    found: State = {}
    for name, value in state.items():
        name = renamed(name, _PUBLISHED)
        if _BOTH in name:
            keys, values = value.chunk(2)
            found[name.replace(_BOTH, ".k_proj.")] = keys
            found[name.replace(_BOTH, ".v_proj.")] = values
        else:
            found[name] = value
    return as_sam2(found)
