"""micro-sam's second decoder: from SAM's image embedding to maps of all objects at once.

A UNETR without skip connections. Its modules bear the names that ``torch_em`` gives them, so that
its checkpoints fit; how they are run is described at `DistanceDecoder.run`.

References
----------
Archit et al., Segment Anything for Microscopy, Nature Methods 2025; Hatamizadeh et al., UNETR,
WACV 2022.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights

from napari_sam.errors import CheckpointError
from napari_sam.models.weights import State, check_fit
from napari_sam.progress import Progress, silent

MAPS = 3  # foreground, distance to the centre, distance to the boundary
_DEPTH = 4  # times that the embedding is enlarged twofold
_EPSILON = 1e-5  # of the normalisations without weights
_BAND = 1 << 23  # numbers of a band of rows: as many as a processor is quick with


Pause = Callable[[], None]


@dataclass(frozen=True)
class DecoderSize:
    """Dimensions of a decoder, read off the shapes of its weights.

    Parameters
    ----------
    width : int
        Channels of the image embedding.
    channels : tuple of int
        Of the four levels, from the coarsest to the finest.
    transposed : bool
        Whether it enlarges by transposed convolutions, as older checkpoints do, and not by
        interpolation.
    """

    width: int
    channels: tuple[int, ...]
    transposed: bool


class DistanceDecoder(nn.Module):
    """The decoder of one size, with PyTorch's random weights.

    Parameters
    ----------
    size : DecoderSize
    """

    def __init__(self, size: DecoderSize) -> None:
        super().__init__()
        channels, transposed = size.channels, size.transposed
        self.base = _Pair(size.width, channels[0])
        for number, (inside, outside) in enumerate(pairwise((size.width, *channels)), start=1):
            self.add_module(f"deconv{number}", _Climb(inside, outside, transposed))
        self.decoder = nn.Module()
        self.decoder.blocks = nn.ModuleList(_Pair(a, b) for a, b in pairwise(channels))
        self.decoder.samplers = nn.ModuleList(
            _Enlarge(a, b, transposed) for a, b in pairwise(channels)
        )
        self.deconv_out = _Enlarge(channels[-1], channels[-1], transposed)
        self.decoder_head = _Pair(2 * channels[-1], channels[-1])
        self.out_conv = nn.Conv2d(channels[-1], MAPS, 1)

    @torch.inference_mode()
    def run(self, features: Tensor, progress: Progress = silent) -> Tensor:
        """Make the maps of an image embedding.

        Whatever is convolved after a normalisation is convolved in bands of rows, normalised band
        by band: what ``torch_em`` holds several times over at the finest level, a gigabyte with
        the published sizes, is held once. A convolution of single pixels is made before the
        interpolation that precedes it, on a quarter of the pixels; both are linear and the
        weights of the interpolation add up to one.

        Parameters
        ----------
        features : (1, C, h, w) Tensor
        progress : callable
            Called with 0..1 before every band; raise from it to stop.

        Returns
        -------
        (3, 16 h, 16 w) Tensor
            Between 0 and 1: foreground, distance to the centre, distance to the boundary, both
            0 in the middle of an object.
        """
        stages = iter(partial(progress, n / (2 * _DEPTH + 1)) for n in range(2 * _DEPTH + 1))
        levels, x = [], features
        for number in range(1, _DEPTH + 1):
            x = getattr(self, f"deconv{number}")(x, next(stages))
            levels.append(x)
        finest = levels.pop()
        x = self.base([features], next(stages))
        enlarge, convolve = self.decoder.samplers, self.decoder.blocks
        for number in range(_DEPTH - 1):
            larger, level = enlarge[number](x), levels[number]  # type: ignore[index, operator]
            # torch_em crops whatever is too large to its middle, the channels too.
            spare = (level.shape[1] - larger.shape[1]) // 2
            beside = level[:, spare : spare + larger.shape[1]]
            x = convolve[number]([larger, beside], next(stages))  # type: ignore[index, operator]
            levels[number] = features  # its memory is wanted for the next one
        x = self.decoder_head([self.deconv_out(x), finest], next(stages))
        progress(1.0)
        return self.out_conv(x).sigmoid()[0]


class _Enlarge(nn.Module):
    """Enlarge twofold."""

    def __init__(self, inside: int, outside: int, transposed: bool) -> None:
        super().__init__()
        self.transposed = transposed
        if transposed:
            self.block = nn.ConvTranspose2d(inside, outside, 2, stride=2)
        else:
            self.conv = nn.Conv2d(inside, outside, 1)

    def forward(self, x: Tensor) -> Tensor:
        if self.transposed:
            return self.block(x)
        small = self.conv(x)
        return F.interpolate(small, scale_factor=2.0, mode="bilinear", align_corners=False)


class _Single(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block = nn.Conv2d(channels, channels, 3, padding=1)


class _Climb(nn.Module):
    """Enlarge, convolve, and normalise by the statistics of the training."""

    def __init__(self, inside: int, outside: int, transposed: bool) -> None:
        super().__init__()
        enlarge = _Enlarge(inside, outside, transposed)
        self.block = nn.ModuleList([enlarge, _Single(outside), nn.BatchNorm2d(outside)])

    def forward(self, x: Tensor, pause: Pause) -> Tensor:
        enlarge, single, norm = self.block
        weight, bias = fuse_conv_bn_weights(
            single.block.weight,  # type: ignore[arg-type, union-attr]
            single.block.bias,  # type: ignore[arg-type, union-attr]
            norm.running_mean,  # type: ignore[arg-type]
            norm.running_var,  # type: ignore[arg-type]
            norm.eps,  # type: ignore[arg-type]
            norm.weight,  # type: ignore[arg-type]
            norm.bias,  # type: ignore[arg-type]
        )
        return _in_bands([enlarge(x)], weight, bias, pause)


class _Pair(nn.Module):
    """Twice: normalise every channel by its own mean and spread, and convolve."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.block = nn.ModuleDict(
            {
                "1": nn.Conv2d(inside, outside, 3, padding=1),
                "4": nn.Conv2d(outside, outside, 3, padding=1),
            }
        )

    def forward(self, parts: list[Tensor], pause: Pause) -> Tensor:
        for conv in self.block.values():
            moments = [torch.var_mean(x, dim=(2, 3), correction=0, keepdim=True) for x in parts]
            scaled = [(mean, (variance + _EPSILON).rsqrt()) for variance, mean in moments]
            parts = [_in_bands(parts, conv.weight, conv.bias, pause, scaled)]  # type: ignore[arg-type]
        return parts[0]


def _in_bands(
    parts: list[Tensor],
    weight: Tensor,
    bias: Tensor,
    pause: Pause,
    scaled: list[tuple[Tensor, Tensor]] | None = None,
) -> Tensor:
    """Convolve (3 x 3) what lies beside each other in channels, and cut off what is negative."""
    height, width = parts[0].shape[2:]
    found = parts[0].new_empty(1, len(weight), height, width)
    step = max(_BAND // (width * weight.shape[1]), 8)
    for top in range(0, height, step):
        pause()
        bottom = min(top + step, height)
        rows = slice(max(top - 1, 0), bottom + 1)
        band = [x[:, :, rows] for x in parts]
        if scaled is not None:
            band = [(x - mean) * factor for x, (mean, factor) in zip(band, scaled, strict=True)]
        x = F.pad(torch.cat(band, 1), (0, 0, int(top == 0), int(bottom == height)))
        found[:, :, top:bottom] = F.conv2d(x, weight, bias, padding=(0, 1)).relu_()
    return found


def _size_of(state: Mapping[str, Tensor]) -> DecoderSize:
    channels = tuple(
        int(state[f"deconv{number}.block.1.block.weight"].shape[0])
        for number in range(1, _DEPTH + 1)
    )
    width = int(state["base.block.1.weight"].shape[1])
    transposed = any(re.match(r"decoder\.samplers\.\d+\.block\.", name) for name in state)
    return DecoderSize(width, channels, transposed)


def load_decoder(state: State, width: int, where: str) -> DistanceDecoder:
    """Make the decoder that some weights belong to.

    Parameters
    ----------
    state : dict of str to Tensor
        Under the names of ``torch_em``'s ``UNETR``; those of an image encoder are left out.
    width : int
        Channels of the SAM's image embedding.
    where : str
        The file's name, for messages.

    Raises
    ------
    CheckpointError
        When they are those of another decoder.
    """
    state = {name: value for name, value in state.items() if not name.startswith("encoder.")}
    where = f"The automatic decoder of {where}"
    try:
        size = _size_of(state)
    except (KeyError, IndexError) as error:
        raise CheckpointError(
            f"{where} is none of micro-sam's (looked for {error}). Load the SAM alone, without a "
            "'decoder_state' and without a '..._decoder' file beside it, or ask its author."
        ) from error
    if size.width != width:
        raise CheckpointError(
            f"{where} reads embeddings of {size.width} channels, but this SAM makes {width}: they "
            "belong to different models."
        )
    check_fit(lambda: DistanceDecoder(size), state, where)
    with torch.device("meta"):
        decoder = DistanceDecoder(size)
    decoder = decoder.to_empty(device="cpu")
    decoder.load_state_dict(state)
    return decoder.float().eval().requires_grad_(False)
