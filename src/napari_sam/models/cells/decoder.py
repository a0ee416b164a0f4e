"""The mask decoder of the ``cells`` network: prompts and embedding to three masks and scores."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["MaskDecoder"]

CANDIDATES = 3
HEADS = 4  # of every attention


class Attention(nn.Module):
    """Multi-head attention in fewer channels than its inputs have."""

    def __init__(self, dim: int, inner: int) -> None:
        super().__init__()
        self.heads = HEADS
        self.query, self.key = nn.Linear(dim, inner), nn.Linear(dim, inner)
        self.value, self.out = nn.Linear(dim, inner), nn.Linear(inner, dim)

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        def split(x: Tensor) -> Tensor:
            return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        q, k, v = split(self.query(queries)), split(self.key(keys)), split(self.value(values))
        # Few tokens on one side: plain products are faster than fused attention on a CPU, and the
        # softmax is where the longer side lies in one row, whichever side it goes over.
        scale = q.shape[-1] ** -0.5
        if k.shape[-2] < q.shape[-2]:
            weight = torch.softmax(k @ q.transpose(-1, -2) * scale, -2).transpose(-1, -2)
        else:
            weight = torch.softmax(q @ k.transpose(-1, -2) * scale, -1)
        mixed = weight @ v
        return self.out(mixed.transpose(1, 2).flatten(2))


class TwoWayLayer(nn.Module):
    """Tokens look at each other and at the image; then the image looks at the tokens."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.among_tokens = Attention(dim, dim)
        self.to_image = Attention(dim, dim // 2)
        self.to_tokens = Attention(dim, dim // 2)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim))
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(4))

    def forward(self, tokens: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
        tokens = self.norms[0](tokens + self.among_tokens(tokens, tokens, tokens))
        tokens = self.norms[1](tokens + self.to_image(tokens, image, image))
        tokens = self.norms[2](tokens + self.mlp(tokens))
        image = self.norms[3](image + self.to_tokens(image, tokens, tokens))
        return tokens, image


class MaskDecoder(nn.Module):
    """Two two-way attention layers at stride 8, then upscaling with the finer maps.

    Parameters
    ----------
    widths : tuple of int
        Channels of the embedding at strides 2, 4, 8.
    """

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        fine, middle, dim = widths
        inner, last = 32, 16
        self.tokens = nn.Parameter(nn.init.normal_(torch.empty(1 + CANDIDATES, dim), std=0.5))
        self.local = nn.Sequential(
            nn.Conv2d(dim, dim // 2, 1, bias=False),
            nn.BatchNorm2d(dim // 2),
            nn.ReLU(inplace=True),
            nn.Conv2d(dim // 2, dim, 3, padding=1, bias=False),
            nn.BatchNorm2d(dim),
        )
        self.layers = nn.ModuleList(TwoWayLayer(dim) for _ in range(2))
        self.up4 = nn.Conv2d(dim, middle, 1)
        self.skip4 = nn.Conv2d(middle, middle, 1)
        self.mix4 = nn.Sequential(
            nn.Conv2d(middle, inner, 3, padding=1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
        )
        self.up2 = nn.Conv2d(inner, last, 1)
        self.skip2 = nn.Conv2d(fine, last, 1)
        self.mix2 = nn.Sequential(
            nn.BatchNorm2d(last),
            nn.ReLU(inplace=True),
            nn.Conv2d(last, last, 3, padding=1, bias=False),
            nn.BatchNorm2d(last),
            nn.ReLU(inplace=True),
        )
        self.weights = nn.ModuleList(
            nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, last + 1))
            for _ in range(CANDIDATES)
        )
        self.quality = nn.Sequential(
            nn.Linear(2 * dim + 5, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 1)
        )

    def forward(
        self,
        features: tuple[Tensor, Tensor, Tensor],
        image_index: Tensor,
        drawn8: Tensor,
        drawn4: Tensor,
        prompts: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return mask logits (N, 3, H/2, W/2), predicted IoU (N, 3), 0 to 1, and what the token
        of the whole answer knows (N, dim).
        """
        stride2, stride4, stride8 = features
        rows, cols = stride8.shape[-2:]
        image = _own(stride8, image_index) + drawn8
        image = F.relu(image + self.local(image))
        tokens = torch.cat([self.tokens.expand(len(prompts), -1, -1), prompts.to(image.dtype)], 1)
        flat = image.flatten(2).transpose(1, 2)
        for layer in self.layers:
            tokens, flat = layer(tokens, flat)
        image = flat.transpose(1, 2).unflatten(2, (rows, cols))
        x = _double(self.up4(image)).add_(_own(self.skip4(stride4), image_index)).add_(drawn4)
        x = self.mix4(x.relu_())
        x = _double(self.up2(x)).add_(_own(self.skip2(stride2), image_index))
        x = self.mix2(x)
        kernels = torch.stack([f(tokens[:, 1 + k]) for k, f in enumerate(self.weights)], 1)
        logits = torch.einsum("nkc,nchw->nkhw", kernels[..., :-1], x) + kernels[..., -1:, None]
        logits = logits.float()
        facts = _mask_facts(logits.detach())
        seen = torch.cat(
            [
                tokens[:, :1].expand(-1, CANDIDATES, -1),
                tokens[:, 1 : 1 + CANDIDATES],
                facts.to(tokens.dtype),
            ],
            -1,
        )
        # the MLP corrects what the masks' own probabilities expect
        guess = facts[..., 0].clamp(0.02, 0.98).logit()
        return logits, (self.quality(seen)[..., 0].float() + guess).sigmoid(), tokens[:, 0]


def _own(maps: Tensor, image_index: Tensor) -> Tensor:
    """Give each prompt the maps of its image; those of a single image are shared, not copied."""
    return maps if len(maps) == 1 else maps.index_select(0, image_index)


def _double(x: Tensor) -> Tensor:
    """Twice the rows and columns."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def _mask_facts(logits: Tensor) -> Tensor:
    """Describe each mask by how sure it is of itself, (N, K, 5).

    The first fact is the IoU that the mask's own probabilities expect of it; the others are
    the mean certainty inside and near the mask, its area, and how far it reaches the window's
    border.
    """
    p = logits.sigmoid()
    m = (logits > 0).float()
    area, sure = m.sum((2, 3)), (p * m).sum((2, 3))
    expected = sure / (torch.maximum(p, m).sum((2, 3)) + 1)
    inside = sure / (area + 1)
    unsure = ((p > 0.1) & (p < 0.9)).float().sum((2, 3)) / (area + 10).sqrt()
    edge = m[..., 0].mean(2) + m[..., -1].mean(2) + m[..., 0, :].mean(2) + m[..., -1, :].mean(2)
    size = (area + 1).log() / 8
    return torch.stack([expected, inside, unsure.clamp(max=20) / 5, edge, size], -1)
