"""What one image of a file holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari_sam.errors import DataError
from napari_sam.pixel_size import PixelSize


@dataclass(frozen=True, eq=False)
class ImageFile:
    """What one file holds.

    Parameters
    ----------
    pixels : array
        Of NumPy; of a large file an array-like that reads what is taken out of it.
    axes : str
        A letter per axis: ``YX`` rows and columns, ``S`` colour samples, ``C`` channels, ``Z``
        slices, ``T`` times; ``Q`` or ``I`` where the file does not say.
    pixel_size : PixelSize, optional
    """

    pixels: Any
    axes: str
    pixel_size: PixelSize | None = None

    def with_axes(self, axes: str, name: str) -> ImageFile:
        """Return the same pixels with other letters; `name` is the file's, for the message.

        Raises
        ------
        DataError
            When there is not one letter for each axis, or one stands twice.
        """
        letters = axes.upper() if isinstance(axes, str) else ""
        fits = len(letters) == self.pixels.ndim and len(set(letters)) == len(letters)
        if not fits or not (letters.isascii() and letters.isalpha()):
            raise DataError(
                f"{name} has {self.pixels.ndim} axes {self.pixels.shape}, "
                f"which '{axes}' does not describe: give one letter for each."
            )
        return ImageFile(self.pixels, letters, self.pixel_size)
