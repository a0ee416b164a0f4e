"""The one layer this plugin adds by itself: the masks as they would be, until they are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_sam.images import Plane
from napari_sam.regions import Region, box_of, extent
from napari_sam.ui.layers.label_grid import grid_of, transform_of
from napari_sam.ui.layers.ours import OurLayers
from napari_sam.ui.layers.planes import pixel_side

if TYPE_CHECKING:
    from napari.layers import Image, Labels

NAME = "SAM preview"
_LINE, _WIDEST = 2.0, 12  # pixels of the screen; of the image
_WHOLE = 1 << 22  # pixels of a plane that the layer covers whole
_LEAST = 512  # pixels of the side of a patch of a larger one
_COLOURS = ("#ffd400", "#f06292", "#64b5f6", "#aed581", "#ba68c8", "#ff8a65")


Patch = tuple[int, int, int, int]
"""First row and column of a part of a plane, and those behind its last."""


class Preview:
    """Shows masks on exactly one plane of an image.

    The layer is one plane thick and lies at that plane's place in the world, so it costs the
    memory of one plane however large the stack is, and napari itself hides it on other slices. On
    a large plane it is a patch around the masks.

    Parameters
    ----------
    unused : callable, optional
        Called when nothing is shown any more. With it, a layer that is hidden stays, unseen,
        for the next mask, until `remove`: napari takes a quarter of a second to make a layer and
        to take one away. Without it, it goes at once.
    """

    def __init__(
        self,
        ours: OurLayers,
        name: str = NAME,
        colours: tuple[str, ...] = _COLOURS,
        unused: Callable[[], None] | None = None,
    ) -> None:
        self._ours = ours
        self._unused = unused
        #: Whether the layer is there, but shows nothing.
        self.hidden = False
        self._name, self._colours = name, colours
        self.opacity = 1.0
        self.layer: Labels | None = None
        self._key: tuple[Any, Plane, Patch] | None = None
        self._grid: tuple[object, ...] = ()  # of the image, as it lay when the layer was made

    def show(self, image: Image, plane: Plane, regions: list[Region], *, filled: bool) -> None:
        """Show the masks, each in its own colour, as outlines or filled."""
        grid = grid_of(image)
        if grid != self._grid and self.layer is not None:
            self.remove()  # the image was moved, or another one is shown
        self._grid = grid
        patch = self._patch(image, plane, regions)
        painted = np.zeros((patch[2] - patch[0], patch[3] - patch[1]), dtype=np.uint8)
        width = 0 if filled else self.line_width(image, plane)
        for number, region in reversed(list(enumerate(regions))):
            if region.area:
                top, left = region.top - patch[0], region.left - patch[1]
                under = painted[top : top + region.height, left : left + region.width]
                shown = outline_of(region.mask, width) if width else region.mask
                under[shown] = number % len(self._colours) + 1
        data = np.expand_dims(
            painted,
            tuple(axis for axis, at in enumerate(plane.index) if at is not None),
        )
        if self.layer is None or not self._ours.there(self.layer):
            self._add(image, plane, patch, data)
        elif self._key != (image, plane, patch):
            self._place(image, plane, patch, data)
        else:
            # In place: new data would have napari work out its whole scene again.
            self.layer.data[...] = data
            self.layer.refresh(extent=False)
        assert self.layer is not None
        self._key = (image, plane, patch)
        if self.layer.opacity != self.opacity:
            self.layer.opacity = self.opacity
        if self.hidden:
            self.hidden = False
            self.layer.visible = True

    def line_width(self, image: Image, plane: Plane) -> int:
        """Pixels of the image that an outline takes: about as many of the screen, at any zoom."""
        viewer = self._ours.viewer
        side = pixel_side(viewer, image, plane)
        return int(np.clip(round(_LINE / (side * viewer.scene.camera.zoom)), 1, _WIDEST))

    def hide(self) -> None:
        """Show nothing any more."""
        if self.layer is None or not self._ours.there(self.layer) or self._unused is None:
            self.remove()
        elif not self.hidden:
            self.layer.visible = False
            self.hidden = True
            self._unused()

    def remove(self) -> None:
        """Take the layer away."""
        self.hidden = False
        layer, self.layer, self._key = self.layer, None, None
        self._ours.remove(layer)

    def _patch(self, image: Image, plane: Plane, regions: list[Region]) -> Patch:
        """Choose the part of a plane that the layer covers: the former one if that will do."""
        height, width = plane.shape
        if height * width <= _WHOLE:
            return 0, 0, height, width
        r0, c0, r1, c1 = box_of(regions) or (0, 0, 1, 1)
        if self._key is not None and self._key[:2] == (image, plane):
            a, b, c, d = self._key[2]
            if a <= r0 and b <= c0 and r1 <= c and c1 <= d:
                return self._key[2]
        middle, side = (
            ((r0 + r1) // 2, (c0 + c1) // 2),
            max(_LEAST, int(1.5 * max(r1 - r0, c1 - c0))),
        )
        top, left = max(middle[0] - side // 2, 0), max(middle[1] - side // 2, 0)
        return top, left, min(top + side, height), min(left + side, width)

    def _transform(self, image: Image, plane: Plane, patch: Patch) -> dict[str, Any]:
        """The image's transform, moved along the hidden axes to the plane, and to the patch."""
        transform = transform_of(image)
        origin = plane.to_data([patch[:2]])[0]
        moved = np.asarray(image.data_to_world(origin)) - image.data_to_world(0 * origin)
        # The affine acts last, after the translation.
        linear = transform["affine"][:-1, :-1]
        transform["translate"] = transform["translate"] + np.linalg.solve(linear, moved)
        return transform

    def _place(self, image: Image, plane: Plane, patch: Patch, data: npt.NDArray[np.uint8]) -> None:
        assert self.layer is not None
        same_grid = self._key is not None and self._key[0] is image
        if not same_grid or self.layer.ndim != data.ndim:
            self.remove()
            self._add(image, plane, patch, data)
            return
        self.layer.data = data
        self.layer.translate = self._transform(image, plane, patch)["translate"]

    def _add(self, image: Image, plane: Plane, patch: Patch, data: npt.NDArray[np.uint8]) -> None:
        from napari.layers import Labels
        from napari.utils.colormaps import CyclicLabelColormap
        from napari.utils.colormaps.standardize_color import transform_color

        # Not a direct colormap, for which napari compiles code when it is first used.
        colours = transform_color(["transparent", *self._colours])
        layer = Labels(
            data,
            name=self._name,
            opacity=self.opacity,
            colormap=CyclicLabelColormap(colors=colours),
            **self._transform(image, plane, patch),
        )
        layer.editable = False
        self._ours.add(layer)
        self.layer = layer
        self._below_marks()

    def _below_marks(self) -> None:
        """Keep what the person marked visible on top of the mask."""
        from napari.layers import Points, Shapes

        layers = self._ours.viewer.layers
        first = len(layers) - 1
        while first > 0 and isinstance(layers[first - 1], (Points, Shapes)):
            first -= 1
        if first < len(layers) - 1:
            layers.move(len(layers) - 1, first)


def outline_of(mask: npt.NDArray[np.bool_], width: int) -> npt.NDArray[np.bool_]:
    """Mark the pixels of an object that lie within some pixels of its border.

    Painted and not left to napari, which draws no outlines of labels in 3-D and warns of it.

    Parameters
    ----------
    mask : (H, W) bool array
    width : int
        Of the line, in pixels.
    """
    line = np.zeros(mask.shape, dtype=bool)
    crop = extent(mask)
    inside = mask[crop]
    if inside.size:
        line[crop] = inside & ~ndi.binary_erosion(inside, iterations=width)
    return line
