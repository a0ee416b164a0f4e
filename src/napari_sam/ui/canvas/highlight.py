"""The outline around the object being reviewed, and the line of a cut while it is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi
from skimage.draw import line as line_pixels

from napari_sam.images import Plane
from napari_sam.ui.canvas.preview import Preview
from napari_sam.ui.layers.ours import OurLayers

if TYPE_CHECKING:
    from napari.layers import Image

NAME = "SAM selection"
_RING, _LINE = 0, 1
_COLOURS = ("#ffffff", "#ff3df0")


class Highlight:
    """Shows a ring around an object, so that the object itself stays as it looks."""

    def __init__(self, ours: OurLayers) -> None:
        self._preview = Preview(ours, NAME, _COLOURS)
        self._shown: tuple[Any, Plane, npt.NDArray[np.bool_] | None] | None = None

    def show(self, image: Image, plane: Plane, mask: npt.NDArray[np.bool_] | None) -> None:
        """Ring the object of a (H, W) mask, or nothing."""
        self._shown = (image, plane, mask)
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
        image, plane, mask = self._shown
        if mask is None and not path:
            self._preview.hide()
            return
        ring = np.zeros(plane.shape, dtype=bool) if mask is None else _ring(mask)
        line = np.zeros(plane.shape, dtype=bool)
        for start, stop in zip(path, path[1:] or path, strict=False):
            ends = np.rint([*start, *stop]).astype(int)
            rows, columns = line_pixels(*ends)
            held = (rows >= 0) & (rows < plane.shape[0])
            held &= (columns >= 0) & (columns < plane.shape[1])
            line[rows[held], columns[held]] = True
        if len(path) == 1:
            line = ndi.binary_dilation(line)
        self._preview.show(image, plane, [ring & ~line, line], filled=True)


def _ring(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Mark the pixels just outside an object."""
    ring = np.zeros(mask.shape, dtype=bool)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows):
        crop = (
            slice(max(rows[0] - 2, 0), rows[-1] + 3),
            slice(max(columns[0] - 2, 0), columns[-1] + 3),
        )
        ring[crop] = ndi.binary_dilation(mask[crop], np.ones((3, 3))) & ~mask[crop]
    return ring
