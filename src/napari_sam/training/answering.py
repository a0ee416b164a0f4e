"""Rounds of prompts on a batch of windows, and what their answers cost."""

from __future__ import annotations

import torch
from torch import Tensor

from napari_sam.models.cells.network import CellsNetwork, Features
from napari_sam.training.losses import caution_loss, prompt_loss
from napari_sam.training.neighbours import joined, neighbour_prompts, presence_loss
from napari_sam.training.prompting import PromptBatch, choose_objects, correct, first_prompts
from napari_sam.training.roles import other_meanings
from napari_sam.training.sampling import Example

__all__ = ["answer_prompts"]

#: Weight of what only keeps part and clump apart, beside the error of the masks.
CAUTION_SHARE = 0.3
#: Chances of a second and of a third round.
SECOND, THIRD = 0.65, 0.2

Answer = tuple[Tensor, Tensor, Tensor | None]


def answer_prompts(
    network: CellsNetwork,
    features: Features,
    examples: list[Example],
    per_window: int,
    generator: torch.Generator,
    half: bool,
) -> dict[str, Tensor]:
    """Ask one to three rounds of prompts about a batch.

    Parameters
    ----------
    network : CellsNetwork
    features : Features
        What it made of the windows.
    examples : list of Example
        The windows.
    per_window : int
        Prompts for each; one more by a neighbouring slice if the network goes through slices.
    generator : torch.Generator
        On the CPU.
    half : bool
        Whether products are made in bfloat16.

    Returns
    -------
    dict of str to Tensor
        Losses, by names that end so, and figures; empty where there is hardly any object.
    """
    batch = _first(network, examples, per_window, generator, features.stride2.device)
    if batch is None:
        return {}
    chance = float(torch.rand((), generator=generator))
    rounds = 1 + (chance < SECOND) + (chance < THIRD)
    figures: dict[str, Tensor] = {}
    meanings, plain = other_meanings(examples, batch)
    for number in range(rounds):
        logits, iou, presence = _answer(network, features, batch, half)
        parts = prompt_loss(logits, iou, batch.truth, None if number else meanings)
        losses = {name: parts[name] for name in ("mask_loss", "iou_loss")}
        if presence is not None:
            losses["presence_loss"] = presence_loss(presence, batch)
        for name, value in losses.items():
            figures[name] = figures.get(name, 0) + value / rounds
        if number == 0:
            figures["caution_loss"] = CAUTION_SHARE * caution_loss(logits, plain)
            figures |= _figures(parts, batch)
        if number + 1 < rounds:
            batch = correct(batch, logits.detach(), iou.detach())
    return figures


def _first(
    network: CellsNetwork,
    examples: list[Example],
    per_window: int,
    generator: torch.Generator,
    device: torch.device,
) -> PromptBatch | None:
    picked = choose_objects(examples, per_window, generator, device)
    if len(picked[0]) < 2:
        return None
    batch = first_prompts(*picked)
    if network.presence is not None:
        beside = neighbour_prompts(examples, generator, device)
        batch = batch if beside is None else joined(batch, beside)
    return batch


def _answer(network: CellsNetwork, features: Features, batch: PromptBatch, half: bool) -> Answer:
    prompt = (batch.image_index, batch.points, batch.labels, batch.boxes, batch.mask)
    with torch.autocast(features.stride2.device.type, torch.bfloat16, enabled=half):
        if batch.neighbour is None:
            return *network.decode(features, *prompt), None
        return network.follow(features, *prompt, batch.neighbour)


def _figures(parts: dict[str, Tensor], batch: PromptBatch) -> dict[str, Tensor]:
    """What a log shows of the first round."""
    clicked = torch.isnan(batch.boxes[:, 0])
    return {
        "iou_best": parts["best"].nanmean(),
        "iou_error": parts["error"].mean(),
        "click_own": parts["own"][clicked & batch.alone].nanmean(),
        "box_own": parts["own"][~clicked & batch.alone].nanmean(),
        "follow_own": parts["own"][~batch.alone].nanmean(),
    }
