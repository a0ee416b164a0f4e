"""What the viewer shows of an image: resolved once per event, then passed on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam.engine.view import View
from napari_sam.errors import ImageError, ViewError
from napari_sam.images import Image as Pixels
from napari_sam.images import Plane, behind, known_shape, rather_channels, remembering
from napari_sam.ui.layers.axes import letters_of, word_beside
from napari_sam.ui.layers.planes import (
    contrast_limits,
    displayed_plane,
    finest,
    pixel_size,
    spatial_shape,
)

if TYPE_CHECKING:
    from napari.layers import Image


@dataclass(frozen=True, eq=False)
class Shown:
    """One image as it is shown at one moment.

    Parameters
    ----------
    image : Image layer
    plane : Plane
        Of its data, as it is displayed.
    view : View
        Which pixels the model is to see there: contrast limits, size of a pixel.
    merged : (int, int) or None
        First and last slice when the screen shows several as one, which the model does not see.
    """

    image: Image
    plane: Plane
    view: View
    merged: tuple[int, int] | None = None

    @property
    def word(self) -> str:
        """What the plane is called: a slice, or a frame."""
        return word_beside(self.image, self.plane)

    @property
    def remark(self) -> str:
        """What a person has to know about the picture on the screen; empty when nothing."""
        if self.merged is None:
            return ""
        at = next(i for i in self.plane.index if i is not None)
        return (
            f"The screen shows {self.word}s {self.merged[0]} to {self.merged[1]} merged, the model "
            f"sees {self.word} {at} alone. "
        )

    def beside(self, plane: Plane) -> View:
        """View of a parallel plane of the same image."""
        return replace(self.view, plane=plane)

    def remembering(self) -> Shown:
        """Return the same with planes that are not read twice, while they are among the last."""
        return replace(self, view=replace(self.view, image=remembering(self.view.image)))


def resolve(viewer: Any, image: Image, *, limits: bool, version: int) -> Shown:
    """Find out what is shown of an image.

    Parameters
    ----------
    viewer : napari.Viewer or ViewerModel
    image : Image layer of that viewer
    limits : bool
        Whether the model shall see grey images with the layer's contrast limits.
    version : int
        Changes whenever the pixels may have changed in place.

    Raises
    ------
    ViewError
        When no plane of it is shown, or not where the person sees and clicks it.
    """
    if viewer.dims.ndim < image.ndim:
        # Callbacks of a layer that is being added run before napari's own.
        raise ViewError(f"{image.name!r} is being opened.")
    if viewer.canvas.grid.enabled:
        raise ViewError(
            "Grid view shows the layers beside each other, so that marks and outlines would not "
            "lie on the image. Switch it off (Ctrl+G) to work on cells."
        )
    try:
        known_shape(finest(image))
    except ImageError as error:
        raise ViewError(str(error)) from error
    plane = displayed_plane(viewer, image)
    _refuse_channels(image, plane)
    axes = letters_of(image, plane)
    slices = axes.find("Z") if "Z" in axes or axes.count("Q") != 1 else axes.find("Q")
    pixels = Pixels(
        list(image.data) if image.multiscale else image.data,
        axes + ("S" if image.rgb else ""),
        pixel_size(image, plane, slices if slices >= 0 else None),
        contrast_limits(image) if limits else None,
        bool(image.rgb),
    )
    view = View(pixels, plane, version)
    return Shown(image, plane, view, _merged(viewer, image, plane))


def _refuse_channels(image: Image, plane: Plane) -> None:
    """Refuse a plane with an axis that seems to hold channels, unless that is called y or x."""
    further = [
        length
        for length, at in zip(spatial_shape(image), plane.index, strict=True)
        if at is not None
    ]
    said = [str(image.axis_labels[axis]).strip().lower() for axis in plane.axes]
    if said != ["y", "x"] and any(rather_channels(side, further) for side in plane.shape):
        raise ViewError(
            f"The view shows {plane.shape[0]} x {plane.shape[1]} pixels of {image.name!r}; "
            "one of these axes seems to hold channels. Change the order of the axes, or "
            "split the channels (right-click the layer > Split Stack). If these are rows and "
            "columns, call the layer's axes so: layer.axis_labels = (..., 'y', 'x')."
        )


def same_pixels(image: Image | None, view: View) -> bool:
    """Whether an image still has the data and shape that a view was taken of."""
    if image is None:
        return False
    shape = spatial_shape(image)
    fits = (
        view.plane.ndim == len(shape)
        and tuple(shape[axis] for axis in view.plane.axes) == view.plane.shape
    )
    return fits and finest(image) is behind(view.image.finest)


def _merged(viewer: Any, image: Image, plane: Plane) -> tuple[int, int] | None:
    """Tell which slices napari projects into one picture, if it does."""
    if str(image.projection_mode) == "none":
        return None
    dims, offset = viewer.dims, viewer.dims.ndim - image.ndim
    for axis, at in enumerate(plane.index):
        if at is None:
            continue
        step = dims.range[axis + offset].step or 1.0
        before = dims.margin_left[axis + offset] / step
        after = dims.margin_right[axis + offset] / step
        first = max(int(np.round(at - before)), 0)
        last = min(int(np.round(at + after)), spatial_shape(image)[axis] - 1)
        if first < last:
            return first, last
    return None
