"""A mask with the place where it lies: objects are small, planes are not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Region:
    """The pixels of an object in the smallest rectangle that holds them.

    Parameters
    ----------
    mask : (h, w) bool
        Empty (0, 0) where there is no object.
    top, left : int
        Its first pixel on the plane.

    Examples
    --------
    >>> plane = np.zeros((6, 8), bool)
    >>> plane[2:4, 5] = True
    >>> region = Region.of(plane)
    >>> region.mask.shape, region.top, region.left, region.area
    ((2, 1), 2, 5, 2)
    >>> bool((region.on((6, 8)) == plane).all())
    True
    """

    mask: Mask
    top: int = 0
    left: int = 0

    @classmethod
    def of(cls, mask: Mask, top: int = 0, left: int = 0) -> Region:
        """Cut a mask down whose first pixel lies at ``(top, left)``."""
        rows, columns = extent(mask)
        part = mask[rows, columns].copy()
        return cls(part, top + rows.start, left + columns.start) if part.size else cls(part)

    @property
    def area(self) -> int:
        """Pixels of the object."""
        return int(np.count_nonzero(self.mask))

    @property
    def height(self) -> int:
        """Rows of the rectangle."""
        return int(self.mask.shape[0])

    @property
    def width(self) -> int:
        """Columns of the rectangle."""
        return int(self.mask.shape[1])

    @property
    def box(self) -> tuple[int, int, int, int]:
        """First and last row and column of the rectangle, half open: ``(r0, c0, r1, c1)``."""
        height, width = self.mask.shape
        return self.top, self.left, self.top + height, self.left + width

    def on(self, shape: tuple[int, int], top: int = 0, left: int = 0) -> Mask:
        """Return the mask on a rectangle of the plane, cut where it reaches beyond."""
        result = np.zeros(shape, dtype=bool)
        r0, c0, r1, c1 = self.box
        low_row, low_column = max(r0, top), max(c0, left)
        high_row, high_column = min(r1, top + shape[0]), min(c1, left + shape[1])
        if low_row < high_row and low_column < high_column:
            result[low_row - top : high_row - top, low_column - left : high_column - left] = (
                self.mask[low_row - r0 : high_row - r0, low_column - c0 : high_column - c0]
            )
        return result

    def within(self, shape: tuple[int, int]) -> Region:
        """Return the part of it that lies on a plane of this shape."""
        r0, c0, r1, c1 = self.box
        rows = slice(max(-r0, 0), max(min(r1, shape[0]) - r0, 0))
        columns = slice(max(-c0, 0), max(min(c1, shape[1]) - c0, 0))
        return Region.of(self.mask[rows, columns], r0 + rows.start, c0 + columns.start)

    def at(self, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> Mask:
        """Look the mask up at rows and columns of the plane, (len(rows), len(columns)).

        Examples
        --------
        >>> region = Region(np.ones((2, 3), bool), top=4, left=0)
        >>> region.at(np.array([3, 4, 6]), np.array([0, 3])).tolist()
        [[False, False], [True, False], [False, False]]
        """
        height, width = self.mask.shape
        down, along = rows - self.top, columns - self.left
        found = np.zeros((len(rows), len(columns)), dtype=bool)
        r, c = (down >= 0) & (down < height), (along >= 0) & (along < width)
        found[np.ix_(r, c)] = self.mask[np.ix_(down[r], along[c])]
        return found


#: Where there is no object.
NOTHING = Region(np.zeros((0, 0), bool))


def extent(mask: Mask) -> tuple[slice, slice]:
    """Return rows and columns of the smallest rectangle that holds a mask; none of an empty one.

    Examples
    --------
    >>> mask = np.zeros((5, 9), bool)
    >>> extent(mask)
    (slice(0, 0, None), slice(0, 0, None))
    >>> mask[2, 3] = mask[3, 7] = True
    >>> extent(mask)
    (slice(2, 4, None), slice(3, 8, None))
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _extent_of_some(mask: Mask) -> tuple[slice, slice]:
    """Return the extent of a mask, and refuse an empty one."""
    rows, columns = extent(mask)
    if not rows.stop:
        raise ValueError("An empty mask has neither edges nor a deepest point.")
    return rows, columns


def edges(mask: Mask) -> tuple[float, float, float, float]:
    """Return the edges ``(r0, c0, r1, c1)`` of a mask, as a box of a prompt.

    Raises
    ------
    ValueError
        If the mask is empty.

    Examples
    --------
    >>> edges(np.ones((2, 3), bool))
    (-0.5, -0.5, 1.5, 2.5)
    """
    rows, columns = _extent_of_some(mask)
    return rows.start - 0.5, columns.start - 0.5, rows.stop - 0.5, columns.stop - 0.5


def deepest(mask: Mask) -> tuple[int, int]:
    """Return the pixel farthest from the border of a mask, (row, column).

    Raises
    ------
    ValueError
        If the mask is empty.

    Examples
    --------
    >>> deepest(np.ones((3, 5), bool))
    (1, 1)
    """
    from scipy import ndimage as ndi

    rows, columns = _extent_of_some(mask)
    depth = ndi.distance_transform_edt(np.pad(mask[rows, columns], 1))
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return rows.start + int(row) - 1, columns.start + int(column) - 1


def box_of(regions: Iterable[Region]) -> tuple[int, int, int, int] | None:
    """Return the smallest rectangle that holds some regions; None when all are empty.

    Examples
    --------
    >>> box_of([Region(np.ones((2, 3), bool), 4, 0), Region(np.ones((1, 1), bool), 9, 9)])
    (4, 0, 10, 10)
    """
    return box_around(region.box for region in regions if region.area)


def box_around(boxes: Iterable[tuple[int, int, int, int]]) -> tuple[int, int, int, int] | None:
    """Return the smallest rectangle that holds some others; None when there are none.

    Examples
    --------
    >>> box_around([(1, 1, 3, 4), (2, 0, 5, 2)])
    (1, 0, 5, 4)
    """
    corners = np.array(list(boxes)).reshape(-1, 4)
    if not len(corners):
        return None
    r0, c0 = corners[:, :2].min(axis=0)
    r1, c1 = corners[:, 2:].max(axis=0)
    return int(r0), int(c0), int(r1), int(c1)


def mask_iou(a: Mask, b: Mask) -> float:
    """Intersection over union; two empty masks are the same."""
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 1.0


def common(one: Region, other: Region) -> int:
    """Count the pixels that two regions share.

    Examples
    --------
    >>> common(Region(np.ones((2, 3), bool), 4, 0), Region(np.ones((9, 9), bool), 5, 1))
    2
    """
    return int(np.count_nonzero(one.mask & other.on(one.mask.shape, one.top, one.left)))


def iou_of(one: Region, other: Region) -> float:
    """Intersection over union of two regions, 0 where both are empty.

    Examples
    --------
    >>> iou_of(Region(np.ones((2, 3), bool), 4, 0), Region(np.ones((2, 3), bool), 5, 0))
    0.3333333333333333
    """
    shared = common(one, other)
    return shared / max(one.area + other.area - shared, 1)
