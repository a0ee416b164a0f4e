"""The families of models: one row each. A new one is a file (or a folder) and a row here."""

from __future__ import annotations

from pathlib import Path

from napari_sam.errors import CheckpointError, DataError
from napari_sam.models.cells.family import CELLS
from napari_sam.models.edgetam.family import EDGETAM
from napari_sam.models.family import Family
from napari_sam.models.foreign import foreign
from napari_sam.models.headers import Header
from napari_sam.models.hq_sam.family import HQ_SAM
from napari_sam.models.mobile_sam.family import MOBILE_SAM
from napari_sam.models.sam.family import SAM
from napari_sam.models.sam2.family import SAM2
from napari_sam.models.sam3.family import SAM3

#: Asked in this order whether a file is theirs.
FAMILIES: tuple[Family, ...] = (CELLS, HQ_SAM, MOBILE_SAM, SAM, SAM2, EDGETAM, SAM3)


def family_named(name: object) -> Family:
    """Return the family that a list of models calls by this name.

    Raises
    ------
    DataError
        When there is none.

    Examples
    --------
    >>> family_named("sam").title
    'Segment Anything (ViT)'
    """
    for family in FAMILIES:
        if family.name == name:
            return family
    known = ", ".join(family.name for family in FAMILIES)
    raise DataError(f"There is no family of models {name!r} in this version, only {known}.")


def family_of(path: Path) -> Family:
    """Tell the family of a checkpoint file from its header.

    Raises
    ------
    CheckpointError
        When the file cannot be read, or is of no family here; the message says what it looks like.
    """
    from napari_sam.models.checkpoints import read_header

    header = read_header(path)
    for family in FAMILIES:
        if family.recognises(header):
            return family
    raise _unknown(header)


def _unknown(header: Header) -> CheckpointError:
    begin = ", ".join(sorted(header.shapes)[:3]) or "it has no weights at all"
    titles = " or ".join(family.title for family in FAMILIES)
    return CheckpointError(
        f"{header.where} is no checkpoint of {titles}; its weights are: {begin}, ... "
        f"{foreign(header.shapes, header.where)}"
    )
