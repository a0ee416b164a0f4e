"""What takes the mask of a neighbouring slice, learnt alone: all else stays as it is.

A network that answers points and boxes well can be given this afterwards, in minutes: what is new
in it are inputs that are nothing without such a mask, so that every other answer remains.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from napari_sam.errors import DataError
from napari_sam.models.cells.network import CellsNetwork
from napari_sam.models.cells.prompts import PROMPT_MAPS
from napari_sam.models.device import multiplies_bfloat16
from napari_sam.training.averaging import WeightAverage
from napari_sam.training.crops import Plane
from napari_sam.training.losses import prompt_loss
from napari_sam.training.neighbours import neighbour_prompts, presence_loss
from napari_sam.training.prompting import PromptBatch, loose_boxes, pick
from napari_sam.training.sampling import WindowStream
from napari_sam.training.warm_start import adopt

__all__ = ["Followed", "learn_to_follow"]

#: Weights that take all drawn maps, a neighbour's mask after the others.
DRAWN = ("prompt_encoder.drawn8.0.weight", "prompt_encoder.drawn4.0.weight")
#: Windows of a step and their side, and the learning rate from which it falls to the end.
WINDOWS, SIDE, RATE = 6, 192, 2e-3
#: Share of the time after which the learning rate falls, and of it what is left in the end.
FALLING, LAST = 0.5, 0.04
#: Every how many steps the figures are told.
TOLD = 100


class Followed(NamedTuple):
    """Weights that take a neighbour's mask, and how they were learnt.

    Attributes
    ----------
    state : dict of str to Tensor
    config : dict
        Of the network.
    steps : int
    """

    state: dict[str, Tensor]
    config: dict[str, Any]
    steps: int


def learn_to_follow(
    checkpoint: Mapping[str, Any],
    planes: Sequence[Plane],
    minutes: float,
    *,
    seed: int = 0,
    say: Callable[[str], None] = lambda text: None,
    clock: Callable[[], float] = time.process_time,
) -> Followed:
    """Teach a network what the mask of an object in a neighbouring slice or frame says.

    Half of the steps give that mask alone, or with a click or a box as who begins would give them,
    and ask whether the object is there, too; the others give a click and a box beside it, as who
    follows an object does.

    Parameters
    ----------
    checkpoint : dict
        See `napari_sam.training.checkpoints.load_checkpoint`.
    planes : sequence of Plane
        Of those, the ones with a neighbouring slice are learnt from.
    minutes : float
    seed : int
    say : callable
    clock : callable
        Seconds that the minutes are measured in.

    Returns
    -------
    Followed
        Weights that were there before are the same.

    Raises
    ------
    DataError
        When no plane has a neighbouring slice.
    """
    slices = [plane for plane in planes if plane.neighbour is not None]
    if not slices:
        raise DataError("No image has a neighbouring slice: give stacks or movies with labels.")
    torch.manual_seed(seed)
    network = CellsNetwork.of({**checkpoint["config"], "neighbours": True})
    adopt(network, checkpoint["ema"])
    network.eval().to(memory_format=torch.channels_last)
    learning = _only_what_is_new(network)
    optimiser = torch.optim.Adam(learning, RATE)
    average = WeightAverage(network, decay=0.995)
    half = multiplies_bfloat16("cpu")
    lesson = _Lesson(network, WindowStream(slices, seed), torch.Generator().manual_seed(seed), half)
    begun, steps = clock(), 0
    figures: list[Tensor] = []
    while (share := (clock() - begun) / 60 / minutes) < 1 or steps == 0:
        rate = RATE * (LAST + (1 - LAST) * min(1.0, (1 - min(share, 1.0)) / (1 - FALLING)))
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (steps + 1) / 50)
        loss, reached = lesson.step(betrayed=steps % 2 == 1)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning, 2.0)
        optimiser.step()
        average.update(network)
        steps += 1
        figures.append(reached)
        if steps % TOLD == 0:
            alone, beside = (float(torch.stack(figures[n::2]).nanmean()) for n in (0, 1))
            say(f"{steps} steps: IoU {alone:.3f} by the mask, {beside:.3f} beside click and box")
            figures = []
    return Followed(average.state, network.config, steps)


def _only_what_is_new(network: CellsNetwork) -> list[Tensor]:
    """Let nothing learn but what a neighbour's mask goes through; return these weights."""
    learning: list[Tensor] = []
    for name, weights in network.named_parameters():
        drawn = name in DRAWN
        weights.requires_grad_(drawn or name.startswith("presence"))
        if drawn:
            new = torch.zeros_like(weights)
            new[:, PROMPT_MAPS:] = 1
            weights.register_hook(lambda gradient, new=new: gradient * new)
        if weights.requires_grad:
            learning.append(weights)
    return learning


class _Lesson:
    """Draws windows and asks about them."""

    def __init__(
        self,
        network: CellsNetwork,
        stream: WindowStream,
        generator: torch.Generator,
        half: bool,
    ) -> None:
        self._network, self._stream = network, stream
        self._generator, self._half = generator, half

    def step(self, betrayed: bool) -> tuple[Tensor, Tensor]:
        """Return the loss of a batch, and the mean IoU of what was chosen.

        With ``betrayed`` a click and a box tell where the object is, and so that it is.
        """
        batch = None
        while batch is None:
            examples = [self._stream.draw(SIDE) for _ in range(WINDOWS)]
            batch = neighbour_prompts(examples, self._generator, torch.device("cpu"))
        if betrayed:
            batch = _betrayed(batch)
        image = torch.from_numpy(np.stack([example.image for example in examples]))
        image = image.to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=self._half):
            with torch.no_grad():
                features = self._network.encode(image)
            assert batch.neighbour is not None
            logits, iou, presence = self._network.follow(
                features,
                batch.image_index,
                batch.points,
                batch.labels,
                batch.boxes,
                batch.mask,
                batch.neighbour,
            )
        parts = prompt_loss(logits.float(), iou.float(), batch.truth, None)
        loss = parts["mask_loss"]
        if not betrayed:
            loss = loss + presence_loss(presence, batch)
        return loss, parts["own"].detach().nanmean()


def _betrayed(batch: PromptBatch) -> PromptBatch:
    """Give a click and a box of the object beside the mask of its neighbour."""
    there = batch.truth.sum((1, 2)) > 0
    boxes = loose_boxes(batch.truth)
    boxes[~there] = torch.nan
    labels = torch.where(there, 1, -1)[:, None]
    return replace(batch, points=pick(batch.truth), labels=labels, boxes=boxes)
