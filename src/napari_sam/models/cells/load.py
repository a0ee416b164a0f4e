"""From a safetensors file to a `CellsModel`."""

from __future__ import annotations

import hashlib
import json
import math
from importlib import resources
from pathlib import Path
from typing import Any

import torch

from napari_sam.errors import CheckpointError
from napari_sam.models.cells.model import CellsModel
from napari_sam.models.cells.network import CellsNetwork, Ranges
from napari_sam.models.cells.past import past_of, split_off
from napari_sam.models.cells.readers import fastest, precision_of, reader_in
from napari_sam.models.cells.walk import SMALLEST, ranges_of
from napari_sam.models.checkpoints import read_file
from napari_sam.models.headers import read_safetensors_header
from napari_sam.models.lesson import history_of
from napari_sam.models.weights import check_fit, named_tensors

#: Most of anything, so that no file can ask for a network without end.
_MOST = {"depths": 32}
_MOST_CHANNELS = 2048


def load_cells(
    path: Path | None = None, device: str = "cpu", *, name: str = "", precision: str = "float32"
) -> CellsModel:
    """Load the embedded weights, or others of the same network from a safetensors file.

    Parameters
    ----------
    path : Path, optional
        A safetensors file; by default the embedded weights.
    device : str
        A name that ``torch.device`` understands.
    name : str
        What the model is called; the file's stem by default.
    precision : {"float32", "bfloat16", "int8", "fastest"}
        In whose products planes are read.

    Returns
    -------
    CellsModel

    Raises
    ------
    CheckpointError
        When the file is damaged or holds another network.
    """
    source = path or Path(
        str(resources.files("napari_sam.models.cells") / "weights/cells.safetensors")
    )
    if not source.is_file():
        raise CheckpointError(
            f"There is no file {source}. Reinstall napari-sam-bio if it is its own."
        )
    words = read_safetensors_header(source).metadata
    config = _config(words.get("config", "{}"), source)
    state, beside = split_off(named_tensors(read_file(source)))
    check_fit(
        lambda: CellsNetwork.of(config), state, f"{source.name}, taken for weights of 'cells',"
    )
    network = CellsNetwork.of(config)
    network.load_state_dict({key: value.float() for key, value in state.items()})
    network.eval().fold_norms()
    # torch describes to() with both arguments for tensors only.
    network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    fingerprint = f"cells:{hashlib.sha256(source.read_bytes()).hexdigest()[:16]}"
    name = name or ("cells" if path is None else path.stem)
    network.ranges = _ranges(words.get("ranges", ""), network, source)
    reader = reader_in(network, fastest(network, device) if precision == "fastest" else precision)
    if reader is not network:
        fingerprint += f":{precision_of(reader)}"
    model = CellsModel(network, name, device, fingerprint, reader)
    model.licence = words.get("licence", "")
    model.history = history_of(words.get("history", "[]"))
    model.past = past_of(beside, words.get("past", ""), state, model.eyes, source.name)
    return model


def _config(text: str, source: Path) -> dict[str, Any]:
    """Read how the network is made, and refuse sizes that no network has."""
    try:
        config = json.loads(text)
        if isinstance(config, dict) and all(_is_sound(*setting) for setting in config.items()):
            return config
    except (ValueError, RecursionError):
        pass
    raise CheckpointError(
        f"{source.name} does not say what network it holds, or one of impossible sizes: it is "
        "damaged. Copy or download it again."
    )


def _ranges(text: str, network: CellsNetwork, source: Path) -> Ranges | None:
    """Read how far the maps of every layer of a network reach, if the file tells."""
    if not text:
        return None
    weight = next(network.parameters())
    layers = ranges_of(network, [weight.new_zeros(1, 1, SMALLEST, SMALLEST)]).keys()
    try:
        ranges = {name: (float(low), float(high)) for name, (low, high) in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        ranges = {}
    sound = all(-math.inf < low <= 0 <= high < math.inf for low, high in ranges.values())
    if ranges.keys() != layers or not sound:
        raise CheckpointError(
            f"{source.name} does not say how far its layers reach, or something impossible: it is "
            "damaged. Copy or download it again."
        )
    return ranges


def _is_sound(name: str, value: Any) -> bool:
    most = _MOST.get(name, _MOST_CHANNELS)
    numbers = value if isinstance(value, list) else [value]
    return len(numbers) <= 16 and all(isinstance(n, int) and 0 <= n <= most for n in numbers)
