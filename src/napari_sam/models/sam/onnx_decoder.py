"""Segment Anything's prompt encoder and mask decoder as one graph for ONNX.

Names, order, types and shapes of inputs and outputs are those of the decoder that Segment
Anything itself exports, so programs written for that one take this one. What is done inside
differs in one point: the masks are brought to the size of the image by one matrix per axis, which
is the same interpolation for images of any shape.

References
----------
Kirillov et al., Segment Anything, ICCV 2023.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

INPUTS = (
    "image_embeddings",
    "point_coords",
    "point_labels",
    "mask_input",
    "has_mask_input",
    "orig_im_size",
)
OUTPUTS = ("masks", "iou_predictions", "low_res_masks")
_PADDING = -1  # label of a point that is none; 0 background, 1 object, 2 and 3 corners of a box


class DecoderGraph(nn.Module):
    """One prompt in, all mask tokens' logits out.

    Parameters
    ----------
    network : segment_anything.modeling.Sam
        On the CPU, in float32.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.prompt_encoder = network.prompt_encoder
        self.mask_decoder = network.mask_decoder
        self.side = int(network.image_encoder.img_size)
        low = int(network.prompt_encoder.mask_input_size[0])
        kinds = [self.prompt_encoder.not_a_point_embed, *self.prompt_encoder.point_embeddings]
        with torch.no_grad():
            self.kinds: Tensor
            self.position: Tensor
            self.to_square: Tensor
            self.register_buffer("kinds", torch.cat([kind.weight for kind in kinds]))
            self.register_buffer("position", self.prompt_encoder.get_dense_pe())
            # (side, low): the square that the encoder sees, interpolated from low-resolution
            # logits with the very weights that PyTorch uses.
            unit = torch.eye(low)[None]
            square = F.interpolate(unit, self.side, mode="linear", align_corners=False)
            self.register_buffer("to_square", square[0].t().contiguous())

    def forward(
        self,
        image_embeddings: Tensor,
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor,
        has_mask_input: Tensor,
        orig_im_size: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Decode one prompt.

        Parameters
        ----------
        image_embeddings : (1, C, h, w) float32 Tensor
        point_coords : (1, N, 2) float32 Tensor
            ``(x, y)`` in pixels of the encoder's square.
        point_labels : (1, N) float32 Tensor
            1 object, 0 background, 2 and 3 first and second corner of a box, -1 padding: one
            such point is expected where there is no box.
        mask_input : (1, 1, 4 h, 4 w) float32 Tensor
            Low-resolution logits of the answer to refine; any without one.
        has_mask_input : (1,) float32 Tensor
            1 where ``mask_input`` counts, 0 where it does not.
        orig_im_size : (2,) float32 Tensor
            Rows and columns of the image.

        Returns
        -------
        masks : (1, K, H, W) Tensor
            Logits at the size of the image.
        iou_predictions : (1, K) Tensor
        low_res_masks : (1, K, 4 h, 4 w) Tensor
        """
        low, scores = self.mask_decoder.predict_masks(
            image_embeddings=image_embeddings,
            image_pe=self.position,
            sparse_prompt_embeddings=self._points(point_coords, point_labels),
            dense_prompt_embeddings=self._mask(mask_input, has_mask_input),
        )
        # In float64, as SAM does when it resizes the image: whole pixels depend on it.
        size = orig_im_size.double()
        used = torch.floor(size * (self.side / size.max()) + 0.5).clamp(min=1).long()
        rows = self._axis(orig_im_size[0].long(), used[0])
        columns = self._axis(orig_im_size[1].long(), used[1])
        return rows @ low @ columns.t(), scores, low

    def _points(self, coords: Tensor, labels: Tensor) -> Tensor:
        """Embed points and corners, (1, N, C)."""
        places = self.prompt_encoder.pe_layer._pe_encoding((coords + 0.5) / self.side)
        known = (labels != _PADDING)[..., None]
        return torch.where(known, places, 0.0) + self.kinds[labels.long() + 1]

    def _mask(self, mask: Tensor, given: Tensor) -> Tensor:
        """Embed the mask, or the lack of one, (1, C, h, w)."""
        none = self.prompt_encoder.no_mask_embed.weight[:, :, None, None]
        return torch.where(given > 0, self.prompt_encoder.mask_downscaling(mask), none)

    def _axis(self, size: Tensor, used: Tensor) -> Tensor:
        """Matrix (size, low) from low-resolution logits to the pixels of one axis.

        The used part of the square is interpolated to ``size`` pixels; pixels beyond its edge
        repeat the last.
        """
        count = size.item()
        torch._check(count >= 1)
        place = (torch.arange(count, dtype=torch.float32) + 0.5) * (used / size) - 0.5
        place = place.clamp(min=0.0)
        before = torch.minimum(place.long(), used - 1)
        after = torch.minimum(before + 1, used - 1)
        share = (place - before)[:, None]
        return self.to_square[before] * (1 - share) + self.to_square[after] * share
