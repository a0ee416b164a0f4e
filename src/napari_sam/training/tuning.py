"""A trained network moved a little, towards a person's objects."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from napari_sam.libraries import keep_triton_out
from napari_sam.models.cells.network import CellsNetwork, Features
from napari_sam.training.averaging import WeightAverage
from napari_sam.training.corrections import TAUGHT, Piece, draw
from napari_sam.training.losses import (
    instance_loss,
    instance_targets,
    inward_loss,
    prompt_loss,
    size_loss,
)
from napari_sam.training.prompting import PromptBatch, choose_objects, correct, first_prompts
from napari_sam.training.sampling import Example

__all__ = ["Recipe", "Tuner"]


@dataclass(frozen=True)
class Recipe:
    """How a network is tuned.

    Parameters
    ----------
    learning_rate : float
        As a share of the size of each tensor of weights.
    warm : int
        Steps until it is reached.
    windows, size : int
        Windows of the person's images per step, and their side in pixels.
    prompts, prompt_every : int
        Prompts for each of the person's windows, and every how many steps any are asked.
    decay : float
        Of the running average of the weights, which is what is kept.
    generated, checked : int
        Generated images that the person's are told from, and others to compare on.
    """

    learning_rate: float = 1e-2
    warm: int = 20
    windows: int = 4
    size: int = 192
    prompts: int = 2
    prompt_every: int = 4
    decay: float = 0.98
    generated: int = 32
    checked: int = 10


class Tuner:
    """Holds a copy of a network and its optimiser; the network itself is not touched.

    Parameters
    ----------
    network : CellsNetwork
        In evaluation mode, its norms folded.
    pieces : sequence of Piece
    recipe : Recipe
    seed : int
    half : bool
        Whether products are made in bfloat16.
    """

    def __init__(
        self,
        network: CellsNetwork,
        pieces: Sequence[Piece],
        recipe: Recipe,
        seed: int = 0,
        half: bool = False,
    ) -> None:
        self.recipe, self.half = recipe, half
        self.network = copy.deepcopy(network)
        self.rng = np.random.default_rng(seed)
        self.generator = torch.Generator().manual_seed(seed)
        self.pieces = [piece for piece in pieces if len(piece.ids(TAUGHT))]
        counts = np.sqrt([len(piece.ids(TAUGHT)) for piece in self.pieces])
        self.share = counts / counts.sum()
        self.network.requires_grad_(True)
        self.learning = list(self.network.parameters())
        keep_triton_out()  # torch imports Triton for its first optimiser
        # Folded norms leave weights of very different sizes: each moves by a share of its own.
        self.optimiser = torch.optim.Adam(
            [{"params": [p], "size": _size(p)} for p in self.learning]
        )
        self.average = WeightAverage(self.network, recipe.decay)
        self.device = next(network.parameters()).device
        self.steps = 0

    def step(self, share: float) -> dict[str, float]:
        """Take one step; ``share`` (0 to 1) of them are done."""
        for group in self.optimiser.param_groups:
            warm = min(1.0, (self.steps + 1) / self.recipe.warm)
            falling = min(1.0, 0.05 + 2 * (1 - share))
            group["lr"] = self.recipe.learning_rate * group["size"] * warm * falling
        losses = self._yours()
        loss = torch.stack(list(losses.values())).sum()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.learning, 2.0)
        self.optimiser.step()
        self.average.update(self.network)
        self.steps += 1
        return {name: float(value.detach()) for name, value in losses.items()}

    def _yours(self) -> dict[str, Tensor]:
        """Losses on windows of the person's images."""
        chosen = self.rng.choice(len(self.pieces), self.recipe.windows, p=self.share)
        drawn = [draw(self.pieces[one], self.recipe.size, self.rng) for one in chosen]
        examples = [example for example, _ in drawn]
        known = torch.from_numpy(np.stack([where for _, where in drawn]))[:, None].float()
        image = self._stacked(examples, "image").contiguous(memory_format=torch.channels_last)
        with self._precision():
            features = self.network.encode(image)
            maps = self.network.instances(features)
            sizes = self.network.sizes(features)
        targets = instance_targets(
            *(self._stacked(examples, name) for name in ("labels", "centre", "depth"))
        )
        losses = {
            "instances": instance_loss(maps[:, :3], targets, known.to(self.device)),
            "sizes": size_loss(sizes, self._stacked(examples, "sizes")),
        }
        if maps.shape[1] > 3:
            losses["inward"] = inward_loss(maps[:, 3:], self._stacked(examples, "inward"))
        if self.steps % self.recipe.prompt_every:
            return losses
        picked = choose_objects(examples, self.recipe.prompts, self.generator, self.device, 0.0)
        if len(picked[0]):
            losses["prompts"] = self._asked(features, first_prompts(*picked))
        return losses

    def _asked(self, features: Features, batch: PromptBatch) -> Tensor:
        """Loss of one round of prompts or two."""
        rounds = 1 + int(self.rng.random() < 0.4)
        total = torch.zeros((), device=self.device)
        for number in range(rounds):
            logits, iou = self._decoded(features, batch)
            parts = prompt_loss(logits, iou, batch.truth)
            total = total + (parts["mask_loss"] + parts["iou_loss"]) / rounds
            if number + 1 < rounds:
                batch = correct(batch, logits.detach(), iou.detach())
        return total

    def _decoded(self, features: Features, batch: PromptBatch) -> tuple[Tensor, Tensor]:
        with self._precision():
            return self.network.decode(
                features, batch.image_index, batch.points, batch.labels, batch.boxes, batch.mask
            )

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.half)

    def _stacked(self, examples: Sequence[Example], name: str) -> Tensor:
        stacked = np.stack([getattr(example, name) for example in examples])
        return torch.from_numpy(stacked).to(self.device)


def _size(weights: Tensor) -> float:
    return float(weights.detach().square().mean().sqrt())
