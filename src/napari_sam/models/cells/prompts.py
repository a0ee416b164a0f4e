"""Prompts as the ``cells`` network sees them: maps drawn beside the embedding, and tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["NEIGHBOUR_MAPS", "PROMPT_MAPS", "PromptEncoder", "draw_neighbours", "draw_prompts"]

#: Widths of the click Gaussians, in image pixels.
_SIGMAS = (3.0, 9.0, 27.0)
#: Depths at which the box distance maps saturate, in image pixels.
_REACHES = (4.0, 16.0)
#: Number of maps that :func:`draw_prompts` returns.
PROMPT_MAPS = 2 * len(_SIGMAS) + len(_REACHES) + 1 + 2
#: Number of maps that :func:`draw_neighbours` returns.
NEIGHBOUR_MAPS = 2


def draw_prompts(
    points: Tensor,
    labels: Tensor,
    boxes: Tensor,
    mask: Tensor | None,
    shape: tuple[int, int],
    stride: int,
) -> Tensor:
    """Draw prompts as geometry maps.

    Parameters
    ----------
    points : Tensor
        (N, P, 2), (x, y) in image pixels, pixel centres at .5.
    labels : Tensor
        (N, P): 1 object, 0 background, -1 padding.
    boxes : Tensor
        (N, 4), (x0, y0, x1, y1), NaN where there is none.
    mask : Tensor or None
        (N, 1, h, w) logits of the previous round; NaN for a prompt without one.
    shape : tuple of int
        Rows and columns of the maps.
    stride : int
        Image pixels per map pixel.

    Returns
    -------
    Tensor
        (N, PROMPT_MAPS, rows, cols): Gaussians of object clicks, of background clicks, signed
        distance to the box's border (positive inside) at two scales, presence of a box,
        squashed previous logits, presence of a previous mask.
    """
    rows, cols = shape
    y = (torch.arange(rows, device=points.device, dtype=torch.float32) + 0.5) * stride
    x = (torch.arange(cols, device=points.device, dtype=torch.float32) + 0.5) * stride
    maps = []
    # a Gaussian is a product of one along x and one along y
    dx = (x - points[..., :1].float()).square()
    dy = (y - points[..., 1:].float()).square()
    for kind in (1, 0):
        chosen = (labels == kind).float()[..., None]
        for sigma in _SIGMAS:
            along_x = torch.exp(-0.5 * dx / sigma**2)
            along_y = torch.exp(-0.5 * dy / sigma**2) * chosen
            maps.append((along_y[..., :, None] * along_x[..., None, :]).amax(1))
    given = ~torch.isnan(boxes[:, :1])
    x0, y0, x1, y1 = torch.nan_to_num(boxes.float()).unbind(1)
    inside_x = torch.minimum(x - x0[:, None], x1[:, None] - x)
    inside_y = torch.minimum(y - y0[:, None], y1[:, None] - y)
    signed = torch.minimum(inside_y[:, :, None], inside_x[:, None, :])
    present = given.float()[..., None]
    maps.extend(torch.tanh(signed / reach) * present for reach in _REACHES)
    maps.append(present.expand(-1, rows, cols))
    if mask is None:
        empty = torch.zeros_like(maps[0])
        maps.extend((empty, empty))
    else:
        known = ~torch.isnan(mask[:, :, :1, :1])
        logits = torch.nan_to_num(mask.float()).clamp(-12, 12)
        small = F.interpolate(logits, size=shape, mode="area")[:, 0]
        maps.append(torch.tanh(small / 4))
        maps.append(known[:, 0].float().expand(-1, rows, cols))
    return torch.stack(maps, 1)


def draw_neighbours(neighbour: Tensor | None, like: Tensor) -> Tensor:
    """Draw masks of a neighbouring slice (N, 1, h, w) beside maps ``like`` (N, ..., rows, cols).

    Returns
    -------
    Tensor
        (N, NEIGHBOUR_MAPS, rows, cols): -1 outside to 1 inside the mask, and its presence; both
        0 where there is none.
    """
    shape = like.shape[-2:]
    if neighbour is None:
        return like.new_zeros(len(like), NEIGHBOUR_MAPS, *shape)
    known = (~torch.isnan(neighbour[:, :, :1, :1])).to(like.dtype)
    small = F.interpolate(torch.nan_to_num(neighbour.to(like.dtype)), size=shape, mode="area")
    return torch.cat([(2 * small - 1) * known, known.expand(-1, -1, *shape)], 1)


class PromptEncoder(nn.Module):
    """Turns prompts into additions to the embedding and into tokens.

    Parameters
    ----------
    widths : tuple of int
        Channels of the embedding at strides 2, 4, 8.
    neighbours : bool
        Whether masks of neighbouring slices are drawn too.
    """

    def __init__(self, widths: tuple[int, ...], neighbours: bool = False) -> None:
        super().__init__()
        _, middle, dim = widths
        self.neighbours = neighbours
        maps = PROMPT_MAPS + (NEIGHBOUR_MAPS if neighbours else 0)
        self.drawn8 = nn.Sequential(
            nn.Conv2d(maps, 32, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(32, dim, 1)
        )
        self.drawn4 = nn.Sequential(
            nn.Conv2d(maps, 16, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(16, middle, 1),
        )
        self.at_point = nn.Linear(dim, dim)
        self.at_box = nn.Linear(dim + 2, dim)
        # background click, object click, padding; box, no box
        self.kinds = nn.Parameter(nn.init.normal_(torch.empty(5, dim), std=0.1))

    def forward(
        self,
        embedding: Tensor,
        image_index: Tensor,
        points: Tensor,
        labels: Tensor,
        boxes: Tensor,
        mask: Tensor | None,
        neighbour: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return maps to add at strides 8 (N, C8, h, w) and 4 (N, C4, 2h, 2w), and tokens.

        Tokens are (N, P + 1, C8): one per point, then the box.
        """
        rows, cols = embedding.shape[-2:]
        maps8 = draw_prompts(points, labels, boxes, mask, (rows, cols), 8)
        maps4 = draw_prompts(points, labels, boxes, mask, (2 * rows, 2 * cols), 4)
        if self.neighbours:
            maps8 = torch.cat([maps8, draw_neighbours(neighbour, maps8)], 1)
            maps4 = torch.cat([maps4, draw_neighbours(neighbour, maps4)], 1)
        drawn8, drawn4 = self.drawn8(maps8), self.drawn4(maps4)
        has_box = ~torch.isnan(boxes[:, 0])
        box = torch.nan_to_num(boxes.float())
        middle = (box[:, :2] + box[:, 2:]) / 2
        places = torch.cat([points.float(), middle[:, None]], 1)
        places = places / (8 * torch.tensor([cols, rows], device=places.device)) * 2 - 1
        own = embedding.index_select(0, image_index)
        sampled = F.grid_sample(
            own.float(), places[:, :, None], padding_mode="border", align_corners=False
        )[..., 0].transpose(1, 2)
        kinds = torch.where(labels < 0, 2, labels.long())
        at_points = self.at_point(sampled[:, :-1]) * (labels >= 0)[..., None]
        at_points = at_points + self.kinds[kinds]
        size = (box[:, 2:] - box[:, :2]).clamp_min(1).div(32).log()
        at_box = self.at_box(torch.cat([sampled[:, -1], size.to(sampled.dtype)], 1))
        at_box = torch.where(has_box[:, None], at_box + self.kinds[3], self.kinds[4])
        return drawn8, drawn4, torch.cat([at_points, at_box[:, None]], 1)
