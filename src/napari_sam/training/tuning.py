"""A trained network moved a little, towards a person's objects and away from nothing else."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_sam.libraries import keep_triton_out
from napari_sam.models.cells.network import CellsNetwork, Features
from napari_sam.training.averaging import WeightAverage
from napari_sam.training.corrections import TAUGHT, Piece, draw
from napari_sam.training.crops import Plane
from napari_sam.training.distilling import Teacher
from napari_sam.training.losses import (
    instance_loss,
    instance_targets,
    inward_loss,
    prompt_loss,
    size_loss,
)
from napari_sam.training.prompting import PromptBatch, choose_objects, correct, first_prompts
from napari_sam.training.sampling import Example, WindowStream

__all__ = ["Recipe", "Tuner"]


@dataclass(frozen=True)
class Recipe:
    """How a network is tuned.

    Parameters
    ----------
    parts : tuple of str
        What of the network learns; the rest, above all the encoder's way down, stays as it is.
    learning_rate : float
        As a share of the size of each tensor of weights.
    warm : int
        Steps until it is reached.
    windows, others, size : int
        Windows of the person's images and generated ones per step, and their side in pixels.
    prompts, prompt_every : int
        Prompts for each of the person's windows, and every how many steps any are asked.
    distil : float
        How much it counts that generated images are seen as before.
    decay : float
        Of the running average of the weights, which is what is kept.
    generated, checked : int
        Generated images to learn from, and to compare on.
    """

    parts: tuple[str, ...] = (
        "image_encoder.lateral",
        "image_encoder.merge",
        "instance_head",
        "size_head",
        "prompt_encoder",
        "mask_decoder",
    )
    learning_rate: float = 1e-2
    warm: int = 20
    windows: int = 4
    others: int = 3
    size: int = 192
    prompts: int = 2
    prompt_every: int = 2
    distil: float = 1.0
    decay: float = 0.98
    generated: int = 48
    checked: int = 10


class Tuner:
    """Holds a copy of a network and its optimiser; the network itself is not touched.

    Parameters
    ----------
    network : CellsNetwork
        In evaluation mode, its norms folded.
    pieces : sequence of Piece
    others : sequence of Plane
        Generated images, on which the tuned network is to see what the old one does.
    recipe : Recipe
    seed : int
    half : bool
        Whether products are made in bfloat16.
    """

    def __init__(
        self,
        network: CellsNetwork,
        pieces: Sequence[Piece],
        others: Sequence[Plane],
        recipe: Recipe,
        seed: int = 0,
        half: bool = False,
    ) -> None:
        self.recipe, self.half = recipe, half
        self.teacher = Teacher(network)
        self.network = copy.deepcopy(network)
        self.rng = np.random.default_rng(seed)
        self.generator = torch.Generator().manual_seed(seed)
        self.pieces = [piece for piece in pieces if len(piece.ids(TAUGHT))]
        counts = np.sqrt([len(piece.ids(TAUGHT)) for piece in self.pieces])
        self.share = counts / counts.sum()
        self.stream = WindowStream(others, seed) if others else None
        self.network.requires_grad_(False)
        for part in recipe.parts:
            self.network.get_submodule(part).requires_grad_(True)
        self.learning = [p for p in self.network.parameters() if p.requires_grad]
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
        if self.stream is not None:
            losses["others"] = self.recipe.distil * self._others()
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
            logits, iou = self._decoded(self.network, features, batch)
            parts = prompt_loss(logits, iou, batch.truth)
            total = total + (parts["mask_loss"] + parts["iou_loss"]) / rounds
            if number + 1 < rounds:
                batch = correct(batch, logits.detach(), iou.detach())
        return total

    def _others(self) -> Tensor:
        """How far the network has moved from the old one on generated images."""
        assert self.stream is not None
        examples = [self.stream.draw(self.recipe.size) for _ in range(self.recipe.others)]
        image = self._stacked(examples, "image").contiguous(memory_format=torch.channels_last)
        with self._precision():
            seen = self.teacher.look(image)
            features = self.network.encode(image)
            maps = self.network.instances(features)
        total = self.teacher.loss(seen, features, maps)
        if self.steps % self.recipe.prompt_every:
            return total
        picked = choose_objects(examples, 1, self.generator, self.device)
        if len(picked[0]) > 1:
            batch = first_prompts(*picked)
            with torch.no_grad():
                wanted, quality = self._decoded(self.teacher.network, seen[0], batch)
            logits, iou = self._decoded(self.network, features, batch)
            total = total + _same_masks(logits, wanted) + (iou - quality).abs().mean()
        return total

    def _decoded(
        self, network: CellsNetwork, features: Features, batch: PromptBatch
    ) -> tuple[Tensor, Tensor]:
        with self._precision():
            return network.decode(
                features, batch.image_index, batch.points, batch.labels, batch.boxes, batch.mask
            )

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.half)

    def _stacked(self, examples: Sequence[Example], name: str) -> Tensor:
        stacked = np.stack([getattr(example, name) for example in examples])
        return torch.from_numpy(stacked).to(self.device)


def _size(weights: Tensor) -> float:
    return float(weights.detach().square().mean().sqrt())


def _same_masks(logits: Tensor, wanted: Tensor) -> Tensor:
    """Divergence of masks (N, K, h, w) from those of the old network, per area."""
    target = wanted.float().sigmoid()
    surprise = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    least = F.binary_cross_entropy(target, target, reduction="none")
    return ((surprise - least).sum((2, 3)) / (2 * target.sum((2, 3)) + 60)).mean()
