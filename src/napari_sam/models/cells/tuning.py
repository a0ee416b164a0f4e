"""Weights of the embedded kind of network that were taught: rounded, told apart, written."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from napari_sam.errors import DataError
from napari_sam.models.cells.eyes import Eyes
from napari_sam.models.cells.folding import unfolded_state
from napari_sam.models.cells.network import CellsNetwork
from napari_sam.models.cells.past import Past, past_tensors, past_text
from napari_sam.models.cells.readers import Reader, precision_of, reader_in
from napari_sam.models.lesson import Lesson, history_text
from napari_sam.models.paths import given_path

__all__ = ["fingerprint_of", "save_network", "taught_network"]

_FORMAT = "napari-sam-cells-1"


def taught_network(
    network: CellsNetwork, state: Mapping[str, Tensor], precision: str
) -> tuple[CellsNetwork, Reader]:
    """Make networks of the weights of a copy that was trained.

    Parameters
    ----------
    network : CellsNetwork
        The one that was copied; it is not changed.
    state : mapping of str to Tensor
    precision : {"float32", "bfloat16", "int8"}
        In whose products planes are read.

    Returns
    -------
    network : CellsNetwork
    reader : Reader
        Their weights are rounded as a file holds them. Both are the same one in one precision.
    """
    taught = copy.deepcopy(network)
    taught.load_state_dict({key: _rounded(value) for key, value in state.items()})
    taught.eval().requires_grad_(False)
    return taught, reader_in(taught, precision)


def fingerprint_of(eyes: Eyes, past: Past | None) -> str:
    """Hash what planes are seen with, and say in which products they are read."""
    digest = hashlib.sha256(repr(eyes.usual).encode())
    tensors = eyes.network.state_dict()
    if past is not None:
        digest.update(past_text(past).encode())
        tensors.update(past_tensors(past))
    for name, tensor in tensors.items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    kind = "" if eyes.reader is eyes.network else f":{precision_of(eyes.reader)}"
    return f"cells:{digest.hexdigest()[:16]}{kind}"


def save_network(
    network: CellsNetwork,
    path: str | Path,
    licence: str,
    history: Sequence[Lesson],
    past: Past | None = None,
) -> Path:
    """Write a safetensors file; a kill leaves what was there before, or all of it.

    Raises
    ------
    ParameterError, DataError
    """
    from safetensors.torch import save

    from napari_sam.files import in_one_piece

    target = given_path(path, "A model is saved under the path of a file")
    if target is None or target.is_dir():
        raise DataError(f"No model can be saved at {str(path)!r}: give the path of a file.")
    if target.suffix != ".safetensors":
        target = target.with_name(f"{target.name}.safetensors")
    state = unfolded_state(network, CellsNetwork.of(network.config))
    tensors = {key: _halved(value) for key, value in state.items()}
    words = {
        "format": _FORMAT,
        "config": json.dumps(network.config),
        "licence": licence,
        "history": history_text(history),
    }
    if network.ranges is not None:
        words["ranges"] = json.dumps(network.ranges)
    if past is not None:
        words["past"] = past_text(past)
        # What is the same as before is not written twice.
        tensors.update(past_tensors(past, tensors, _halved))
    try:
        with in_one_piece(target) as temporary:
            # `save_file` would put a file of its own there, which only its owner may read.
            temporary.write_bytes(save(tensors, metadata=words))
    except OSError as error:
        raise DataError(
            f"The model cannot be written to {target} ({error.strerror}): choose another "
            "folder, or make room."
        ) from error
    return target


def _halved(tensor: Tensor) -> Tensor:
    """Return a tensor as it is written; vectors stay whole, whose spread may be beyond fp16."""
    half = tensor.is_floating_point() and tensor.ndim > 1
    return (tensor.half() if half else tensor).contiguous().cpu()


def _rounded(tensor: Tensor) -> Tensor:
    return _halved(tensor.detach()).to(tensor.dtype)
