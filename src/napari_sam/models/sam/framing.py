"""How a plane of any shape becomes the square that an image encoder sees, and comes back."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from napari_sam.models.sam.upsample import Upsampler

Shape = tuple[int, int]


class Framing(Protocol):
    """Fits planes into a square."""

    side: int

    def used(self, shape: Shape) -> Shape:
        """Rows and columns that a plane (H, W) takes up in the square."""
        ...

    def resize(self, pixels: npt.NDArray[np.uint8]) -> Tensor:
        """Bring colour (H, W, 3) to the part of the square that it takes up, (3, h, w) 0..255."""
        ...

    def upsampler(self, low: Shape, shape: Shape, device: str) -> Upsampler:
        """Return what brings logits of a size to the pixels of planes (H, W)."""
        ...


class Padded:
    """The longer side fits, the rest is padding: Segment Anything's way.

    Parameters
    ----------
    side : int
        Of the square, in pixels.
    """

    def __init__(self, side: int) -> None:
        self.side = side

    def used(self, shape: Shape) -> Shape:
        """Rows and columns that a plane takes up.

        Examples
        --------
        >>> Padded(1024).used((300, 400))
        (768, 1024)
        """
        scale = self.side / max(shape)
        return max(1, int(shape[0] * scale + 0.5)), max(1, int(shape[1] * scale + 0.5))

    def resize(self, pixels: npt.NDArray[np.uint8]) -> Tensor:
        """Resample as Pillow does, which is what SAM was trained with."""
        used = self.used((pixels.shape[0], pixels.shape[1]))
        resized = Image.fromarray(pixels).resize(
            (used[1], used[0]), resample=Image.Resampling.BILINEAR
        )
        return torch.from_numpy(np.array(resized)).permute(2, 0, 1)

    def upsampler(self, low: Shape, shape: Shape, device: str) -> Upsampler:
        """Interpolate to the square first, and from there to the plane."""
        return Upsampler(low, self.side, self.used(shape), shape, device)


class Stretched:
    """Both sides fit, whatever their ratio: SAM 2's way.

    Parameters
    ----------
    side : int
        Of the square, in pixels.
    rounded : bool
        Whether that is done in whole grey values, as SAM 3 does it.
    """

    def __init__(self, side: int, rounded: bool = False) -> None:
        self.side = side
        self.rounded = rounded

    def used(self, shape: Shape) -> Shape:
        """All of the square."""
        return self.side, self.side

    def resize(self, pixels: npt.NDArray[np.uint8]) -> Tensor:
        """Resample, in floating point as SAM 2 does, or in whole grey values."""
        image = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]
        if not self.rounded:
            image = image.float()
        how: dict[str, Any] = {"mode": "bilinear", "antialias": True, "align_corners": False}
        return F.interpolate(image, (self.side, self.side), **how)[0]

    def upsampler(self, low: Shape, shape: Shape, device: str) -> Upsampler:
        """Interpolate to the plane at once."""
        return Upsampler(low, low[0], low, shape, device)
