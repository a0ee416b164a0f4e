"""SAM's weights: unwrapped from whatever a checkpoint puts around them, and measured.

References
----------
Kirillov et al., Segment Anything, ICCV 2023.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from napari_sam.errors import CheckpointError
from napari_sam.models.checkpoints import State, file_sha256, read_file
from napari_sam.models.foreign import foreign

PARTS = ("image_encoder.", "prompt_encoder.", "mask_decoder.")
_WRAPPERS = ("model_state", "state_dict", "model", "model_state_dict")
_NAMES = {(768, 12): "vit_b", (1024, 24): "vit_l", (1280, 32): "vit_h"}


@dataclass(frozen=True)
class Architecture:
    """Dimensions of a SAM, read off the shapes of its weights.

    The three published sizes are named; any other combination is ``"custom"`` and works as well.
    """

    image_size: int
    patch: int
    width: int
    depth: int
    heads: int
    mlp_ratio: float
    window: int
    global_layers: tuple[int, ...]
    prompt_width: int
    mask_channels: int
    masks: int
    decoder_depth: int
    decoder_mlp: int
    decoder_downsample: int
    iou_depth: int
    iou_hidden: int

    @property
    def name(self) -> str:
        """``"vit_b"``, ``"vit_l"``, ``"vit_h"`` or ``"custom"``."""
        return _NAMES.get((self.width, self.depth), "custom")


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds.

    Parameters
    ----------
    sam : dict of str to Tensor
        Weights under the names of ``segment_anything``.
    decoder : dict of str to Tensor or None
        Weights of micro-sam's automatic decoder, from the same file or one beside it.
    architecture : Architecture
    sha256 : str
        Hash of the file.
    """

    sam: State
    decoder: State | None
    architecture: Architecture
    sha256: str


def unwrap(content: Mapping[str, Any], where: str = "The file") -> tuple[State, State | None]:
    """Find SAM's weights, and those of a micro-sam decoder, in what a file holds.

    Takes plain state dicts, dicts around them (``model_state``, ``state_dict``, ...), and names
    with a prefix such as ``module.`` or ``sam.``.

    Returns
    -------
    sam : dict of str to Tensor
    decoder : dict of str to Tensor or None
    """
    decoder = content.get("decoder_state")
    state: Mapping[str, Any] = content
    for name in _WRAPPERS:
        inner = content.get(name)
        if isinstance(inner, Mapping) and any(part in key for key in inner for part in PARTS):
            state = inner
            break
    found: State = {}
    for key, value in state.items():
        match = re.search(r"(?:^|\.)((?:image_encoder|prompt_encoder|mask_decoder)\..+)$", str(key))
        plain = str(key).rsplit(".", 1)[-1] in ("pixel_mean", "pixel_std")
        if not (match or plain) or not isinstance(value, torch.Tensor):
            continue
        found[match.group(1) if match else str(key).rsplit(".", 1)[-1]] = value
    if not any(key.startswith("image_encoder.") for key in found):
        names = ", ".join(sorted(map(str, content))[:5])
        raise CheckpointError(
            f"{where} holds no SAM weights (no 'image_encoder.…'); it begins with: {names}. "
            "Expected a checkpoint of Segment Anything ViT-B, -L or -H, or one fine-tuned from it."
        )
    return found, _tensors(decoder)


def _tensors(state: Any) -> State | None:
    if not isinstance(state, Mapping):
        return None
    return {str(k): v for k, v in state.items() if isinstance(v, torch.Tensor)} or None


def find_architecture(state: State, where: str = "The file") -> Architecture:
    """Read the dimensions of a SAM off the shapes of its weights.

    Raises
    ------
    CheckpointError
        When weights are missing or belong to another family (MobileSAM, SAM 2, HQ-SAM, ...).
    """

    def shape(key: str) -> tuple[int, ...]:
        return tuple(state[key].shape)

    def count(pattern: str) -> int:
        numbers = {m.group(1) for key in state if (m := re.match(pattern, key))}
        if numbers != set(map(str, range(len(numbers)))):  # so that no number can ask for millions
            raise KeyError(f"layers {pattern} without a gap")
        return len(numbers)

    try:
        width, _, patch, _ = shape("image_encoder.patch_embed.proj.weight")
        grid = shape("image_encoder.pos_embed")[1]
        depth = count(r"image_encoder\.blocks\.(\d+)\.")
        lengths = [shape(f"image_encoder.blocks.{i}.attn.rel_pos_h")[0] for i in range(depth)]
        whole = tuple(i for i, length in enumerate(lengths) if length == 2 * grid - 1)
        windows = {(n + 1) // 2 for i, n in enumerate(lengths) if i not in whole}
        if len(windows) > 1:
            raise CheckpointError(f"{where} mixes attention windows of sizes {sorted(windows)}.")
        cross = "mask_decoder.transformer.final_attn_token_to_image.q_proj.weight"
        inner, prompt_width = shape(cross)
        iou = "mask_decoder.iou_prediction_head.layers"
        return Architecture(
            image_size=grid * patch,
            patch=patch,
            width=width,
            depth=depth,
            heads=width // shape("image_encoder.blocks.0.attn.rel_pos_h")[1],
            mlp_ratio=shape("image_encoder.blocks.0.mlp.lin1.weight")[0] / width,
            window=windows.pop() if windows else 0,
            global_layers=whole,
            prompt_width=prompt_width,
            mask_channels=shape("prompt_encoder.mask_downscaling.3.weight")[0],
            masks=shape("mask_decoder.mask_tokens.weight")[0] - 1,
            decoder_depth=count(r"mask_decoder\.transformer\.layers\.(\d+)\."),
            decoder_mlp=shape("mask_decoder.transformer.layers.0.mlp.lin1.weight")[0],
            decoder_downsample=prompt_width // inner,
            iou_depth=count(r"mask_decoder\.iou_prediction_head\.layers\.(\d+)\."),
            iou_hidden=shape(f"{iou}.0.weight")[0],
        )
    except (KeyError, ValueError, IndexError, ZeroDivisionError) as error:
        raise CheckpointError(
            f"{where} is not a Segment Anything checkpoint of the ViT family (looked for "
            f"{error}). {foreign(state, where)}"
        ) from error


def load(path: Path) -> Checkpoint:
    """Read, unwrap and identify a SAM checkpoint.

    A file beside it named ``<stem>_decoder``, with the same ending or another one of checkpoints,
    as micro-sam publishes them and keeps them in its cache, is read as the automatic decoder's
    weights.

    Raises
    ------
    CheckpointError
    """
    path = Path(path)
    sam, decoder = unwrap(read_file(path), path.name)
    if decoder is None:
        for suffix in dict.fromkeys((path.suffix, ".pt", ".pth", ".safetensors", "")):
            beside = path.with_name(f"{path.stem}_decoder{suffix}")
            if beside.is_file():
                content = read_file(beside)
                decoder = _tensors(content.get("decoder_state", content))
                break
    return Checkpoint(sam, decoder, find_architecture(sam, path.name), file_sha256(path))
