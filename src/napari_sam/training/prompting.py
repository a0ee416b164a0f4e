"""Prompts as people give them, made from the truth and from the model's own errors.

Everything here works on whole batches of prompts on the device the network is on.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_sam.training.sampling import Example

__all__ = ["PromptBatch", "choose_objects", "correct", "first_prompts", "loose_boxes", "pick"]


#: Share of the batches in which some objects get several clicks at once.
SEVERAL = 0.15
_KEEP_MASK = 0.85  # share of the prompts that get the previous logits with a corrective click


@dataclass
class PromptBatch:
    """N prompts and the truth they ask for.

    Attributes
    ----------
    image_index : Tensor of int
        (N,).
    truth : Tensor of float
        (N, h, w), 0 or 1, at stride 2; empty for a click on the background.
    points, labels, boxes, mask, neighbour
        As :meth:`napari_sam.models.cells.network.CellsNetwork.follow` takes them.
    """

    image_index: Tensor
    truth: Tensor
    points: Tensor
    labels: Tensor
    boxes: Tensor
    mask: Tensor | None = None
    neighbour: Tensor | None = None

    @property
    def alone(self) -> Tensor:
        """Which prompts have no mask of a neighbouring slice, (N,)."""
        if self.neighbour is None:
            return torch.ones_like(self.image_index, dtype=torch.bool)
        return torch.isnan(self.neighbour[:, 0, 0, 0])


def choose_objects(
    examples: list[Example],
    per_window: int,
    generator: torch.Generator,
    device: torch.device,
    nothing: float = 0.06,
) -> tuple[Tensor, Tensor, Tensor]:
    """Choose what the prompts of a batch ask for.

    Parameters
    ----------
    examples : list of Example
    per_window : int
        Prompts per window.
    generator : torch.Generator
        On the CPU.
    device : torch.device
    nothing : float
        Share of the clicks that are on nothing.

    Returns
    -------
    image_index : Tensor
        (N,).
    truth : Tensor
        (N, h, w).
    weight : Tensor
        (N, h, w), where a first click may fall and how likely, unnormalised.
    """
    index, truths, weights = [], [], []
    for number, example in enumerate(examples):
        labels = torch.from_numpy(example.labels)
        area = torch.bincount(labels.flatten().long())
        area[0] = 0
        area = torch.where(area >= 8, area, 0)
        centre = torch.from_numpy(example.centre)
        if int(area.sum()) == 0:
            continue
        # bigger objects a little more often: fragments at the border are many
        odds = area.float().pow(0.3) * (area > 0)
        if example.wanted and area[example.wanted] > 0:
            odds[example.wanted] += odds.sum()
        chosen = torch.multinomial(odds, per_window, True, generator=generator)
        for which in chosen.tolist():
            mask = labels == which
            weight = mask * (0.08 + centre) ** 1.5
            if torch.rand((), generator=generator) < nothing:
                weight, mask = (labels == 0) * 1.0, torch.zeros_like(mask)
                if not weight.any():
                    continue
            index.append(number)
            truths.append(mask.float())
            weights.append(weight.float())
    if not index:
        empty = torch.zeros((0, *examples[0].labels.shape), device=device)
        return torch.zeros(0, dtype=torch.long, device=device), empty, empty
    return (
        torch.tensor(index, device=device),
        torch.stack(truths).to(device),
        torch.stack(weights).to(device),
    )


def pick(weight: Tensor) -> Tensor:
    """Draw one pixel of each (N, h, w) weight map; return (N, 1, 2) as (x, y) image pixels."""
    total = (weight.flatten(1).clamp_min(0) + 1e-9).cumsum(1)
    # by hand, because torch draws a number for every pixel
    drawn = torch.rand(len(total), 1, device=weight.device) * total[:, -1:]
    place = torch.searchsorted(total, drawn, right=True)[:, 0].clamp_max(total.shape[1] - 1)
    width = weight.shape[-1]
    grid = torch.stack([place % width, place // width], 1).float()
    return (2 * (grid + torch.rand_like(grid)))[:, None]


def loose_boxes(truth: Tensor) -> Tensor:
    """Bounding boxes of masks at stride 2, in image pixels, with a person's inaccuracy."""
    columns, rows = truth.amax(1), truth.amax(2)
    width, height = columns.shape[1], rows.shape[1]
    x0, x1 = columns.argmax(1), width - columns.flip(1).argmax(1)
    y0, y1 = rows.argmax(1), height - rows.flip(1).argmax(1)
    box = 2.0 * torch.stack([x0, y0, x1, y1], 1).float()
    size = (box[:, 2:] - box[:, :2]).repeat(1, 2)
    sigma = torch.rand_like(box[:, :1]) * 0.08
    jitter = (torch.randn_like(box) * sigma).clamp(-0.15, 0.15) * size
    # some people draw well outside the object, some cut its ends off
    wide = torch.rand_like(box[:, :1])
    margin = torch.where(wide < 0.1, wide * 2.5, torch.where(wide > 0.94, 0.94 - wide, 0.0))
    outward = torch.tensor([-1.0, -1.0, 1.0, 1.0], device=box.device)
    return box + jitter + outward * margin * size + torch.randn_like(box) * 0.7


def first_prompts(index: Tensor, truth: Tensor, weight: Tensor) -> PromptBatch:
    """Give each object a click (half of them), a box (two fifths) or both."""
    kind = torch.rand(len(index), device=truth.device)
    empty = truth.sum((1, 2)) < 1
    click = (kind < 0.5) | (kind > 0.9) | empty
    points = pick(weight)
    labels = torch.where(click, 1, -1)[:, None]
    boxes = loose_boxes(truth).masked_fill(((kind < 0.5) | empty)[:, None], torch.nan)
    if torch.rand(()) < SEVERAL:
        points, labels = _more_clicks(points, labels, truth)
    return PromptBatch(index, truth, points, labels, boxes)


def _more_clicks(points: Tensor, labels: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Give half of the clicked objects two to four clicks more: a stroke, or all over it."""
    more = [points]
    middle = points
    for _ in range(int(torch.randint(2, 5, ()))):
        # each near the one before it, or anywhere
        rows = torch.arange(truth.shape[1], device=truth.device)[:, None] * 2.0
        cols = torch.arange(truth.shape[2], device=truth.device)[None] * 2.0
        near = (rows - middle[..., 1:]) ** 2 + (cols - middle[..., :1]) ** 2
        reach = 4 * truth.sum((1, 2), keepdim=True).clamp_min(4)
        middle = pick(truth * torch.exp(-2 * near / reach))
        more.append(middle)
    chosen = (labels[:, :1] == 1) & (torch.rand(len(labels), 1, device=truth.device) < 0.5)
    chosen = chosen & (truth.sum((1, 2)) > 0)[:, None]
    extra = torch.where(chosen, 1, -1).expand(-1, len(more) - 1)
    return torch.cat(more, 1), torch.cat([labels, extra], 1)


@torch.no_grad()
def correct(batch: PromptBatch, logits: Tensor, iou: Tensor) -> PromptBatch:
    """Add a corrective click where the chosen answer is wrong, and that answer as mask prompt.

    Parameters
    ----------
    batch : PromptBatch
    logits, iou : Tensor
        (N, 3, h, w) and (N, 3), the network's answer.

    Returns
    -------
    PromptBatch
        Clicks fall in the larger coherent errors, away from their borders.
    """
    best = iou.argmax(1)
    chosen = logits[torch.arange(len(best), device=best.device), best]
    error = ((chosen > 0) != (batch.truth > 0.5)).float()
    smooth = F.avg_pool2d(error[:, None], 7, 1, 3)[:, 0]
    weight = error * smooth.pow(3)
    right = error.sum((1, 2), keepdim=True) < 1
    weight = torch.where(right, batch.truth + 1e-6, weight)
    points = pick(weight)
    place = (points[:, 0] / 2).long()
    rows = torch.arange(len(best), device=best.device)
    h, w = batch.truth.shape[1:]
    inside = batch.truth[rows, place[:, 1].clamp(0, h - 1), place[:, 0].clamp(0, w - 1)] > 0.5
    forgotten = torch.rand(len(best), device=best.device) > _KEEP_MASK
    mask = chosen[:, None].masked_fill(forgotten[:, None, None, None], torch.nan)
    return PromptBatch(
        batch.image_index,
        batch.truth,
        torch.cat([batch.points, points], 1),
        torch.cat([batch.labels, inside.long()[:, None]], 1),
        batch.boxes,
        mask,
        batch.neighbour,
    )
