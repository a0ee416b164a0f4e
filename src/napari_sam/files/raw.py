"""What one image of a file holds, in the file's own order, before it is described as an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from napari_sam.errors import DataError
from napari_sam.files.lazy import rearranged
from napari_sam.images import Image
from napari_sam.pixel_size import PixelSize


class FileImage(NamedTuple):
    """One of the images that a file holds.

    Attributes
    ----------
    series : int
        Its number in the file, counted from 0.
    name : str
        What the file calls it; empty where it does not say.
    axes : str
    shape : tuple of int
    """

    series: int
    name: str
    axes: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        return f"{self.series}{name} ({self.axes} {' x '.join(map(str, self.shape))})"


@dataclass(frozen=True, eq=False)
class RawImage:
    """Pixels as they lie in the file.

    Parameters
    ----------
    pixels : array or list of arrays
        Of NumPy; of a large file an array-like that reads what is taken out of it; several are the
        levels of a pyramid, the finest first.
    axes : str
        A letter per axis: ``YX`` rows and columns, ``S`` colour samples, ``C`` channels, ``Z``
        slices, ``T`` times; ``Q`` or ``I`` where the file does not say.
    pixel_size : PixelSize, optional
    """

    pixels: Any
    axes: str
    pixel_size: PixelSize | None = None

    @property
    def finest(self) -> Any:
        """Pixels at full resolution."""
        return self.pixels[0] if isinstance(self.pixels, list) else self.pixels

    def with_axes(self, axes: str, name: str) -> RawImage:
        """Return the same pixels with other letters; `name` is the file's, for the message.

        Raises
        ------
        DataError
            When there is not one letter for each axis, or one stands twice.
        """
        letters = axes.upper() if isinstance(axes, str) else ""
        shape = tuple(self.finest.shape)
        fits = len(letters) == len(shape) and len(set(letters)) == len(letters)
        if not fits or not (letters.isascii() and letters.isalpha()):
            raise DataError(
                f"{name} has {len(shape)} axes {shape}, "
                f"which '{axes}' does not describe: give one letter for each."
            )
        return RawImage(self.pixels, letters, self.pixel_size)

    def as_image(self, name: str) -> Image:
        """Describe the pixels as an image: the samples of a colour last.

        Samples that are no colour, two or more than four, are channels.

        Raises
        ------
        DataError
            When there are no rows and columns, or no pixels.
        """
        pixels, axes = self.pixels, self.axes
        shape = tuple(self.finest.shape)
        if "Y" not in axes or "X" not in axes:
            raise DataError(
                f"{name} has axes '{axes}' of shape {shape}, and no rows and columns among them. "
                "Say what they are with --axes, or axes= in Python, for example ZYX."
            )
        if 0 in shape:
            raise DataError(f"{name} holds no pixels.")
        if "S" in axes and shape[axes.index("S")] not in (3, 4):
            axes = axes.replace("S", "C" if "C" not in axes else "Q")
        if "S" in axes[:-1]:
            order = [at for at, letter in enumerate(axes) if letter != "S"] + [axes.index("S")]
            pixels, axes = rearranged(pixels, {}, order), axes.replace("S", "") + "S"
        return Image(pixels, axes, self.pixel_size, rgb="S" in axes)
