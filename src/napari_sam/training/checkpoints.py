"""Checkpoints of a training run, and the weights exported from them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import torch

from napari_sam.errors import DataError
from napari_sam.files import in_one_piece
from napari_sam.training.warm_start import fitted

__all__ = ["between", "code_version", "export_weights", "load_checkpoint", "save_checkpoint"]


def code_version() -> str:
    """The package's version, and the commit where it runs from a checkout."""
    from napari_sam import __version__

    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short=12", "HEAD"]
    try:
        commit = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return __version__
    return f"{__version__}+{commit.stdout.strip()}"


def save_checkpoint(state: dict[str, Any], path: str | Path) -> None:
    """Write a checkpoint atomically: a kill leaves the old file or the new one, never half."""
    with in_one_piece(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read what :func:`save_checkpoint` or :func:`export_weights` wrote, on the CPU.

    Returns
    -------
    dict
        Exported weights give ``"network"`` and ``"ema"``, both the averaged weights, and
        ``"windows"``, how many they have seen; a checkpoint has the whole state of its run.
        Both have the network's ``"config"``, and ``"facts"`` for the header of an export.
    """
    if Path(path).suffix != ".safetensors":
        kept = torch.load(path, map_location="cpu", weights_only=True)
        return {"config": kept.get("facts", {}).get("config", {}), **kept}
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        header = file.metadata() or {}
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    state = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in state.items()
    }
    return {
        "network": state,
        "ema": state,
        "windows": int(header.get("windows_seen", 0)),
        "config": json.loads(header.get("config", "{}")),
        "facts": {name: text for name, text in header.items() if name != "format"},
    }


def between(
    checkpoint: dict[str, Any], other: dict[str, Any], share: float = 0.5
) -> dict[str, Any]:
    """Put a mean of two checkpoints' averaged weights in place of the first one's.

    Two states of one network of which the second grew out of the first lie in one basin, and
    the middle between them often does better on images unlike those trained on than either.
    The first may have parts that the other one has not; these stay as they are. The other one
    counts by ``share``, 0 to 1.

    References
    ----------
    Wortsman et al., Model soups, ICML 2022.

    Raises
    ------
    DataError
        If one did not grow out of the other.
    """
    mine, theirs = checkpoint["ema"], other["ema"]
    there = {name: fitted(tensor, mine[name]) for name, tensor in theirs.items() if name in mine}
    if not there or len(there) < len(theirs) or any(tensor is None for tensor in there.values()):
        raise DataError("The two checkpoints are of different networks: no mean can be taken.")
    mean = dict(mine)
    for name, tensor in there.items():
        if tensor is not None and tensor.is_floating_point():
            mean[name] = mine[name].lerp(tensor.to(mine[name].dtype), share)
    return {**checkpoint, "ema": mean}


def export_weights(checkpoint: dict[str, Any], path: str | Path, **metadata: object) -> None:
    """Write the averaged weights of a checkpoint as fp16 safetensors.

    Parameters
    ----------
    checkpoint : dict
        From :func:`load_checkpoint`.
    path : str or Path
    **metadata
        Figures and facts to keep in the file's header beside those of the checkpoint; every
        value is written as text, structures as JSON.
    """
    from safetensors.torch import save

    tensors = {}
    for name, tensor in checkpoint["ema"].items():
        # Vectors stay float32: a variance may be beyond what fp16 can hold, and they are small.
        half = tensor.is_floating_point() and tensor.ndim > 1
        tensors[name] = (tensor.half() if half else tensor).contiguous()
    facts = {"format": "napari-sam-cells-1", **checkpoint.get("facts", {}), **metadata}
    header = {k: v if isinstance(v, str) else json.dumps(v) for k, v in facts.items()}
    with in_one_piece(path) as temporary:
        # `save_file` would put a file of its own there, which only its owner may read.
        temporary.write_bytes(save(tensors, metadata=header))
