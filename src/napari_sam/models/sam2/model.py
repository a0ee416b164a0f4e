"""SAM 2 as a `Model`: images as SAM answers about them, and a memory for what follows."""

from __future__ import annotations

from typing import Any

from napari_sam.models.capabilities import Memory
from napari_sam.models.sam.framing import Framing, Stretched
from napari_sam.models.sam.model import SamModel
from napari_sam.models.sam2.decoder import Sam2Decoder, Sam2Prompts
from napari_sam.models.sam2.memory import Remembering, Sam2Memory
from napari_sam.models.sam2.network import ColourStatistics, HieraEncoder, as_sam, transformers


class Sam2Model(SamModel):
    """A SAM 2 or 2.1.

    Parameters
    ----------
    network : transformers.Sam2VideoModel or transformers.Sam2Model
        The second kind answers about images alone.
    name, device, sha256 : str
        As of `SamModel`.
    """

    embedder = Sam2Prompts
    #: Runs the image encoder.
    encoder: type[HieraEncoder] = HieraEncoder

    def __init__(self, network: Any, name: str, device: str = "cpu", sha256: str = "") -> None:
        self.whole = network.to(device)
        sam = as_sam(self.whole, self.encoder(self.whole), ColourStatistics())
        super().__init__(sam, name, device, sha256, decoder=Sam2Decoder)

    def framed(self, side: int) -> Framing:
        """Stretch planes to the square."""
        return Stretched(side)

    @property
    def memory(self) -> Memory | None:
        """Who carries objects from frame to frame, if the checkpoint holds that."""
        if not hasattr(self.whole, "memory_attention"):
            return None
        places = self.whole.vision_encoder.neck.position_encoding
        return Sam2Memory(self, Remembering(self.whole, places, self.session))

    @property
    def session(self) -> Any:
        """What the network keeps of objects."""
        return transformers().Sam2VideoInferenceSession
