"""Layers of the channels of one image, seen together as its colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam.errors import ViewError
from napari_sam.files.composed import Composed
from napari_sam.ui.layers.label_grid import transform_of
from napari_sam.ui.layers.planes import affine, contrast_limits, spatial_shape

if TYPE_CHECKING:
    from napari.layers import Image, Layer

Part = tuple[list[Any], tuple[float, float]]
"""The pixels of a channel, level by level, and what of them is black and white."""

_MOST = 3  # colours that a model sees
_HOW = "Select two or three images of the same size in the layer list (Ctrl+click), then try again."


def channels_among(layers: Sequence[Layer], selected: Sequence[Layer]) -> list[Image]:
    """Tell which layers are meant to be seen together: those selected, or all where they are few.

    Parameters
    ----------
    layers : sequence of Layer
        From the lowest to the topmost.
    selected : collection of Layer
        Some of them.

    Raises
    ------
    ViewError
        When it cannot be told.
    """
    grey = [layer for layer in layers if is_channel(layer)]
    meant = [layer for layer in grey if layer in selected]
    found = meant if len(meant) > 1 else grey
    if not 2 <= len(found) <= _MOST:
        raise ViewError(f"A model sees up to three channels together. {_HOW}")
    return found


def is_channel(layer: Layer) -> bool:
    """Tell whether a layer may be one of several channels."""
    from napari.layers import Image

    return isinstance(layer, Image) and not layer.rgb


def together(channels: Sequence[Image]) -> Image:
    """Make one layer of two or three: red, green and blue, between their contrast limits.

    Nothing is copied: what is looked at is put together of what the layers hold.

    Parameters
    ----------
    channels : sequence of Image layers
        On one pixel grid.

    Raises
    ------
    ViewError
        When they do not lie on each other, pixel by pixel.
    """
    from napari.layers import Image

    check_grid(channels)
    levels = composed([part_of(one) for one in channels])
    name = " + ".join(one.name for one in channels)
    place = transform_of(channels[0])
    if len(levels) > 1:
        return Image(levels, name=name, rgb=True, multiscale=True, **place)
    return Image(levels[0], name=name, rgb=True, **place)


def part_of(channel: Image) -> Part:
    """Return the pixels of a channel, level by level, and its contrast."""
    return levels_of(channel), contrast_limits(channel) or (0.0, 1.0)


def composed(parts: Sequence[Part]) -> list[Composed]:
    """Put channels together, level by level.

    Raises
    ------
    ViewError
        When they have other sizes.
    """
    limits = [contrast for _, contrast in parts]
    levels = list(zip(*(pixels for pixels, _ in parts), strict=False))
    if any(len({one.shape for one in level}) > 1 for level in levels):
        raise ViewError(f"its channels have other sizes than each other. {_HOW}")
    return [Composed(level, limits) for level in levels]


def check_grid(channels: Sequence[Image]) -> None:
    """Refuse channels that do not lie on each other, pixel by pixel.

    Raises
    ------
    ViewError
    """
    for other in channels[1:]:
        if not _same_grid(channels[0], other):
            raise ViewError(
                f"{other.name!r} does not lie on {channels[0].name!r}, pixel by pixel: they have "
                f"other sizes, scales or places. {_HOW}"
            )


def one_scene(first: Image, other: Image) -> bool:
    """Whether two images seem to show the same cells: channels, or one that is made of the other.

    Channels are those of one file, those that napari adds up on the screen, and those that are
    seen together.
    """
    file = first.source.path
    if file is not None and file == other.source.path:
        return True
    if "additive" in (str(first.blending), str(other.blending)):
        return True
    parts = [_parts(first), _parts(other)]
    return any(mine is its for mine in parts[0] for its in parts[1])


def _parts(layer: Image) -> list[Any]:
    """The arrays that an image is seen of."""
    finest = levels_of(layer)[0]
    return list(finest.channels) if isinstance(finest, Composed) else [finest]


def levels_of(layer: Image) -> list[Any]:
    """Return the arrays of an image, one or a pyramid, the finest first."""
    return list(layer.data) if layer.multiscale else [layer.data]


def _same_grid(first: Image, other: Image) -> bool:
    if spatial_shape(first) != spatial_shape(other) or first.units != other.units:
        return False
    alike = [level.shape for level in levels_of(first)], [level.shape for level in levels_of(other)]
    same_levels = all(ours == theirs for ours, theirs in zip(*alike, strict=False))
    places = zip(affine(first), affine(other), strict=True)
    return same_levels and all(np.allclose(ours, theirs) for ours, theirs in places)
