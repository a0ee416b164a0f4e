"""The mask of a neighbouring slice or frame as a prompt, right or wrong.

Who carries an object through a stack has its mask in the slice before. The object may have
moved, grown, shrunk or ended, and another may lie where it was.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_sam.training.prompting import PromptBatch, loose_boxes, pick
from napari_sam.training.sampling import Example

__all__ = ["imitated", "joined", "neighbour_prompts", "presence_loss"]

#: Share of neighbour prompts that come with a click, and with a box, on the object here.
WITH_CLICK, WITH_BOX = 0.15, 0.15
#: Share of windows without a neighbouring slice in which the mask is of something that is gone.
GONE = 0.2


def imitated(masks: Tensor, generator: torch.Generator) -> Tensor:
    """Displace, turn, grow or shrink masks as a step to the next slice may.

    Parameters
    ----------
    masks : Tensor of float
        (N, h, w), 0 or 1.
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    Tensor of float
        (N, h, w), 0 or 1.
    """
    count, height, width = masks.shape
    extent = masks.sum((1, 2)).clamp_min(1).sqrt()  # map pixels, about the diameter

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(masks.device)

    strength = torch.rand(count, generator=generator).to(masks.device)
    scale = (0.22 * strength * normal(count)).clamp(-0.5, 0.5).exp()
    angle = 0.25 * strength * normal(count)
    shift = 0.2 * strength[:, None] * normal(count, 2) * extent[:, None]
    rows = torch.arange(height, device=masks.device, dtype=torch.float32)
    cols = torch.arange(width, device=masks.device, dtype=torch.float32)
    area = masks.sum((1, 2)).clamp_min(1)
    y0 = (masks.sum(2) * rows).sum(1) / area
    x0 = (masks.sum(1) * cols).sum(1) / area
    y = rows[None, :, None] - (y0 + shift[:, 0])[:, None, None]
    x = cols[None, None, :] - (x0 + shift[:, 1])[:, None, None]
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    # a smooth bend on top, of a few pixels
    bend = F.interpolate(normal(count, 2, 6, 6), (height, width), mode="bicubic")
    bend = bend * (0.08 * strength * extent)[:, None, None, None]
    source_y = (cos * y - sin * x) / scale[:, None, None] + y0[:, None, None] + bend[:, 0]
    source_x = (sin * y + cos * x) / scale[:, None, None] + x0[:, None, None] + bend[:, 1]
    grid = torch.stack([(2 * source_x + 1) / width - 1, (2 * source_y + 1) / height - 1], -1)
    moved = F.grid_sample(masks[:, None], grid, align_corners=False)[:, 0]
    return (moved > 0.5).float()


def neighbour_prompts(
    examples: list[Example], generator: torch.Generator, device: torch.device
) -> PromptBatch | None:
    """Ask for one object of every window by its mask in a neighbouring slice.

    Parameters
    ----------
    examples : list of Example
        Where there is no neighbouring slice, one is imitated.
    generator : torch.Generator
        On the CPU.
    device : torch.device

    Returns
    -------
    PromptBatch or None
        With ``neighbour``; the truth is empty where the object is not in the window. None if
        there is nothing to ask for.
    """
    index, truths, masks = [], [], []
    for number, example in enumerate(examples):
        found = _chosen(example, generator)
        if found is not None:
            index.append(number)
            truths.append(found[0])
            masks.append(found[1])
    if not index:
        return None
    truth, neighbour = torch.stack(truths).to(device), torch.stack(masks).to(device)
    kind = torch.rand(len(index), generator=generator).to(device)
    there = truth.sum((1, 2)) > 0
    click = there & (kind < WITH_CLICK)
    boxless = ~there | (kind < WITH_CLICK) | (kind > WITH_CLICK + WITH_BOX)
    boxes = loose_boxes(truth).masked_fill(boxless[:, None], torch.nan)
    return PromptBatch(
        torch.tensor(index, device=device),
        truth,
        pick(truth),
        torch.where(click, 1, -1)[:, None],
        boxes,
        None,
        neighbour[:, None],
    )


def _chosen(example: Example, generator: torch.Generator) -> tuple[Tensor, Tensor] | None:
    """Choose an object of a window: its mask here, maybe empty, and its mask in the neighbour."""
    labels = torch.from_numpy(example.labels)
    beside = labels if example.neighbour is None else torch.from_numpy(example.neighbour)
    area = torch.bincount(beside.flatten().long())
    area[0] = 0
    area = torch.where(area >= 8, area, 0)
    if int(area.sum()) == 0:
        return None
    odds = area.float().pow(0.3) * (area > 0)
    if example.neighbour is not None:  # what ends here is rare, and is to be learnt
        odds[int(labels.max()) + 1 :] *= 4
    which = int(torch.multinomial(odds, 1, generator=generator))
    truth, mask = (labels == which).float(), (beside == which).float()
    if 0 < int(truth.sum()) < 4:  # a sliver of it is neither here nor gone
        return None
    if example.neighbour is None:
        mask = imitated(mask[None], generator)[0]
        if float(torch.rand((), generator=generator)) < GONE:
            mask = _elsewhere(mask, labels, generator)
            truth = torch.zeros_like(truth)
    return (truth, mask) if int(mask.sum()) >= 4 else None


def _elsewhere(mask: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """Move a mask to where there is no object, or return an empty one."""
    height, width = mask.shape
    for _ in range(8):
        down = int(torch.randint(height, (), generator=generator))
        along = int(torch.randint(width, (), generator=generator))
        moved = mask.roll((down, along), (0, 1))
        if float((moved * (labels > 0)).sum()) < 0.1 * float(moved.sum()):
            return moved
    return torch.zeros_like(mask)


def joined(batch: PromptBatch, others: PromptBatch) -> PromptBatch:
    """Put prompts without and prompts with a neighbouring mask into one batch."""
    assert others.neighbour is not None
    none = torch.full((len(batch.truth), *others.neighbour.shape[1:]), torch.nan)
    extra = batch.points.shape[1] - others.points.shape[1]
    points = F.pad(others.points, (0, 0, 0, extra))
    labels = F.pad(others.labels, (0, extra), value=-1)
    return PromptBatch(
        torch.cat([batch.image_index, others.image_index]),
        torch.cat([batch.truth, others.truth]),
        torch.cat([batch.points, points]),
        torch.cat([batch.labels, labels]),
        torch.cat([batch.boxes, others.boxes]),
        None,
        torch.cat([none.to(others.neighbour.device), others.neighbour]),
    )


def presence_loss(presence: Tensor, batch: PromptBatch) -> Tensor:
    """Cross-entropy of the object being in the slice, over prompts with a neighbouring mask.

    Parameters
    ----------
    presence : Tensor
        (N,), logits.
    batch : PromptBatch
    """
    if batch.neighbour is None:
        return presence.sum() * 0
    asked = ~torch.isnan(batch.neighbour[:, 0, 0, 0])
    if not asked.any():
        return presence.sum() * 0
    there = (batch.truth.sum((1, 2)) > 0).float()
    return F.binary_cross_entropy_with_logits(presence[asked], there[asked])
