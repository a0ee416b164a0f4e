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

from typing import Any

import torch
from torch import Tensor, nn

from napari_sam.models.cells.decoder import MaskDecoder
from napari_sam.models.cells.encoder import ConvNorm, Features, ImageEncoder
from napari_sam.models.cells.folding import fold
from napari_sam.models.cells.prompts import PromptEncoder

__all__ = ["ARCHITECTURES", "LIGHT", "SECOND", "CellsNetwork", "Features", "Ranges"]

#: Lowest and highest value of a layer's maps, by the name of the maps.
Ranges = dict[str, tuple[float, float]]

#: The first architecture grown by two parts: it sees two views and goes through slices.
SECOND: dict[str, Any] = {"views": 2, "neighbours": True}

#: The light architecture: half the operations per pixel of the first one, at the fine strides
#: where they are dearest. It sees two views and goes through slices.
LIGHT: dict[str, Any] = {
    "depths": (0, 0, 1, 1, 1),
    "merges": (3, 3, 3, 1),
    "views": 2,
    "head": 1,
    "inward": True,
    "neighbours": True,
}

#: What a training run can be told to begin with.
ARCHITECTURES: dict[str, dict[str, Any]] = {"first": {}, "second": SECOND, "light": LIGHT}


class CellsNetwork(nn.Module):
    """The whole network: encoder, instance head, prompt encoder and mask decoder.

    Parameters
    ----------
    widths, depths, merges, views
        See :class:`ImageEncoder`.
    head : int
        Kernel size of the instance head.
    inward : bool
        Whether the instance head also says which way the object's inside lies.
    neighbours : bool
        Whether :meth:`follow` is there: the mask of a neighbouring slice as a prompt.

    Attributes
    ----------
    config : dict
        What has to be given to make such a network again, as it is written into checkpoints.
    ranges : Ranges or None
        How far its maps reach, if that was measured: what reading in 8 bits needs.

    Notes
    -----
    Images are (B, 3, H, W) float32, about [0, 1] by percentiles of the *whole* image, H and W
    multiples of 32; what lies outside the image is 0. Grey ones may have one channel instead of
    the same three.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (24, 48, 96, 160, 224),
        depths: tuple[int, ...] = (1, 1, 2, 2, 1),
        *,
        merges: tuple[int, ...] = (3, 3, 3, 3),
        views: int = 1,
        head: int = 3,
        inward: bool = False,
        neighbours: bool = False,
    ) -> None:
        super().__init__()
        self.ranges: Ranges | None = None
        self.config: dict[str, Any] = {
            "widths": list(widths),
            "depths": list(depths),
            "merges": list(merges),
            "views": views,
            "head": head,
            "inward": inward,
            "neighbours": neighbours,
        }
        self.image_encoder = ImageEncoder(widths, depths, merges, views)
        self.instance_head = nn.Sequential(
            ConvNorm(widths[0], 32, head), nn.Conv2d(32, 5 if inward else 3, 1)
        )
        self.size_head = nn.Sequential(ConvNorm(widths[2], 48), nn.Conv2d(48, 1, 1))
        self.prompt_encoder = PromptEncoder(widths[:3], neighbours)
        self.mask_decoder = MaskDecoder(widths[:3])
        self.presence: nn.Module | None = None
        if neighbours:
            self.presence = nn.Sequential(nn.Linear(widths[2], 64), nn.ReLU(), nn.Linear(64, 1))

    @classmethod
    def of(cls, config: dict[str, Any]) -> CellsNetwork:
        """Make the network that a checkpoint's ``config`` describes; older ones name less."""
        given: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in config.items()
        }
        return cls(**given)

    @property
    def precision(self) -> torch.dtype:
        """The number type of the weights, in which images have to come."""
        return next(self.parameters()).dtype

    def fold_norms(self) -> None:
        """Fold every BatchNorm into the convolution before it: the same maps, an eighth faster.

        Only in evaluation mode; what is trained afterwards has no statistics of batches any more.
        """
        fold(self)

    def encode(self, image: Tensor) -> Features:
        """Make the embedding.

        Parameters
        ----------
        image : Tensor
            (B, 1 or 3, H, W), see the class.

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
            (B, 3 or 5, H/2, W/2).  The first three are logits; apply a sigmoid.  Channel 0:
            inside any object.  Channel 1: depth inside the own object, 0 at its border and 1
            where it is deepest.  Channel 2: closeness to the border of an object, from inside,
            1 at the border and 0.14 at 4 image pixels from it.  Channels 3 and 4, if there are
            any, are as they are: the way from the nearest border (down, right), of length 1 at
            the border and 0 where the object is deepest.
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

    def as_numbers(self, features: Features) -> Features:
        """Return features as numbers, which they are: a reader in 8 bits has levels."""
        return features

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
        prompt = (image_index, points, labels, boxes, mask_input)
        logits, iou, _ = self._answer(features, prompt, None)
        return logits, iou

    def follow(
        self,
        features: Features,
        image_index: Tensor,
        points: Tensor,
        labels: Tensor,
        boxes: Tensor,
        mask_input: Tensor | None,
        neighbour: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Answer prompts beside which the object's mask in a neighbouring slice is known.

        Parameters
        ----------
        features, image_index, points, labels, boxes, mask_input
            As for :meth:`decode`; points may be padding and boxes NaN alone.
        neighbour : Tensor of float
            (N, 1, H/2, W/2), 0 to 1, the mask in the next slice or frame; a prompt without one
            is all NaN.

        Returns
        -------
        mask_logits, iou : Tensor
            As of :meth:`decode`.
        presence : Tensor
            (N,), logits of the object being in this slice at all.
        """
        if self.presence is None:
            raise TypeError("This network was not taught to follow objects through slices.")
        prompt = (image_index, points, labels, boxes, mask_input)
        logits, iou, token = self._answer(features, prompt, neighbour)
        return logits, iou, self.presence(token)[:, 0].float()

    def _answer(
        self,
        features: Features,
        prompt: tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None],
        neighbour: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        drawn8, drawn4, tokens = self.prompt_encoder(features.stride8, *prompt, neighbour)
        return self.mask_decoder(features, prompt[0], drawn8, drawn4, tokens)
