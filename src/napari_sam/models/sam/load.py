"""From a checkpoint file to a `SamModel`."""

from __future__ import annotations

from pathlib import Path

from napari_sam.errors import CheckpointError, ModelError
from napari_sam.models.sam.architecture import load
from napari_sam.models.sam.distances import DistanceHead
from napari_sam.models.sam.model import SamModel
from napari_sam.models.sam.network import fill
from napari_sam.models.sam.unetr import load_decoder


def load_sam(path: Path, device: str, *, name: str = "", sha256: str = "") -> SamModel:
    """Load a SAM checkpoint as a model.

    Parameters
    ----------
    path : Path
    device : str
    name : str
    sha256 : str
        The hash that the file must have; anything when empty.

    Raises
    ------
    CheckpointError, ModelError
    """
    checkpoint = load(path)
    if sha256 and checkpoint.sha256 != sha256:
        raise CheckpointError(
            f"{path} is not the file that the zoo knows as {name!r} (its SHA-256 differs): it is "
            f"damaged or another version. Delete it and download it again: "
            f"napari-sam models download {name}"
        )
    try:
        network = fill(checkpoint, path.name)
    except ImportError as error:
        raise ModelError(
            "Models of the SAM family need the package segment-anything: "
            "pip install segment-anything"
        ) from error
    head = None
    if checkpoint.decoder is not None:
        width = checkpoint.architecture.prompt_width
        head = DistanceHead(load_decoder(checkpoint.decoder, width, path.name), device)
    return SamModel(network, name or path.stem, device, checkpoint.sha256, head)
