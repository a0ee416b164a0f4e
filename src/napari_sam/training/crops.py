"""Annotated planes kept ready for training, and windows cut out of them at any zoom.

A window is what the network sees: a square of pixels re-sampled from a plane so that an object
has a chosen size.  What lies outside the plane is zero (black after normalisation) and
background; inference pads in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage as ndi
from torch.nn import functional as F

__all__ = ["AnnotatedPlane", "AnnotatedWindow", "cut_window", "prepare_plane"]


@dataclass(frozen=True)
class AnnotatedPlane:
    """One annotated plane with everything that windows are cut from.

    Attributes
    ----------
    family : str
        Row of the tables.
    levels : tuple of ndarray of float16
        The normalised image (H, W, C) at zooms 1, 1/2, 1/4, 1/8.
    labels : ndarray of int32
        (H, W), ids 1..n without gaps.
    depth : ndarray of float16
        (H, W), distance of every object pixel to the border of its own object, in pixels.
    inward : ndarray of float16
        (H, W, 2), the way (down, right) from the nearest border of the own object, of length 1
        at the border and 0 where the object is deepest; NaN on the border itself, which has no
        such way, and in the background.
    inner_radius : ndarray of float32
        (n + 1,), largest depth of every object.
    diameter : ndarray of float32
        (n + 1,), geometric mean of the diameter of the disk of equal area and twice the inner
        radius: a disk's diameter for disks, between width and length for rods.
    extent : ndarray of float32
        (n + 1,), root of height times width of the bounding box.
    corners : ndarray of float32
        (n + 1, 4), bounding boxes (row0, col0, row1, col1).
    neighbour : ndarray of int32 or None
        (H, W), the objects in a neighbouring slice or frame, by the same ids; ids over n are of
        objects that this plane does not show.
    """

    family: str
    levels: tuple[np.ndarray, ...]
    labels: np.ndarray
    depth: np.ndarray
    inward: np.ndarray
    inner_radius: np.ndarray
    diameter: np.ndarray
    extent: np.ndarray
    corners: np.ndarray
    neighbour: np.ndarray | None = None


@dataclass
class AnnotatedWindow:
    """A window and its truth, truth on the grid of stride 2.

    Attributes
    ----------
    image : ndarray of float32
        (size, size, C).
    labels : ndarray of int32
        (size/2, size/2), ids of the plane.
    centre : ndarray of float32
        (size/2, size/2), depth divided by the object's inner radius, 0 to 1.
    depth : ndarray of float32
        (size/2, size/2), depth in window pixels.
    inward : ndarray of float32
        (2, size/2, size/2), as of the plane, turned with the window.
    sizes : ndarray of float32
        (size/8, size/8), log2 of the diameter of the object there, in window pixels, over 32;
        NaN in the background.
    neighbour : ndarray of int32 or None
        (size/2, size/2), as of the plane.
    """

    image: np.ndarray
    labels: np.ndarray
    centre: np.ndarray
    depth: np.ndarray
    inward: np.ndarray
    sizes: np.ndarray
    neighbour: np.ndarray | None = None


def object_depth(labels: np.ndarray) -> np.ndarray:
    """Distance of object pixels to the border of their own object, touching neighbours included.

    Parameters
    ----------
    labels : ndarray of int
        (H, W).

    Returns
    -------
    ndarray of float32
        (H, W); about 0.5 for pixels at the border, 0 in the background.
    """
    return depth_and_way(labels)[0]


def depth_and_way(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance and way of object pixels from the border of their own object.

    Parameters
    ----------
    labels : ndarray of int
        (H, W).

    Returns
    -------
    depth : ndarray of float32
        (H, W), see :func:`object_depth`.
    way : ndarray of float32
        (H, W, 2), down and right, of length 1; NaN on the border and in the background.
    """
    apart = labels > 0
    for axis in (0, 1):
        a = labels if axis == 0 else labels.T
        mask = apart if axis == 0 else apart.T
        differs = (a[1:] != a[:-1]) & (a[1:] > 0) & (a[:-1] > 0)
        mask[1:] &= ~differs
        mask[:-1] &= ~differs
    distance, nearest = ndi.distance_transform_edt(np.pad(apart, 1), return_indices=True)
    distance = distance[1:-1, 1:-1].astype(np.float32)
    here = np.indices(labels.shape, np.float32)
    way = np.where(apart, here + 1 - nearest[:, 1:-1, 1:-1], np.nan) / np.maximum(distance, 1)
    depth = np.where(labels > 0, np.where(apart, distance, 0.0) + 0.5, 0.0)
    return depth.astype(np.float32), np.moveaxis(way, 0, -1).astype(np.float32)


def prepare_plane(
    image: np.ndarray, labels: np.ndarray, family: str, neighbour: np.ndarray | None = None
) -> AnnotatedPlane | None:
    """Make an :class:`AnnotatedPlane` from a normalised image and its labels.

    Parameters
    ----------
    image : ndarray of float32
        (H, W) or (H, W, 3), already normalised to about [0, 1].
    labels : ndarray of int
        (H, W).
    family : str
    neighbour : ndarray of int, optional
        (H, W), labels of a neighbouring slice by the same ids.

    Returns
    -------
    AnnotatedPlane or None
        None if there is no object of at least 8 pixels.
    """
    sizes = np.bincount(labels.ravel())
    keep = sizes >= 8
    keep[0] = False
    if not keep.any():
        return None
    lookup = np.zeros(len(sizes), np.int32)
    lookup[keep] = np.arange(1, keep.sum() + 1)
    if neighbour is not None:
        neighbour = _renumbered(neighbour, lookup)
    labels = lookup[labels]
    depth, way = depth_and_way(labels)
    radius, diameter, extent, corners = _measured(labels, depth)
    level = image[..., None] if image.ndim == 2 else image
    levels = [level.astype(np.float16)]
    while len(levels) < 4 and min(level.shape[:2]) >= 32:
        h, w = level.shape[0] // 2 * 2, level.shape[1] // 2 * 2
        level = level[:h, :w].reshape(h // 2, 2, w // 2, 2, -1).mean((1, 3))
        levels.append(level.astype(np.float16))
    radius[0] = 1
    inward = way * (1 - np.minimum(depth / radius[labels], 1))[..., None]
    return AnnotatedPlane(
        family,
        tuple(levels),
        labels,
        depth.astype(np.float16),
        inward.astype(np.float16),
        radius,
        diameter,
        extent,
        corners,
        neighbour,
    )


def _measured(
    labels: np.ndarray, depth: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Inner radius, diameter, extent and corners of every object, see :class:`AnnotatedPlane`."""
    count = int(labels.max())
    area = np.bincount(labels.ravel(), minlength=count + 1).astype(np.float32)
    radius = np.zeros(count + 1, np.float32)
    np.maximum.at(radius, labels.ravel(), depth.ravel())
    corners = np.zeros((count + 1, 4), np.float32)
    for i, where in enumerate(ndi.find_objects(labels), 1):
        rows, cols = where
        corners[i] = rows.start, cols.start, rows.stop, cols.stop
    extent = np.sqrt(
        (corners[:, 2] - corners[:, 0]).clip(1) * (corners[:, 3] - corners[:, 1]).clip(1)
    )
    diameter = np.sqrt(np.sqrt(4 * area / np.pi) * 2 * radius)
    return radius, diameter, extent, corners


def _renumbered(neighbour: np.ndarray, lookup: np.ndarray) -> np.ndarray:
    """Give the objects of a neighbouring slice the ids of a plane, the others higher ones."""
    ids, places = np.unique(neighbour, return_inverse=True)
    known = np.where(ids < len(lookup), lookup[np.minimum(ids, len(lookup) - 1)], 0)
    new = (known == 0) & (ids > 0)
    known[new] = lookup.max() + np.arange(1, np.count_nonzero(new) + 1)
    return known[places].reshape(neighbour.shape).astype(np.int32)


def _bilinear(array: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """Sample (H, W, C) at real positions (h, w) as float32; zero outside."""
    height, width = array.shape[:2]
    inside = (rows > -0.5) & (rows < height - 0.5) & (cols > -0.5) & (cols < width - 0.5)
    if not inside.any():
        return np.zeros((*rows.shape, array.shape[2]), np.float32)
    # only what is sampled is made float32, which torch samples many times as fast as NumPy
    r0, r1 = _around(rows, height)
    c0, c1 = _around(cols, width)
    part = torch.from_numpy(array[r0:r1, c0:c1].astype(np.float32)).permute(2, 0, 1)
    down = (rows - r0) * (2 / max(r1 - r0 - 1, 1)) - 1
    along = (cols - c0) * (2 / max(c1 - c0 - 1, 1)) - 1
    grid = torch.from_numpy(np.stack([along, down], -1).astype(np.float32))
    sampled = F.grid_sample(part[None], grid[None], padding_mode="border", align_corners=True)
    return sampled[0].permute(1, 2, 0).numpy() * inside[..., None]


def _around(positions: np.ndarray, length: int) -> tuple[int, int]:
    """First and last + 1 of the pixels that positions lie between, one at least."""
    first = int(np.clip(np.floor(positions.min()), 0, length - 1))
    return first, int(np.clip(np.floor(positions.max()) + 2, first + 1, length))


def cut_window(
    plane: AnnotatedPlane,
    centre: tuple[float, float],
    zoom: float,
    size: int,
    angle: float = 0.0,
    flip: bool = False,
) -> AnnotatedWindow:
    """Re-sample a square window of a plane.

    Parameters
    ----------
    plane : AnnotatedPlane
    centre : tuple of float
        (row, col) of the plane that falls on the middle of the window.
    zoom : float
        Window pixels per plane pixel.
    size : int
        Side of the window in pixels, a multiple of 32.
    angle : float
        Rotation in radians.
    flip : bool
        Mirror the window.

    Returns
    -------
    AnnotatedWindow
    """
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / zoom
    if flip:
        turn = turn @ np.diag([1.0, -1.0])

    def positions(step: int) -> tuple[np.ndarray, np.ndarray]:
        line = (np.arange(0, size, step) + step / 2) - size / 2
        rows = turn[0, 0] * line[:, None] + turn[0, 1] * line[None] + centre[0] - 0.5
        cols = turn[1, 0] * line[:, None] + turn[1, 1] * line[None] + centre[1] - 0.5
        return rows, cols

    level = min(len(plane.levels) - 1, max(0, int(np.floor(np.log2(1 / zoom) + 0.35))))
    rows, cols = positions(1)
    scale = 2.0**-level
    image = _bilinear(plane.levels[level], (rows + 0.5) * scale - 0.5, (cols + 0.5) * scale - 0.5)
    rows, cols = positions(2)
    height, width = plane.labels.shape
    r, c = np.rint(rows).astype(np.int64), np.rint(cols).astype(np.int64)
    inside = (r >= 0) & (r < height) & (c >= 0) & (c < width)
    r, c = r.clip(0, height - 1), c.clip(0, width - 1)
    labels = plane.labels[r, c] * inside
    neighbour = None if plane.neighbour is None else plane.neighbour[r, c] * inside
    depth = _bilinear(plane.depth[..., None], rows, cols)[..., 0]
    depth *= labels > 0
    inward = plane.inward[r, c].astype(np.float32)
    inward[~inside] = np.nan
    inward = np.moveaxis(inward @ (turn * zoom).astype(np.float32), -1, 0)
    ratio = np.minimum(depth / plane.inner_radius[labels], 1.0)
    coarse = labels[2::4, 2::4]
    sizes = np.log2(np.maximum(plane.diameter[coarse], 1) * zoom / 32).astype(np.float32)
    sizes[coarse == 0] = np.nan
    return AnnotatedWindow(
        image,
        labels,
        ratio.astype(np.float32),
        depth * zoom,
        inward,
        sizes,
        neighbour,
    )
