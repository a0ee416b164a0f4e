"""The camera: what it shows, and how to move it to an object, near enough to judge it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam.engine.prompter import Look
from napari_sam.images import Plane
from napari_sam.regions import Region
from napari_sam.ui.layers.planes import canvas_pixel, data_to_world, world_to_data

if TYPE_CHECKING:
    from napari.layers import Image, Labels

_SMALLEST, _LARGEST = 0.04, 0.6  # shares of the canvas between which the zoom is left alone
_WANTED = 0.12


def go_to_slice(viewer: Any, labels: Labels, position: dict[int, int]) -> None:
    """Show the slice at a position along some axes of the data."""
    point = np.zeros((1, labels.ndim))
    for axis, at in position.items():
        point[0, axis] = at
    world = data_to_world(viewer, labels, point)[0]
    offset = viewer.dims.ndim - labels.ndim
    for axis in position:
        viewer.dims.set_point(axis + offset, world[axis + offset])


def show_plane(viewer: Any, layer: Image, plane: Plane) -> None:
    """Show a plane of the data, whichever axes the viewer displays now."""
    offset = viewer.dims.ndim - layer.ndim
    shown = tuple(axis + offset for axis in plane.axes)
    if viewer.dims.ndisplay != 2:
        viewer.dims.ndisplay = 2
    if tuple(sorted(viewer.dims.displayed)) != shown:
        rest = [axis for axis in viewer.dims.order if axis not in shown]
        viewer.dims.order = (*rest, *shown)
    position = {axis: at for axis, at in enumerate(plane.index) if at is not None}
    go_to_slice(viewer, layer, position)


def look_at(viewer: Any, labels: Labels, plane: Plane, region: Region) -> None:
    """Bring an object of the displayed plane to the middle, and zoom if it is hard to see."""
    if not region.area:
        return
    r0, c0, r1, c1 = region.box
    corners = data_to_world(viewer, labels, plane.to_data([(r0, c0), (r1, c1)]))
    displayed = list(viewer.dims.displayed)
    corners = corners[:, displayed]
    camera = viewer.scene.camera
    middle = corners.mean(axis=0)
    camera.center = (camera.center[0], middle[0], middle[1])
    extent = float(np.abs(np.diff(corners, axis=0)).max())
    canvas = float(min(viewer.canvas.size))
    share = extent * camera.zoom / canvas
    if not _SMALLEST <= share <= _LARGEST:
        camera.zoom = _WANTED * canvas / extent


def look_at_plane(viewer: Any, image: Image, plane: Plane) -> Look:
    """Tell which place of a plane is in the middle of the canvas, and from how far it is seen."""
    camera = viewer.scene.camera
    world = np.atleast_2d(np.asarray(viewer.dims.point, dtype=float)).copy()
    world[:, list(viewer.dims.displayed)] = np.asarray(camera.center)[-2:]
    row, column = plane.to_plane(world_to_data(viewer, image, world))[0]
    pixel = canvas_pixel(viewer, image)
    step = float(max(pixel[axis] for axis in plane.axes))
    return Look((float(row), float(column)), step)


def visible_part(viewer: Any, image: Image, plane: Plane) -> tuple[int, int, int, int]:
    """Return which pixels of a plane the camera shows on the canvas.

    Returns
    -------
    (r0, c0, r1, c1)
        The smallest upright window that holds them, half open, within the plane; empty windows
        have r1 <= r0 or c1 <= c0.
    """
    camera = viewer.scene.camera
    height, width = viewer.canvas.size
    half = np.array([height, width]) / 2 / camera.zoom
    corners = np.tile(np.asarray(viewer.dims.point, dtype=float), (4, 1))
    signs = np.array([(-1, -1), (-1, 1), (1, 1), (1, -1)])
    corners[:, list(viewer.dims.displayed)] = np.asarray(camera.center)[-2:] + signs * half
    rowcol = plane.to_plane(world_to_data(viewer, image, corners))
    first = np.maximum(np.floor(rowcol.min(axis=0) + 0.5).astype(int), 0)
    last = np.minimum(np.ceil(rowcol.max(axis=0) + 0.5).astype(int), plane.shape)
    return int(first[0]), int(first[1]), int(last[0]), int(last[1])
