"""SAM's image encoder, computed exactly but in pieces that stay in the processor's cache.

The reference builds the whole (tokens x tokens) attention matrix of every head, adds two
expanded position tensors to it and pads windows with tokens that it then multiplies like any
other. Here the same sums are made block by block:

* A window layer is computed one row of windows at a time. Padded tokens, which are zero after
  the normalisation, need no product: their query, key and value are the projection's bias.
* A global layer is computed one block of queries at a time, each with its own part of the
  decomposed relative positions.
* The feed-forward part is computed one block of tokens at a time.

Blocks are small enough that the memory allocator reuses them instead of asking the system for
fresh pages, which costs a CPU more than the arithmetic saved.

References
----------
Kirillov et al., Segment Anything, ICCV 2023; Li et al., MViTv2, CVPR 2022 (decomposed relative
positions).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_sam.models.sam.products import apply, linear
from napari_sam.progress import Progress, silent

_TOKENS = 512  # rows of the feed-forward part at a time: more are fresh pages for the allocator
_CPU_BLOCK = 8 << 20  # bytes of one block of a global attention matrix
_GPU_BLOCK = 256 << 20


def encode_image(
    encoder: Any,
    pixels: Tensor,
    progress: Progress = silent,
    block: int | None = None,
    early: list[Tensor] | None = None,
) -> Tensor:
    """Run ``segment_anything``'s image encoder on one image.

    Parameters
    ----------
    encoder : segment_anything.modeling.ImageEncoderViT
        Holds the weights.
    pixels : (1, 3, S, S) Tensor
        Normalised and padded.
    progress : callable
        Called before every piece of every layer: on a slow processor a layer takes seconds, and
        raising from it is how a person's cancel stops the encoder.
    block : int, optional
        Bytes of a piece of the global attention matrices; smaller ones take less memory.
    early : list, optional
        What the first global layer makes, (1, h, w, C), is put there.

    Returns
    -------
    (1, C, S / patch, S / patch) Tensor
        As ``encoder(pixels)``, up to rounding.
    """
    x = encoder.patch_embed(pixels)[0]
    x = (x if encoder.pos_embed is None else x + encoder.pos_embed[0]).contiguous()
    blocks = encoder.blocks
    shared: dict[str, Tensor] = {}
    budget = block or (_CPU_BLOCK if x.device.type == "cpu" else _GPU_BLOCK)
    for done, layer in enumerate(blocks):
        pause = partial(progress, done / len(blocks))
        if layer.window_size > 0:
            _window_attention(layer, x, pause)
        else:
            _global_attention(layer, x, shared, budget, pause)
        _feed_forward(layer, x, pause)
        if early is not None and not early and layer.window_size == 0:
            early.append(x[None].clone())
    pause()
    return _neck(encoder.neck, x)


def _feed_forward(block: Any, x: Tensor, pause: Callable[[], None]) -> None:
    rows = x.view(-1, x.shape[-1])
    for part in rows.split(_TOKENS):
        pause()
        hidden = block.mlp.act(apply(block.mlp.lin1, block.norm2(part)))
        part += apply(block.mlp.lin2, hidden)


def _relative(table: Tensor, size: int) -> Tensor:
    """Position vectors (query, key, d) of one axis, from the table of distances."""
    here = torch.arange(size, device=table.device)
    return table[here[:, None] - here[None, :] + (size - 1)]


def _window_attention(block: Any, x: Tensor, pause: Callable[[], None]) -> None:
    """Add windowed attention to x (h, w, C) in place."""
    height, width, channels = x.shape
    side, attention = block.window_size, block.attn
    heads = attention.num_heads
    across = -(-width // side)
    rel_h = rel_w = None
    if attention.use_rel_pos:
        rel_h = _relative(attention.rel_pos_h, side)
        rel_w = _relative(attention.rel_pos_w, side)
    for top in range(0, height, side):
        pause()
        strip = x[top : top + side]
        rows = strip.shape[0]
        qkv = apply(attention.qkv, block.norm1(strip).view(-1, channels)).view(rows, width, -1)
        if rows < side or across * side > width:
            bias = attention.qkv.bias
            fill = 0.0 if bias is None else bias.to(qkv.dtype)
            padded = qkv.new_empty(side, across * side, 3 * channels)
            padded[:rows, :width] = qkv
            padded[rows:] = fill
            padded[:rows, width:] = fill
            qkv = padded
        # (side, across, side, 3, heads, d) -> 3 x (across, heads, side * side, d)
        q, k, v = (
            qkv.view(side, across, side, 3, heads, -1)
            .permute(3, 1, 4, 0, 2, 5)
            .reshape(3, across, heads, side * side, -1)
            .unbind(0)
        )
        mask = None
        if rel_h is not None and rel_w is not None:
            grid = q.view(across, heads, side, side, -1)
            down = torch.einsum("nhijc,ikc->nhijk", grid, rel_h.to(q.dtype)).contiguous()
            along = torch.einsum("nhijc,jkc->nhijk", grid, rel_w.to(q.dtype)).contiguous()
            mask = (down[..., :, None] + along[..., None, :]).view(
                across, heads, side * side, side * side
            )
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        out = out.view(across, heads, side, side, -1).permute(2, 0, 3, 1, 4)
        out = out.reshape(side, across * side, channels)[:rows, :width]
        strip += apply(attention.proj, out.reshape(-1, channels)).view(rows, width, channels)


def _global_attention(
    block: Any, x: Tensor, shared: dict[str, Tensor], budget: int, pause: Callable[[], None]
) -> None:
    """Add attention over all tokens to x (h, w, C) in place."""
    height, width, channels = x.shape
    attention = block.attn
    heads = attention.num_heads
    tokens = height * width
    rows = x.view(tokens, channels)
    projected = []
    for part in rows.split(_TOKENS):
        pause()
        projected.append(apply(attention.qkv, block.norm1(part)))
    dtype = projected[0].dtype
    qkv = shared.get("qkv")
    if qkv is None or qkv.dtype != dtype:
        qkv = shared["qkv"] = torch.empty((tokens, 3 * channels), dtype=dtype, device=x.device)
    torch.cat(projected, out=qkv)
    del projected
    q, k, v = qkv.view(tokens, 3, heads, -1).permute(1, 2, 0, 3).unbind(0)  # (heads, tokens, d)
    down = along = None
    if attention.use_rel_pos:
        grid = q.reshape(heads, height, width, -1)
        rel_h = _relative(attention.rel_pos_h, height).to(dtype)
        rel_w = _relative(attention.rel_pos_w, width).to(dtype)
        down = torch.einsum("nijc,ikc->nijk", grid, rel_h).reshape(heads, tokens, height)
        along = torch.einsum("nijc,jkc->nijk", grid, rel_w).reshape(heads, tokens, width)
    out = torch.empty((tokens, heads, q.shape[-1]), dtype=dtype, device=x.device)
    if x.device.type == "cpu":
        for head in range(heads):
            pause()
            places = None if down is None or along is None else (down[head], along[head])
            _one_head(q[head], k[head], v[head], places, out[:, head], budget)
    else:
        step = max(16, budget // (4 * tokens * heads))
        for start in range(0, tokens, step):
            queries = slice(start, start + step)
            mask = None
            if down is not None and along is not None:
                mask = (down[:, queries, :, None] + along[:, queries, None, :]).flatten(2)[None]
            answer = F.scaled_dot_product_attention(q[None, :, queries], k[None], v[None], mask)
            out[queries] = answer[0].transpose(0, 1)
    flat = out.view(tokens, channels)
    pause()
    for part, answers in zip(rows.split(_TOKENS), flat.split(_TOKENS), strict=True):
        part += apply(attention.proj, answers)


def _one_head(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    places: tuple[Tensor, Tensor] | None,
    out: Tensor,
    budget: int,
) -> None:
    """Write the attention of one head, (tokens, d), block of queries by block of queries."""
    tokens, size = q.shape
    step = max(16, budget // (4 * tokens))
    k, v = k.contiguous(), v.t().contiguous()
    for start in range(0, tokens, step):
        part = slice(start, start + step)
        weights = linear(q[part] * size**-0.5, k)
        if places is not None:
            down, along = places[0][part], places[1][part]
            grid = weights.view(len(weights), down.shape[1], along.shape[1])
            grid += down[:, :, None]
            grid += along[:, None, :]
        torch.softmax(weights, -1, out=weights)
        out[part] = linear(weights, v)


def _neck(neck: Any, x: Tensor) -> Tensor:
    """Reduce the channels: 1x1 convolution, norm, 3x3 convolution, norm; (h, w, C) to maps."""
    first, norm1, second, norm2 = neck
    height, width, channels = x.shape
    x = linear(x.view(-1, channels), first.weight[:, :, 0, 0], first.bias).view(height, width, -1)
    x = F.layer_norm(x, x.shape[-1:], norm1.weight, norm1.bias, norm1.eps)
    x = second(x.permute(2, 0, 1)[None].contiguous())[0].permute(1, 2, 0)
    x = F.layer_norm(x, x.shape[-1:], norm2.weight, norm2.bias, norm2.eps)
    return x.permute(2, 0, 1)[None].contiguous()
