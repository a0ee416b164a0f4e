"""The image's side of SAM's mask decoder: what all prompts share, and a few terms of each.

The reference carries thousands of image tokens through the transformer for every prompt. But all
that a prompt ever adds to them are a few rows: with ``W`` the weights with which the image
attends to the prompt's tokens and ``R`` what it hears from them, ``x = image + W^T R``. Taking
the mean of each token away and scaling its channels, as a layer norm does, changes the shared
part in a way that no prompt has a say in; only the division by the standard deviation differs,
and it is one number per token. So after every layer

    tokens = scale * (shared + weights^T @ rows) + shift

with a shared part and a shift that are known beforehand. Every product with the tokens is then
one with a table that is made once per image, plus one with some hundred rows; and the variance
follows from the rows' products with each other and with the shared part, which are tables too.
A prompt of so many tokens that this would not pay is computed with whole image tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_sam.models.sam import products


@dataclass(frozen=True)
class Crossed:
    """Products of the rows that a layer or a mask adds with the shared part, for a variance.

    Parameters
    ----------
    values : (heads, d, N) or (M, N) Tensor
    bias : (N,) Tensor
    """

    values: Tensor
    bias: Tensor


@dataclass(frozen=True)
class ImageTables:
    """What the decoder makes of an image once, for all prompts.

    Parameters
    ----------
    features : (C, N) Tensor
        The embedding with that of "no mask" added.
    keys, values : tuple of (heads, d, N) Tensor
        One per attention of the tokens to the image.
    queries : tuple of (heads, d, N) Tensor
        One per attention of the image to the tokens.
    squares : tuple of (N,) Tensor
        Sums of squares of the shared part, one per layer norm.
    crossed : tuple of tuple of Crossed
        Per layer norm: of the mask, then of each layer so far.
    shifts : tuple of tuple of (N,) Tensor
        Per layer norm: products of the shared part with the shifts of the norms before.
    upscaled : (N, 4 M) Tensor
        After the first upscaling.
    details : tuple of Tensor
        What a decoder keeps of earlier layers of the image encoder.
    """

    features: Tensor
    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    queries: tuple[Tensor, ...]
    squares: tuple[Tensor, ...]
    crossed: tuple[tuple[Crossed, ...], ...]
    shifts: tuple[tuple[Tensor, ...], ...]
    upscaled: Tensor
    details: tuple[Tensor, ...] = ()


class TableMaker:
    """The projections of the shared part, composed with the layer norms before them.

    Parameters
    ----------
    network : segment_anything.modeling.Sam
    up : (4 M, C) Tensor
        Weights of the first upscaling.
    position : (N, C) Tensor
        Position encoding of the image tokens.
    """

    def __init__(self, network: Any, up: Tensor, position: Tensor) -> None:
        transformer = network.mask_decoder.transformer
        self._norms = [layer.norm4 for layer in transformer.layers]
        self._no_mask = network.prompt_encoder.no_mask_embed.weight
        asks = [layer.cross_attn_token_to_image for layer in transformer.layers]
        asks.append(transformer.final_attn_token_to_image)
        answers = [layer.cross_attn_image_to_token for layer in transformer.layers]
        self._heads = asks[0].num_heads
        self._depth = len(answers)
        keys = [ask.k_proj.weight for ask in asks]
        values = [ask.v_proj.weight for ask in asks]
        queries = [answer.q_proj.weight for answer in answers]
        rows = [self._through(k, keys[k]) for k in range(len(asks))]
        rows += [self._through(k, values[k]) for k in range(len(asks))]
        rows += [self._through(k, queries[k]) for k in range(self._depth)]
        # Without a layer norm before it, what position and bias add can be part of the table.
        self._fixed = [
            F.linear(position, layer.weight, layer.bias).t()
            for layer in (asks[0].k_proj, answers[0].q_proj)
        ]
        self._value_bias = asks[0].v_proj.bias[:, None]
        last = network.prompt_encoder.mask_downscaling[-1]
        self.mask_rows = torch.cat([last.weight.flatten(1).t(), last.bias[None] - self._no_mask])
        generators = [self.mask_rows]
        shifts: list[Tensor] = []
        for k, answer in enumerate(answers):
            heard = answer.out_proj
            # Shared out over the heads, because the weights of each head's softmax sum to one.
            bias = heard.bias[None] / self._heads
            generators.append(torch.cat([heard.weight.t(), bias]))
            if k:
                shifts.append(self._norms[k - 1].bias[None])
            generators = [_centred(g) for g in generators]
            shifts = [_centred(s) for s in shifts]
            rows += [self._through(k, _centred(g)) for g in (*generators, *shifts)]
            norm = self._norms[k]
            generators = [g * norm.weight for g in generators]
            shifts = [s * norm.weight for s in shifts]
        self._sizes = [len(r) for r in rows]
        self._rows = torch.cat(rows)
        self._up = self._through(self._depth, up).t().contiguous()

    def _through(self, stage: int, rows: Tensor) -> Tensor:
        """Compose a projection of the shared part after some norms with those norms."""
        for norm in reversed(self._norms[:stage]):
            rows = _centred(rows * norm.weight)
        return rows

    def read(self, features: Tensor) -> ImageTables:
        """Make the tables of an image embedding (1, C, h, w)."""
        shared = features[0].flatten(1) + self._no_mask.t()
        found = iter((self._rows @ shared).split(self._sizes))
        depth = self._depth
        keys = [next(found) for _ in range(depth + 1)]
        values = [next(found) for _ in range(depth + 1)]
        queries = [next(found) for _ in range(depth)]
        keys[0] += self._fixed[0]
        queries[0] += self._fixed[1]
        values[0] += self._value_bias
        squares, crossed, shifts = [], [], []
        for k in range(depth):
            mask = next(found)
            layers = [next(found) for _ in range(k + 1)]
            crossed.append(
                (
                    Crossed(mask[:-1], mask[-1]),
                    *(Crossed(self._cut(t[:-1]), t[-1]) for t in layers),
                )
            )
            shifts.append(tuple(next(found)[0] for _ in range(k)))
            squares.append(self.shared(shared, k, centred=True).square().sum(0))
        return ImageTables(
            features=shared,
            keys=tuple(self._cut(t) for t in keys),
            values=tuple(self._cut(t) for t in values),
            queries=tuple(self._cut(t) for t in queries),
            squares=tuple(squares),
            crossed=tuple(crossed),
            shifts=tuple(shifts),
            upscaled=shared.t() @ self._up,
        )

    def shared(self, features: Tensor, stage: int, centred: bool = False) -> Tensor:
        """Return the shared part (C, N) after some layer norms."""
        for norm in self._norms[:stage]:
            features = (features - features.mean(0)) * norm.weight[:, None]
        return features - features.mean(0) if centred else features

    def _cut(self, table: Tensor) -> Tensor:
        return table.unflatten(0, (self._heads, -1))


@dataclass(frozen=True)
class Tokens:
    """The image tokens of a batch of prompts: ``scale * (shared + weights^T @ rows) + shift``.

    Parameters
    ----------
    stage : int
        Layer norms passed.
    scale : (B, 1, N) Tensor, optional
        1 when None.
    weights : (B, r, N) Tensor, optional
    rows : (B, r, C) Tensor, optional
    heard : tuple of (B, heads, T, d) Tensor
        The values from which each layer made its rows.
    masked : bool
        Whether the first rows are those of a mask prompt.
    whole : (B, N, C) Tensor, optional
        The tokens themselves, instead of all others.
    """

    stage: int = 0
    scale: Tensor | None = None
    weights: Tensor | None = None
    rows: Tensor | None = None
    heard: tuple[Tensor, ...] = ()
    masked: bool = False
    whole: Tensor | None = None


def added(
    tokens: Tokens,
    tables: ImageTables,
    weights: Tensor,
    rows: Tensor,
    values: Tensor,
    norms: Sequence[Any],
) -> Tokens:
    """Add what the image heard and apply the layer norm, without making the tokens.

    Parameters
    ----------
    tokens : Tokens
    tables : ImageTables
    weights : (B, r, N) Tensor
        With which the image attends to the prompt's tokens.
    rows : (B, r, C) Tensor
        What it hears from each.
    values : (B, heads, T, d) Tensor
        What the rows were made from.
    norms : sequence of LayerNorm
        Of all layers.
    """
    stage, scale = tokens.stage, tokens.scale
    all_weights, all_rows = [weights], [rows]
    if tokens.weights is not None and tokens.rows is not None:
        all_weights.insert(0, tokens.weights)
        all_rows.insert(0, tokens.rows)
    if scale is not None:
        inverse = scale.reciprocal()
        all_weights[-1] = weights.mul_(inverse)
        all_weights.append(inverse)
        shift = norms[stage - 1].bias
        all_rows.append(shift.expand(len(rows), 1, -1))
    weights = torch.cat(all_weights, 1) if len(all_weights) > 1 else weights
    rows = _centred(torch.cat(all_rows, 1))
    heard = (*tokens.heard, values)
    crossed = products.matmul(rows @ rows.transpose(1, 2), weights)
    _add_crossed(crossed, tables, stage, heard, tokens.masked)
    squares = tables.squares[stage] + crossed.mul_(weights).sum(1)
    norm = norms[stage]
    squares = squares[:, None]
    if scale is None:
        scale = squares.div_(rows.shape[2]).add_(norm.eps).rsqrt_()
    else:
        spread = (squares.div_(rows.shape[2]) * scale.square()).add_(norm.eps)
        scale = scale * spread.rsqrt_()
    return Tokens(stage + 1, scale, weights, rows * norm.weight, heard, tokens.masked)


def _add_crossed(
    sums: Tensor,
    tables: ImageTables,
    stage: int,
    heard: tuple[Tensor, ...],
    masked: bool,
) -> None:
    """Add twice the products of the rows with the shared part, (B, r, N), in place."""
    mask, *layers = tables.crossed[stage]
    at = 0
    if masked:
        at = len(mask.values) + 1
        sums[:, : at - 1].add_(mask.values, alpha=2)
        sums[:, at - 1].add_(mask.bias, alpha=2)
    for number, (values, table) in enumerate(zip(heard, layers, strict=True)):
        count = values.shape[1] * values.shape[2]
        place = sums[:, at : at + count]
        products.add_heads(place.add_(table.bias, alpha=2), values, table.values, alpha=2)
        at += count
        if number:
            sums[:, at].add_(tables.shifts[stage][number - 1], alpha=2)
            at += 1


def _centred(rows: Tensor) -> Tensor:
    return rows - rows.mean(-1, keepdim=True)
