"""Lazy images with what is known of them, and the blocks that they are worked on in."""

from __future__ import annotations

import itertools
import reprlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam import checks
from napari_sam.array_kinds import is_array
from napari_sam.errors import ImageError, NapariSamError
from napari_sam.images.plane import Plane, check_shape, is_rgb, known_shape
from napari_sam.pixel_size import PixelSize, checked_size
from napari_sam.spelling import instead_of


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
    least_range : float
        Range of values below which no plane is brightened, see `napari_sam.contrast.limits_of`;
        where `limits` are set, they hold.

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
    least_range: float = 0.0

    def __post_init__(self) -> None:
        empty = isinstance(self.pixels, Sequence) and not len(self.pixels)
        if empty or not is_array(self.finest):
            advice = instead_of(self.pixels)
            raise ImageError(f"pixels must be an array, got {reprlib.repr(self.pixels)}.{advice}")
        checks.text(self.axes, "axes", ImageError)
        shape = known_shape(self.finest)
        named = [letter for letter in self.axes if letter != "Q"]
        if len(self.axes) != len(shape) or len(set(named)) != len(named):
            raise ImageError(
                f"Axes '{self.axes}' do not describe pixels of shape {shape}: give one letter "
                "for each axis."
            )
        if "Y" not in self.axes or "X" not in self.axes:
            raise ImageError(
                f"Axes '{self.axes}' have no rows and columns, Y and X, among them, "
                "in capital letters."
            )
        if self.rgb != (self.axes[-1] == "S") or "S" in self.axes[:-1]:
            raise ImageError(
                f"Axes '{self.axes}' with rgb={self.rgb}: a colour image ends in S, another "
                "image has none."
            )
        if 0 in shape:
            raise ImageError(f"The image has no pixels: shape {shape}.")
        if self.pixel_size is not None:
            checked_size(self.pixel_size)
        if self.limits is not None:
            checks.limits(self.limits)

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
        data = pixels if is_array(pixels) else checks.array(pixels, "An image", ImageError)
        shape = known_shape(data)
        if rgb is None:
            rgb = is_rgb(shape)
            if is_rgb((*shape[:-1], 3)) and shape[-1] < 3:
                raise ImageError(
                    f"If rows and columns come last in an array of shape {shape}, as they should, "
                    f"its rows have {shape[-1]} pixels; these seem to be channels. Pick one, "
                    "image[..., 0], or move them to the front, numpy.moveaxis(image, -1, 0). If "
                    "they are columns, say rgb=False."
                )
        check_shape(shape, rgb)
        axes = "YXS" if rgb else "YX"
        return cls(data, axes.rjust(len(shape), "Q"), pixel_size, limits, rgb)

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        """Read all pixels at full resolution, which `numpy.asarray` asks for."""
        return np.array(self.finest, dtype, copy=copy)

    def __repr__(self) -> str:
        shape = " x ".join(str(int(length)) for length in self.finest.shape)
        told = f"Image: {self.axes}, {shape} {self.dtype}"
        if len(self.levels) > 1:
            told += f", {len(self.levels)} levels"
        return told + (f", {self.pixel_size}" if self.pixel_size else "")

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
        found: np.dtype[Any] = np.dtype(self.finest.dtype)
        return found

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
        elif not isinstance(scope, Iterable):
            raise ImageError(f"scope must be a plane or several, got {reprlib.repr(scope)}.")
        for plane in scope:
            checks.instance(plane, Plane, "What is wanted of an image", ImageError)
            self._check(plane)
            yield Block(self, plane)

    def _check(self, plane: Plane) -> None:
        shape = self.shape
        fits = plane.ndim == len(shape) and plane.shape == tuple(shape[at] for at in plane.axes)
        if not fits or not all(
            at is None or 0 <= at < length for at, length in zip(plane.index, shape, strict=True)
        ):
            raise ImageError(f"{plane} does not lie in an image of shape {shape}.")


def array_of(pixels: Any) -> Any:
    """Return the array of an `Image`, which may be lazy, and anything else as it is."""
    return pixels.finest if isinstance(pixels, Image) else pixels


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
        """Read the pixels, (H, W) or (H, W, C), at full resolution.

        Raises
        ------
        ImageError
            When an array that is read lazily fails to.
        """
        try:
            return self.plane.take(self.image.finest)
        except (NapariSamError, MemoryError):
            raise
        except Exception as error:
            where = tuple(at for at in self.plane.index if at is not None)
            raise ImageError(f"The image cannot be read at {where}: {error!r}.") from error
