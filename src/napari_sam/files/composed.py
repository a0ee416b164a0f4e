"""Several channels seen as the colours of one image: composed where they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.contrast import contrast_limits
from napari_sam.errors import ImageError
from napari_sam.files.lazy import Lazy, as_slice
from napari_sam.files.pick import pick
from napari_sam.images import Block, Image, sample_of

Limits = tuple[float, float]
_MOST = 3  # colours that a model sees
_LOOKED_AT = 5  # planes that tell how bright a channel is


class Composed(Lazy):
    """Channels as red, green and blue, each between its own limits; nothing is copied.

    Parameters
    ----------
    channels : sequence of (..., H, W) arrays
        Up to three, of one shape.
    limits : sequence of (low, high)
        Of each channel: what becomes 0 and 255. They may be set anew.
    """

    def __init__(self, channels: Sequence[Any], limits: Sequence[Limits]) -> None:
        self.channels, self.limits = tuple(channels), tuple(limits)
        self.shape = (*channels[0].shape, _MOST)
        self.dtype = np.dtype(np.uint8)

    def _read(self, ranges: list[range]) -> npt.NDArray[Any]:
        *where, colours = ranges
        found, limits = np.zeros(tuple(map(len, ranges)), np.uint8), self.limits
        key = tuple(as_slice(one) for one in where)
        for place, colour in enumerate(colours):
            if colour < len(self.channels):
                part = np.asarray(self.channels[colour][key])
                found[..., place] = _eight_bit(part, limits[colour])
        return found


def compose(image: Image, channels: Sequence[int], *, sure: bool = False) -> Image:
    """Compose channels to one colour image, whose planes are read when they are looked at.

    Parameters
    ----------
    image : Image
        As it was read.
    channels : sequence of int
        Up to three, counted from 0: what is seen as red, green and blue.
    sure : bool
        See `napari_sam.files.pick.pick`.

    Returns
    -------
    Image
        (..., H, W, 3), eight-bit: each channel is scaled between percentiles of a few of its
        planes, so that a dim one is seen beside a bright one.

    Raises
    ------
    ImageError
        When there are none or more than three channels, or as of `pick`.
    """
    if not 1 <= len(channels) <= _MOST or len(set(channels)) != len(channels):
        raise ImageError(
            f"Up to three different channels can be seen together, got {list(channels)}."
        )
    picked = [pick(image, channel, sure=sure) for channel in channels]
    if len(picked) == 1:
        return picked[0]
    limits = [_limits(one) for one in picked]
    levels = [
        Composed(parts, limits) for parts in zip(*(one.levels for one in picked), strict=True)
    ]
    pixels = levels if len(levels) > 1 else levels[0]
    return replace(picked[0], pixels=pixels, axes=f"{picked[0].axes}S", rgb=True, limits=None)


def _limits(channel: Image) -> Limits:
    """Limits of a channel, from some of its planes at the coarsest scale; of large ones, parts."""
    coarse = replace(channel, pixels=channel.levels[-1])
    planes = list(coarse.planes())
    some = np.unique(np.linspace(0, len(planes) - 1, _LOOKED_AT).astype(int))
    seen = [contrast_limits(sample_of(Block(coarse, planes[at]))) for at in some]
    return min(low for low, _ in seen), max(high for _, high in seen)


def _eight_bit(pixels: npt.NDArray[Any], limits: Limits) -> npt.NDArray[np.uint8]:
    """Scale values between limits to 0..255.

    Examples
    --------
    >>> _eight_bit(np.array([-5, 0, 50, 100, 700]), (0, 100))
    array([  0,   0, 128, 255, 255], dtype=uint8)
    """
    low, high = limits
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = (pixels.astype(np.float32) - low) * (255.0 / (high - low))
    within = np.nan_to_num(scaled, posinf=255.0, neginf=0.0).clip(0, 255)
    return np.asarray(within.round(), dtype=np.uint8)
