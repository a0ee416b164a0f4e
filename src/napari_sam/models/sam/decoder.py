"""SAM's mask decoder, computed exactly but without the work that repeats.

The reference copies the 4096 image tokens for every prompt and projects them anew in every
attention. Here:

* Projections of the image are made once for all prompts, and what a prompt changes in its image
  tokens is kept as some hundred rows instead of thousands (`image_tokens`).
* Prompts of very many tokens have image tokens of their own; projections of those are folded
  into the prompt's tokens: with queries ``q`` and projection ``W``, ``q (x W)^T = (q W) x^T``.
* Transposed convolutions of stride 2 are matrix products; pixels are put in order only once, on
  the finished logits.
* The predicted IoU is known before the masks are made, so masks nobody wants are never made.
* On a CPU the tokens of several prompts go through the transformer together, which reads its
  weights once, but their images one by one, each small enough for the processor's cache.

References
----------
Kirillov et al., Segment Anything, ICCV 2023.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from napari_sam.models.sam import image_tokens, products
from napari_sam.models.sam.crossing import ImageToPrompts, PromptsToImage
from napari_sam.models.sam.image_tokens import ImageTables, TableMaker, Tokens

_ROWS = 1024  # image tokens upscaled at a time by each thread: more fit no processor's cache
_MOST_ROWS = 0.75  # rows per channel up to which image tokens are kept as rows


@dataclass(frozen=True)
class Decoded:
    """Everything about a batch of prompts but the masks themselves.

    Parameters
    ----------
    scores : (B, K) Tensor
        Predicted IoU of every mask token, the single-mask one first.
    mask_tokens : (B, K, C) Tensor
    images : list of Tokens
        Image tokens after the transformer, each of equally many prompts.
    tables : ImageTables
    """

    scores: Tensor
    mask_tokens: Tensor
    images: list[Tokens]
    tables: ImageTables


def _feed_forward(mlp: Any, x: Tensor) -> Tensor:
    rows = x.flatten(0, 1)
    return products.apply(mlp.lin2, mlp.act(products.apply(mlp.lin1, rows))).view_as(x)


class Decoder:
    """Runs the mask decoder of a ``segment_anything`` model, whose modules hold the weights.

    Parameters
    ----------
    network : segment_anything.modeling.Sam

    Attributes
    ----------
    most_rows : int
        Rows of a prompt from which on its image tokens are computed whole.
    together : bool
        Whether the images of all prompts of a batch are computed together: not on a CPU.
    hears_early : bool
        Whether `details` wants to know what earlier layers of the image encoder made.
    score_at : int
        Which of the output tokens becomes the scores; those of the masks follow it.
    """

    hears_early = False
    score_at = 0

    def __init__(self, network: Any) -> None:
        self.network = network
        self.module = network.mask_decoder
        transformer = self.module.transformer
        self._norms = [layer.norm4 for layer in transformer.layers]
        with torch.no_grad():
            position = network.prompt_encoder.get_dense_pe()[0].flatten(1).t().contiguous()
            self.together = position.device.type != "cpu"
            self.most_rows = round(_MOST_ROWS * position.shape[1])
            shifts = [None, *(norm.bias for norm in self._norms)]
            layers = transformer.layers
            asks = [layer.cross_attn_token_to_image for layer in layers]
            answers = [layer.cross_attn_image_to_token for layer in layers]
            self._asks = [
                PromptsToImage(a, position, s) for a, s in zip(asks, shifts, strict=False)
            ]
            self._answers = [
                ImageToPrompts(a, position, s) for a, s in zip(answers, shifts, strict=False)
            ]
            self._last = PromptsToImage(transformer.final_attn_token_to_image, position, shifts[-1])
            up = self.module.output_upscaling
            # (in, out, 2, 2) -> (2 * 2 * out, in): the four pixels of a token side by side.
            self._up1 = up[0].weight.permute(2, 3, 1, 0).flatten(0, 2).contiguous()
            self._up1_bias = up[0].bias.repeat(4)
            self._up1_shifted = self._up1_bias + self._up1 @ self._norms[-1].bias
            self._up2 = up[3].weight.permute(2, 3, 1, 0).flatten(0, 2).contiguous()
            self._up2_bias = up[3].bias.repeat(4)
            self._maker = TableMaker(network, self._up1, position)

    def details(self, features: Tensor, early: list[Tensor]) -> tuple[Tensor, ...]:
        """Return what is kept of earlier layers, besides the embedding."""
        return ()

    @torch.inference_mode()
    def read(self, features: Tensor, details: tuple[Tensor, ...] = ()) -> ImageTables:
        """Project an image embedding (1, C, h, w) for all prompts that will follow."""
        return self._maker.read(features)

    def output_tokens(self) -> Tensor:
        """Tokens of the score and of every mask, (1 + K, C)."""
        return torch.cat([self.module.iou_token.weight, self.module.mask_tokens.weight])

    @torch.inference_mode()
    def decode(self, tables: ImageTables, sparse: Tensor, mask: Tensor | None = None) -> Decoded:
        """Run the transformer and the IoU head for a batch of prompts.

        Parameters
        ----------
        tables : ImageTables
        sparse : (B, P, C) Tensor
            Embedded points and boxes.
        mask : (B, M, h, w) Tensor, optional
            Mask prompts before the last layer that embeds them; None where no prompt has one.
        """
        module = self.module
        transformer = module.transformer
        fixed = self.output_tokens()
        tokens = torch.cat([fixed.expand(len(sparse), -1, -1), sparse], dim=1)
        step = len(sparse) if self.together else 1
        images = [Tokens()] * (len(sparse) // step)
        if mask is not None:
            images = [self._masked(part) for part in mask.split(step)]
        queries = tokens
        for number, layer in enumerate(transformer.layers):
            if layer.skip_first_layer_pe:
                queries = layer.self_attn(q=queries, k=queries, v=queries)
            else:
                placed = queries + tokens
                queries = queries + layer.self_attn(q=placed, k=placed, v=queries)
            queries = layer.norm1(queries)
            keys, values = tables.keys[number], tables.values[number]
            heard = self._asks[number](queries + tokens, keys, values, images)
            queries = layer.norm2(queries + heard)
            queries = layer.norm3(queries + _feed_forward(layer.mlp, queries))
            asked = tables.queries[number]
            answers = self._answers[number](queries + tokens, queries, asked, images)
            images = [
                self._add(image, tables, *answer)
                for image, answer in zip(images, answers, strict=True)
            ]
        # What the prompt's own tokens would hear at last is not asked for.
        queries, tokens = (x[:, : len(fixed)] for x in (queries, tokens))
        heard = self._last(queries + tokens, tables.keys[-1], tables.values[-1], images)
        queries = transformer.norm_final_attn(queries + heard)
        return Decoded(
            scores=self.scored(queries[:, self.score_at]),
            mask_tokens=queries[:, self.score_at + 1 :],
            images=images,
            tables=tables,
        )

    def _masked(self, mask: Tensor) -> Tokens:
        """Image tokens to which a mask prompt was added."""
        weights = F.pad(mask.flatten(2), (0, 0, 0, 1), value=1.0)
        rows = self._maker.mask_rows.expand(len(mask), -1, -1)
        return Tokens(weights=weights, rows=rows, masked=True)

    def _add(
        self, image: Tokens, tables: ImageTables, weights: Tensor, rows: Tensor, values: Tensor
    ) -> Tokens:
        before = 0 if image.rows is None else image.rows.shape[1]
        if image.whole is None and before + rows.shape[1] < self.most_rows:
            return image_tokens.added(image, tables, weights, rows, values, self._norms)
        whole = self._whole(image, tables)
        if len(weights) == 1:
            heard = products.added(weights[0].t(), rows[0].t(), whole[0])[None]
        else:
            heard = torch.baddbmm(whole.expand(len(weights), -1, -1), weights.transpose(1, 2), rows)
        return Tokens(image.stage + 1, whole=self._norms[image.stage](heard))

    def _whole(self, image: Tokens, tables: ImageTables) -> Tensor:
        """Make the image tokens themselves, (B or 1, N, C)."""
        if image.whole is not None:
            return image.whole
        found = self._maker.shared(tables.features, image.stage).t()[None]
        if image.rows is not None and image.weights is not None:
            found = found + image.weights.transpose(1, 2) @ image.rows
        if image.scale is not None:
            found = found * image.scale.transpose(1, 2) + self._norms[image.stage - 1].bias
        return found.contiguous()

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
        return self.seen_by(decoded, prompt, self.vectors(decoded, prompt, which))

    def vectors(self, decoded: Decoded, prompt: int, which: list[int]) -> Tensor:
        """Return what makes masks out of the upscaled image, (len(which), M)."""
        makers = self.module.output_hypernetworks_mlps
        return torch.stack([makers[i](decoded.mask_tokens[prompt, i]) for i in which])

    def scored(self, tokens: Tensor) -> Tensor:
        """Predict the IoU of every mask (B, K) from a token (B, C)."""
        return self.module.iou_prediction_head(tokens)

    def settled(self, decoded: Decoded, prompt: int) -> int:
        """Choose the mask of a prompt that leaves no doubt."""
        return 0

    def offered(self, scores: npt.NDArray[np.float32]) -> list[int]:
        """Choose which masks of a single click among many are offered, by their scores (K,)."""
        return list(range(1, len(scores)))

    def seen_by(self, decoded: Decoded, prompt: int, vectors: Tensor) -> Tensor:
        """Upscale the image of a prompt and multiply it by vectors, (V, 4 h, 4 w)."""
        norm, act1, act2 = (self.module.output_upscaling[i] for i in (1, 2, 4))
        height, width = self.network.prompt_encoder.image_embedding_size
        mid = norm.weight.shape[0]
        # (y, row bits, x, column bits): two of the finest pixels are moved as one number.
        logits = vectors.new_empty(len(vectors), height, 2, 2, width, 2, 2)
        pairs = logits.flatten(-2).view(torch.int64)
        upscale = self._upscaler(decoded, prompt)
        coarse, fine = self.beside(decoded.tables)
        lines = max(1, _ROWS * torch.get_num_threads() // width)
        for top in range(0, height, lines):
            bottom = min(top + lines, height)
            x = upscale(top * width, bottom * width)
            if coarse is not None:
                x = x + coarse[top * width : bottom * width]
            x = F.layer_norm(x.view(-1, mid), (mid,), norm.weight, norm.bias, norm.eps)
            x = products.linear(act1(x), self._up2, self._up2_bias)
            if fine is not None:
                x = x + fine[4 * top * width : 4 * bottom * width]
            x = act2(x).view(-1, vectors.shape[1])
            found = products.linear(x, vectors).t().contiguous()
            found = found.view(len(vectors), bottom - top, width, 2, 2, 4)
            pairs[:, top:bottom] = found.view(torch.int64).permute(0, 1, 3, 5, 2, 4)
        return logits.view(len(vectors), 4 * height, 4 * width)

    def beside(self, tables: ImageTables) -> tuple[Tensor | None, Tensor | None]:
        """Return what is added after each upscaling, (N, 4 mid) and (4 N, 4 M), or None."""
        return None, None

    def _upscaler(self, decoded: Decoded, prompt: int) -> Callable[[int, int], Tensor]:
        """Return what upscales image tokens ``start`` to ``stop`` for the first time."""
        each = len(decoded.scores) // len(decoded.images)
        image, prompt = decoded.images[prompt // each], prompt % each
        if image.whole is not None:
            whole = image.whole[prompt]
            return lambda start, stop: products.linear(whole[start:stop], self._up1, self._up1_bias)
        assert image.rows is not None
        assert image.weights is not None
        assert image.scale is not None
        rows, weights = image.rows[prompt] @ self._up1.t(), image.weights[prompt].t()
        scale, table = image.scale[prompt].t(), decoded.tables.upscaled

        def upscale(start: int, stop: int) -> Tensor:
            x = torch.addmm(table[start:stop], weights[start:stop], rows)
            return torch.addcmul(self._up1_shifted, x, scale[start:stop])

        return upscale
