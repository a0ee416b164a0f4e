"""The row of Segment Anything's original family, with a plain ViT as image encoder."""

from __future__ import annotations

from napari_sam.models.family import Family, Request
from napari_sam.models.headers import Header
from napari_sam.models.model import Model


def _recognises(header: Header) -> bool:
    return header.has("image_encoder.blocks.0.attn.", "image_encoder.patch_embed.proj.")


def _load(request: Request) -> Model:
    from napari_sam.models.sam.load import load_sam

    model = load_sam(request)
    if request.precision == "int8":
        from napari_sam.models.sam.int8 import with_int8

        return with_int8(model)
    return model


SAM = Family(
    name="sam",
    title="Segment Anything (ViT)",
    recognises=_recognises,
    load=_load,
    precisions=("auto", "float32", "int8"),
    abilities=("instances",),
)
