"""Reading checkpoint files safely, and telling which SAM architecture they hold."""

from __future__ import annotations

import hashlib
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from napari_sam.errors import CheckpointError

PARTS = ("image_encoder.", "prompt_encoder.", "mask_decoder.")
_WRAPPERS = ("model_state", "state_dict", "model", "model_state_dict")
_NAMES = {(768, 12): "vit_b", (1024, 24): "vit_l", (1280, 32): "vit_h"}

State = dict[str, torch.Tensor]


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


def read_file(path: Path) -> Mapping[str, Any]:
    """Read a ``.safetensors`` or a PyTorch file, running no code that may be in it.

    Raises
    ------
    CheckpointError
        When the file is missing, damaged, or a pickle that wants more than tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint file at {path}.")
    with open(path, "rb") as file:
        head = file.read(64)
    if not head:
        raise CheckpointError(f"{path.name} is empty. Download it again.")
    if head.lstrip()[:1] == b"<":
        raise CheckpointError(
            f"{path.name} is a web page, not a checkpoint: the download gave an error or login "
            "page. Download it again and check that the file is as large as announced."
        )
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except (SafetensorError, OSError, ValueError) as error:
            raise _damaged(path, error) from error
    try:
        try:
            return _mapping(torch.load(path, map_location="cpu", weights_only=True, mmap=True))
        except RuntimeError as error:
            if "mmap can only be used" not in str(error):
                raise
            return _mapping(torch.load(path, map_location="cpu", weights_only=True))
    except pickle.UnpicklingError as error:
        if head[:2] in (b"PK", b"\x80\x02") and "nsupported" in str(error):
            raise CheckpointError(
                f"{path.name} holds more than tensors and could run code when opened, so it is "
                "refused. Ask its author for a safetensors file or a plain state dict; a "
                "training checkpoint of micro-sam is exported with "
                "micro_sam.util.export_custom_sam_model."
            ) from error
        raise _damaged(path, error) from error
    except (CheckpointError, MemoryError):
        raise
    except Exception as error:  # bytes that are no pickle make an unpickler fail in any way
        raise _damaged(path, error) from error


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise CheckpointError(f"The file holds a {type(value).__name__}, not a dict of tensors.")
    return value


def _damaged(path: Path, error: BaseException) -> CheckpointError:
    reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    if "weights_only" in reason:
        reason = "it is no PyTorch file"  # rather than torch's advice to run whatever is in it
    return CheckpointError(
        f"{path.name} cannot be read as a checkpoint; it is damaged, cut short or something "
        f"else ({reason}). Download it again."
    )


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
        numbers = [int(m.group(1)) for key in state if (m := re.match(pattern, key))]
        return max(numbers, default=-1) + 1

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
            f"{error}). Other families, such as MobileSAM, HQ-SAM and SAM 2, are not supported."
        ) from error


def file_sha256(path: Path) -> str:
    """Hash a file (hexadecimal)."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load(path: Path) -> Checkpoint:
    """Read, unwrap and identify a SAM checkpoint.

    A file beside it named ``<stem>_decoder.pt`` or ``.safetensors``, as micro-sam ships them, is
    read as the automatic decoder's weights.

    Raises
    ------
    CheckpointError
    """
    path = Path(path)
    sam, decoder = unwrap(read_file(path), path.name)
    if decoder is None:
        for suffix in (".pt", ".pth", ".safetensors"):
            beside = path.with_name(f"{path.stem}_decoder{suffix}")
            if beside.is_file():
                content = read_file(beside)
                decoder = _tensors(content.get("decoder_state", content))
                break
    return Checkpoint(sam, decoder, find_architecture(sam, path.name), file_sha256(path))
