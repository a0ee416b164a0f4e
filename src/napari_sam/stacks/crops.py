"""Windows of slices: what is around an object is read, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam import checks
from napari_sam.array_kinds import is_array
from napari_sam.contrast import contrast_limits, normalise
from napari_sam.errors import ImageError, LabelsError, ParameterError, PromptError
from napari_sam.images import Image, array_of, check_plane, is_rgb, known_shape
from napari_sam.regions import Mask, Region
from napari_sam.stacks.haze import without_haze

AROUND = 1.5  # object sizes that a window shows on each side
LEAST = 24  # pixels that it shows at least
_MARGIN = 1 / 8  # of its sides that are read around a window: on the next slice it lies beside it
_KEPT = 4  # slices: of both ways that an object is followed, the one before and the one looked at


@dataclass(frozen=True)
class Window:
    """A rectangle of the plane.

    Parameters
    ----------
    top, left : int
        Its first pixel.
    shape : (int, int)
        Rows and columns.
    """

    top: int
    left: int
    shape: tuple[int, int]

    @classmethod
    def around(cls, region: Region, plane: tuple[int, int], least: int = LEAST) -> Window:
        """Choose what to look at for an object, some pixels at least, within the plane."""
        r0, c0, r1, c1 = region.box
        reach = max(least, int(np.ceil(AROUND * np.sqrt((r1 - r0) * (c1 - c0)))))
        return cls.beside(region, plane, reach)

    @classmethod
    def beside(cls, region: Region, plane: tuple[int, int], reach: int) -> Window:
        """Look at an object and some pixels on each side, within the plane."""
        r0, c0, r1, c1 = region.box
        return cls(r0, c0, (r1 - r0, c1 - c0)).grown(reach, reach, plane)

    @classmethod
    def whole(cls, plane: tuple[int, int]) -> Window:
        """Look at all of the plane."""
        return cls(0, 0, plane)

    @property
    def slices(self) -> tuple[slice, slice]:
        """What selects it from the plane."""
        return (
            slice(self.top, self.top + self.shape[0]),
            slice(self.left, self.left + self.shape[1]),
        )

    def mask(self, region: Region) -> Mask:
        """Return an object's mask in the window."""
        return region.on(self.shape, self.top, self.left)

    def region(self, mask: Mask) -> Region:
        """Return the object of a mask of the window."""
        return Region.of(mask, self.top, self.left)

    def grown(self, rows: int, columns: int, plane: tuple[int, int]) -> Window:
        """Look at some more on each side, within the plane."""
        top, left = max(self.top - rows, 0), max(self.left - columns, 0)
        bottom = min(self.top + self.shape[0] + rows, plane[0])
        right = min(self.left + self.shape[1] + columns, plane[1])
        return Window(top, left, (bottom - top, right - left))

    def holds(self, other: Window) -> bool:
        """Whether another window lies in this one."""
        return (
            self.top <= other.top
            and self.left <= other.left
            and self.top + self.shape[0] >= other.top + other.shape[0]
            and self.left + self.shape[1] >= other.left + other.shape[1]
        )


class Slices:
    """Slices of a stack or frames of a movie, read by windows.

    Parameters
    ----------
    stack : (Z, H, W) or (Z, H, W, C) array, or Image
        NumPy, dask and zarr alike.
    rgb : bool, optional
        Whether the last axis is colour; guessed by default.
    limits : (low, high), optional
        Contrast limits of all slices; those of the whole slice that `look_at` names by default.
    reach : int
        How many slices away the haze comes from that `clear` takes away; 0 takes none away.
    """

    def __init__(
        self,
        stack: Any,
        *,
        rgb: bool | None = None,
        limits: tuple[float, float] | None = None,
        reach: int = 0,
    ) -> None:
        if isinstance(stack, Image):
            rgb, limits = stack.rgb, stack.limits if limits is None else limits
            stack = _slices_first(stack)
        self.data = stack if is_array(stack) else checks.array(stack, "The stack", ImageError)
        shape = known_shape(self.data)
        if (is_rgb(shape) and len(shape) == 4) if rgb is None else rgb:
            shape = shape[:-1]
        if len(shape) != 3 or 0 in self.data.shape:
            raise ImageError(
                f"Expected a stack (Z, H, W) or (Z, H, W, C) with some pixels, got shape "
                f"{tuple(self.data.shape)}. Pick a channel or a time point first."
            )
        self.depth, self.plane = shape[0], (shape[1], shape[2])
        self.limits, self._reach = limits, reach
        self._kept: dict[int, tuple[Window, npt.NDArray[Any]]] = {}

    def check(self, index: int) -> None:
        """Refuse the number of a slice that is not there.

        Raises
        ------
        ParameterError
        """
        if not 0 <= index < self.depth:
            raise ParameterError(
                f"There is no slice {index}: the stack has {self.depth}, counted from 0."
            )

    def region(self, index: int, mask: Region | npt.ArrayLike) -> Region:
        """Return where an object was shown on a slice.

        Raises
        ------
        PromptError
            When it is no mask of a slice, or an empty one.
        """
        if isinstance(mask, Region):
            region = mask.within(self.plane)
        else:
            given = checks.array(mask, "A mask", PromptError) != 0
            if given.shape != self.plane:
                points = given.shape[-1:] in ((2,), (4,))
                raise PromptError(
                    f"The mask of slice {index} has shape {given.shape}, but slices have "
                    f"{self.plane}."
                    + " Points and boxes are given as a napari_sam.Prompt."
                    * points
                )
            region = Region.of(given)
        if not region.area:
            raise PromptError(
                f"There is no object on slice {index}: the mask is empty. Click elsewhere, or "
                "paint some of the object."
            )
        return region

    def look_at(self, index: int, keep: bool = False) -> npt.NDArray[Any]:
        """Read a whole slice, and take the contrast from it if none was given."""
        whole = Window.whole(self.plane)
        pixels = self.read(index, whole) if keep else check_plane(np.asarray(self.data[index]))
        if self.limits is None:
            self.limits = contrast_limits(pixels)
        return pixels

    def read(self, index: int, window: Window) -> npt.NDArray[Any]:
        """Read a window of a slice; the last few slices are kept."""
        kept = self._kept.get(index)
        if kept is None or not kept[0].holds(window):
            rows, columns = (int(_MARGIN * side) for side in window.shape)
            read = window.grown(rows, columns, self.plane)
            kept = read, check_plane(np.asarray(self.data[(index, *read.slices)]))
            self._kept.pop(index, None)
            self._kept[index] = kept
            while len(self._kept) > _KEPT * (1 + self._reach):  # and those that light comes from
                self._kept.pop(next(iter(self._kept)))
        where, pixels = kept
        row, column = window.top - where.top, window.left - where.left
        return pixels[row : row + window.shape[0], column : column + window.shape[1]]

    def clear(self, index: int, window: Window, shows: bool = False) -> npt.NDArray[Any]:
        """Read a window of a slice without its haze, see `napari_sam.stacks.haze`.

        As it is in frames of a movie, and in colour images. It need not be looked at whether it is
        nothing but noise where it is known to show an object.
        """
        pixels = self.read(index, window)
        if not self._reach or pixels.ndim > 2:
            return pixels
        places = (max(index - self._reach, 0), min(index + self._reach, self.depth - 1))
        return without_haze(pixels, [self.read(at, window) for at in places], self.limits, shows)

    def picture(self, index: int, window: Window) -> npt.NDArray[np.float32]:
        """Return how bright a window of a slice is, see `brightness`."""
        return self.brightness(self.read(index, window))

    def brightness(self, pixels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return how bright pixels are within the limits, 0 to 1, (h, w) of colours, too."""
        shown = normalise(pixels, self.limits)
        return shown if shown.ndim == 2 else np.asarray(shown.mean(axis=2), np.float32)


def _slices_first(image: Image) -> Any:
    """Return the array of a stack or movie, or say which axes it has instead."""
    axes = image.axes.removesuffix("S")
    if len(axes) == 3 and axes.endswith("YX") and axes[0] != "C":
        return image.finest
    raise ImageError(
        f"Expected a stack or movie with the axes ZYX or TYX, got {image.axes}. Pick a channel or "
        "a time point of its pixels first."
    )


class Others:
    """Objects that are there already, beside one that is carried.

    Parameters
    ----------
    labels : (Z, H, W) integer array, or `napari_sam.images.PlaneStack`
        0 where none is.
    slices : Slices
        What they lie on.
    own : int
        The number of the object itself, which is no other.

    Raises
    ------
    LabelsError
        When they do not lie on these slices.
    """

    def __init__(self, labels: Any, slices: Slices, own: int = 0) -> None:
        labels = array_of(labels)
        if not is_array(labels):
            labels = checks.labels(labels, "others", ndim=3)
        if tuple(labels.shape) != (slices.depth, *slices.plane):
            raise LabelsError(
                f"Labels of shape {tuple(labels.shape)} do not lie on {slices.depth} slices of "
                f"{slices.plane}."
            )
        self._labels, self._own = labels, own

    def read(self, index: int, window: Window) -> npt.NDArray[Any]:
        """Read what others take up of a window, (h, w): their numbers, 0 where none is."""
        found = np.asarray(self._labels[(index, *window.slices)])
        return np.where(found == self._own, 0, found) if self._own else found
