"""HQ-SAM's answers, computed exactly but without the work that repeats.

HQ-SAM adds one mask to those of SAM: that of a further token, on image features that also know an
early layer of the encoder. What these features take from the image is made once for all prompts;
and since the last convolution is only ever seen through the token's vector, it is made for that one
number instead of for all channels.

References
----------
Ke et al., Segment Anything in High Quality, NeurIPS 2023.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from napari_sam.models.sam.decoder import Decoded, Decoder
from napari_sam.models.sam.image_tokens import ImageTables


class HqDecoder(Decoder):
    """Runs the mask decoder of an HQ-SAM.

    Every mask is the sum of SAM's and of the additional one, as in the reference when it is not
    asked for the additional one alone. Of an ambiguous prompt the reference answers the best of
    three sums and nothing else; here the other two follow it, and a click of everything-mode gets
    the best.
    """

    hears_early = True

    @torch.inference_mode()
    def details(self, features: Tensor, early: list[Tensor]) -> tuple[Tensor, ...]:
        """Make what the additional mask knows of the image: (1, C / 8, 4 h, 4 w)."""
        seen = self.module.compress_vit_feat(early[0].float().permute(0, 3, 1, 2))
        return (self.module.embedding_encoder(features) + seen,)

    def read(self, features: Tensor, details: tuple[Tensor, ...] = ()) -> ImageTables:
        return replace(super().read(features), details=details)

    def output_tokens(self) -> Tensor:
        return torch.cat([super().output_tokens(), self.module.hf_token.weight])

    def offered(self, scores: npt.NDArray[np.float32]) -> list[int]:
        return [1 + int(scores[1:].argmax())]

    @torch.inference_mode()
    def masks(self, decoded: Decoded, prompt: int, which: list[int]) -> Tensor:
        vectors = self.vectors(decoded, prompt, which)
        channels = vectors.shape[1]
        # SAM's masks, and the upscaled image itself: it is looked at through one vector each.
        each = torch.eye(channels, dtype=vectors.dtype, device=vectors.device)
        seen = self.seen_by(decoded, prompt, torch.cat([vectors, each]))
        token = self.module.hf_mlp(decoded.mask_tokens[prompt, -1])
        return seen[: len(which)] + self._fine(seen[len(which) :], decoded.tables, token)

    def _fine(self, upscaled: Tensor, tables: ImageTables, token: Tensor) -> Tensor:
        """Make the additional mask, (4 h, 4 w)."""
        first, norm, _, last = self.module.embedding_maskfeature
        x = first(upscaled[None].contiguous(memory_format=torch.channels_last))
        weights = (norm.weight.shape, norm.weight, norm.bias, norm.eps)
        x = F.gelu(F.layer_norm(x.permute(0, 2, 3, 1), *weights)).permute(0, 3, 1, 2)
        weight = torch.einsum("o,oikl->ikl", token, last.weight)[None]
        fine = F.conv2d(x, weight, (last.bias @ token)[None], padding=1)[0, 0]
        return fine + torch.einsum("c,chw->hw", token, tables.details[0][0])
