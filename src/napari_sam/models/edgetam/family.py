"""The row of EdgeTAM's family."""

from __future__ import annotations

from napari_sam.models.family import Family, Request
from napari_sam.models.headers import Header
from napari_sam.models.model import Model


def _recognises(header: Header) -> bool:
    return header.has("image_encoder.trunk.body.", "spatial_perceiver.") or header.has(
        "vision_encoder.backbone.timm_model.", "spatial_perceiver."
    )


def _load(request: Request) -> Model:
    from napari_sam.models.edgetam.load import load_edgetam

    return load_edgetam(request)


EDGETAM = Family(
    name="edgetam",
    title="EdgeTAM",
    recognises=_recognises,
    load=_load,
    abilities=("memory",),
)
