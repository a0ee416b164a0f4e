"""The network of the embedded ``cells`` model: SAM's three parts and an instance head.

The roles and the flow of information are those of *Segment Anything* (Kirillov et al.,
ICCV 2023): an image encoder makes an embedding once, a prompt encoder and a mask decoder
answer any number of prompts from it with three candidate masks and a predicted IoU each.
The parts are much smaller (a residual U-Net instead of a ViT) and two things are added: the
prompts are also *drawn*, as maps beside the embedding, and an instance head predicts the maps
from which :func:`napari_sam.methods.instances.labels_from_maps` cuts out every cell at once.

This file only knows tensors.  Reading images, choosing the zoom and cutting windows is the
business of the wrapper in ``models/cells/model.py``; the rules that wrapper and training share
are written in ``docs/training.md``.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from napari_sam.models.cells.decoder import MaskDecoder
from napari_sam.models.cells.prompts import PromptEncoder

__all__ = ["CellsNetwork", "Features"]


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


class ImageEncoder(nn.Module):
    """A residual U-Net that reads an image and returns maps at strides 2, 4 and 8.

    Parameters
    ----------
    widths : sequence of int
        Channels at strides 2, 4, 8, 16 and 32.
    depths : sequence of int
        Residual blocks at the same strides.
    """

    def __init__(self, widths: tuple[int, ...], depths: tuple[int, ...]) -> None:
        super().__init__()
        self.down = nn.ModuleList()
        before = 3
        for level, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            first = ConvNorm(before, width, 5 if level == 0 else 3, 2)
            self.down.append(nn.Sequential(first, *(Residual(width) for _ in range(depth))))
            before = width
        # top-down: bring the wide view back to the finer strides
        self.lateral = nn.ModuleList(
            nn.Conv2d(widths[i + 1], widths[i], 1) for i in range(len(widths) - 1)
        )
        self.merge = nn.ModuleList(ConvNorm(w, w) for w in widths[:-1])

    def forward(self, image: Tensor) -> Features:
        x = image * 2.0 - 1.0
        maps = []
        for stage in self.down:
            x = stage(x)
            maps.append(x)
        for i in range(len(maps) - 2, -1, -1):
            wide = F.interpolate(self.lateral[i](maps[i + 1]), scale_factor=2.0, mode="nearest")
            maps[i] = self.merge[i](maps[i] + wide)
        return Features(maps[0], maps[1], maps[2])


class CellsNetwork(nn.Module):
    """The whole network: encoder, instance head, prompt encoder and mask decoder.

    Parameters
    ----------
    widths, depths : tuple of int
        See :class:`ImageEncoder`.  The defaults are the shipped architecture.

    Notes
    -----
    Images are (B, 3, H, W) float32, about [0, 1] by percentiles of the *whole* image (grey
    repeated three times), H and W multiples of 32; what lies outside the image is 0.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (24, 48, 96, 160, 224),
        depths: tuple[int, ...] = (1, 1, 2, 2, 1),
    ) -> None:
        super().__init__()
        self.config = {"widths": list(widths), "depths": list(depths)}
        self.image_encoder = ImageEncoder(widths, depths)
        self.instance_head = nn.Sequential(ConvNorm(widths[0], 32), nn.Conv2d(32, 3, 1))
        self.size_head = nn.Sequential(ConvNorm(widths[2], 48), nn.Conv2d(48, 1, 1))
        self.prompt_encoder = PromptEncoder(widths[:3])
        self.mask_decoder = MaskDecoder(widths[:3])

    @property
    def precision(self) -> torch.dtype:
        """The number type of the weights, in which images have to come."""
        return next(self.parameters()).dtype

    def fold_norms(self) -> None:
        """Fold every BatchNorm into the convolution before it: the same maps, an eighth faster.

        Only in evaluation mode; afterwards the network cannot be trained any more.
        """
        for module in self.modules():
            if isinstance(module, nn.Sequential):
                for place, (first, second) in enumerate(pairwise(list(module))):
                    if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                        module[place] = fuse_conv_bn_eval(first, second)
                        module[place + 1] = nn.Identity()
            elif isinstance(module, Residual):
                module.conv1 = fuse_conv_bn_eval(module.conv1, module.norm1)
                module.conv2 = fuse_conv_bn_eval(module.conv2, module.norm2)
                module.norm1 = module.norm2 = nn.Identity()  # type: ignore[assignment]

    def encode(self, image: Tensor) -> Features:
        """Make the embedding.

        Parameters
        ----------
        image : Tensor
            (B, 3, H, W), see the class.

        Returns
        -------
        Features
        """
        return self.image_encoder(image)

    def instances(self, features: Features) -> Tensor:
        """Predict the maps of the automatic mode.

        Parameters
        ----------
        features : Features

        Returns
        -------
        Tensor
            (B, 3, H/2, W/2) logits; apply a sigmoid.  Channel 0: inside any object.  Channel
            1: depth inside the own object, 0 at its border and 1 where it is deepest.
            Channel 2: closeness to the border of an object, from inside, 1 at the border and
            0.14 at 4 image pixels from it.
        """
        return self.instance_head(features.stride2)

    def sizes(self, features: Features) -> Tensor:
        """Predict how large the object at every place is, whatever the zoom of the window.

        Parameters
        ----------
        features : Features

        Returns
        -------
        Tensor
            (B, 1, H/8, W/8), log2 of the object's diameter in image pixels over 32 (the
            geometric mean of the diameter of the disk of equal area and twice the largest
            depth).  Only meaningful inside objects.
        """
        return self.size_head(features.stride8)

    def decode(
        self,
        features: Features,
        image_index: Tensor,
        points: Tensor,
        labels: Tensor,
        boxes: Tensor,
        mask_input: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Answer prompts, each about one object of one image of the batch.

        Parameters
        ----------
        features : Features
            Of B images.
        image_index : Tensor of int
            (N,), the image each prompt belongs to.
        points : Tensor of float
            (N, P, 2), (x, y) in image pixels with pixel centres at .5; P may be 0.
        labels : Tensor of int
            (N, P): 1 object, 0 background, -1 padding.
        boxes : Tensor of float
            (N, 4), (x0, y0, x1, y1) in image pixels; a row of NaN means no box.
        mask_input : Tensor of float, optional
            (N, 1, H/2, W/2), logits of the previous round; a prompt without one is all NaN.

        Returns
        -------
        mask_logits : Tensor
            (N, 3, H/2, W/2); the mask is where they are positive.
        iou : Tensor
            (N, 3), predicted IoU of each mask.
        """
        drawn8, drawn4, tokens = self.prompt_encoder(
            features.stride8, image_index, points, labels, boxes, mask_input
        )
        return self.mask_decoder(features, image_index, drawn8, drawn4, tokens)
