"""Objects inside a region: which they are, how many, and how to delete or keep only those.

An object belongs to a region when more than half of its pixels on the plane lie inside; objects
are never cut at its border.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam import checks
from napari_sam.errors import LabelsError
from napari_sam.labels.edit import Edit, delete
from napari_sam.labels.ids import among, count_ids
from napari_sam.pixel_size import PixelSize
from napari_sam.polygons import fill
from napari_sam.segmentation import Segmentation

Labels = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Inside:
    """What a region of a plane holds.

    Parameters
    ----------
    ids : tuple of int
        The objects that belong to it.
    pixels : int
        Of the region.
    covered : int
        Pixels of the region that any object covers, those that reach into it too.
    pixel_size : PixelSize, optional
    """

    ids: tuple[int, ...]
    pixels: int
    covered: int
    pixel_size: PixelSize | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def area(self) -> float:
        """Of the region: in the square of the unit of the pixel size, else in pixels."""
        return self.pixels * (1.0 if self.pixel_size is None else self.pixel_size.area)


def region_mask(region: Any, shape: tuple[int, int]) -> Mask:
    """Return the pixels of a region.

    Parameters
    ----------
    region : (H, W) array or (N, 2) array-like
        A mask, anything non-zero is inside; or the corners ``(row, column)`` of a polygon.
    shape : (H, W)
        Of the plane.

    Raises
    ------
    LabelsError
        When it is neither, or holds no pixel of the plane.
    """
    given = checks.array(region, "region", LabelsError)
    if given.shape == shape:
        mask: Mask = given != 0
    elif given.ndim == 2 and given.shape[1] == 2:
        mask = fill(checks.corners(given, 3, "A region", LabelsError), shape)
    else:
        raise LabelsError(
            f"A region is a mask of the plane {shape} or the corners (N, 2) of a polygon, got an "
            f"array of shape {given.shape}."
        )
    if not mask.any():
        raise LabelsError("The region holds no pixel of the plane.")
    return mask


def count_inside(labels: Labels, region: Any, pixel_size: PixelSize | None = None) -> Inside:
    """Count the objects of a plane that belong to a region.

    Parameters
    ----------
    labels : (H, W) integer array
    region : (H, W) array or (N, 2) array-like
        See `region_mask`.
    pixel_size : PixelSize, optional

    Returns
    -------
    Inside

    Raises
    ------
    LabelsError

    Examples
    --------
    >>> labels = np.zeros((8, 8), int)
    >>> labels[1:3, 1:3], labels[5:7, 3:7] = 1, 2
    >>> found = count_inside(labels, [(0, 0), (0, 7), (5, 7), (5, 0)], PixelSize(0.5, 0.5))
    >>> found.ids, found.pixels, found.covered, found.area
    ((1,), 48, 8, 12.0)
    """
    labels = checks.labels(labels)
    mask = region_mask(region, labels.shape)
    met, shared = count_ids(labels[mask])
    ids, sizes = count_ids(labels)
    inside = met[2 * shared > sizes[np.searchsorted(ids, met)]]
    held = tuple(int(i) for i in inside)
    return Inside(held, int(mask.sum()), int(shared.sum()), pixel_size)


def delete_inside(labels: Labels, region: Any) -> Edit:
    """Remove the objects of a plane that belong to a region.

    Parameters
    ----------
    labels : (H, W) integer array
    region : (H, W) array or (N, 2) array-like
        See `region_mask`.

    Returns
    -------
    Edit

    Raises
    ------
    LabelsError
        When no object belongs to it.
    """
    ids = count_inside(labels, region).ids
    if not ids:
        raise LabelsError("No cell lies inside the region: nothing was deleted.")
    return delete(labels, ids)


def only_inside(found: Segmentation, region: Any) -> Segmentation:
    """Keep the objects that belong to a region, such as those of a search.

    Parameters
    ----------
    found : Segmentation
        Of a plane.
    region : (H, W) array or (N, 2) array-like
        See `region_mask`.

    Returns
    -------
    Segmentation
        Their ids are as before.

    Raises
    ------
    LabelsError

    Examples
    --------
    >>> import pandas as pd
    >>> two = Segmentation(np.array([[1, 0, 2]]), pd.DataFrame({"label": [1, 2]}))
    >>> only_inside(two, [[1, 1, 0]]).labels
    array([[1, 0, 0]])
    """
    labels = checks.labels(found.labels)
    ids = count_inside(labels, region).ids
    kept = np.where(among(labels, ids), labels, 0).astype(labels.dtype)
    table = found.table[found.table["label"].isin(ids)].reset_index(drop=True)
    return Segmentation(kept, table)
