"""Images: lazy pixels with what is known of them, their planes, and the blocks to work on."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam import checks
from napari_sam.errors import ImageError
from napari_sam.pixel_size import PixelSize


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
        ndim = len(self.index)
        if len(set(self.axes)) != 2 or not all(0 <= axis < ndim for axis in self.axes):
            raise ImageError(f"axes {self.axes} are not two different axes of {ndim}-D data.")
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
        """Read the plane, (H, W) or (H, W, C), out of an array, dask or zarr alike."""
        plane = np.asarray(data[self.slices])
        return np.swapaxes(plane, 0, 1) if self.transposed else plane

    def to_plane(self, coordinates: Any) -> npt.NDArray[np.float64]:
        """Keep the ``(row, column)`` of data coordinates (N, ndim)."""
        return np.asarray(coordinates, dtype=np.float64).reshape(-1, self.ndim)[:, list(self.axes)]

    def to_data(self, points: Any) -> npt.NDArray[np.float64]:
        """Complete ``(row, column)`` pixels (N, 2) to data coordinates (N, ndim)."""
        points = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        full = np.empty((len(points), self.ndim))
        for axis, position in enumerate(self.index):
            if position is not None:
                full[:, axis] = position
        full[:, list(self.axes)] = points
        return full

    def holds(self, coordinates: Any) -> npt.NDArray[np.bool_]:
        """Tell which data coordinates (N, ndim) lie on this plane, to the nearest slice."""
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
    _check_shape(shape, rgb)
    spatial = shape[:-1] if rgb else shape
    ndim = len(spatial)
    for position in np.ndindex(*spatial[:-2]):
        yield Plane((ndim - 2, ndim - 1), (*position, None, None), (spatial[-2], spatial[-1]))


def _check_shape(shape: tuple[int, ...], rgb: bool) -> None:
    if len(shape) < 2 + rgb or 0 in shape:
        raise ImageError(
            f"An image needs at least two axes and some pixels, got shape {shape}. Pass an array: "
            "files are read first, for example by tifffile.imread."
        )


@dataclass(frozen=True, eq=False)
class Image:
    """Pixels and what is known of them; nothing is read before it is asked for.

    Parameters
    ----------
    pixels : array or sequence of arrays
        NumPy, dask or zarr. Several arrays are the levels of a pyramid, the finest first.
    axes : str
        A letter per axis: ``YX`` rows and columns, ``Z`` slices, ``T`` times, ``C`` channels,
        ``S`` the samples of a colour, always last; ``Q`` for what is not known.
    pixel_size : PixelSize, optional
    limits : (low, high), optional
        Contrast limits, the values of black and white; percentiles of each plane by default.
    rgb : bool
        Whether the last axis is colour.

    Raises
    ------
    ImageError
        When the axes do not describe the pixels, or there are none.

    Examples
    --------
    >>> stack = Image(np.zeros((5, 30, 40)), "ZYX")
    >>> [block.plane.position for block in stack.blocks()]
    [(0,), (1,), (2,), (3,), (4,)]
    """

    pixels: Any
    axes: str
    pixel_size: PixelSize | None = None
    limits: tuple[float, float] | None = None
    rgb: bool = False

    def __post_init__(self) -> None:
        shape = tuple(self.finest.shape)
        named = [letter for letter in self.axes if letter != "Q"]
        if len(self.axes) != len(shape) or len(set(named)) != len(named):
            raise ImageError(
                f"Axes '{self.axes}' do not describe pixels of shape {shape}: give one letter "
                "for each axis."
            )
        if "Y" not in self.axes or "X" not in self.axes:
            raise ImageError(f"Axes '{self.axes}' have no rows and columns, Y and X, among them.")
        if self.rgb != (self.axes[-1] == "S") or "S" in self.axes[:-1]:
            raise ImageError(
                f"Axes '{self.axes}' with rgb={self.rgb}: a colour image ends in S, another "
                "image has none."
            )
        if 0 in shape:
            raise ImageError(f"The image has no pixels: shape {shape}.")

    @classmethod
    def of(
        cls,
        pixels: Any,
        *,
        rgb: bool | None = None,
        limits: tuple[float, float] | None = None,
        pixel_size: PixelSize | None = None,
    ) -> Image:
        """Describe an array, rows and columns (and colour) last; an `Image` keeps what it knows.

        Parameters
        ----------
        pixels : (..., H, W) or (..., H, W, C) array, or Image
        rgb : bool, optional
            Whether the last axis is colour; guessed by `is_rgb` when not given.
        limits, pixel_size
            As of the class; of an `Image`, its own where they are not given.

        Returns
        -------
        Image

        Raises
        ------
        ImageError

        Examples
        --------
        >>> Image.of(np.zeros((2, 30, 40, 3))).axes
        'QYXS'
        """
        if isinstance(pixels, Image):
            return replace(
                pixels,
                limits=pixels.limits if limits is None else limits,
                pixel_size=pixels.pixel_size if pixel_size is None else pixel_size,
            )
        data = pixels if hasattr(pixels, "shape") else np.asarray(pixels)
        shape = tuple(data.shape)
        if rgb is None:
            rgb = is_rgb(shape)
        _check_shape(shape, rgb)
        axes = "YXS" if rgb else "YX"
        return cls(data, axes.rjust(len(shape), "Q"), pixel_size, limits, rgb)

    @property
    def levels(self) -> tuple[Any, ...]:
        """The arrays of the pyramid, the finest first; one where there is no pyramid."""
        return tuple(self.pixels) if isinstance(self.pixels, Sequence) else (self.pixels,)

    @property
    def finest(self) -> Any:
        """The array that holds the pixels at full resolution."""
        return self.pixels[0] if isinstance(self.pixels, Sequence) else self.pixels

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis, colour not counted."""
        shape = tuple(int(length) for length in self.finest.shape)
        return shape[:-1] if self.rgb else shape

    @property
    def ndim(self) -> int:
        """Number of axes, colour not counted."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""
        return np.dtype(self.finest.dtype)

    def planes(self) -> Iterator[Plane]:
        """Iterate over all planes of rows and columns, the last axis running fastest."""
        down, along, shape = self.axes.index("Y"), self.axes.index("X"), self.shape
        ranges = [
            (None,) if axis in (down, along) else range(length) for axis, length in enumerate(shape)
        ]
        for index in itertools.product(*ranges):
            yield Plane((down, along), index, (shape[down], shape[along]))

    def blocks(self, scope: Plane | Iterable[Plane] | None = None) -> Iterator[Block]:
        """Iterate over the parts that are worked on at once.

        Parameters
        ----------
        scope : Plane or iterable of Plane, optional
            What is wanted; every plane of rows and columns by default.

        Yields
        ------
        Block

        Raises
        ------
        ImageError
            When a plane does not lie in the image.
        """
        if scope is None:
            scope = self.planes()
        elif isinstance(scope, Plane):
            scope = (scope,)
        for plane in scope:
            self._check(plane)
            yield Block(self, plane)

    def _check(self, plane: Plane) -> None:
        shape = self.shape
        fits = plane.ndim == len(shape) and plane.shape == tuple(shape[at] for at in plane.axes)
        if not fits or not all(
            at is None or 0 <= at < length for at, length in zip(plane.index, shape, strict=True)
        ):
            raise ImageError(f"{plane} does not lie in an image of shape {shape}.")


@dataclass(frozen=True, eq=False)
class Block:
    """A part of an image that is worked on at once. A plane is a block of thickness one.

    Parameters
    ----------
    image : Image
    plane : Plane
        Where it lies.
    """

    image: Image
    plane: Plane

    @property
    def limits(self) -> tuple[float, float] | None:
        """Contrast limits of the image, where they were set."""
        return self.image.limits

    @property
    def pixel_size(self) -> PixelSize | None:
        """Size of a pixel, where it is known."""
        return self.image.pixel_size

    def read(self) -> npt.NDArray[Any]:
        """Read the pixels, (H, W) or (H, W, C), at full resolution."""
        return self.plane.take(self.image.finest)


def check_plane(image: Any) -> npt.NDArray[Any]:
    """Return the image as an array (H, W) or (H, W, 3), alpha dropped.

    Raises
    ------
    ImageError
        When it is not one plane of numbers.
    """
    array = checks.array(image, "An image", ImageError)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim == 3 and array.shape[2] == 4:
        array = array[..., :3]
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)):
        raise ImageError(
            f"Expected one plane, (H, W) or (H, W, 3), got shape {array.shape}. "
            "Pick a slice or a channel first."
        )
    if 0 in array.shape:
        raise ImageError(f"The image has no pixels: shape {array.shape}.")
    return array


def as_rgb(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """View (H, W) as (H, W, 3) with equal channels; leave colour as it is."""
    return image if image.ndim == 3 else np.broadcast_to(image[..., None], (*image.shape, 3))


def content_hash(image: npt.NDArray[Any]) -> str:
    """Fingerprint of the pixels, shape and type of a plane (BLAKE2b, 128 bits, hex)."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{image.dtype.str}{image.shape}".encode())
    digest.update(np.ascontiguousarray(image).view(np.uint8).data)
    return digest.hexdigest()
