"""From a plane's pixels to SAM's image embedding, whatever the device's precision and memory.

References
----------
Kirillov et al., Segment Anything, ICCV 2023.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from napari_sam import images
from napari_sam.contrast import normalise
from napari_sam.models.device import is_out_of_memory, out_of_memory, release_memory
from napari_sam.models.sam.attention import encode_image
from napari_sam.models.sam.framing import Framing
from napari_sam.progress import Progress

_BLOCKS = (None, 1 << 20)  # bytes of a piece of attention: the usual, and when memory is short


class PlaneEncoder:
    """Runs the image encoder of a SAM.

    Parameters
    ----------
    network : segment_anything.modeling.Sam
        Whose image encoder is a plain ViT, or has a method ``encode_image`` of its own.
    framing : Framing
    device : str

    Attributes
    ----------
    half : bool
        Whether it computes in half precision: on CUDA, unless the weights overflow there.
    """

    def __init__(self, network: Any, framing: Framing, device: str) -> None:
        self.network = network
        self.framing = framing
        self.device = device
        self.side = framing.side
        self.half = device.startswith("cuda")

    def encode(
        self,
        array: npt.NDArray[Any],
        limits: tuple[float, float],
        progress: Progress,
        early: list[Tensor] | None = None,
    ) -> tuple[Tensor, tuple[int, int]]:
        """Return the embedding (1, C, h, w) and the part of the square that shows the plane.

        Parameters
        ----------
        array : (H, W) or (H, W, C) array
        limits : (low, high)
        progress : callable
        early : list, optional
            What an early layer makes, (1, h, w, c), is put there.

        Raises
        ------
        DeviceError, Cancelled
        """
        pixels, used = self.pixels(array, limits)
        return self.run(pixels, progress, early), used

    def pixels(
        self, array: npt.NDArray[Any], limits: tuple[float, float]
    ) -> tuple[Tensor, tuple[int, int]]:
        """Normalised pixels (1, 3, S, S) and the part of them that shows the plane."""
        scaled = images.as_rgb(normalise(array, limits))
        eight_bit = np.rint(scaled * 255.0).astype(np.uint8)
        pixels = self.framing.resize(eight_bit).to(self.device)
        used = int(pixels.shape[1]), int(pixels.shape[2])
        pixels = (pixels - self.network.pixel_mean) / self.network.pixel_std
        pixels = F.pad(pixels, (0, self.side - used[1], 0, self.side - used[0]))
        return pixels[None].contiguous(), used

    def run(self, pixels: Tensor, progress: Progress, early: list[Tensor] | None = None) -> Tensor:
        """Run the encoder, in smaller pieces when memory does not suffice."""
        for block in _BLOCKS:
            try:
                return self._run_in(block, pixels, progress, early)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if block == _BLOCKS[-1]:
                    raise out_of_memory(self.device) from error
            # Outside the handler, which would keep the failed attempt's tensors alive.
            release_memory(self.device)
        raise AssertionError("the last piece returns or raises")

    def _run_in(
        self, block: int | None, pixels: Tensor, progress: Progress, early: list[Tensor] | None
    ) -> Tensor:
        if early is not None:
            early.clear()  # of an attempt before
        encoder = self.network.image_encoder
        own = getattr(encoder, "encode_image", None)
        encode = partial(encode_image, encoder) if own is None else own
        if self.half:
            with torch.autocast("cuda", dtype=torch.float16):
                features = encode(pixels, progress, block, early).float()
            if bool(torch.isfinite(features).all()):
                return features
            # These weights overflow in half precision: never try again.
            self.half = False
            if early is not None:
                early.clear()
        return encode(pixels, progress, block, early)
