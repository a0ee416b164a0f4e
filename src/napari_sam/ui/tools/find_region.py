"""Where to search: the visible part of a slice, or what a person's shapes enclose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.errors import ViewError
from napari_sam.images import Plane
from napari_sam.prompts import Prompt
from napari_sam.regions import Region, box_of
from napari_sam.ui.canvas.camera import visible_part
from napari_sam.ui.find_options import SearchIn
from napari_sam.ui.layers.outlines import shapes_on_plane

if TYPE_CHECKING:
    from napari.layers import Image, Shapes

Mask = npt.NDArray[np.bool_]


def region_mask(viewer: Any, image: Image, plane: Plane, region: SearchIn) -> Mask | None:
    """Tell which pixels of the displayed plane are meant; None for all of them.

    Raises
    ------
    ViewError
        When no pixel of this plane is.
    """
    if region == "visible":
        return _visible(viewer, image, plane)
    if region in ("slice", "stack"):
        return None
    return enclosed_region(viewer, image, plane, region).on(plane.shape)


def _visible(viewer: Any, image: Image, plane: Plane) -> Mask | None:
    r0, c0, r1, c1 = visible_window(viewer, image, plane)
    if (r1 - r0, c1 - c0) == plane.shape:
        return None
    mask = np.zeros(plane.shape, dtype=bool)
    mask[r0:r1, c0:c1] = True
    return mask


def visible_window(viewer: Any, image: Image, plane: Plane) -> tuple[int, int, int, int]:
    """Return which pixels of the displayed plane are visible, ``(r0, c0, r1, c1)``, half open.

    Raises
    ------
    ViewError
        When none is.
    """
    window = visible_part(viewer, image, plane)
    if window[2] <= window[0] or window[3] <= window[1]:
        raise ViewError(f"Nothing of {image.name!r} is visible. Move it into view.")
    return window


def no_closed_shape(shapes: Shapes) -> ViewError:
    """Return what is raised where shapes enclose nothing of the displayed plane."""
    return ViewError(
        f"{shapes.name!r} has no closed shape on this slice. Draw one around the region to be "
        "searched, or search the whole slice."
    )


def enclosed_region(viewer: Any, image: Image, plane: Plane, shapes: Shapes) -> Region:
    """Return what the closed shapes of a layer enclose of the displayed plane.

    Raises
    ------
    ViewError
        When there is none.
    """
    drawn: list[Region] = []
    for outline in shapes_on_plane(viewer, shapes, image, plane):
        if outline.kind != "path":
            region = Prompt.from_polygon(outline.vertices, plane.shape).region
            assert region is not None
            drawn.append(region)
    box = box_of(drawn)
    if box is None:
        raise no_closed_shape(shapes)
    r0, c0, r1, c1 = box
    mask = np.zeros((r1 - r0, c1 - c0), bool)
    for region in drawn:
        mask |= region.on(mask.shape, r0, c0)
    return Region(mask, r0, c0)
