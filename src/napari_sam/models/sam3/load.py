"""From a folder of ``transformers`` to a `Sam3Model`."""

from __future__ import annotations

from napari_sam.models.checkpoints import checked_sha256, read_file
from napari_sam.models.family import Request
from napari_sam.models.sam2.architecture import settings_beside
from napari_sam.models.sam3.model import Sam3Model
from napari_sam.models.sam3.network import build
from napari_sam.models.sam3.words import Tokenizer
from napari_sam.models.weights import named_tensors

MODEL_TYPE = "sam3_video"


def load_sam3(request: Request) -> Sam3Model:
    """Load a checkpoint as ``transformers`` saves it.

    Parameters
    ----------
    request : Request
        Of a safetensors file with ``config.json`` and ``tokenizer.json`` beside it.

    Raises
    ------
    CheckpointError, InstallationError
    """
    path = request.file
    sha256 = checked_sha256(path, request.sha256, request.name)
    settings = settings_beside(path, (MODEL_TYPE,))
    tokens = Tokenizer(path.parent)
    network = build(settings, named_tensors(read_file(path)), path.name)
    return Sam3Model(network, tokens, request.name, request.device, sha256)
