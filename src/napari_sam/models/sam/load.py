"""From a checkpoint file to a `SamModel`."""

from __future__ import annotations

from dataclasses import dataclass

from napari_sam.errors import ModelError
from napari_sam.models.checkpoints import check_sha256
from napari_sam.models.family import Request
from napari_sam.models.sam.architecture import Find, find_architecture, load
from napari_sam.models.sam.decoder import Decoder
from napari_sam.models.sam.distances import DistanceHead
from napari_sam.models.sam.model import SamModel
from napari_sam.models.sam.network import Build, build, fill
from napari_sam.models.sam.unetr import load_decoder


@dataclass(frozen=True)
class SamVariant:
    """What differs between SAMs.

    Parameters
    ----------
    find : callable
        Reads the architecture off the weights.
    build : callable
        Builds the network of such an architecture, with PyTorch's random weights.
    decoder : type
        What runs its mask decoder.
    """

    find: Find
    build: Build
    decoder: type[Decoder]


VIT = SamVariant(find_architecture, build, Decoder)


def load_sam(request: Request, kind: SamVariant = VIT) -> SamModel:
    """Load a SAM checkpoint as a model.

    Parameters
    ----------
    request : Request
    kind : SamVariant

    Raises
    ------
    CheckpointError, ModelError
    """
    path, device = request.file, request.device
    checkpoint = load(path, kind.find)
    check_sha256(path, checkpoint.sha256, request.sha256, request.name)
    try:
        network = fill(checkpoint, path.name, kind.build)
    except ImportError as error:
        raise ModelError(
            "Models of the SAM family need the package segment-anything: "
            "pip install segment-anything"
        ) from error
    head = None
    if checkpoint.decoder is not None:
        width = checkpoint.architecture.prompt_width
        head = DistanceHead(load_decoder(checkpoint.decoder, width, path.name), device)
    return SamModel(network, request.name, device, checkpoint.sha256, head, kind.decoder)
