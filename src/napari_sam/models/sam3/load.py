"""From a folder of ``transformers`` to a `Sam3Model`."""

from __future__ import annotations

from pathlib import Path

from napari_sam.models.checkpoints import check_sha256, file_sha256, read_file
from napari_sam.models.sam2.architecture import settings_beside
from napari_sam.models.sam3.model import Sam3Model
from napari_sam.models.sam3.network import build
from napari_sam.models.sam3.words import Tokenizer
from napari_sam.models.weights import named_tensors

MODEL_TYPE = "sam3_video"


def load_sam3(path: Path, device: str, *, name: str = "", sha256: str = "") -> Sam3Model:
    """Load a checkpoint as ``transformers`` saves it.

    Parameters
    ----------
    path : Path
        A safetensors file with ``config.json`` and ``tokenizer.json`` beside it.
    device, name : str
    sha256 : str
        The hash that the file must have; any when empty.

    Raises
    ------
    CheckpointError, InstallationError
    """
    found = file_sha256(path)
    check_sha256(path, found, sha256, name)
    settings = settings_beside(path, (MODEL_TYPE,))
    tokens = Tokenizer(path.parent)
    network = build(settings, named_tensors(read_file(path)), path.name)
    return Sam3Model(network, tokens, name or path.stem, device, found)
