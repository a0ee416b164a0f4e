"""Weights of one network put into another that grew out of it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

__all__ = ["adopt", "fitted"]


def fitted(old: Tensor, new: Tensor) -> Tensor | None:
    """Fit a tensor of weights to the shape of the one that takes its place.

    Parameters
    ----------
    old, new : Tensor
        What was learnt, and what stands there now.

    Returns
    -------
    Tensor or None
        In the shape of ``new``: outputs that are new stay as they are, inputs that are new count
        nothing (0), and a kernel that shrank to one pixel keeps the sum of its pixels. None if
        the one did not grow out of the other.

    Examples
    --------
    >>> fitted(torch.ones(1, 2, 3, 3), torch.zeros(1, 3, 1, 1)).flatten().tolist()
    [9.0, 9.0, 0.0]
    """
    if old.ndim != new.ndim or old.ndim == 0:
        return old.to(new.dtype) if old.shape == new.shape else None
    if old.ndim == 4 and old.shape[2:] != new.shape[2:]:
        if new.shape[2:] != (1, 1):
            return None
        old = old.sum((2, 3), keepdim=True)
    if any(before > now for before, now in zip(old.shape, new.shape, strict=True)):
        return None
    taken = new.clone()
    taken[: old.shape[0]] = 0
    taken[tuple(slice(length) for length in old.shape)] = old.to(new.dtype)
    return taken


@torch.no_grad()
def adopt(network: nn.Module, state: Mapping[str, Tensor]) -> list[str]:
    """Give a network all weights of a checkpoint that have a place in it.

    Returns
    -------
    list of str
        Names of the network's own tensors that found nothing and stay as they are.
    """
    alone = []
    for name, present in network.state_dict().items():
        taken = fitted(state[name], present) if name in state else None
        if taken is None:
            alone.append(name)
        else:
            present.copy_(taken)
    return alone
