"""Images read in products of 8 bits: two to three times as fast as in float32 on a processor.

Maps are held as whole numbers from 0 to 255, each with the scale of its layer, and weights as
whole numbers from -63 to 63, each output channel with a scale of its own. Two products of such
numbers fit into the 16 bits in which processors without instructions for more add them, so no sum
is cut off anywhere. The scales of maps come from ranges that were measured once and are in the
weights' file.

References
----------
Nagel et al., A White Paper on Neural Network Quantization, 2021, *Post-training quantization*.
"""

from __future__ import annotations

import copy
import functools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from napari_sam.models.cells.encoder import Features, compressed
from napari_sam.models.cells.network import CellsNetwork
from napari_sam.models.cells.walk import INSTANCES, SIZES, Walk, conv_in, merged

__all__ = ["Int8Reader", "multiplies_int8"]

_LEVELS = 255  # of a map
_MOST = 63  # of a weight
_LEAST = 1e-8  # a range, or a scale of a channel, of zeros


@dataclass(frozen=True)
class _Scale:
    """What a level of a map stands for: ``value = size * (level - zero)``."""

    size: float
    zero: int

    @classmethod
    def of(cls, low: float, high: float) -> _Scale:
        """Return the scale of maps with values from ``low`` to ``high``."""
        if low >= 0:
            return cls(max(high, _LEAST) / _LEVELS, 0)
        return cls(2 * max(-low, high) / _LEVELS, _LEVELS // 2 + 1)


class _Conv:
    """A convolution of 8-bit maps of a scale, with weights of 8 bits.

    Parameters
    ----------
    conv : nn.Conv2d
        Left as it is.
    taken : _Scale
        Of its input.
    """

    def __init__(self, conv: nn.Conv2d, taken: _Scale) -> None:
        weight = conv.weight.detach().float()
        size = weight.abs().amax((1, 2, 3)).clamp_min(_LEAST) / _MOST
        rounded = (weight / size[:, None, None, None]).round().to(torch.int8)
        bias = None if conv.bias is None else conv.bias.detach().float()
        shape: dict[str, Any] = {
            "stride": list(conv.stride),
            "padding": [side // 2 for side in conv.kernel_size],
            "dilation": [1, 1],
            "groups": 1,
        }
        packed = torch.ops.onednn.qconv_prepack(
            rounded, size, x_scale=taken.size, x_zp=taken.zero, **shape
        )
        # All by name: the order differs between versions of torch.
        self._given: dict[str, Any] = {
            "x_scale": taken.size,
            "x_zero_point": taken.zero,
            "qw": packed,
            "w_scale": size,
            "w_zero_point": torch.zeros(len(size), dtype=torch.long),
            "bias": bias,
            **shape,
        }

    def levels(self, x: Tensor, scale: _Scale) -> Tensor:
        """Convolve, leave out what is below 0, and return levels of a scale."""
        return self._called(x, scale, torch.uint8, "relu")

    def numbers(self, x: Tensor) -> Tensor:
        """Convolve and return float32."""
        return self._called(x, _Scale(1.0, 0), torch.float32, "none")

    def _called(self, x: Tensor, scale: _Scale, kind: torch.dtype, behind: str) -> Tensor:
        found: Tensor = torch.ops.onednn.qconv2d_pointwise(
            qx=x,
            output_scale=scale.size,
            output_zero_point=scale.zero,
            output_dtype=kind,
            attr=behind,
            scalars=[],
            algorithm="",
            **self._given,
        )
        return found

    def added(self, x: Tensor, to: Tensor, taken: _Scale, scale: _Scale) -> Tensor:
        """Convolve, add levels of the scale `taken`, and return levels of another scale.

        What is below 0 is left out where that has no levels for it.
        """
        found: Tensor = torch.ops.onednn.qconv2d_pointwise.binary(
            qx=x,
            qaccum=to,
            output_scale=scale.size,
            output_zero_point=scale.zero,
            output_dtype=torch.uint8,
            accum_scale=taken.size,
            accum_zero_point=taken.zero,
            binary_attr="sum",
            alpha=1.0,
            unary_attr="none" if scale.zero else "relu",
            unary_scalars=[],
            unary_algorithm="",
            **self._given,
        )
        return found


class Int8Reader(Walk):
    """Reads images as a network does, in products of 8 bits.

    Parameters
    ----------
    network : CellsNetwork
        Folded, on the CPU, in float32, with ranges; left as it is.

    Attributes
    ----------
    precision : torch.dtype
        In which images have to come.
    """

    precision = torch.float32

    def __init__(self, network: CellsNetwork) -> None:
        super().__init__(network)
        assert network.ranges is not None
        self._scales = {name: _Scale.of(*span) for name, span in network.ranges.items()}
        self._first: dict[int, nn.Conv2d] = {}
        self._convs: dict[str, _Conv] = {}

    def __reduce__(self) -> tuple[type[Int8Reader], tuple[CellsNetwork]]:
        return Int8Reader, (self.network,)  # packed weights fit one process

    def encode(self, image: Tensor) -> Features:
        """See `CellsNetwork.encode`; the maps are levels, which `as_numbers` translates."""
        return Features(*self.way(image)[:3])

    def instances(self, features: Features) -> Tensor:
        """See `CellsNetwork.instances`."""
        conv = conv_in(self.network.instance_head[1])
        return self._conv("instances.out", conv, INSTANCES).numbers(self.inside(features.stride2))

    def sizes(self, features: Features) -> Tensor:
        """See `CellsNetwork.sizes`."""
        conv = conv_in(self.network.size_head[1])
        return self._conv("sizes.out", conv, SIZES).numbers(self.sized(features.stride8))

    def as_numbers(self, features: Features) -> Features:
        """Return the maps in float32."""
        return Features(
            *(x.float().mul_(self._scales[merged(i)].size) for i, x in enumerate(features))
        )

    def first(self, name: str, conv: nn.Conv2d, image: Tensor) -> Tensor:
        # The image itself stays as fine as it is: dim bodies have few levels of their own.
        channels = image.shape[1]
        if channels not in self._first:
            self._first[channels] = self._levels_of(conv, channels, self._scales[name].size)
        views = [image * 2.0 - 1.0]
        if self.network.image_encoder.views > 1:
            views.append(compressed(image))
        found = self._first[channels](torch.cat(views, 1))
        found = found.clamp_(0, _LEVELS).to(torch.uint8)
        return found.contiguous(memory_format=torch.channels_last)

    @staticmethod
    def _levels_of(conv: nn.Conv2d, channels: int, size: float) -> nn.Conv2d:
        """Return the first convolution with levels as answers, of images with so many channels."""
        own = copy.deepcopy(conv)
        weight, bias = conv.weight.detach(), conv.bias
        assert bias is not None
        if channels == 1:  # the same three times: one that counts three times
            weight = torch.cat([weight[:, :3].sum(1, keepdim=True), weight[:, 3:]], 1)
        own.in_channels = weight.shape[1]
        own.weight = nn.Parameter(
            (weight / size).contiguous(memory_format=torch.channels_last), requires_grad=False
        )
        own.bias = nn.Parameter(bias.detach() / size + 0.5, requires_grad=False)  # rounds them
        return own

    def convolved(self, name: str, conv: nn.Conv2d, source: str, x: Tensor) -> Tensor:
        return self._conv(name, conv, source).levels(x, self._scales[name])

    def added(
        self, name: str, conv: nn.Conv2d, source: str, x: Tensor, to: tuple[str, Tensor]
    ) -> Tensor:
        return self._conv(name, conv, source).added(
            x, to[1], self._scales[to[0]], self._scales[name]
        )

    def _conv(self, name: str, conv: nn.Conv2d, source: str) -> _Conv:
        """Return a layer in 8 bits, made when it is first asked for."""
        if name not in self._convs:
            self._convs[name] = _Conv(conv, self._scales[source])
        return self._convs[name]


@functools.cache
def multiplies_int8() -> bool:
    """Tell whether this processor and this torch convolve in 8 bits, and do it right.

    One small convolution is tried: the operators are oneDNN's, which only some builds of torch
    have, and processors without AVX2 are slow at them.
    """
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        return False
    conv = nn.Conv2d(2, 2, 3, padding=1)
    with torch.inference_mode():
        conv.weight.copy_(torch.linspace(-1, 1, 36).view(2, 2, 3, 3))
        x = torch.arange(2 * 8 * 8).view(1, 2, 8, 8).to(torch.uint8)
        x = x.contiguous(memory_format=torch.channels_last)
        other, taken, scale = x.clone(), _Scale(0.01, 0), _Scale(0.1, 128)
        wanted = conv(0.01 * x) + 0.1 * x
        try:
            found = _Conv(conv, taken).added(x, other, _Scale(0.1, 0), scale)
        except (AttributeError, RuntimeError, TypeError):  # each version of torch in its own way
            return False
        return bool((0.1 * (found.float() - 128) - wanted.clamp(-12.8, 12.7)).abs().max() < 0.2)
