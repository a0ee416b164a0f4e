"""From a checkpoint of either layout to an `EdgeTamModel`."""

from __future__ import annotations

from napari_sam.models.checkpoints import checked_sha256, read_file
from napari_sam.models.edgetam.model import EdgeTamModel
from napari_sam.models.edgetam.names import to_transformers
from napari_sam.models.edgetam.network import PUBLISHED, build
from napari_sam.models.family import Request
from napari_sam.models.sam2.architecture import settings_beside
from napari_sam.models.weights import named_tensors, of_network

MODEL_TYPE = "edgetam_video"


def load_edgetam(request: Request) -> EdgeTamModel:
    """Load a checkpoint as Meta published it, or as ``transformers`` saves it.

    Parameters
    ----------
    request : Request
        Of ``edgetam.pt``, or a safetensors file with ``config.json`` beside it.

    Raises
    ------
    CheckpointError, InstallationError
    """
    path = request.file
    sha256 = checked_sha256(path, request.sha256, request.name)
    found = named_tensors(read_file(path))
    state = of_network(found, ("vision_encoder.", "image_encoder.trunk."), path.name)
    if any(key.startswith("vision_encoder.") for key in state):
        settings = settings_beside(path, (MODEL_TYPE,))
    else:
        settings, state = dict(PUBLISHED), to_transformers(state)
    return EdgeTamModel(build(settings, state, path.name), request.name, request.device, sha256)
