"""Planes of n-dimensional data: where a 2-D image lies in it."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.errors import ImageError
from napari_sam.images.pixels import opaque

FEW_CHANNELS = 4  # an axis this short may hold channels
WHOLE = 1 << 27  # pixels of a plane that is read, drawn or joined at once: 128 million


def too_large(shape: tuple[int, ...]) -> bool:
    """Tell whether a plane of the last two axes is too large to be read or drawn as a whole."""
    return shape[-2] * shape[-1] > WHOLE


def _is_position(value: Any) -> bool:
    return value is None or isinstance(value, int | np.integer)


@dataclass(frozen=True)
class Plane:
    """Where one 2-D image lies in n-dimensional data.

    Parameters
    ----------
    axes : (int, int)
        The data axes that run down the rows and along the columns of the plane.
    index : tuple of int or None
        A position for every other data axis, None at `axes`. The colour axis of RGB data is
        not counted.
    shape : (int, int)
        Rows and columns of the plane.
    """

    axes: tuple[int, int]
    index: tuple[int | None, ...]
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        for name in ("axes", "index", "shape"):
            value = getattr(self, name)
            if not isinstance(value, list | tuple) or not all(map(_is_position, value)):
                raise ImageError(
                    f"{name} of a plane is a tuple of numbers, got {reprlib.repr(value)}."
                )
            object.__setattr__(self, name, tuple(value))
        ndim = len(self.index)
        known = [axis for axis in self.axes if axis is not None and 0 <= axis < ndim]
        if len(self.axes) != 2 or len(set(known)) != 2:
            raise ImageError(f"axes {self.axes} are not two different axes of {ndim}-D data.")
        if len(self.shape) != 2 or None in self.shape:
            raise ImageError(f"shape {self.shape} is not the rows and columns of a plane.")
        for axis, position in enumerate(self.index):
            if (position is None) != (axis in self.axes):
                raise ImageError(
                    f"index {self.index} must be None exactly at the plane's axes {self.axes}."
                )

    @property
    def ndim(self) -> int:
        """Number of data axes, colour not counted."""
        return len(self.index)

    @property
    def position(self) -> tuple[int, ...]:
        """Where the plane lies along the other axes, in their order."""
        return tuple(at for at in self.index if at is not None)

    @property
    def slices(self) -> tuple[int | slice, ...]:
        """What selects the plane from the data, its two axes still in data order."""
        return tuple(slice(None) if i is None else i for i in self.index)

    @property
    def transposed(self) -> bool:
        """Whether rows of the plane run along a later data axis than its columns."""
        return self.axes[0] > self.axes[1]

    def take(self, data: Any) -> npt.NDArray[Any]:
        """Read the plane, (H, W) or (H, W, C), out of an array, dask or zarr alike.

        Of the four samples of a colour the last is transparency, which nothing looks at.

        Examples
        --------
        >>> Plane((1, 2), (1, None, None), (2, 2)).take(np.arange(12).reshape(3, 2, 2)).tolist()
        [[4, 5], [6, 7]]
        """
        return opaque(self._turned(np.asarray(data[self.slices])))

    def part(self, data: Any, rows: slice, columns: slice) -> npt.NDArray[Any]:
        """Read a part of the plane, (h, w) or (h, w, C), and nothing else; see `take`."""
        key: list[int | slice] = [slice(None) if at is None else at for at in self.index]
        key[self.axes[0]], key[self.axes[1]] = rows, columns
        return opaque(self._turned(np.asarray(data[tuple(key)])))

    def _turned(self, read: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Put rows first."""
        return np.swapaxes(read, 0, 1) if self.transposed else read

    def to_plane(self, coordinates: Any) -> npt.NDArray[np.float64]:
        """Keep the ``(row, column)`` of data coordinates (N, ndim)."""
        return np.asarray(coordinates, dtype=np.float64).reshape(-1, self.ndim)[:, list(self.axes)]

    def to_data(self, points: Any) -> npt.NDArray[np.float64]:
        """Complete ``(row, column)`` pixels (N, 2) to data coordinates (N, ndim).

        Examples
        --------
        >>> Plane((2, 0), (None, 4, None), (9, 8)).to_data([(1, 5)]).tolist()
        [[5.0, 4.0, 1.0]]
        """
        points = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        full = np.empty((len(points), self.ndim))
        for axis, position in enumerate(self.index):
            if position is not None:
                full[:, axis] = position
        full[:, list(self.axes)] = points
        return full

    def holds(self, coordinates: Any) -> npt.NDArray[np.bool_]:
        """Tell which data coordinates (N, ndim) lie on this plane, to the nearest slice.

        Examples
        --------
        >>> Plane((1, 2), (3, None, None), (8, 8)).holds([(3.4, 0, 0), (2, 0, 0)]).tolist()
        [True, False]
        """
        coordinates = np.asarray(coordinates, dtype=np.float64).reshape(-1, self.ndim)
        on = np.ones(len(coordinates), dtype=bool)
        for axis, position in enumerate(self.index):
            if position is not None:
                on &= np.abs(coordinates[:, axis] - position) <= 0.5
        return on

    def indices(self, mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.intp], ...]:
        """Index arrays into the data of the True pixels of a (H, W) mask."""
        return self.locate(*np.nonzero(mask))

    def locate(
        self, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
    ) -> tuple[npt.NDArray[np.intp], ...]:
        """Index arrays into the data of pixels of the plane."""
        full: list[npt.NDArray[np.intp]] = []
        for axis, position in enumerate(self.index):
            if position is not None:
                full.append(np.full(len(rows), position, dtype=np.intp))
            else:
                full.append(rows if axis == self.axes[0] else columns)
        return tuple(full)


def is_rgb(shape: tuple[int, ...]) -> bool:
    """Tell whether an array of this shape is taken for colour: a last axis of 3 or 4."""
    return len(shape) >= 3 and shape[-1] in (3, 4) and min(shape[-3:-1]) > 4


def rather_channels(side: int, beside: Iterable[int]) -> bool:
    """Tell whether an axis taken for rows or columns is rather one of channels.

    Parameters
    ----------
    side : int
        Its length.
    beside : iterable of int
        Lengths of the axes that are neither rows nor columns: a small image has none so long.

    Examples
    --------
    >>> rather_channels(3, [64]), rather_channels(5, [64]), rather_channels(3, [])
    (True, False, False)
    """
    return side <= FEW_CHANNELS < max(beside, default=0)


def planes(shape: tuple[int, ...], rgb: bool | None = None) -> Iterator[Plane]:
    """Iterate over the planes of a (..., H, W) or (..., H, W, C) array, last axes as plane.

    Parameters
    ----------
    shape : tuple of int
        Shape of the whole array.
    rgb : bool, optional
        Whether the last axis is colour; guessed by `is_rgb` when not given.
    """
    if rgb is None:
        rgb = is_rgb(shape)
    check_shape(shape, rgb)
    spatial = shape[:-1] if rgb else shape
    ndim = len(spatial)
    for position in np.ndindex(*spatial[:-2]):
        yield Plane((ndim - 2, ndim - 1), (*position, None, None), (spatial[-2], spatial[-1]))


def known_shape(pixels: Any) -> tuple[int, ...]:
    """Return the shape of an array, lazy or not.

    Raises
    ------
    ImageError
        When the array does not know how large it is, as after a selection by a mask in dask.
    """
    shape = tuple(pixels.shape)
    if any(length != length for length in shape):  # NaN
        raise ImageError(
            f"The image does not know how large it is: shape {shape}. Of an array of dask, call "
            "its compute_chunk_sizes() first."
        )
    return tuple(int(length) for length in shape)


def check_shape(shape: tuple[int, ...], rgb: bool) -> None:
    if len(shape) < 2 + rgb or 0 in shape:
        raise ImageError(
            f"An image needs at least two axes and some pixels, got shape {shape}. Pass an array: "
            "files are read first, for example by tifffile.imread."
        )
