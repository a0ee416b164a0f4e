"""micro-sam's automatic head: the maps of all objects of a plane, from SAM's own embedding.

References
----------
Archit et al., Segment Anything for Microscopy, Nature Methods 2025.
"""

from __future__ import annotations

import math
import threading
import weakref
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage as ndi
from torch import Tensor
from torch.nn import functional as F

from napari_sam.models.device import is_out_of_memory, out_of_memory
from napari_sam.models.embedding import Embedding, InstanceMaps
from napari_sam.models.sam.unetr import DistanceDecoder
from napari_sam.progress import Progress, silent
from napari_sam.prompts import Window

_SEED = 0.5  # of both distances, and of the foreground: micro-sam's own thresholds
_SOME = 30.0  # diameter in pixels where there is nothing to measure


class DistanceHead:
    """Finds all objects of a plane by the decoder that micro-sam trains beside SAM's.

    Parameters
    ----------
    decoder : DistanceDecoder
    device : str
    """

    def __init__(self, decoder: DistanceDecoder, device: str) -> None:
        self.decoder = decoder.to(device)
        self.device = device
        self._last: tuple[weakref.ref[Any], Tensor] | None = None
        self._lock = threading.Lock()

    def instance_maps(
        self,
        embedding: Embedding,
        *,
        diameter: float | None = None,
        region: Window | None = None,
        progress: Progress = silent,
    ) -> InstanceMaps:
        """Return the maps of the whole plane, whatever the region.

        The decoder reads the plane at the one size at which it was encoded; a diameter that is
        given only says what is expected.

        Raises
        ------
        DeviceError, Cancelled
        """
        foreground, centre, boundary = self._on_plane(embedding, progress)
        if diameter is None:
            diameter = typical_diameter(foreground, centre, boundary)
        return InstanceMaps(
            foreground=foreground,
            centre=1 - centre,
            boundary=boundary,
            scale=(1.0, 1.0),
            shape=embedding.shape,
            diameter=diameter,
            kind="distances",
        )

    @torch.inference_mode()
    def _on_plane(self, embedding: Embedding, progress: Progress) -> npt.NDArray[np.float32]:
        """Interpolate the decoder's maps to the plane, (3, H, W)."""
        used = embedding.features.used
        try:
            found = self._decoded(embedding, progress)[None, :, : used[0], : used[1]]
            found = F.interpolate(found, embedding.shape, mode="bilinear", align_corners=False)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise out_of_memory(self.device) from error
        return np.asarray(found[0].cpu().numpy(), np.float32)

    def _decoded(self, embedding: Embedding, progress: Progress) -> Tensor:
        """Run the decoder, unless it was this plane that it read last: it takes seconds."""
        features = embedding.features
        with self._lock:
            if self._last is not None and self._last[0]() is features:
                return self._last[1]
        found = self.decoder.run(features.image, progress)
        with self._lock:
            self._last = weakref.ref(features), found
        return found


def typical_diameter(
    foreground: npt.NDArray[np.float32],
    centre: npt.NDArray[np.float32],
    boundary: npt.NDArray[np.float32],
) -> float:
    """Estimate the diameter of the objects: their pixels shared out among their middles.

    Parameters
    ----------
    foreground, centre, boundary : (H, W) float32
        Probability of being in an object; distances, 0 in the middle of an object.

    Examples
    --------
    >>> inside = np.zeros((60, 60), np.float32)
    >>> inside[10:30, 10:30] = inside[35:55, 35:55] = 1
    >>> round(typical_diameter(inside, 1 - inside, 1 - inside))
    23
    """
    inside = foreground > _SEED
    _, count = ndi.label(inside & (centre < _SEED) & (boundary < _SEED))
    if not count:
        return _SOME
    return max(math.sqrt(4 / math.pi * np.count_nonzero(inside) / count), 1.0)
