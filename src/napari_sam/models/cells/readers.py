"""What planes are read with: the network itself, or the same one in faster products."""

from __future__ import annotations

import copy

import torch

from napari_sam.models.cells.int8 import Int8Reader, multiplies_int8
from napari_sam.models.cells.network import CellsNetwork
from napari_sam.models.device import multiplies_bfloat16

__all__ = ["Reader", "fastest", "precision_of", "reader_in"]

Reader = CellsNetwork | Int8Reader


def fastest(network: CellsNetwork, device: str) -> str:
    """Name the products in which a device reads planes fastest, at no loss that was measured."""
    if device == "cpu" and network.ranges is not None and multiplies_int8():
        return "int8"
    return "bfloat16" if multiplies_bfloat16(device) else "float32"


def reader_in(network: CellsNetwork, precision: str) -> Reader:
    """Return what reads planes as a network does: in "float32", "bfloat16" or "int8"."""
    if precision == "int8":
        return Int8Reader(network)
    kind = getattr(torch, precision)
    return network if kind == network.precision else copy.deepcopy(network).to(kind)


def precision_of(reader: Reader) -> str:
    """Name the products in which planes are read."""
    if isinstance(reader, Int8Reader):
        return "int8"
    return str(reader.precision).removeprefix("torch.")
