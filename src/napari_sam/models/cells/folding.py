"""BatchNorm folded into the convolutions before it, and folded networks written unfolded again."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from napari_sam.models.cells.decoder import MaskDecoder
from napari_sam.models.cells.encoder import Residual

__all__ = ["fold", "unfolded_state"]


def _normed(network: nn.Module) -> Iterator[tuple[list[str], str]]:
    """Name every BatchNorm, behind the convolutions whose answers, or their sum, it takes."""
    for place, module in network.named_modules():
        start = f"{place}." if place else ""
        if isinstance(module, nn.Sequential):
            for (first, conv), (second, norm) in pairwise(module.named_children()):
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    yield [start + first], start + second
        elif isinstance(module, Residual):
            yield [f"{start}conv1"], f"{start}norm1"
            yield [f"{start}conv2"], f"{start}norm2"
        elif isinstance(module, MaskDecoder):
            yield [f"{start}up2", f"{start}skip2"], f"{start}mix2.0"


def fold(network: nn.Module) -> None:
    """Fold every BatchNorm of a network in evaluation mode into the convolutions before it."""
    for convs, norm in list(_normed(network)):
        behind = network.get_submodule(norm)
        assert isinstance(behind, nn.BatchNorm2d)
        for conv in convs:
            before = network.get_submodule(conv)
            assert isinstance(before, nn.Conv2d)
            _replace(network, conv, fuse_conv_bn_eval(before, behind))
            behind = _scaling(behind)  # of a sum, what is added is added once
        _replace(network, norm, nn.Identity())


def _scaling(norm: nn.BatchNorm2d) -> nn.BatchNorm2d:
    """Return a BatchNorm that multiplies as another one does, and adds nothing."""
    alone = copy.deepcopy(norm)
    with torch.no_grad():
        for part in (alone.bias, alone.running_mean):
            assert part is not None
            part.zero_()
    return alone


def _replace(network: nn.Module, place: str, module: nn.Module) -> None:
    parent, _, name = place.rpartition(".")
    setattr(network.get_submodule(parent), name, module)


@torch.no_grad()
def unfolded_state(network: nn.Module, plain: nn.Module) -> dict[str, Tensor]:
    """Return the weights of a folded network under the names of one that is not.

    Parameters
    ----------
    network : nn.Module
        After `fold`; of one that was not folded, its own weights.
    plain : nn.Module
        A new network of the same architecture, not folded.

    Returns
    -------
    dict of str to Tensor
        Folded again, they give the same network: each BatchNorm only adds the bias.
    """
    folded = network.state_dict()
    state = {name: folded.get(name, tensor) for name, tensor in plain.state_dict().items()}
    for convs, norm in _normed(plain):
        if f"{norm}.weight" in folded:
            continue
        behind = plain.get_submodule(norm)
        assert isinstance(behind, nn.BatchNorm2d)
        conv = plain.get_submodule(convs[0])
        assert isinstance(conv, nn.Conv2d)
        bias = folded[f"{convs[0]}.bias"]
        if conv.bias is not None:  # it has a bias of its own, which holds all there is to add
            bias = torch.zeros_like(bias)
        state[f"{norm}.bias"] = bias
        state[f"{norm}.weight"] = torch.ones_like(bias)
        state[f"{norm}.running_mean"] = torch.zeros_like(bias)
        state[f"{norm}.running_var"] = torch.ones_like(bias) - behind.eps
    return state
