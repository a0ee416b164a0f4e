"""SAM 3 as a `Model`: prompts as SAM 2 answers them, and concepts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from napari_sam.models.capabilities import Concepts, Memory
from napari_sam.models.sam.framing import Framing, Stretched
from napari_sam.models.sam.image_tokens import ImageTables
from napari_sam.models.sam.model import SamModel
from napari_sam.models.sam2.decoder import Sam2Decoder, Sam2Prompts
from napari_sam.models.sam2.memory import Remembering, Sam2Memory
from napari_sam.models.sam2.network import as_sam, transformers
from napari_sam.models.sam3.concepts import Sam3Concepts
from napari_sam.models.sam3.network import PIXELS, Sam3Encoder
from napari_sam.models.sam3.words import Tokenizer

LICENCE = "SAM License of Meta"


class Sam3Decoder(Sam2Decoder):
    """SAM 2's, which passes on what the detector of concepts will want to see."""

    @torch.inference_mode()
    def details(self, features: Tensor, early: list[Tensor]) -> tuple[Tensor, ...]:
        """Project the finer levels, and keep what the transformer made, (1, D, h, w)."""
        *levels, hidden = early
        return *super().details(features, levels), hidden.float()

    def read(self, features: Tensor, details: tuple[Tensor, ...] = ()) -> ImageTables:
        return super().read(features, details[:2])


class Sam3Model(SamModel):
    """A SAM 3.

    Parameters
    ----------
    network : transformers.Sam3VideoModel
    tokens : Tokenizer
    name, device, sha256 : str
        As of `SamModel`.
    """

    embedder = Sam2Prompts
    licence = LICENCE

    def __init__(
        self, network: Any, tokens: Tokenizer, name: str, device: str = "cpu", sha256: str = ""
    ) -> None:
        self.whole = network.to(device)
        sam = as_sam(self.whole.tracker_model, Sam3Encoder(self.whole), PIXELS)
        super().__init__(sam, name, device, sha256, decoder=Sam3Decoder)
        self._concepts = Sam3Concepts(self, self.whole.detector_model, tokens)

    def framed(self, side: int) -> Framing:
        """Stretch planes to the square."""
        return Stretched(side, rounded=True)

    @property
    def memory(self) -> Memory:
        """Who carries objects from frame to frame."""
        session = transformers().Sam3TrackerVideoInferenceSession
        places = self.whole.tracker_neck.position_encoding
        return Sam2Memory(self, Remembering(self.whole.tracker_model, places, session))

    @property
    def concepts(self) -> Concepts:
        """Who finds what a text or examples describe."""
        return self._concepts
