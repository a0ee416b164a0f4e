"""The row of the embedded kind of model, ``cells``."""

from __future__ import annotations

from napari_sam.models.cells.suits import SUITS
from napari_sam.models.family import Family, Request
from napari_sam.models.headers import Header
from napari_sam.models.model import Model


def _recognises(header: Header) -> bool:
    return header.has("instance_head.", "size_head.")


def _load(request: Request) -> Model:
    from napari_sam.models.cells.load import load_cells

    precision = "fastest" if request.precision == "auto" else request.precision
    return load_cells(request.path, request.device, name=request.name, precision=precision)


CELLS = Family(
    name="cells",
    title="the network of 'cells'",
    recognises=_recognises,
    load=_load,
    suits=SUITS,
    abilities=("instances", "describes", "tunable"),
)
