"""Points and shapes of a person's layers, seen on one plane of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from napari_sam.images import Plane
from napari_sam.polygons import covers
from napari_sam.prompts import FOREGROUND
from napari_sam.strokes import within
from napari_sam.ui.layers.planes import Coordinates, data_to_world, world_to_data
from napari_sam.ui.layers.polarity import polarity

if TYPE_CHECKING:
    from napari.layers import Image, Layer, Points, Shapes

_SMALLEST_SHAPE = 2.0  # pixels; a click without a drag leaves a rectangle of about one pixel
_ELLIPSE_CORNERS = 64


class ShapeOutline(NamedTuple):
    """A shape of the person's, seen on one plane.

    ``kind`` is "box" for a rectangle along the pixel axes, "turned" for one that is not, "polygon"
    for any other closed outline, "path" for an open line. ``vertices`` is (N, 2), (row, column)
    pixels. ``label`` is 1 for what lies on the object, 0 for a line that does not.
    """

    index: int  # type: ignore[assignment]  # tuple.index, which nobody needs here
    kind: Literal["box", "turned", "polygon", "path"]
    vertices: Coordinates
    label: int = FOREGROUND

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The box ``(r0, c0, r1, c1)`` that a model is told of.

        Of a turned rectangle it is that around the ellipse in it: its corners hold nothing of the
        object around which it was drawn.
        """
        shape = _ellipse(self.vertices) if self.kind == "turned" else self.vertices
        (r0, c0), (r1, c1) = shape.min(axis=0), shape.max(axis=0)
        return float(r0), float(c0), float(r1), float(c1)


def _on_plane(
    viewer: Any, source: Layer, image: Image, plane: Plane, coordinates: Any
) -> tuple[npt.NDArray[np.bool_], Coordinates]:
    """Tell which coordinates lie on the displayed plane, and give all as (row, column)."""
    world = data_to_world(viewer, source, np.asarray(coordinates, dtype=float))
    extra = max(viewer.dims.ndim - image.ndim, 0)
    # Axes that the image lacks: only what is at the viewer's position is meant.
    steps = np.array([axis.step for axis in viewer.dims.range[:extra]])
    here = np.asarray(viewer.dims.point, dtype=float)[:extra]
    on = (np.abs(world[:, :extra] - here) <= steps / 2 + 1e-9).all(axis=1)
    data = world_to_data(viewer, image, world)
    return on & plane.holds(data), plane.to_plane(data)


def points_on_plane(
    viewer: Any, points: Points, image: Image, plane: Plane, *, on_grid: bool = False
) -> tuple[npt.NDArray[np.intp], Coordinates]:
    """Find the points of a layer that lie on a plane of the image.

    Parameters
    ----------
    on_grid : bool
        Whether the layer is known to have the axes and the transform of the image, as ours has.

    Returns
    -------
    indices : (N,) int array
        Rows of ``points.data``.
    rowcol : (N, 2) float array
        Pixels of the plane; those outside its borders are left out.
    """
    if len(points.data) == 0:
        return np.empty(0, dtype=np.intp), np.empty((0, 2))
    if on_grid:
        on, rowcol = plane.holds(points.data), plane.to_plane(points.data)
    else:
        on, rowcol = _on_plane(viewer, points, image, plane, points.data)
    on &= (rowcol >= -0.5).all(axis=1) & (rowcol <= np.array(plane.shape) - 0.5).all(axis=1)
    return np.flatnonzero(on), rowcol[on]


def shapes_on_plane(viewer: Any, shapes: Shapes, image: Image, plane: Plane) -> list[ShapeOutline]:
    """Find the shapes of a layer that lie on a plane of the image, with all of their corners.

    Those beyond its borders are left out, as points are, and lines are cut there. So are shapes
    smaller than two pixels: a click without a drag makes such a rectangle. And so are slivers that
    hold no pixel.
    """
    found = []
    said = polarity(shapes)
    for index, (corners, kind) in enumerate(zip(shapes.data, shapes.shape_type, strict=True)):
        on, vertices = _on_plane(viewer, shapes, image, plane, corners)
        extent = np.ptp(vertices, axis=0)
        if not on.all() or _beside(vertices, plane):
            continue
        if kind in ("path", "line"):
            line = within(vertices, plane.shape)
            if line is not None and np.ptp(line, axis=0).max() >= _SMALLEST_SHAPE:
                found.append(ShapeOutline(index, "path", line, int(said[index])))
            continue
        if extent.min() < _SMALLEST_SHAPE:
            continue
        if kind == "ellipse":
            vertices = _ellipse(vertices)
        if kind == "rectangle" and _upright(vertices):
            found.append(ShapeOutline(index, "box", vertices))
        elif covers(vertices, plane.shape):
            turned = kind == "rectangle"
            found.append(ShapeOutline(index, "turned" if turned else "polygon", vertices))
    return found


def shapes_beside(viewer: Any, shapes: Shapes, image: Image, plane: Plane) -> list[int]:
    """List the rows of the shapes that lie on a plane, but wholly beyond its borders."""
    placed = [_on_plane(viewer, shapes, image, plane, corners) for corners in shapes.data]
    return [i for i, (on, vertices) in enumerate(placed) if on.all() and _beside(vertices, plane)]


def _beside(vertices: Coordinates, plane: Plane) -> bool:
    """Tell whether the rectangle around some corners touches no pixel of the plane."""
    last = np.array(plane.shape) - 0.5
    return bool((vertices.max(axis=0) <= -0.5).any() or (vertices.min(axis=0) >= last).any())


def _upright(vertices: Coordinates) -> bool:
    """Tell whether four corners form a rectangle along the pixel axes, to half a pixel."""
    sides = np.abs(np.diff(vertices, axis=0, append=vertices[:1]))
    return bool((sides.min(axis=1) < 0.5).all())


def _ellipse(corners: Coordinates) -> Coordinates:
    """Trace the ellipse inscribed in a (possibly rotated) rectangle of four corners."""
    centre = corners.mean(axis=0)
    half_a = (corners[1] - corners[0]) / 2
    half_b = (corners[3] - corners[0]) / 2
    angle = np.linspace(0, 2 * np.pi, _ELLIPSE_CORNERS, endpoint=False)[:, None]
    return np.asarray(centre + np.cos(angle) * half_a + np.sin(angle) * half_b)
