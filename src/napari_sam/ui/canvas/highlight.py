"""The outline around the object being reviewed, and the line of a cut while it is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage as ndi

from napari_sam.images import Plane
from napari_sam.regions import NOTHING, Region
from napari_sam.ui.canvas.preview import Preview
from napari_sam.ui.canvas.stroke_view import pixels_along
from napari_sam.ui.layers.ours import OurLayers

if TYPE_CHECKING:
    from napari.layers import Image

NAME = "SAM selection"
_COLOURS = ("#ff3df0", "#ffffff")  # of a line, and of the ring under it


class Highlight:
    """Shows a ring around an object, so that the object itself stays as it looks."""

    def __init__(self, ours: OurLayers) -> None:
        self._preview = Preview(ours, NAME, _COLOURS)
        self._shown: tuple[Any, Plane, Region | None] | None = None

    def show(self, image: Image, plane: Plane, region: Region) -> None:
        """Ring an object."""
        self._shown = (image, plane, region if region.area else None)
        self._draw([])

    def draw(self, image: Image, plane: Plane, path: list[tuple[float, float]]) -> None:
        """Show a line, or one point, on top of the ring."""
        if self._shown is None or self._shown[:2] != (image, plane):
            self._shown = (image, plane, None)
        self._draw(path)

    def hide(self) -> None:
        self._shown = None
        self._preview.hide()

    def _draw(self, path: list[tuple[float, float]]) -> None:
        assert self._shown is not None
        image, plane, region = self._shown
        if region is None and not path:
            self._preview.hide()
            return
        ring = NOTHING if region is None else _ring(region, plane.shape)
        line = pixels_along(path, plane.shape, int(len(path) == 1)) if path else NOTHING
        self._preview.show(image, plane, [line, ring], filled=True)


def _ring(region: Region, shape: tuple[int, int]) -> Region:
    """Mark the pixels just outside an object."""
    inside = np.pad(region.mask, 1)
    ring = ndi.binary_dilation(inside, np.ones((3, 3))) & ~inside
    return Region.of(ring, region.top - 1, region.left - 1).within(shape)
