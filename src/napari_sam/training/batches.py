"""Batches of windows, their targets and the first prompts about them, drawn side by side.

Drawing is work for the processor, and a GPU learns faster than one core can draw: so batches
are made by as many processes as there are cores for it, whole, so that what is left for the
process that trains is to hand them to its device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from napari_sam.training.answering import Asked, ask
from napari_sam.training.crops import AnnotatedPlane
from napari_sam.training.losses import instance_targets
from napari_sam.training.prompting import PromptBatch
from napari_sam.training.sampling import Example, Fresh, WindowStream
from napari_sam.training.settings import RunSettings

__all__ = ["Batch", "Batches", "loaded"]


@dataclass
class Batch:
    """B windows and all that is to be learnt of them.

    Attributes
    ----------
    image : Tensor
        (B, 3, S, S).
    targets : Tensor
        (B, 3, S/2, S/2), see `napari_sam.training.losses.instance_targets`.
    sizes : Tensor
        (B, S/8, S/8), see `napari_sam.training.crops.AnnotatedWindow`.
    inward : Tensor
        (B, 2, S/2, S/2), likewise.
    asked : Asked or None
        None where there is hardly any object.
    """

    image: Tensor
    targets: Tensor
    sizes: Tensor
    inward: Tensor
    asked: Asked | None

    @classmethod
    def of(cls, examples: Sequence[Example], asked: Asked | None) -> Batch:
        """Stack examples."""

        def stacked(name: str) -> Tensor:
            return torch.from_numpy(np.stack([getattr(one, name) for one in examples]))

        targets = instance_targets(stacked("labels"), stacked("centre"), stacked("depth"))
        return cls(stacked("image"), targets, stacked("sizes"), stacked("inward"), asked)

    def __len__(self) -> int:
        return len(self.image)

    def pin_memory(self) -> Batch:
        """Return the same batch where a GPU fetches it without being waited for."""
        return _each(self, lambda tensor: tensor.pin_memory())

    def to(self, device: torch.device) -> Batch:
        """Return the same batch on a device, its images with channels last."""
        there = _each(self, lambda tensor: tensor.to(device, non_blocking=True))
        return replace(there, image=there.image.contiguous(memory_format=torch.channels_last))


Tensors = TypeVar("Tensors", Batch, Asked, PromptBatch)


def _each(data: Tensors, change: Callable[[Tensor], Tensor]) -> Tensors:
    """Return the same data with every tensor in it changed."""
    changed: dict[str, Any] = {}
    for field in fields(data):
        value = getattr(data, field.name)
        if isinstance(value, Tensor):
            changed[field.name] = change(value)
        elif value is not None:
            changed[field.name] = _each(value, change)
    return replace(data, **changed)


class Batches(IterableDataset[Batch]):
    """An endless stream of batches; every process that draws has a stream of its own.

    Parameters
    ----------
    planes : sequence of AnnotatedPlane
    settings : RunSettings
    seed : int
    fresh : callable, optional
        See `napari_sam.training.sampling.WindowStream`.
    through : bool
        Whether masks of neighbouring slices are asked with, too.
    """

    def __init__(
        self,
        planes: Sequence[AnnotatedPlane],
        settings: RunSettings,
        seed: int,
        *,
        fresh: Fresh | None = None,
        through: bool = False,
    ) -> None:
        super().__init__()
        self.planes, self.settings, self.seed = planes, settings, seed
        self.fresh, self.through = fresh, through

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        # without processes of its own the numbers of this one go on
        seed = self.seed if worker is None else self.seed + 100_003 * (worker.id + 1)
        stream = WindowStream(self.planes, seed, fresh=self.fresh)
        generator = torch.Generator().manual_seed(seed)
        size, prompts = self.settings.size, self.settings.prompts
        while True:
            examples = [stream.draw(size) for _ in range(self.settings.batch)]
            yield Batch.of(examples, ask(examples, prompts, generator, through=self.through))


def loaded(batches: Batches, workers: int, device: torch.device) -> Iterator[Batch]:
    """Yield batches for a device, drawn by ``workers`` processes, or by this one if that is 0."""
    pinned = device.type == "cuda"
    loader = DataLoader(batches, batch_size=None, num_workers=workers, pin_memory=pinned)
    return (batch.to(device) for batch in loader)
