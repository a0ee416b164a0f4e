"""SAM's weights: unwrapped from whatever a checkpoint puts around them, and measured.

References
----------
Kirillov et al., Segment Anything, ICCV 2023.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import torch

from napari_sam.errors import CheckpointError
from napari_sam.models.checkpoints import State, file_sha256, read_file
from napari_sam.models.foreign import foreign
from napari_sam.models.weights import several_networks

PARTS = ("image_encoder.", "prompt_encoder.", "mask_decoder.")
_WRAPPERS = ("model_state", "state_dict", "model", "model_state_dict")
Find = Callable[[State, str], "Decoders"]
Shape = TypeVar("Shape")
_NAMES = {(768, 12): "vit_b", (1024, 24): "vit_l", (1280, 32): "vit_h"}


@dataclass(frozen=True, kw_only=True)
class Decoders:
    """Dimensions of a SAM's prompt encoder and mask decoder, whatever encodes the image."""

    image_size: int
    patch: int
    prompt_width: int
    mask_channels: int
    masks: int
    decoder_depth: int
    decoder_mlp: int
    decoder_downsample: int
    iou_depth: int
    iou_hidden: int


@dataclass(frozen=True, kw_only=True)
class Architecture(Decoders):
    """Dimensions of a SAM with a plain ViT, read off the shapes of its weights.

    The three published sizes are named; any other combination is ``"custom"`` and works as well.
    """

    width: int
    depth: int
    heads: int
    mlp_ratio: float
    window: int
    global_layers: tuple[int, ...]

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
    architecture : Decoders
    sha256 : str
        Hash of the file.
    """

    sam: State
    decoder: State | None
    architecture: Decoders
    sha256: str


def unwrap(content: Mapping[str, Any], where: str = "The file") -> tuple[State, State | None]:
    """Find SAM's weights, and those of a micro-sam decoder, in what a file holds.

    Takes plain state dicts, dicts around them (``model_state``, ``state_dict``, ...), and names
    with a prefix such as ``module.`` or ``sam.``.

    Returns
    -------
    sam : dict of str to Tensor
    decoder : dict of str to Tensor or None

    Raises
    ------
    CheckpointError
        When there are none, or those of several networks.
    """
    decoder = content.get("decoder_state")
    state: Mapping[str, Any] = content
    for name in _WRAPPERS:
        inner = content.get(name)
        if isinstance(inner, Mapping) and any(part in key for key in inner for part in PARTS):
            state = inner
            break
    found: State = {}
    before: dict[str, str] = {}
    for key, value in state.items():
        match = re.search(r"(?:^|\.)((?:image_encoder|prompt_encoder|mask_decoder)\..+)$", str(key))
        plain = str(key).rsplit(".", 1)[-1] in ("pixel_mean", "pixel_std")
        if not (match or plain) or not isinstance(value, torch.Tensor):
            continue
        name = match.group(1) if match else str(key).rsplit(".", 1)[-1]
        prefix = str(key).removesuffix(name)
        if match and before.setdefault(name, prefix) != prefix:
            raise several_networks({before[name], prefix}, where)
        found[name] = value
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
    """Read the dimensions of a SAM with a plain ViT off the shapes of its weights.

    Raises
    ------
    CheckpointError
        When weights are missing or belong to another family (SAM 2, HQ-SAM, ...).
    """

    def read() -> Architecture:
        width, _, patch, _ = shape(state, "image_encoder.patch_embed.proj.weight")
        grid = shape(state, "image_encoder.pos_embed")[1]
        depth = count(state, r"image_encoder\.blocks\.(\d+)\.")
        names = [f"image_encoder.blocks.{i}.attn.rel_pos_h" for i in range(depth)]
        lengths = [shape(state, name)[0] for name in names]
        whole = tuple(i for i, length in enumerate(lengths) if length == 2 * grid - 1)
        windows = {(n + 1) // 2 for i, n in enumerate(lengths) if i not in whole}
        if len(windows) > 1:
            raise CheckpointError(f"{where} mixes attention windows of sizes {sorted(windows)}.")
        return Architecture(
            **decoders(state),
            image_size=grid * patch,
            patch=patch,
            width=width,
            depth=depth,
            heads=width // shape(state, names[0])[1],
            mlp_ratio=shape(state, "image_encoder.blocks.0.mlp.lin1.weight")[0] / width,
            window=windows.pop() if windows else 0,
            global_layers=whole,
        )

    return named_if_foreign(read, state, "a Segment Anything checkpoint of the ViT family", where)


def named_if_foreign(
    read: Callable[[], Shape], state: State, expected: str, where: str = "The file"
) -> Shape:
    """Read an architecture; say what a file is whose weights do not fit.

    Parameters
    ----------
    read : callable
        May raise what looking for weights and their shapes raises.
    state : dict of str to Tensor
    expected : str
        What the file was taken for.
    where : str
    """
    try:
        return read()
    except (KeyError, ValueError, IndexError, ZeroDivisionError) as error:
        raise CheckpointError(
            f"{where} is not {expected} (looked for {error}). {foreign(state, where)}"
        ) from error


def decoders(state: State) -> dict[str, int]:
    """Read the dimensions of the prompt encoder and the mask decoder, all of `Decoders` but two."""
    cross = "mask_decoder.transformer.final_attn_token_to_image.q_proj.weight"
    inner, prompt_width = shape(state, cross)
    return {
        "prompt_width": prompt_width,
        "mask_channels": shape(state, "prompt_encoder.mask_downscaling.3.weight")[0],
        "masks": shape(state, "mask_decoder.mask_tokens.weight")[0] - 1,
        "decoder_depth": count(state, r"mask_decoder\.transformer\.layers\.(\d+)\."),
        "decoder_mlp": shape(state, "mask_decoder.transformer.layers.0.mlp.lin1.weight")[0],
        "decoder_downsample": prompt_width // inner,
        "iou_depth": count(state, r"mask_decoder\.iou_prediction_head\.layers\.(\d+)\."),
        "iou_hidden": shape(state, "mask_decoder.iou_prediction_head.layers.0.weight")[0],
    }


def shape(state: State, key: str) -> tuple[int, ...]:
    """Return the shape of some weights."""
    return tuple(state[key].shape)


def count(state: State, pattern: str) -> int:
    """Count layers, which are numbered from 0 without a gap, so that no number asks for millions.

    Raises
    ------
    KeyError
    """
    numbers = {m.group(1) for key in state if (m := re.match(pattern, key))}
    if numbers != set(map(str, range(len(numbers)))):
        raise KeyError(f"layers {pattern} without a gap")
    return len(numbers)


def load(path: Path, find: Find = find_architecture) -> Checkpoint:
    """Read, unwrap and identify a SAM checkpoint.

    A file beside it named ``<stem>_decoder``, with the same ending or another one of checkpoints,
    as micro-sam publishes them and keeps them in its cache, is read as the automatic decoder's
    weights.

    Parameters
    ----------
    path : Path
    find : callable
        Reads the architecture off the weights.

    Raises
    ------
    CheckpointError
    """
    path = Path(path)
    sam, decoder = unwrap(read_file(path), path.name)
    if decoder is None:
        suffixes = dict.fromkeys((path.suffix, ".pt", ".pth", ".safetensors", ""))
        for file, suffix in product((path, path.resolve()), suffixes):  # the second, of a link
            beside = file.with_name(f"{file.stem}_decoder{suffix}")
            if beside.is_file():
                content = read_file(beside)
                decoder = _tensors(content.get("decoder_state", content))
                break
    return Checkpoint(sam, decoder, find(sam, path.name), file_sha256(path))
