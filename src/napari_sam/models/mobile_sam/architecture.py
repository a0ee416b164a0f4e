"""The dimensions of a SAM with TinyViT, read off the shapes of its weights."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from napari_sam.models.sam.architecture import Decoders, count, decoders, named_if_foreign, shape
from napari_sam.models.weights import State

IMAGE_SIZE = 1024  # of all that are published: no weight tells it
PATCH = 16
#: What checkpoints hold beside the encoder: TinyViT's classifier, and places of biases.
_UNUSED = re.compile(
    r"image_encoder\.(head|norm_head)\.|image_encoder\..*\.(attention_bias_idxs|ab)$"
)


@dataclass(frozen=True, kw_only=True)
class TinyVitSize(Decoders):
    """Dimensions of a SAM with TinyViT.

    Parameters
    ----------
    widths, depths : tuple of int
        Channels and blocks of the four stages.
    heads, windows : tuple of int
        Of the last three, which attend.
    """

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    windows: tuple[int, ...]


def find_tiny_vit(state: State, where: str = "The file") -> TinyVitSize:
    """Read the dimensions, and take out of the weights what no encoder needs.

    Raises
    ------
    CheckpointError
        When weights are missing or belong to another family.
    """
    for name in [name for name in state if _UNUSED.match(name)]:
        del state[name]

    def read() -> TinyVitSize:
        layer = "image_encoder.layers"
        stages = count(state, r"image_encoder\.layers\.(\d+)\.")
        widths = [shape(state, "image_encoder.patch_embed.seq.2.c.weight")[0]]
        widths += [
            shape(state, f"{layer}.{i}.downsample.conv1.c.weight")[0] for i in range(stages - 1)
        ]
        names = [f"{layer}.{i}.blocks.0.attn.attention_biases" for i in range(1, stages)]
        return TinyVitSize(
            **decoders(state),
            image_size=IMAGE_SIZE,
            patch=PATCH,
            widths=tuple(widths),
            depths=tuple(
                count(state, rf"image_encoder\.layers\.{i}\.blocks\.(\d+)\.") for i in range(stages)
            ),
            heads=tuple(shape(state, name)[0] for name in names),
            windows=tuple(math.isqrt(shape(state, name)[1]) for name in names),
        )

    return named_if_foreign(read, state, "a SAM with TinyViT", where)
