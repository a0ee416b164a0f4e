"""Rounds of prompts on a batch of windows, and what their answers cost."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from napari_sam.models.cells.network import CellsNetwork, Features
from napari_sam.training.losses import caution_loss, prompt_loss
from napari_sam.training.neighbours import joined, neighbour_prompts, presence_loss
from napari_sam.training.prompting import PromptBatch, choose_objects, correct, first_prompts
from napari_sam.training.roles import other_meanings
from napari_sam.training.sampling import Example

__all__ = ["Asked", "answer", "ask"]

#: Weight of what only keeps part and clump apart, beside the error of the masks.
CAUTION_SHARE = 0.3
#: Chances of a second and of a third round.
SECOND, THIRD = 0.65, 0.2

Answer = tuple[Tensor, Tensor, Tensor | None]


@dataclass
class Asked:
    """First prompts about a batch of windows, and what their answers should show.

    Attributes
    ----------
    batch : PromptBatch
        N prompts.
    meanings, plain : Tensor of bool
        (N, 3, h, w) and (N, h, w), see `napari_sam.training.roles.other_meanings`.
    """

    batch: PromptBatch
    meanings: Tensor
    plain: Tensor


def ask(
    examples: list[Example], per_window: int, generator: torch.Generator, *, through: bool
) -> Asked | None:
    """Make the first prompts about a batch, on the CPU.

    Parameters
    ----------
    examples : list of Example
        The windows.
    per_window : int
        Prompts for each.
    generator : torch.Generator
    through : bool
        One more prompt for each, by a neighbouring slice.

    Returns
    -------
    Asked or None
        None where there is hardly any object.
    """
    device = torch.device("cpu")
    picked = choose_objects(examples, per_window, generator, device)
    if len(picked[0]) < 2:
        return None
    batch = first_prompts(*picked)
    beside = neighbour_prompts(examples, generator, device) if through else None
    if beside is not None:
        batch = joined(batch, beside)
    return Asked(batch, *other_meanings(examples, batch))


def answer(
    network: CellsNetwork,
    features: Features,
    asked: Asked,
    generator: torch.Generator,
    half: bool,
) -> dict[str, Tensor]:
    """Answer prompts about a batch, and one or two rounds of corrections.

    Parameters
    ----------
    network : CellsNetwork
    features : Features
        What it made of the windows.
    asked : Asked
        On the device of the features.
    generator : torch.Generator
        On the CPU.
    half : bool
        Whether products are made in bfloat16.

    Returns
    -------
    dict of str to Tensor
        Losses, by names that end so, and figures.
    """
    chance = float(torch.rand((), generator=generator))
    rounds = 1 + (chance < SECOND) + (chance < THIRD)
    figures: dict[str, Tensor] = {}
    batch = asked.batch
    for number in range(rounds):
        logits, iou, presence = _answer(network, features, batch, half)
        parts = prompt_loss(logits, iou, batch.truth, None if number else asked.meanings)
        losses = {name: parts[name] for name in ("mask_loss", "iou_loss")}
        if presence is not None:
            losses["presence_loss"] = presence_loss(presence, batch)
        for name, value in losses.items():
            figures[name] = figures.get(name, 0) + value / rounds
        if number == 0:
            figures["caution_loss"] = CAUTION_SHARE * caution_loss(logits, asked.plain)
            figures |= _figures(parts, batch)
        if number + 1 < rounds:
            batch = correct(batch, logits.detach(), iou.detach())
    return figures


def _answer(network: CellsNetwork, features: Features, batch: PromptBatch, half: bool) -> Answer:
    prompt = (batch.image_index, batch.points, batch.labels, batch.boxes, batch.mask)
    with torch.autocast(features.stride2.device.type, torch.bfloat16, enabled=half):
        if batch.neighbour is None:
            return *network.decode(features, *prompt), None
        return network.follow(features, *prompt, batch.neighbour)


def _figures(parts: dict[str, Tensor], batch: PromptBatch) -> dict[str, Tensor]:
    """What a log shows of the first round."""
    clicked, alone = torch.isnan(batch.boxes[:, 0]), batch.alone

    def own(which: Tensor) -> Tensor:
        return parts["own"].masked_fill(~which, torch.nan).nanmean()

    return {
        "iou_best": parts["best"].nanmean(),
        "iou_error": parts["error"].mean(),
        "click_own": own(clicked & alone),
        "box_own": own(~clicked & alone),
        "follow_own": own(~alone),
    }
