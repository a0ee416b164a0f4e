"""From a checkpoint of either layout to a `Sam2Model`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_sam.models.checkpoints import checked_sha256, read_file
from napari_sam.models.family import Request
from napari_sam.models.sam2.architecture import settings_beside, settings_of
from napari_sam.models.sam2.model import Sam2Model
from napari_sam.models.sam2.names import to_transformers
from napari_sam.models.sam2.network import build
from napari_sam.models.weights import State, named_tensors, of_network

MODEL_TYPES = ("sam2_video", "sam2")


def load_sam2(request: Request) -> Sam2Model:
    """Load a checkpoint as Meta published it, or as ``transformers`` saves it.

    Parameters
    ----------
    request : Request
        Of a file of Meta's, or a safetensors file with ``config.json`` beside it.

    Raises
    ------
    CheckpointError, InstallationError
    """
    path = request.file
    sha256 = checked_sha256(path, request.sha256, request.name)
    settings, state = _read(path)
    return Sam2Model(build(settings, state, path.name), request.name, request.device, sha256)


def _read(path: Path) -> tuple[dict[str, Any], State]:
    """Read the configuration and the weights under the names of ``transformers``."""
    found = named_tensors(read_file(path))
    state = of_network(found, ("vision_encoder.", "image_encoder.trunk."), path.name)
    if any(name.startswith("vision_encoder.") for name in state):
        return settings_beside(path, MODEL_TYPES), state
    renamed = to_transformers(state)
    return settings_of(renamed, path.name), renamed
