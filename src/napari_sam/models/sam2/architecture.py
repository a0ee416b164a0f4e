"""Which SAM 2 a checkpoint is: its configuration for ``transformers``.

References
----------
Ravi et al., SAM 2: Segment Anything in Images and Videos, ICLR 2025.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_sam.errors import CheckpointError
from napari_sam.models.weights import State


@dataclass(frozen=True)
class Size:
    """What no weight tells of a published image encoder.

    Parameters
    ----------
    heads, windows : tuple of int
        Per stage.
    whole : tuple of int
        Blocks that attend to the whole image.
    """

    heads: tuple[int, ...]
    windows: tuple[int, ...]
    whole: tuple[int, ...]


#: By channels of the first stage and number of blocks.
SIZES: dict[tuple[int, int], Size] = {
    (96, 12): Size((1, 2, 4, 8), (8, 4, 14, 7), (5, 7, 9)),  # tiny
    (96, 16): Size((1, 2, 4, 8), (8, 4, 14, 7), (7, 10, 13)),  # small
    (112, 24): Size((2, 4, 8, 16), (8, 4, 14, 7), (12, 16, 20)),  # base plus
    (144, 48): Size((2, 4, 8, 16), (8, 4, 16, 8), (23, 33, 43)),  # large
}


def settings_of(state: State, where: str) -> dict[str, Any]:
    """Read the configuration off the shapes of Meta's weights, already renamed.

    Returns
    -------
    dict
        As in the ``config.json`` of ``transformers``.

    Raises
    ------
    CheckpointError
        When it is none of the published sizes.
    """
    backbone = "vision_encoder.backbone"
    try:
        width = int(state[f"{backbone}.patch_embed.projection.weight"].shape[0])
        widths = _widths(state, f"{backbone}.blocks")
        size = SIZES[width, len(widths)]
        background = list(state[f"{backbone}.pos_embed"].shape[2:])
    except (KeyError, IndexError) as error:
        raise CheckpointError(
            f"{where} looks like SAM 2, but is none of its published sizes (looked for {error}). "
            "Save it in the layout of transformers, with a config.json beside model.safetensors."
        ) from error
    stages = sorted(set(widths))
    newer = "occlusion_spatial_embedding_parameter" in state
    return {
        "vision_config": {
            "backbone_config": {
                "hidden_size": width,
                "embed_dim_per_stage": stages,
                "blocks_per_stage": [widths.count(stage) for stage in stages],
                "num_attention_heads_per_stage": list(size.heads),
                "window_size_per_stage": list(size.windows),
                "global_attention_blocks": list(size.whole),
                "window_positional_embedding_background_size": background,
            },
            "backbone_channel_list": stages[::-1],
        },
        "enable_occlusion_spatial_embedding": newer,
        "enable_temporal_pos_encoding_for_object_pointers": newer,
    }


def _widths(state: State, blocks: str) -> list[int]:
    """Channels that each block makes."""
    pattern = re.compile(re.escape(blocks) + r"\.(\d+)\.attn\.proj\.weight$")
    found = {int(m[1]): int(state[name].shape[0]) for name in state if (m := pattern.match(name))}
    return [found[number] for number in range(len(found))]


def settings_beside(path: Path, kinds: Sequence[str]) -> dict[str, Any]:
    """Read the configuration that ``transformers`` keeps beside a file.

    Parameters
    ----------
    path : Path
    kinds : sequence of str
        What its model may be, by ``model_type``.

    Raises
    ------
    CheckpointError
        When there is none, it cannot be read, or it is of another kind of model.
    """
    file = path.with_name("config.json")
    if not file.is_file():
        raise CheckpointError(
            f"{path.name} is in the layout of transformers, which keeps the sizes of the "
            f"network in a file config.json beside it; there is none in {path.parent}."
        )
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
        kind = settings["model_type"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise CheckpointError(
            f"{file} beside {path.name} cannot be read ({error}). Copy both files again."
        ) from error
    if kind not in kinds:
        raise CheckpointError(
            f"{file} says that {path.name} is a model of the type {kind!r}; expected "
            f"{' or '.join(map(repr, kinds))}."
        )
    return dict(settings)
