"""EdgeTAM as a `Model`: a SAM 2 with other parts."""

from __future__ import annotations

from typing import Any

from napari_sam.models.edgetam.network import RepVitEncoder
from napari_sam.models.sam2.model import Sam2Model
from napari_sam.models.sam2.network import transformers


class EdgeTamModel(Sam2Model):
    """An EdgeTAM.

    Parameters
    ----------
    network : transformers.EdgeTamVideoModel
    name, device, sha256 : str
        As of `SamModel`.
    """

    encoder = RepVitEncoder

    @property
    def session(self) -> Any:
        """What the network keeps of objects."""
        return transformers().EdgeTamVideoInferenceSession
