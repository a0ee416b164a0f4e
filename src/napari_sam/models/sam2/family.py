"""The row of SAM 2's family."""

from __future__ import annotations

from napari_sam.models.family import Family, Request
from napari_sam.models.headers import Header
from napari_sam.models.model import Model


def _recognises(header: Header) -> bool:
    return header.has("image_encoder.trunk.blocks.", "sam_mask_decoder.") or header.has(
        "vision_encoder.backbone.blocks.", "no_memory_embedding"
    )


def _load(request: Request) -> Model:
    from napari_sam.models.sam2.load import load_sam2

    return load_sam2(request)


SAM2 = Family(
    name="sam2",
    title="SAM 2 and 2.1",
    recognises=_recognises,
    load=_load,
    abilities=("memory",),
)
