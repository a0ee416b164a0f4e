"""A line while it is drawn."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi
from skimage.draw import line as line_pixels

from napari_sam.images import Plane
from napari_sam.prompts import FOREGROUND
from napari_sam.regions import NOTHING, Region
from napari_sam.ui.canvas.preview import Preview
from napari_sam.ui.layers.ours import OurLayers
from napari_sam.ui.layers.own_layers import BACKGROUND_COLOUR, OBJECT_COLOUR

if TYPE_CHECKING:
    from napari.layers import Image

NAME = "SAM line"


class StrokeView:
    """Shows the way that the mouse has taken, in the colour of what it says.

    Parameters
    ----------
    ours : OurLayers
    unused : callable
        Called when it shows nothing any more. Its layer stays, unseen, for the next line, until
        `remove`.
    """

    def __init__(self, ours: OurLayers, unused: Callable[[], None]) -> None:
        self._preview = Preview(ours, NAME, (OBJECT_COLOUR, BACKGROUND_COLOUR), unused=unused)

    def show(self, image: Image, plane: Plane, path: list[tuple[float, float]], label: int) -> None:
        """Show a line through some pixels of a plane."""
        line = pixels_along(path, plane.shape, self._preview.line_width(image, plane) - 1)
        regions = [line, NOTHING] if label == FOREGROUND else [NOTHING, line]
        self._preview.show(image, plane, regions, filled=True)

    def hide(self) -> None:
        """Show nothing any more."""
        self._preview.hide()

    def remove_unused(self) -> None:
        """Take the layer away if it shows nothing."""
        if self._preview.hidden:
            self.remove()

    def remove(self) -> None:
        """Take the layer away."""
        self._preview.remove()


def pixels_along(path: list[tuple[float, float]], shape: tuple[int, int], more: int = 0) -> Region:
    """Return the pixels of a line, and those within ``more`` steps of them.

    Parameters
    ----------
    path : sequence of (row, column)
    shape : (H, W)
        Of the plane, beyond which nothing is drawn.
    more : int
    """
    ends = np.rint(path).astype(int)
    corner = ends.min(axis=0) - more
    drawn = np.zeros(ends.max(axis=0) - corner + 1 + more, dtype=bool)
    ends = ends - corner
    drawn[tuple(ends[0])] = True
    for start, stop in itertools.pairwise(ends):
        drawn[line_pixels(*start, *stop)] = True
    if more:
        drawn = ndi.binary_dilation(drawn, iterations=more)
    return Region.of(drawn, *map(int, corner)).within(shape)
