"""The row of MobileSAM's family: Segment Anything with TinyViT as image encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sam.models.family import Family, Request
from napari_sam.models.headers import Header
from napari_sam.models.model import Model

if TYPE_CHECKING:
    from napari_sam.models.sam.load import SamVariant


def _recognises(header: Header) -> bool:
    return header.has("image_encoder.layers.0.blocks.0.conv1.", "mask_decoder.")


def tiny_kind() -> SamVariant:
    """How such SAMs are read and built."""
    from napari_sam.models.mobile_sam.architecture import find_tiny_vit
    from napari_sam.models.mobile_sam.tiny_vit import TinyVit
    from napari_sam.models.sam.decoder import Decoder
    from napari_sam.models.sam.load import SamVariant
    from napari_sam.models.sam.network import around

    return SamVariant(find_tiny_vit, lambda size: around(TinyVit(size), size), Decoder)


def _load(request: Request) -> Model:
    from napari_sam.models.sam.load import load_sam

    return load_sam(request, tiny_kind())


MOBILE_SAM = Family(
    name="mobile_sam",
    title="MobileSAM (TinyViT)",
    recognises=_recognises,
    load=_load,
    abilities=("instances",),
)
