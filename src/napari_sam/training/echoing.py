"""Batches used again, turned, while new ones are not drawn yet.

References
----------
Choi et al., Faster neural network training with data echoing, 2019.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from napari_sam.training.answering import Asked
from napari_sam.training.batches import Batch

__all__ = ["echoed", "turned"]

#: How many batches are kept to be used again, how many there are before any is, and how many new
#: ones wait at most.
KEPT, LEAST, WAITING = 48, 12, 3


def echoed(batches: Iterator[Batch], rng: np.random.Generator) -> Iterator[Batch]:
    """Yield new batches as they come, and earlier ones, turned, whenever none is ready.

    Parameters
    ----------
    batches : iterator of Batch
        Endless; a thread of its own asks for them.
    rng : numpy.random.Generator
    """
    ready: queue.Queue[Batch | Exception] = queue.Queue(WAITING)

    def fetch() -> None:
        try:
            for batch in batches:
                ready.put(batch)
        except Exception as error:  # noqa: BLE001 - it is raised where batches are asked for
            ready.put(error)

    threading.Thread(target=fetch, name="batches", daemon=True).start()
    kept: list[Batch] = []
    while True:
        if ready.empty() and len(kept) >= LEAST:
            left_right, up_down, swap = (bool(one) for one in rng.integers(0, 2, 3))
            again = kept[int(rng.integers(len(kept)))]
            yield turned(again, left_right=left_right, up_down=up_down, swap=swap)
            continue
        batch = ready.get()
        if isinstance(batch, Exception):
            raise batch
        if len(kept) == KEPT:
            kept.pop(int(rng.integers(KEPT)))
        kept.append(batch)
        yield batch


def turned(batch: Batch, *, left_right: bool, up_down: bool, swap: bool) -> Batch:
    """Return a batch in one of the eight symmetries of a square, prompts and all.

    Parameters
    ----------
    batch : Batch
    left_right, up_down : bool
        Mirror it so.
    swap : bool
        Swap rows and columns, afterwards.
    """
    mirrored = [axis for axis, wanted in ((-1, left_right), (-2, up_down)) if wanted]

    def maps(tensor: Tensor) -> Tensor:
        tensor = tensor.flip(mirrored) if mirrored else tensor
        return tensor.transpose(-1, -2) if swap else tensor

    # ways are (down, right): they are mirrored and swapped, too
    signs = batch.inward.new_tensor([-1.0 if up_down else 1.0, -1.0 if left_right else 1.0])
    inward = maps(batch.inward) * signs[:, None, None]
    asked = batch.asked
    if asked is not None:
        side = batch.image.shape[-1]
        prompts = asked.batch
        neighbour = None if prompts.neighbour is None else maps(prompts.neighbour)
        corners = prompts.boxes.unflatten(1, (2, 2))
        corners = _placed(corners, side, left_right, up_down, swap)
        boxes = torch.cat([corners.amin(1), corners.amax(1)], 1)
        points = _placed(prompts.points, side, left_right, up_down, swap)
        prompts = replace(
            prompts, truth=maps(prompts.truth), points=points, boxes=boxes, neighbour=neighbour
        )
        asked = Asked(prompts, maps(asked.meanings), maps(asked.plain))
    return Batch(
        maps(batch.image).contiguous(memory_format=torch.channels_last),
        maps(batch.targets),
        maps(batch.sizes),
        inward.flip(1) if swap else inward,
        asked,
    )


def _placed(points: Tensor, side: int, left_right: bool, up_down: bool, swap: bool) -> Tensor:
    """Turn points (..., 2), (x, y), of a window of ``side`` pixels."""
    x, y = points.unbind(-1)
    x, y = (side - x if left_right else x), (side - y if up_down else y)
    return torch.stack([y, x] if swap else [x, y], -1)
