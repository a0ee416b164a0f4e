"""A network taught to see what another one sees, on images with or without labels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_sam.models.cells.network import CellsNetwork, Features
from napari_sam.training.warm_start import adopt

__all__ = ["Teacher"]

#: How much the maps of the automatic mode count beside the feature maps.
MAPS = 2.0


class Teacher:
    """A trained network whose feature maps and instance maps are to be reproduced.

    Both networks have the same widths, so that everything after the encoder can be taken over.

    Parameters
    ----------
    network : CellsNetwork
        In evaluation mode, on its device; it is not changed.

    References
    ----------
    Romero et al., FitNets: hints for thin deep nets, ICLR 2015.
    """

    def __init__(self, network: CellsNetwork) -> None:
        self.network = network

    @classmethod
    def of(cls, checkpoint: dict[str, Any], device: torch.device) -> Teacher:
        """Make a teacher of the averaged weights of a checkpoint, see `load_checkpoint`."""
        network = CellsNetwork.of(checkpoint["config"])
        adopt(network, checkpoint["ema"])
        network.eval().fold_norms()
        # torch describes to() with both arguments for tensors only.
        network.to(device=device, memory_format=torch.channels_last)
        return cls(network)

    @torch.no_grad()
    def look(self, image: Tensor) -> tuple[Features, Tensor]:
        """Return the teacher's embedding of images and its three instance maps' logits."""
        features = self.network.encode(image)
        return features, self.network.instances(features)[:, :3]

    def loss(self, seen: tuple[Features, Tensor], features: Features, maps: Tensor) -> Tensor:
        """Mean relative error of the feature maps, and cross-entropy with the teacher's maps.

        Parameters
        ----------
        seen : (Features, Tensor)
            What `look` returned for the same images.
        features, maps : Features, Tensor
            The student's.

        Returns
        -------
        Tensor
            Scalar.
        """
        total = maps.new_zeros((), dtype=torch.float32)
        for theirs, mine in zip(seen[0], features, strict=True):
            target = theirs.float()
            power = target.square().mean((0, 2, 3), keepdim=True) + 1e-3
            total = total + ((mine.float() - target).square() / power).mean()
        wanted = seen[1].float().sigmoid()
        surprise = F.binary_cross_entropy_with_logits(maps[:, :3].float(), wanted)
        # what is left when nothing differs is not an error
        least = F.binary_cross_entropy(wanted, wanted)
        return total + MAPS * (surprise - least)
