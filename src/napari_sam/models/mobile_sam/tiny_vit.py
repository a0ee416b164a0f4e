"""TinyViT as MobileSAM's image encoder.

Its modules bear the names of the published checkpoints. Normalisations by the training's
statistics are folded into the convolutions before them, and the image keeps one layout, channels
last, in which tokens and pixels are the same numbers.

References
----------
Wu et al., TinyViT, ECCV 2022; Zhang et al., Faster Segment Anything: Towards Lightweight SAM for
Mobile Applications, 2023.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights

from napari_sam.models.mobile_sam.architecture import TinyVitSize
from napari_sam.models.sam.products import apply
from napari_sam.progress import Progress, silent

_EXPANSION = 4  # channels inside of a block, per channel outside
_EARLY = 1  # the stage of which HQ-SAM hears


class ConvNorm(nn.Module):
    """A convolution and the normalisation after it, folded into one when it runs first."""

    weight: Tensor | None
    bias: Tensor | None

    def __init__(self, inside: int, outside: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__()
        self.stride, self.padding, self.groups = stride, kernel // 2, groups
        self.c = nn.Conv2d(inside, outside, kernel, stride, self.padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outside)
        self.register_buffer("weight", None, persistent=False)
        self.register_buffer("bias", None, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.weight is None:
            self._fold()
        assert self.weight is not None
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding, groups=self.groups)

    def _fold(self) -> None:
        bn = self.bn
        assert bn.running_mean is not None
        assert bn.running_var is not None
        folded = fuse_conv_bn_weights(
            self.c.weight, None, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
        )
        # As parameters, which they come as, they would be weights of the checkpoint.
        self.weight, self.bias = (values.detach() for values in folded)


class _PatchEmbed(nn.Module):
    """Four pixels along each axis become one."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second = ConvNorm(3, channels // 2, 3, 2), ConvNorm(channels // 2, channels, 3, 2)
        self.seq = nn.Sequential(first, nn.GELU(), second)

    def forward(self, x: Tensor) -> Tensor:
        return self.seq(x)


class _InvertedBottleneck(nn.Module):
    """More channels, a convolution of each by itself, and back."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        more = _EXPANSION * channels
        self.conv1 = ConvNorm(channels, more, 1)
        self.conv2 = ConvNorm(more, more, 3, groups=more)
        self.conv3 = ConvNorm(more, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.gelu(self.conv2(F.gelu(self.conv1(x))))
        return F.gelu(x + self.conv3(inner))


class _Merge(nn.Module):
    """From one stage to the next: other channels and, but for the last, half of the pixels."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(inside, outside, 1)
        self.conv2 = ConvNorm(outside, outside, 3, stride, groups=outside)
        self.conv3 = ConvNorm(outside, outside, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x)))))


class _Attention(nn.Module):
    """Attention within windows; a bias for every distance, the same to all sides."""

    def __init__(self, channels: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.norm = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        self.attention_biases = nn.Parameter(torch.zeros(heads, window * window))

    def forward(self, x: Tensor) -> Tensor:
        """Attend (H, W, C)."""
        height, width, channels = x.shape
        side = self.window
        down, along = -(-height // side), -(-width // side)
        # What fills the last windows up is normalised and attended to like all else.
        x = F.pad(x, (0, 0, 0, along * side - width, 0, down * side - height))
        x = x.view(down, side, along, side, channels).transpose(1, 2)
        x = x.reshape(-1, channels)
        qkv = apply(self.qkv, self.norm(x)).view(down * along, side * side, self.heads, -1)
        q, k, v = qkv.transpose(1, 2).chunk(3, dim=-1)
        x = F.scaled_dot_product_attention(q, k, v, attn_mask=self._biases().to(q.dtype))
        x = apply(self.proj, x.transpose(1, 2).reshape(-1, channels))
        x = x.view(down, along, side, side, channels).transpose(1, 2)
        return x.reshape(down * side, along * side, channels)[:height, :width]

    def _biases(self) -> Tensor:
        """Biases (heads, tokens, tokens); they are kept by distance down, then along."""
        side = self.window
        here = torch.arange(side, device=self.attention_biases.device)
        away = (here[:, None] - here).abs()
        by_place = (away[:, None, :, None] * side + away[None, :, None, :]).flatten()
        return self.attention_biases[:, by_place].view(1, self.heads, side**2, side**2)


class _Mlp(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.fc1 = nn.Linear(channels, _EXPANSION * channels)
        self.fc2 = nn.Linear(_EXPANSION * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return apply(self.fc2, F.gelu(apply(self.fc1, self.norm(x))))


class _Block(nn.Module):
    def __init__(self, channels: int, heads: int, window: int) -> None:
        super().__init__()
        self.attn = _Attention(channels, heads, window)
        self.mlp = _Mlp(channels)
        self.local_conv = ConvNorm(channels, channels, 3, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x[0].permute(1, 2, 0)  # a view: channels come last
        x = self.local_conv((tokens + self.attn(tokens)).permute(2, 0, 1)[None])
        tokens = x[0].permute(1, 2, 0)
        rows = tokens.reshape(-1, tokens.shape[-1])
        return (rows + self.mlp(rows)).view(tokens.shape).permute(2, 0, 1)[None]


class _Stage(nn.Module):
    def __init__(self, blocks: list[nn.Module], downsample: nn.Module | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.downsample = downsample

    def steps(self) -> Iterator[nn.Module]:
        """Iterate over what the image passes, in order."""
        yield from self.blocks
        if self.downsample is not None:
            yield self.downsample


class TinyVit(nn.Module):
    """The image encoder of MobileSAM, with PyTorch's random weights.

    Parameters
    ----------
    size : TinyVitSize
    """

    def __init__(self, size: TinyVitSize) -> None:
        super().__init__()
        self.img_size = size.image_size
        widths, last = size.widths, len(size.widths) - 1
        self.patch_embed = _PatchEmbed(widths[0])
        stages = []
        for number, width in enumerate(widths):
            blocks: list[nn.Module]
            if number == 0:
                blocks = [_InvertedBottleneck(width) for _ in range(size.depths[0])]
            else:
                heads, window = size.heads[number - 1], size.windows[number - 1]
                blocks = [_Block(width, heads, window) for _ in range(size.depths[number])]
            merge = None
            if number < last:
                merge = _Merge(width, widths[number + 1], 1 if number == last - 1 else 2)
            stages.append(_Stage(blocks, merge))
        self.layers = nn.ModuleList(stages)
        self.neck = nn.Sequential(
            nn.Conv2d(widths[-1], size.prompt_width, 1, bias=False),
            nn.LayerNorm(size.prompt_width, eps=1e-6),
            nn.Conv2d(size.prompt_width, size.prompt_width, 3, padding=1, bias=False),
            nn.LayerNorm(size.prompt_width, eps=1e-6),
        )

    def encode_image(
        self,
        pixels: Tensor,
        progress: Progress = silent,
        block: int | None = None,
        early: list[Tensor] | None = None,
    ) -> Tensor:
        """Encode one image, as `napari_sam.models.sam.attention.encode_image` does.

        `block` is not heeded: no attention reaches beyond a window. What the second stage makes,
        (1, h, w, C), is put into `early`.
        """
        stages = [list(stage.steps()) for stage in self.layers]  # type: ignore[operator]
        count, done = sum(map(len, stages)), 0
        x = self.patch_embed(pixels.contiguous(memory_format=torch.channels_last))
        for number, steps in enumerate(stages):
            for step in steps:
                progress(done / count)
                done += 1
                x = step(x)
            if early is not None and number == _EARLY:
                early.append(x.permute(0, 2, 3, 1))
        for conv, norm in zip(self.neck[::2], self.neck[1::2], strict=True):
            x = norm(conv(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return x.contiguous()
