"""The row of HQ-SAM's family, with a plain ViT or TinyViT as image encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_sam.models.family import Family, Request
from napari_sam.models.headers import Header
from napari_sam.models.model import Model

if TYPE_CHECKING:
    from napari_sam.models.sam.architecture import Decoders
    from napari_sam.models.sam.load import SamVariant
    from napari_sam.models.weights import State


def _recognises(header: Header) -> bool:
    return header.has("mask_decoder.hf_token.", "image_encoder.")


@dataclass(frozen=True)
class HqArchitecture:
    """Dimensions of a SAM, and of the early layer that its decoder hears of."""

    plain: Decoders
    early_width: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)


def hq_kind(plain: SamVariant) -> SamVariant:
    """How HQ-SAMs with the image encoder of some kind are read and built."""
    from napari_sam.models.hq_sam.decoder import HqDecoder
    from napari_sam.models.hq_sam.network import add_detail, early_width
    from napari_sam.models.sam.architecture import named_if_foreign
    from napari_sam.models.sam.load import SamVariant

    def find(state: State, where: str = "The file") -> Any:
        sizes = plain.find(state, where)
        width = named_if_foreign(lambda: early_width(state), state, "an HQ-SAM", where)
        return HqArchitecture(sizes, width)

    def build(sizes: HqArchitecture) -> Any:
        return add_detail(plain.build(sizes.plain), sizes.early_width)

    return SamVariant(find, build, HqDecoder)


def _load(request: Request) -> Model:
    from napari_sam.models.checkpoints import read_header
    from napari_sam.models.mobile_sam.family import tiny_kind
    from napari_sam.models.sam.load import VIT, load_sam

    tiny = read_header(request.file).has("image_encoder.layers.0.")
    return load_sam(request, hq_kind(tiny_kind() if tiny else VIT))


HQ_SAM = Family(
    name="hq_sam",
    title="HQ-SAM",
    recognises=_recognises,
    load=_load,
)
