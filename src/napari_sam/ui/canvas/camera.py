"""Moving the view to an object: its slice, its middle, and near enough to judge it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.images import Plane
from napari_sam.ui.layers.planes import to_world

if TYPE_CHECKING:
    from napari.layers import Labels

_SMALLEST, _LARGEST = 0.04, 0.6  # shares of the canvas between which the zoom is left alone
_WANTED = 0.12


def go_to_slice(viewer: Any, labels: Labels, position: dict[int, int]) -> None:
    """Show the slice at a position along some axes of the data."""
    point = np.zeros((1, labels.ndim))
    for axis, at in position.items():
        point[0, axis] = at
    world = to_world(viewer, labels, point)[0]
    offset = viewer.dims.ndim - labels.ndim
    for axis in position:
        viewer.dims.set_point(axis + offset, world[axis + offset])


def look_at(viewer: Any, labels: Labels, plane: Plane, mask: npt.NDArray[np.bool_]) -> None:
    """Bring an object of the displayed plane to the middle, and zoom if it is hard to see."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return
    corners = to_world(
        viewer, labels, plane.to_data([(rows[0], columns[0]), (rows[-1] + 1, columns[-1] + 1)])
    )
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
