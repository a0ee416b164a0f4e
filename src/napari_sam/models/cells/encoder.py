"""The image encoder of the ``cells`` network: a residual U-Net and what it returns."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["ConvNorm", "Features", "ImageEncoder", "Residual", "compressed"]


class Features(NamedTuple):
    """The embedding of a batch of images: feature maps at three strides.

    Attributes
    ----------
    stride2, stride4, stride8 : Tensor
        Maps of shape (B, C, H/s, W/s) for s = 2, 4, 8.
    """

    stride2: Tensor
    stride4: Tensor
    stride8: Tensor


class Residual(nn.Module):
    """Two 3x3 convolutions with BatchNorm around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        return F.relu(x + self.norm2(self.conv2(y)), inplace=True)


class ConvNorm(nn.Sequential):
    """A convolution, BatchNorm and ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


#: How strongly the second view lifts what is dim: it is ``asinh`` of so many times the image.
LIFT = 10.0


def compressed(image: Tensor) -> Tensor:
    """Return the second view (B, 1, H, W) of an image (B, 1 or 3, H, W): its dim grey lifted.

    A body of a tenth of the brightness of what lies beside it has .29 of it here.
    """
    grey = image.float() if image.shape[1] == 1 else image.float().mean(1, keepdim=True)
    grey = grey.clamp_min(0) * LIFT
    # asinh by its definition, which torch computes several times as fast on a CPU
    lifted = grey.square().add_(1).sqrt_().add_(grey).log_()
    return (lifted / math.asinh(LIFT)).to(image.dtype)


class ImageEncoder(nn.Module):
    """A residual U-Net that reads an image and returns maps at strides 2, 4 and 8.

    Parameters
    ----------
    widths : sequence of int
        Channels at strides 2, 4, 8, 16 and 32.
    depths : sequence of int
        Residual blocks at the same strides.
    merges : sequence of int
        Kernel sizes with which strides 2, 4, 8 and 16 take in what the coarser ones saw.
    views : int
        1 for the image alone; 2 for its :func:`compressed` view beside it.
    """

    def __init__(
        self,
        widths: tuple[int, ...],
        depths: tuple[int, ...],
        merges: tuple[int, ...] = (3, 3, 3, 3),
        views: int = 1,
    ) -> None:
        super().__init__()
        self.views = views
        self.down = nn.ModuleList()
        before = 3 if views == 1 else 4
        for level, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            first = ConvNorm(before, width, 5 if level == 0 else 3, 2)
            self.down.append(nn.Sequential(first, *(Residual(width) for _ in range(depth))))
            before = width
        # top-down: bring the wide view back to the finer strides
        self.lateral = nn.ModuleList(
            nn.Conv2d(widths[i + 1], widths[i], 1) for i in range(len(widths) - 1)
        )
        self.merge = nn.ModuleList(
            ConvNorm(width, width, kernel)
            for width, kernel in zip(widths[:-1], merges, strict=True)
        )

    def seen(self, image: Tensor) -> Tensor:
        """Return the views of an image (B, 1 or 3, H, W) that the first convolution takes."""
        x = (image * 2.0 - 1.0).expand(-1, 3, -1, -1)
        return x if self.views == 1 else torch.cat([x, compressed(image)], 1)

    def stages(self, image: Tensor) -> list[Tensor]:
        """Return what is seen on the way down, at strides 2, 4, 8, 16 and 32."""
        x = self.seen(image)
        maps = []
        for stage in self.down:
            x = stage(x)
            maps.append(x)
        return maps

    def forward(self, image: Tensor) -> Features:
        maps = self.stages(image)
        for i in range(len(maps) - 2, -1, -1):
            wide = F.interpolate(self.lateral[i](maps[i + 1]), scale_factor=2.0, mode="nearest")
            maps[i] = self.merge[i](maps[i] + wide)
        return Features(maps[0], maps[1], maps[2])
