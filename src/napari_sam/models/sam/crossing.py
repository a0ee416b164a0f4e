"""Attention between the tokens of prompts and those of the image, exactly and without repetition.

Projections of the image come from tables that were made once; where a prompt has image tokens of
its own the projection is folded into the prompt's tokens instead: with queries ``q`` and
projection ``W``, ``q (x W)^T = (q W) x^T``.

References
----------
Kirillov et al., Segment Anything, ICCV 2023.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_sam.models.sam import products
from napari_sam.models.sam.image_tokens import Tokens

_NOTHING = 1e-30  # added to a sum of about 1 it changes nothing


def shares(logits: Tensor, dim: int) -> Tensor:
    """Return the softmax, with 0 for what is too small to count.

    Processors take many times longer for products with the smallest numbers that there are, and
    one logit far below the others is enough to make some.
    """
    return F.threshold(logits.softmax(dim), _NOTHING, 0.0, inplace=True)


class Crossing:
    """Weights of one attention between prompt tokens and image tokens, cut by head.

    Parameters
    ----------
    attention : segment_anything.modeling.transformer.Attention
    layer : nn.Linear
        Its projection of the image to what is compared.
    position : (N, C) Tensor
    shift : (C,) Tensor, optional
        What the layer norm before adds to all image tokens.
    """

    def __init__(self, attention: Any, layer: Any, position: Tensor, shift: Tensor | None) -> None:
        self.attention = attention
        self.heads = attention.num_heads
        self.inner = attention.internal_dim // self.heads
        self.scale = 1.0 / math.sqrt(self.inner)
        self.project = self.cut(layer.weight)
        # (heads, d, N): what position and bias contribute to the image's projection.
        fixed = F.linear(position, layer.weight, layer.bias)
        self.position = self.by_head(fixed).transpose(1, 2).contiguous()
        self.shifted: Tensor | None = None
        if shift is not None:
            self.shifted = self.position + self.cut((layer.weight @ shift)[:, None])

    def cut(self, weight: Tensor) -> Tensor:
        """(heads * d, C) to (heads, d, C)."""
        return weight.reshape(self.heads, self.inner, -1).contiguous()

    def by_head(self, x: Tensor) -> Tensor:
        """(..., T, heads * d) to (..., heads, T, d)."""
        return x.unflatten(-1, (self.heads, self.inner)).transpose(-2, -3)

    def compare(self, asked: Tensor, table: Tensor, image: Tokens) -> Tensor:
        """Compare projected prompt tokens (B, heads, T, d) with the image: (B, heads * T, N)."""
        if image.whole is not None:
            logits = products.transposed((asked @ self.project).flatten(1, 2), image.whole)
            products.add_heads(logits, asked, self.position)
            return logits
        logits = (asked @ table).flatten(1, 2)
        if image.rows is not None and image.weights is not None:
            folded = (asked @ self.project).flatten(1, 2)
            folded = folded @ image.rows.transpose(1, 2)
            logits = products.accumulated(folded, image.weights, logits)
        if image.scale is not None:
            logits.mul_(image.scale)
        if self.shifted is not None:
            products.add_heads(logits, asked, self.shifted)
        return logits


class PromptsToImage(Crossing):
    """Prompt tokens attend to image tokens."""

    def __init__(self, attention: Any, position: Tensor, shift: Tensor | None) -> None:
        super().__init__(attention, attention.k_proj, position, shift)
        values = attention.v_proj
        self.values = self.cut(values.weight).transpose(1, 2).contiguous()
        self.bias = values.bias
        self.shifted_bias = None if shift is None else values.bias + values.weight @ shift

    def __call__(
        self, queries: Tensor, keys: Tensor, values: Tensor, images: list[Tokens]
    ) -> Tensor:
        """Attend with tokens (B, T, C), by the tables of keys and values."""
        q = self.by_head(self.attention.q_proj(queries) * self.scale)  # (B, heads, T, d)
        parts = zip(q.split(len(q) // len(images)), images, strict=True)
        heard = torch.cat([self._hear(part, keys, values, image) for part, image in parts])
        return self.attention.out_proj(heard)

    def _hear(self, q: Tensor, keys: Tensor, values: Tensor, image: Tokens) -> Tensor:
        parts = q.shape[1:3]
        weights = shares(self.compare(q, keys, image), -1)
        bias = self.shifted_bias
        if image.whole is not None:
            mixed = products.transposed(weights, image.whole.transpose(1, 2))
            heard = mixed.unflatten(1, parts) @ self.values
            bias = self.bias
        else:
            rows = None
            if image.scale is not None:
                weights.mul_(image.scale)
            if image.rows is not None and image.weights is not None:
                rows = products.transposed(weights, image.weights) @ image.rows
            heard = weights.unflatten(1, parts) @ values.transpose(1, 2)
            if rows is not None:
                heard = heard + rows.unflatten(1, parts) @ self.values
        out = heard.transpose(1, 2).flatten(2)
        return out if bias is None else out + bias  # that of the first attention is in its table


class ImageToPrompts(Crossing):
    """Image tokens attend to prompt tokens."""

    def __init__(self, attention: Any, position: Tensor, shift: Tensor | None) -> None:
        super().__init__(attention, attention.q_proj, position, shift)
        self.output = self.cut(attention.out_proj.weight.t())
        # Shared out over the heads, because the weights of each head's softmax sum to one.
        self.bias = attention.out_proj.bias / self.heads

    def __call__(
        self, keys: Tensor, values: Tensor, queries: Tensor, images: list[Tokens]
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield weights (B, heads * T, N), rows (.., C), and values (B, heads, T, d)."""
        k = self.by_head(self.attention.k_proj(keys) * self.scale)
        v = self.by_head(self.attention.v_proj(values))
        rows = (v @ self.output + self.bias).flatten(1, 2)
        step = len(k) // len(images)
        for part, heard, row, image in zip(
            k.split(step), v.split(step), rows.split(step), images, strict=True
        ):
            logits = self.compare(part, queries, image).unflatten(1, part.shape[1:3])
            yield shares(logits, 2).flatten(1, 2), row, heard
