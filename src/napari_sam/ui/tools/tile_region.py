"""Where to search on a plane too large for a mask of it: windows, and outlines within them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.images import Plane
from napari_sam.ui.find_options import SearchIn
from napari_sam.ui.layers.outlines import shapes_on_plane
from napari_sam.ui.tools.find_region import no_closed_shape, visible_window

if TYPE_CHECKING:
    from napari.layers import Image, Shapes

__all__ = ["Area", "TileRegion", "tile_region"]

Window = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Area:
    """A window of a plane, or what an outline encloses in it.

    Parameters
    ----------
    window : (r0, c0, r1, c1)
        In pixels, half open.
    outline : (N, 2) array, optional
        ``(row, column)`` corners.
    """

    window: Window
    outline: npt.NDArray[np.float64] | None = None

    def touches(self, window: Window) -> bool:
        """Whether a window of the plane shares a pixel with this one's."""
        r0, c0, r1, c1 = self.window
        return r0 < window[2] and window[0] < r1 and c0 < window[3] and window[1] < c1

    def holds(self, places: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Tell which places (N, 2) lie within."""
        if self.outline is not None:
            from skimage.measure import points_in_poly

            return np.asarray(points_in_poly(places, self.outline), bool)
        low, high = np.array(self.window[:2]) - 0.5, np.array(self.window[2:]) - 0.5
        return np.asarray(((places >= low) & (places < high)).all(axis=1))


@dataclass(frozen=True, eq=False)
class TileRegion:
    """The places of a plane that are searched: those in any of its areas.

    Parameters
    ----------
    areas : tuple of Area
        At least one.

    Examples
    --------
    >>> region = TileRegion((Area((0, 0, 10, 10)), Area((50, 50, 60, 60))))
    >>> region.touches((8, 8, 20, 20)), region.touches((10, 10, 50, 50))
    (True, False)
    >>> region.holds(np.array([[5.0, 5.0], [30.0, 30.0], [55.0, 51.0]])).tolist()
    [True, False, True]
    """

    areas: tuple[Area, ...]

    def touches(self, window: Window) -> bool:
        """Whether anything of a window of the plane is searched."""
        return any(area.touches(window) for area in self.areas)

    def holds(self, places: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Tell which places (N, 2) are meant."""
        found = np.zeros(len(places), bool)
        for area in self.areas:
            found |= area.holds(places)
        return found


def tile_region(viewer: Any, image: Image, plane: Plane, region: SearchIn) -> TileRegion | None:
    """Tell where to search on the displayed plane; None for all of it.

    Raises
    ------
    ViewError
        When no pixel of this plane is meant.
    """
    if region == "visible":
        return TileRegion((Area(visible_window(viewer, image, plane)),))
    return None if isinstance(region, str) else _enclosed(viewer, image, plane, region)


def _enclosed(viewer: Any, image: Image, plane: Plane, shapes: Shapes) -> TileRegion:
    areas = []
    for outline in shapes_on_plane(viewer, shapes, image, plane):
        if outline.kind == "path":
            continue
        (r0, c0), (r1, c1) = outline.vertices.min(axis=0), outline.vertices.max(axis=0)
        area = Area((float(r0), float(c0), float(r1), float(c1)), outline.vertices)
        if area.touches((0.0, 0.0, float(plane.shape[0]), float(plane.shape[1]))):
            areas.append(area)
    if not areas:
        raise no_closed_shape(shapes)
    return TileRegion(tuple(areas))
