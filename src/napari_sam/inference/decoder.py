"""SAM's mask decoder, computed exactly but without the work that repeats.

The reference copies the 4096 image tokens for every prompt and projects them anew in every
attention. Here:

* Without a mask prompt the image tokens entering the first layer are the same for every prompt
  of an image, and so are their projections: they are made once (`ImageTokens`).
* Later, projections of the image tokens are folded into the few prompt tokens: with queries
  ``q`` and projection ``W``, ``q (x W)^T = (q W) x^T``. What the position encoding adds is the
  same for every image and kept. Values fold alike: ``(P x) W = P (x W)``.
* Transposed convolutions of stride 2 are matrix products; pixels are put in order only once, on
  the finished logits.
* The predicted IoU is known before the masks are made, so masks nobody wants are never made.

References
----------
Kirillov et al., Segment Anything, ICCV 2023.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_sam.inference.products import added, linear, transposed

_ROWS = 1024  # image tokens upscaled at a time


@dataclass(frozen=True)
class ImageTokens:
    """What the first layer makes of an image, the same for all prompts without a mask.

    Parameters
    ----------
    tokens : (N, C) Tensor
        Image tokens with the embedding of "no mask" added.
    keys, queries : (heads, d, N) Tensor
        Projected for tokens attending to the image, and for the image attending to tokens.
    values : (heads, N, d) Tensor
    """

    tokens: Tensor
    keys: Tensor
    values: Tensor
    queries: Tensor


@dataclass(frozen=True)
class Decoded:
    """Everything about a batch of prompts but the masks themselves.

    Parameters
    ----------
    scores : (B, K) Tensor
        Predicted IoU of every mask token, the single-mask one first.
    mask_tokens : (B, K, C) Tensor
    image : (B, N, C) Tensor
        Image tokens after the transformer.
    """

    scores: Tensor
    mask_tokens: Tensor
    image: Tensor


class _Folded:
    """Weights of one attention between prompt tokens and image tokens, cut by head."""

    def __init__(self, attention: Any, position: Tensor, image_asks: bool) -> None:
        self.attention = attention
        self.heads = attention.num_heads
        self.inner = attention.internal_dim // self.heads
        self.scale = 1.0 / math.sqrt(self.inner)
        image_side = attention.q_proj if image_asks else attention.k_proj
        self.project = self._cut(image_side.weight)
        # (heads, d, N): what position and bias contribute to the image's projection.
        fixed = F.linear(position, image_side.weight, image_side.bias)
        self.position = self._heads(fixed).transpose(1, 2).contiguous()
        if image_asks:
            # (heads, d, C); the bias is shared out over the heads because the weights of
            # each head's softmax sum to one.
            self.output = self._cut(attention.out_proj.weight.t())
            self.output_bias = attention.out_proj.bias / self.heads
        else:
            self.values = self._cut(attention.v_proj.weight).transpose(1, 2).contiguous()
            self.values_bias = attention.v_proj.bias

    def _cut(self, weight: Tensor) -> Tensor:
        return weight.reshape(self.heads, self.inner, -1).contiguous()

    def _heads(self, x: Tensor) -> Tensor:
        """(..., T, heads * d) to (..., heads, T, d)."""
        return x.unflatten(-1, (self.heads, self.inner)).transpose(-2, -3)

    def ask(self, queries: Tensor, image: Tensor) -> Tensor:
        """Prompt tokens (B, T, C) attend to per-prompt image tokens (B, N, C)."""
        count, tokens, _ = queries.shape
        q = self._heads(self.attention.q_proj(queries) * self.scale)  # (B, heads, T, d)
        folded = (q @ self.project).flatten(1, 2)  # (B, heads * T, C)
        logits = transposed(folded, image).add_((q @ self.position).flatten(1, 2))
        mixed = transposed(logits.softmax(-1), image.transpose(1, 2))  # (B, heads * T, C)
        mixed = mixed.unflatten(1, (self.heads, tokens)) @ self.values
        out = mixed.transpose(1, 2).reshape(count, tokens, -1) + self.values_bias
        return self.attention.out_proj(out)  # type: ignore[no-any-return]

    def ask_shared(self, queries: Tensor, shared: ImageTokens) -> Tensor:
        """Prompt tokens (B, T, C) attend to the image tokens that all prompts share."""
        q = self._heads(self.attention.q_proj(queries) * self.scale)
        mixed = (q @ shared.keys).softmax(-1) @ shared.values  # (B, heads, T, d)
        return self.attention.out_proj(mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]

    def answer(
        self, keys: Tensor, values: Tensor, image: Tensor | None, shared: ImageTokens | None
    ) -> tuple[Tensor, Tensor]:
        """Image tokens attend to prompt tokens: weights (B, heads * T, N) and rows (.., C)."""
        k = self._heads(self.attention.k_proj(keys) * self.scale)
        v = self._heads(self.attention.v_proj(values))
        if shared is not None:
            logits = k @ shared.queries  # (B, heads, T, N)
        else:
            assert image is not None
            folded = (k @ self.project).flatten(1, 2)
            logits = transposed(folded, image).unflatten(1, (self.heads, -1))
            logits = logits.add_(k @ self.position)
        weights = logits.softmax(2).flatten(1, 2)
        rows = (v @ self.output + self.output_bias).flatten(1, 2)
        return weights, rows


class Decoder:
    """Runs the mask decoder of a ``segment_anything`` model, whose modules hold the weights.

    Parameters
    ----------
    network : segment_anything.modeling.Sam
    """

    def __init__(self, network: Any) -> None:
        self.network = network
        self.module = network.mask_decoder
        transformer = self.module.transformer
        with torch.no_grad():
            self.position = network.prompt_encoder.get_dense_pe()[0].flatten(1).t().contiguous()
            self._asks = [
                _Folded(layer.cross_attn_token_to_image, self.position, image_asks=False)
                for layer in transformer.layers
            ]
            self._answers = [
                _Folded(layer.cross_attn_image_to_token, self.position, image_asks=True)
                for layer in transformer.layers
            ]
            self._last = _Folded(
                transformer.final_attn_token_to_image, self.position, image_asks=False
            )
            up = self.module.output_upscaling
            # (in, out, 2, 2) -> (2 * 2 * out, in): the four pixels of a token side by side.
            self._up1 = up[0].weight.permute(2, 3, 1, 0).flatten(0, 2).contiguous()
            self._up1_bias = up[0].bias.repeat(4)
            self._up2 = up[3].weight.permute(2, 3, 1, 0).flatten(0, 2).contiguous()
            self._up2_bias = up[3].bias.repeat(4)

    @torch.inference_mode()
    def read(self, features: Tensor) -> ImageTokens:
        """Project an image embedding (1, C, h, w) for all prompts that will follow."""
        tokens = features[0].flatten(1).t() + self.network.prompt_encoder.no_mask_embed.weight
        ask, answer = self._asks[0], self._answers[0]
        values = linear(tokens, ask.attention.v_proj.weight, ask.attention.v_proj.bias)
        return ImageTokens(
            tokens=tokens,
            keys=_project(ask, ask.attention.k_proj, tokens),
            values=ask._heads(values).contiguous(),
            queries=_project(answer, answer.attention.q_proj, tokens),
        )

    @torch.inference_mode()
    def decode(
        self, image: ImageTokens, sparse: Tensor, features: Tensor, dense: Tensor | None = None
    ) -> Decoded:
        """Run the transformer and the IoU head for a batch of prompts.

        Parameters
        ----------
        image : ImageTokens
        sparse : (B, P, C) Tensor
            Embedded points and boxes.
        features : (1, C, h, w) Tensor
            The image embedding.
        dense : (B, C, h, w) Tensor, optional
            Embedded mask prompts; None where no prompt has a mask.
        """
        module = self.module
        transformer = module.transformer
        fixed = torch.cat([module.iou_token.weight, module.mask_tokens.weight])
        tokens = torch.cat([fixed.expand(len(sparse), -1, -1), sparse], dim=1)
        shared: ImageTokens | None = image
        keys = image.tokens[None]
        if dense is not None:
            shared = None
            keys = (features + dense).flatten(2).transpose(1, 2).contiguous()
        queries = tokens
        for number, layer in enumerate(transformer.layers):
            if layer.skip_first_layer_pe:
                queries = layer.self_attn(q=queries, k=queries, v=queries)
            else:
                placed = queries + tokens
                queries = queries + layer.self_attn(q=placed, k=placed, v=queries)
            queries = layer.norm1(queries)
            ask = self._asks[number]
            placed = queries + tokens
            heard = ask.ask_shared(placed, shared) if shared is not None else ask.ask(placed, keys)
            queries = layer.norm2(queries + heard)
            queries = layer.norm3(queries + layer.mlp(queries))
            weights, rows = self._answers[number].answer(queries + tokens, queries, keys, shared)
            keys = layer.norm4(_heard(weights, rows, keys))
            shared = None
        # What the prompt's own tokens would hear at last is not asked for.
        queries, tokens = (x[:, : 1 + module.num_mask_tokens] for x in (queries, tokens))
        queries = queries + self._last.ask(queries + tokens, keys)
        queries = transformer.norm_final_attn(queries)
        return Decoded(
            scores=module.iou_prediction_head(queries[:, 0]),
            mask_tokens=queries[:, 1:],
            image=keys,
        )

    @torch.inference_mode()
    def masks(self, decoded: Decoded, prompt: int, which: list[int]) -> Tensor:
        """Make some masks of one prompt.

        Parameters
        ----------
        decoded : Decoded
        prompt : int
            Its place in the batch.
        which : list of int
            Mask tokens; 0 is the single-mask one.

        Returns
        -------
        (len(which), 4 h, 4 w) Tensor
            Low-resolution logits.
        """
        module = self.module
        norm, act1, act2 = (module.output_upscaling[i] for i in (1, 2, 4))
        vectors = torch.stack(
            [module.output_hypernetworks_mlps[i](decoded.mask_tokens[prompt, i]) for i in which]
        )
        tokens = decoded.image[prompt]
        height, width = self.network.prompt_encoder.image_embedding_size
        mid = norm.weight.shape[0]
        logits = tokens.new_empty(len(which), tokens.shape[0] * 16)
        for start in range(0, tokens.shape[0], _ROWS):
            x = linear(tokens[start : start + _ROWS], self._up1, self._up1_bias)
            x = F.layer_norm(x.view(-1, mid), (mid,), norm.weight, norm.bias, norm.eps)
            x = linear(act1(x), self._up2, self._up2_bias)
            x = act2(x).view(-1, vectors.shape[1])
            torch.mm(vectors, x.t(), out=logits[:, start * 16 : start * 16 + len(x)])
        # (y, x, 2, 2, 2, 2): row bits at 2 and 4, column bits at 3 and 5.
        logits = logits.view(len(which), height, width, 2, 2, 2, 2)
        return logits.permute(0, 1, 3, 5, 2, 4, 6).reshape(len(which), 4 * height, 4 * width)


def _heard(weights: Tensor, rows: Tensor, keys: Tensor) -> Tensor:
    """Image tokens (B or 1, N, C) after adding what they heard, (B, N, C)."""
    if len(weights) == 1:
        return added(weights[0].t(), rows[0].t(), keys[0])[None]
    return torch.baddbmm(keys.expand(len(weights), -1, -1), weights.transpose(1, 2), rows)


def _project(part: _Folded, layer: Any, tokens: Tensor) -> Tensor:
    """(heads, d, N): the projection of the image tokens, position and bias included."""
    plain = part._heads(linear(tokens, layer.weight)).transpose(1, 2)
    return (plain + part.position).contiguous()
