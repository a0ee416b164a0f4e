"""Names of SAM 2's weights: as Meta published them, in ``transformers``, and in Segment Anything.

References
----------
Ravi et al., SAM 2: Segment Anything in Images and Videos, ICLR 2025.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from napari_sam.models.weights import State

Rules = Sequence[tuple[str, str]]

#: From Meta's names to those of ``transformers``, one after the other.
_PUBLISHED: Rules = (
    (r"^sam_prompt_encoder\.pe_layer\.positional_encoding_gaussian_matrix$", "@places"),
    (r"^sam_prompt_encoder\.mask_downscaling\.0\.", "prompt_encoder.mask_embed.conv1."),
    (r"^sam_prompt_encoder\.mask_downscaling\.1\.", "prompt_encoder.mask_embed.layer_norm1."),
    (r"^sam_prompt_encoder\.mask_downscaling\.3\.", "prompt_encoder.mask_embed.conv2."),
    (r"^sam_prompt_encoder\.mask_downscaling\.4\.", "prompt_encoder.mask_embed.layer_norm2."),
    (r"^sam_prompt_encoder\.mask_downscaling\.6\.", "prompt_encoder.mask_embed.conv3."),
    (r"^sam_prompt_encoder\.point_embeddings\.", "@point_"),
    (r"^sam_prompt_encoder\.", "prompt_encoder."),
    (r"^sam_mask_decoder\.output_upscaling\.0\.", "mask_decoder.upscale_conv1."),
    (r"^sam_mask_decoder\.output_upscaling\.1\.", "mask_decoder.upscale_layer_norm."),
    (r"^sam_mask_decoder\.output_upscaling\.3\.", "mask_decoder.upscale_conv2."),
    (r"^sam_mask_decoder\.", "mask_decoder."),
    (r"^image_encoder\.trunk\.patch_embed\.proj\.", "@patch."),
    (r"^image_encoder\.trunk\.", "vision_encoder.backbone."),
    (r"^image_encoder\.neck\.convs\.(\d+)\.conv\.", r"vision_encoder.neck.convs.\1."),
    (r"^memory_encoder\.mask_downsampler\.encoder\.", "@mask_"),
    (r"^memory_encoder\.pix_feat_proj\.", "memory_encoder.feature_projection."),
    (r"^memory_encoder\.out_proj\.", "memory_encoder.projection."),
    (r"^memory_encoder\.fuser\.", "memory_encoder.memory_fuser."),
    (r"\.gamma$", ".scale"),
    (r"\.dwconv\.", ".depthwise_conv."),
    (r"\.pwconv(\d)\.", r".pointwise_conv\1."),
    (r"^obj_ptr_proj\.", "object_pointer_proj."),
    (r"^obj_ptr_tpos_proj\.", "temporal_positional_encoding_projection_layer."),
    (r"^maskmem_tpos_enc$", "memory_temporal_positional_encoding"),
    (r"^no_obj_ptr$", "no_object_pointer"),
    (r"^no_obj_embed_spatial$", "occlusion_spatial_embedding_parameter"),
    (r"^no_mem_embed$", "no_memory_embedding"),
    (r"^no_mem_pos_enc$", "no_memory_positional_encoding"),
    (r"\.out_proj\.", ".o_proj."),
    (r"\.norm(\d?)\.", r".layer_norm\1."),
    (r"\.norm_final_attn\.", ".layer_norm_final_attn."),
    (r"^@patch\.", "vision_encoder.backbone.patch_embed.projection."),
)
#: Whose layers are called ``proj_in``, ``layers``, ``proj_out`` in ``transformers``.
_PERCEPTRONS = re.compile(
    r"^(.*(?:\.mlp|_mlps\.\d+|_head|object_pointer_proj))\.layers\.(\d+)\.(weight|bias)$"
)
_DOWN = re.compile(r"^@mask_(\d+)\.(weight|bias)$")

#: From the names of ``transformers`` to those of Segment Anything's modules.
_PROMPTS: Rules = (
    (r"^shared_embedding\.positional_embedding$", "pe_layer.positional_encoding_gaussian_matrix"),
    (r"^mask_embed\.conv1\.", "mask_downscaling.0."),
    (r"^mask_embed\.layer_norm1\.", "mask_downscaling.1."),
    (r"^mask_embed\.conv2\.", "mask_downscaling.3."),
    (r"^mask_embed\.layer_norm2\.", "mask_downscaling.4."),
    (r"^mask_embed\.conv3\.", "mask_downscaling.6."),
)
_MASKS: Rules = (
    (r"^upscale_conv1\.", "output_upscaling.0."),
    (r"^upscale_layer_norm\.", "output_upscaling.1."),
    (r"^upscale_conv2\.", "output_upscaling.3."),
    (r"\.o_proj\.", ".out_proj."),
    (r"\.layer_norm(\d)\.", r".norm\1."),
    (r"\.layer_norm_final_attn\.", ".norm_final_attn."),
    (r"\.mlp\.proj_in\.", ".mlp.lin1."),
    (r"\.mlp\.proj_out\.", ".mlp.lin2."),
    (r"^(.*(?:_mlps\.\d+|_head))\.layers\.0\.", r"\1.layers.1."),
    (r"^(.*(?:_mlps\.\d+|_head))\.proj_in\.", r"\1.layers.0."),
    (r"^(.*(?:_mlps\.\d+|_head))\.proj_out\.", r"\1.layers.2."),
)


def renamed(name: str, rules: Rules) -> str:
    """Apply rules to a name, one after the other."""
    for pattern, new in rules:
        name = re.sub(pattern, new, name)
    return name


def to_transformers(state: Mapping[str, Tensor]) -> State:
    """Give weights of Meta's files the names that they have in ``transformers``.

    Examples
    --------
    >>> state = {"sam_mask_decoder.iou_prediction_head.layers.2.bias": torch.zeros(4)}
    >>> list(to_transformers(state))
    ['mask_decoder.iou_prediction_head.proj_out.bias']
    """
    new = {renamed(name, _PUBLISHED): value for name, value in state.items()}
    layers: dict[str, int] = {}
    for name in new:
        if match := _PERCEPTRONS.match(name):
            layers[match[1]] = max(layers.get(match[1], 0), int(match[2]))
    found: State = {}
    for name, value in new.items():
        if match := _PERCEPTRONS.match(name):
            number, last = int(match[2]), layers[match[1]]
            inner = {0: "proj_in", last: "proj_out"}.get(number, f"layers.{number - 1}")
            name = f"{match[1]}.{inner}.{match[3]}"
        elif match := _DOWN.match(name):
            name = f"memory_encoder.mask_downsampler.{_downsampling(int(match[1]))}.{match[2]}"
        found[name] = value
    points = [found.pop(f"@point_{i}.weight", None) for i in range(4)]
    if all(point is not None for point in points):
        found["prompt_encoder.point_embed.weight"] = torch.cat([p for p in points if p is not None])
    places = found.pop("@places", None)
    if places is not None:
        found["prompt_encoder.shared_embedding.positional_embedding"] = places
        found["shared_image_embedding.positional_embedding"] = places
    return found


def _downsampling(number: int) -> str:
    """Name a step of the mask's way to a memory; three make a layer, the fourth has no weights."""
    layer, part = divmod(number, 3)
    if layer == 4:
        return "final_conv"
    return f"layers.{layer}.{'layer_norm' if part else 'conv'}"


def prompt_names(state: Mapping[str, Tensor]) -> State:
    """Give weights of a prompt encoder the names of Segment Anything's.

    Parameters
    ----------
    state : mapping of str to Tensor
        Of the prompt encoder alone, as in ``transformers``.
    """
    found = {renamed(name, _PROMPTS): value for name, value in state.items()}
    points = found.pop("point_embed.weight")
    for number, point in enumerate(points.split(1)):
        found[f"point_embeddings.{number}.weight"] = point
    return found


def mask_names(state: Mapping[str, Tensor]) -> State:
    """Give weights of a mask decoder the names of Segment Anything's, which has some fewer."""
    more = ("conv_s0.", "conv_s1.", "obj_score_token.", "pred_obj_score_head.")
    plain = {name: value for name, value in state.items() if not name.startswith(more)}
    return {renamed(name, _MASKS): value for name, value in plain.items()}
