"""Layers to planes and back: the one place that turns a viewer's world into pixels.

World coordinates of different layers differ by their units, so every step converts units axis
by axis before it applies a layer's own transform. Layers are known by duck typing: nothing here
imports napari's Qt side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.errors import ViewError
from napari_sam.images import Plane, too_large
from napari_sam.pixel_size import PixelSize

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Layer

Coordinates = npt.NDArray[np.float64]


def spatial_shape(layer: Image | Labels) -> tuple[int, ...]:
    """Return the full-resolution shape of a layer's data without the colour axis."""
    return tuple(finest(layer).shape)[: layer.ndim]


def finest(layer: Image | Labels) -> Any:
    """Return the array of a layer that holds its pixels at full resolution."""
    return layer.data[0] if layer.multiscale else layer.data


def unit_factors(source: Any, target: Any) -> Coordinates | float:
    """Return how many target units one source unit is, per axis; 1 where that is unknown."""
    if source is None or target is None:
        return 1.0
    factors = []
    for from_unit, to_unit in zip(source, target, strict=True):
        same = from_unit == to_unit or from_unit.dimensionality != to_unit.dimensionality
        factors.append(1.0 if same else float((1 * from_unit).to(to_unit).magnitude))
    return np.array(factors)


def _world_units(viewer: Any, layer: Layer) -> Any:
    """Return the viewer's units of the layer's axes, or None while the viewer ignores units."""
    units = viewer.dims.units
    return None if units is None else tuple(units)[-layer.ndim :]


def affine(layer: Layer) -> tuple[Coordinates, Coordinates]:
    """Return ``(A, b)`` with ``data = A @ world + b``, world in the layer's own units."""
    b = np.asarray(layer.world_to_data(np.zeros(layer.ndim)), dtype=float)
    columns = [np.asarray(layer.world_to_data(unit)) - b for unit in np.eye(layer.ndim)]
    return np.stack(columns, axis=1), b


def data_to_world(viewer: Any, layer: Layer, coordinates: Coordinates) -> Coordinates:
    """Map data coordinates (N, layer.ndim) to world ones (N, viewer ndim) in world units.

    Axes that the layer does not have take the viewer's current position: a 2-D layer shows on
    every slice of a stack.
    """
    A, b = affine(layer)
    own = np.linalg.solve(A, (coordinates - b).T).T
    world_units = _world_units(viewer, layer)
    own = own * unit_factors(layer.units if world_units else None, world_units)
    world = np.tile(np.asarray(viewer.dims.point, dtype=float), (len(coordinates), 1))
    world[:, -layer.ndim :] = own
    return world


def world_to_data(viewer: Any, layer: Layer, world: Coordinates) -> Coordinates:
    A, b = affine(layer)
    world_units = _world_units(viewer, layer)
    factors = unit_factors(world_units, layer.units if world_units else None)
    return (world[:, -layer.ndim :] * factors) @ A.T + b


def displayed_plane(viewer: Any, layer: Image | Labels) -> Plane:
    """Find the plane of a layer that the viewer shows now.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
    layer : Image or Labels layer of that viewer

    Returns
    -------
    Plane
        Rows run along the first of the two displayed axes of the data, however the screen shows
        them: where objects lie is told alike, whoever has turned the view meanwhile.

    Raises
    ------
    ViewError
        In 3-D display, when the current position lies outside the layer's data, or when the
        layer is rotated or sheared so that a slice of the view cuts across its planes.
    """
    dims = viewer.dims
    if dims.ndisplay != 2:
        raise ViewError("The viewer shows 3-D: switch to the 2-D view to mark cells on a slice.")
    offset = dims.ndim - layer.ndim
    axes = sorted(axis - offset for axis in dims.displayed)
    if min(axes) < 0:
        raise ViewError(
            f"{layer.name!r} has no axis {dims.axis_labels[dims.displayed[0]]!r}, "
            "which the viewer displays: change the order of the axes."
        )
    hidden = [axis for axis in range(layer.ndim) if axis not in axes]
    A, _ = affine(layer)
    across = np.abs(A[np.ix_(hidden, axes)]).sum() + np.abs(A[np.ix_(axes, hidden)]).sum()
    if hidden and across > 1e-8 * np.abs(A).max():
        raise ViewError(
            f"{layer.name!r} is rotated or sheared across its slices, so the view cuts through "
            "several of them. Display the axes along which it was acquired."
        )
    position = world_to_data(viewer, layer, np.atleast_2d(np.asarray(dims.point, dtype=float)))[0]
    shape = spatial_shape(layer)
    index: list[int | None] = [None] * layer.ndim
    for axis in hidden:
        # np.round, halves to even, is how napari itself picks the slice it draws.
        index[axis] = int(np.round(position[axis]))
        if not 0 <= int(np.round(position[axis])) < shape[axis]:
            raise ViewError(
                f"{layer.name!r} has no slice here: the view is at {position[axis]:.1f} of "
                f"0 to {shape[axis] - 1} along axis {axis}. Move the slider back onto the image."
            )
    return Plane((axes[0], axes[1]), tuple(index), (shape[axes[0]], shape[axes[1]]))


def read_plane(layer: Image | Labels, plane: Plane) -> npt.NDArray[Any]:
    """Read a plane at full resolution: (H, W), or (H, W, C) of an RGB layer.

    Raises
    ------
    ViewError
        When the plane is too large to be read at once.
    """
    if too_large(plane.shape):
        raise ViewError(
            f"This plane has {plane.shape[0]} x {plane.shape[1]} pixels, more than can be read at "
            "once. Crop the image or choose a coarser level of its pyramid."
        )
    return plane.take(finest(layer))


def contrast_limits(layer: Image) -> tuple[float, float] | None:
    """Return the layer's contrast limits as the person set them; None for RGB."""
    if layer.rgb:
        return None
    low, high = (float(v) for v in layer.contrast_limits)
    return (low, high) if high > low else None


def pixel_size(layer: Image | Labels, plane: Plane, across: int | None = None) -> PixelSize | None:
    """Return how large a pixel of a plane is, or None where the layer gives no length for it.

    Parameters
    ----------
    across : int, optional
        The axis of the slices, whose distance is told as well if it is a length.
    """
    units = [layer.units[axis] for axis in plane.axes]
    if units[0] != units[1] or not units[0].is_compatible_with("um"):
        return None
    steps = distances(layer)
    row, column = (steps[axis] for axis in plane.axes)
    depth = None
    if across is not None and layer.units[across].is_compatible_with("um"):
        depth = float((steps[across] * layer.units[across]).to(units[0]).magnitude)
    return PixelSize(row, column, f"{units[0]:~}".replace("\N{MICRO SIGN}", "u"), depth)


def distances(layer: Layer) -> list[float]:
    """Return how far apart pixels are along every axis, in the units of the layer.

    Along axes that are sheared it lies between the way from one pixel to the next and the distance
    of whole rows of them, so that areas and volumes are those of the pixels.
    """
    A, _ = affine(layer)
    ways, rows = np.linalg.norm(np.linalg.inv(A), axis=0), 1 / np.linalg.norm(A, axis=1)
    sheared = ~np.isclose(ways, rows)
    return [float(length) for length in np.where(sheared, np.sqrt(ways * rows), ways)]


def to_data(viewer: Any, source: Layer, target: Layer, coordinates: Any) -> Coordinates:
    """Convert data coordinates of one layer into those of another.

    Parameters
    ----------
    coordinates : (N, source.ndim) array-like

    Returns
    -------
    (N, target.ndim) float array
        Axes that only the target has take the viewer's current position.
    """
    given = np.asarray(coordinates, dtype=float).reshape(-1, source.ndim)
    return world_to_data(viewer, target, data_to_world(viewer, source, given))


def cursor_on_plane(viewer: Any, image: Image, plane: Plane) -> tuple[float, float] | None:
    """Return the pixel (row, column) under the cursor, or None outside the plane."""
    position = np.atleast_2d(np.asarray(viewer.cursor.position, dtype=float))
    if position.shape[1] < image.ndim:
        return None
    row, column = plane.to_plane(world_to_data(viewer, image, position))[0]
    height, width = plane.shape
    inside = -0.5 <= row <= height - 0.5 and -0.5 <= column <= width - 0.5
    return (float(row), float(column)) if inside else None


def pixel_side(viewer: Any, layer: Image | Labels, plane: Plane) -> float:
    """Return how long the shorter side of a pixel of a plane is, in units of the viewer's world."""
    corners = data_to_world(viewer, layer, plane.to_data([(0, 0), (1, 0), (0, 1)]))
    return float(np.linalg.norm(corners[1:] - corners[0], axis=1).min())


def canvas_pixel(viewer: Any, layer: Layer) -> Coordinates:
    """Return how far one pixel of the canvas reaches, in data pixels along each axis of a layer."""
    here = np.atleast_2d(np.asarray(viewer.dims.point, dtype=float))
    steps = np.eye(here.shape[1])[list(viewer.dims.displayed)] / viewer.scene.camera.zoom
    moved = world_to_data(viewer, layer, here + steps) - world_to_data(viewer, layer, here)
    return np.asarray(np.abs(moved).sum(axis=0))
