"""The row of SAM 3's family."""

from __future__ import annotations

from napari_sam.models.family import Family, Request
from napari_sam.models.headers import Header
from napari_sam.models.model import Model


def _recognises(header: Header) -> bool:
    return header.has("detector_model.detr_decoder.", "tracker_model.", "tracker_neck.")


def _load(request: Request) -> Model:
    from napari_sam.models.sam3.load import load_sam3

    return load_sam3(request)


SAM3 = Family(
    name="sam3",
    title="SAM 3",
    recognises=_recognises,
    load=_load,
    abilities=("concepts", "memory"),
)
