"""The way of an image through encoder and automatic heads, whatever numbers the maps are made of.

`CellsNetwork` goes it in float32 or bfloat16, layer by layer as it was trained. Here it is written
for those who want every layer by name: to measure how far its maps reach, and to read in 8 bits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_sam.models.cells.encoder import Residual
from napari_sam.models.cells.network import CellsNetwork, Ranges

__all__ = ["INSTANCES", "SIZES", "SMALLEST", "Walk", "conv_in", "merged", "ranges_of"]

#: Names of the hidden maps of the heads.
INSTANCES, SIZES = "instances", "sizes"
SMALLEST = 32  # pixels of a side of the smallest image that goes the whole way


def merged(level: int) -> str:
    """Name the maps that the encoder returns at a level: 0 for stride 2, 2 for stride 8."""
    return f"merged.{level}"


class Walk(ABC):
    """The way of an image through a folded network.

    Parameters
    ----------
    network : CellsNetwork
        Folded; left as it is.

    Notes
    -----
    Every map has a name. Whoever goes the way says how maps of a name are made of others.
    """

    def __init__(self, network: CellsNetwork) -> None:
        self.network = network

    @abstractmethod
    def first(self, name: str, conv: nn.Conv2d, image: Tensor) -> Tensor:
        """Convolve the views of an image and leave out what is below 0."""

    @abstractmethod
    def convolved(self, name: str, conv: nn.Conv2d, source: str, x: Tensor) -> Tensor:
        """Convolve maps named `source` and leave out what is below 0."""

    @abstractmethod
    def added(
        self, name: str, conv: nn.Conv2d, source: str, x: Tensor, to: tuple[str, Tensor]
    ) -> Tensor:
        """Convolve maps named `source` and add other maps, whose memory may be used up.

        Maps of a name that starts with "sum" keep what is below 0.
        """

    def way(self, image: Tensor) -> list[Tensor]:
        """Return the maps at strides 2, 4, 8 and 16 that `merged` names."""
        encoder = self.network.image_encoder
        seen: list[tuple[str, Tensor]] = []
        x, name = image, ""
        for level, stage in enumerate(encoder.down):
            for place, block in enumerate(stage.children()):
                source, name = name, f"down.{level}.{place}"
                if isinstance(block, Residual):
                    inner = self.convolved(f"{name}.inner", block.conv1, source, x)
                    x = self.added(name, block.conv2, f"{name}.inner", inner, (source, x))
                elif level == 0:
                    x = self.first(name, conv_in(block), x)
                else:
                    x = self.convolved(name, conv_in(block), source, x)
            seen.append((name, x))
        name, x = seen.pop()
        found: list[Tensor] = []
        for level in range(len(seen) - 1, -1, -1):
            # The same as lateral first and enlarging then, in one step with the sum.
            total, lateral = f"sum.{level}", conv_in(encoder.lateral[level])
            x = self.added(total, lateral, name, enlarged(x), seen[level])
            name = merged(level)
            x = self.convolved(name, conv_in(encoder.merge[level]), total, x)
            found.insert(0, x)
        return found

    def inside(self, fine: Tensor) -> Tensor:
        """Return the hidden maps of the instance head."""
        return self.convolved(INSTANCES, conv_in(self.network.instance_head), merged(0), fine)

    def sized(self, coarse: Tensor) -> Tensor:
        """Return the hidden maps of the size head."""
        return self.convolved(SIZES, conv_in(self.network.size_head), merged(2), coarse)


def conv_in(part: nn.Module) -> nn.Conv2d:
    """Return the convolution that a part of a network begins with."""
    return next(module for module in part.modules() if isinstance(module, nn.Conv2d))


def enlarged(x: Tensor) -> Tensor:
    """Repeat every pixel of (B, C, H, W) maps in two rows and two columns, channels last.

    A copy of whole pixels, which torch's own enlarging of 8-bit maps is not.
    """
    pixels = x.permute(0, 2, 3, 1)[:, :, None, :, None]
    count, rows, columns, channels = x.shape[0], x.shape[2], x.shape[3], x.shape[1]
    wide = pixels.expand(count, rows, 2, columns, 2, channels)
    return wide.reshape(count, 2 * rows, 2 * columns, channels).permute(0, 3, 1, 2)


class _Measured(Walk):
    """The way in float32, on which lowest and highest values of all maps are kept."""

    def __init__(self, network: CellsNetwork) -> None:
        super().__init__(network)
        self.ranges: Ranges = {}

    def _kept(self, name: str, x: Tensor) -> Tensor:
        low, high = self.ranges.get(name, (0.0, 0.0))
        self.ranges[name] = (min(low, float(x.min())), max(high, float(x.max())))
        return x

    def first(self, name: str, conv: nn.Conv2d, image: Tensor) -> Tensor:
        return self._kept(name, F.relu(conv(self.network.image_encoder.seen(image))))

    def convolved(self, name: str, conv: nn.Conv2d, source: str, x: Tensor) -> Tensor:
        return self._kept(name, F.relu(conv(x)))

    def added(
        self, name: str, conv: nn.Conv2d, source: str, x: Tensor, to: tuple[str, Tensor]
    ) -> Tensor:
        total = conv(x) + to[1]
        return self._kept(name, total if name.startswith("sum") else F.relu(total))


@torch.inference_mode()
def ranges_of(network: CellsNetwork, images: list[Tensor]) -> Ranges:
    """Measure how far the maps of every layer reach.

    Parameters
    ----------
    network : CellsNetwork
        Folded, in float32.
    images : list of Tensor
        (1, 1 or 3, H, W) each, as the network takes them; of all kinds that it may meet.

    Returns
    -------
    dict of str to (float, float)
        Lowest and highest value, by the maps' names; 0 lies between them.
    """
    way = _Measured(network)
    for image in images:
        found = way.way(image)
        way.inside(found[0])
        way.sized(found[2])
    return way.ranges
