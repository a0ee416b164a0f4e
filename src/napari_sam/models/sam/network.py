"""Segment Anything's network: built by ``segment_anything``, filled from a checkpoint.

``segment_anything`` is imported here only, and only when such a model is loaded.

References
----------
Kirillov et al., Segment Anything, ICCV 2023.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from napari_sam.libraries import keep_triton_out
from napari_sam.models.sam.architecture import PARTS, Architecture, Checkpoint, Decoders
from napari_sam.models.weights import State, check_fit

if TYPE_CHECKING:
    from segment_anything.modeling import Sam

# Mean and standard deviation of RGB values 0..255 that all published SAM weights expect.
PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_STD = (58.395, 57.12, 57.375)
_DECODER_HEADS = 8
Build = Callable[[Any], "Sam"]


def build(architecture: Architecture) -> Sam:
    """Build the network of an architecture; its weights are PyTorch's random ones."""
    keep_triton_out()  # segment_anything imports torchvision
    from segment_anything.modeling import ImageEncoderViT

    a = architecture
    encoder = ImageEncoderViT(
        img_size=a.image_size,
        patch_size=a.patch,
        embed_dim=a.width,
        depth=a.depth,
        num_heads=a.heads,
        mlp_ratio=a.mlp_ratio,
        out_chans=a.prompt_width,
        qkv_bias=True,
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
        use_rel_pos=True,
        window_size=a.window,
        global_attn_indexes=a.global_layers,
    )
    return around(encoder, a)


def around(encoder: torch.nn.Module, decoders: Decoders) -> Sam:
    """Put an image encoder, SAM's prompt encoder and its mask decoder together."""
    keep_triton_out()
    from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    d = decoders
    grid = d.image_size // d.patch
    transformer = TwoWayTransformer(
        depth=d.decoder_depth,
        embedding_dim=d.prompt_width,
        mlp_dim=d.decoder_mlp,
        num_heads=_DECODER_HEADS,
        attention_downsample_rate=d.decoder_downsample,
    )
    return Sam(
        image_encoder=encoder,
        prompt_encoder=PromptEncoder(
            embed_dim=d.prompt_width,
            image_embedding_size=(grid, grid),
            input_image_size=(d.image_size, d.image_size),
            mask_in_chans=d.mask_channels,
        ),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=d.masks,
            transformer=transformer,
            transformer_dim=d.prompt_width,
            iou_head_depth=d.iou_depth,
            iou_head_hidden_dim=d.iou_hidden,
        ),
        pixel_mean=list(PIXEL_MEAN),
        pixel_std=list(PIXEL_STD),
    )


def vit_network(model: object) -> Sam | None:
    """Return the network of a model that is the original SAM, with its plain ViT, or None."""
    network = getattr(model, "network", None)
    encoder = getattr(network, "image_encoder", None)
    plain = hasattr(encoder, "blocks") and hasattr(getattr(encoder, "patch_embed", None), "proj")
    more = hasattr(getattr(network, "mask_decoder", None), "hf_token")
    return network if plain and not more else None


def fill(checkpoint: Checkpoint, where: str = "The file", build: Build = build) -> Sam:
    """Build the network of a checkpoint and load its weights, in float32 on the CPU.

    Parameters
    ----------
    checkpoint : Checkpoint
    where : str
        The file's name, for messages.
    build : callable
        Builds the network of the checkpoint's architecture.

    Raises
    ------
    CheckpointError
        When weights are missing, of other shapes, or more than this network has.
    """
    state: State = {k: v for k, v in checkpoint.sam.items() if k.startswith(PARTS)}
    check_fit(lambda: build(checkpoint.architecture), state, where)
    with torch.device("meta"):  # no time for random weights that are replaced at once
        network = build(checkpoint.architecture)
    network = network.to_empty(device="cpu")
    network.load_state_dict(state, strict=False)
    network.pixel_mean = _channel(checkpoint.sam.get("pixel_mean"), PIXEL_MEAN)
    network.pixel_std = _channel(checkpoint.sam.get("pixel_std"), PIXEL_STD)
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    return network.float().eval()


def _channel(given: torch.Tensor | None, default: tuple[float, ...]) -> torch.Tensor:
    values = torch.tensor(default) if given is None else given.float().cpu()
    return values.reshape(3, 1, 1).clone()
