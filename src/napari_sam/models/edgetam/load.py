"""From a checkpoint of either layout to an `EdgeTamModel`."""

from __future__ import annotations

from pathlib import Path

from napari_sam.models.checkpoints import check_sha256, file_sha256, read_file
from napari_sam.models.edgetam.model import EdgeTamModel
from napari_sam.models.edgetam.names import to_transformers
from napari_sam.models.edgetam.network import PUBLISHED, build
from napari_sam.models.sam2.architecture import settings_beside
from napari_sam.models.weights import named_tensors

MODEL_TYPE = "edgetam_video"


def load_edgetam(path: Path, device: str, *, name: str = "", sha256: str = "") -> EdgeTamModel:
    """Load a checkpoint as Meta published it, or as ``transformers`` saves it.

    Parameters
    ----------
    path : Path
        ``edgetam.pt``, or a safetensors file with ``config.json`` beside it.
    device, name : str
    sha256 : str
        The hash that the file must have; any when empty.

    Raises
    ------
    CheckpointError, InstallationError
    """
    found = file_sha256(path)
    check_sha256(path, found, sha256, name)
    tensors = named_tensors(read_file(path))
    state = {key.removeprefix("model."): value for key, value in tensors.items()}
    if any(key.startswith("vision_encoder.") for key in state):
        settings = settings_beside(path, (MODEL_TYPE,))
    else:
        settings, state = dict(PUBLISHED), to_transformers(state)
    return EdgeTamModel(build(settings, state, path.name), name or path.stem, device, found)
