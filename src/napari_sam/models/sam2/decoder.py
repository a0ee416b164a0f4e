"""SAM 2's answers to prompts about images, by Segment Anything's fast exact decoder.

What SAM 2 adds to SAM's mask decoder are a token for whether the object is there, two finer levels
of the image that are added while masks are enlarged, and a sigmoid on the scores.

References
----------
Ravi et al., SAM 2: Segment Anything in Images and Videos, ICLR 2025.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from napari_sam.models.sam.decoder import Decoded, Decoder
from napari_sam.models.sam.image_tokens import ImageTables
from napari_sam.models.sam.prompting import PromptEmbedder


class Sam2Decoder(Decoder):
    """Runs the mask decoder of a SAM 2."""

    hears_early = True
    score_at = 1

    @torch.inference_mode()
    def details(self, features: Tensor, early: list[Tensor]) -> tuple[Tensor, ...]:
        """Project the finer levels, (1, M, 4 h, 4 w) and (1, mid, 2 h, 2 w)."""
        fine, coarse = early
        return self.module.conv_s0(fine.float()), self.module.conv_s1(coarse.float())

    def read(self, features: Tensor, details: tuple[Tensor, ...] = ()) -> ImageTables:
        fine, coarse = details
        tables = super().read(features + self.module.no_memory.view(1, -1, 1, 1))
        return replace(tables, details=(_by_token(coarse, 2), _by_token(fine, 4)))

    def beside(self, tables: ImageTables) -> tuple[Tensor | None, Tensor | None]:
        coarse, fine = tables.details
        return coarse, fine

    def output_tokens(self) -> Tensor:
        return torch.cat([self.module.obj_score_token.weight, super().output_tokens()])

    def scored(self, tokens: Tensor) -> Tensor:
        return super().scored(tokens).sigmoid()

    def settled(self, decoded: Decoded, prompt: int) -> int:
        """Choose the one mask if it is stable, else the best of the several."""
        offset, least = self.network.stability
        (logits,) = self.masks(decoded, prompt, [0])
        inside, around = (int((logits > shift).sum()) for shift in (offset, -offset))
        if not around or np.float32(inside) / np.float32(around) >= least:
            return 0
        return 1 + int(decoded.scores[prompt, 1:].argmax())


def _by_token(level: Tensor, times: int) -> Tensor:
    """Sort pixels (1, M, times h, times w) as the decoder enlarges tokens: two and two."""
    _, channels, height, width = level.shape
    x = level[0].view(channels, height // times, times, width // times, times)
    if times == 2:
        x = x.permute(1, 3, 2, 4, 0)
        return x.reshape(-1, 4 * channels)
    x = x.view(channels, height // 4, 2, 2, width // 4, 2, 2)
    return x.permute(1, 4, 2, 5, 3, 6, 0).reshape(-1, 4 * channels)


class Sam2Prompts(PromptEmbedder):
    """Embeds prompts as SAM 2 does: a box, or nothing but a mask, is followed by an empty point."""

    def sparse(self, points: tuple[Tensor, Tensor] | None, boxes: Tensor | None) -> Tensor:
        empty = self.encoder.not_a_point_embed.weight[None]
        if points is None and boxes is None:
            return empty.expand(-1, 2, -1)  # the point that stands for none has one after it, too
        found = super().sparse(points, boxes)
        return found if boxes is None else torch.cat([found, empty], dim=1)
