"""How large a pixel is, when the file or the person says so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_sam.errors import ImageError


@dataclass(frozen=True)
class PixelSize:
    """Physical size of a pixel.

    Parameters
    ----------
    row, column : float
        Distance between neighbouring rows, and between neighbouring columns.
    unit : str
        Of all three lengths, such as ``"um"``.
    slice : float, optional
        Distance between neighbouring slices of a z-stack.
    """

    row: float
    column: float
    unit: str = "um"
    slice: float | None = None

    def __post_init__(self) -> None:
        lengths = [self.row, self.column, 1.0 if self.slice is None else self.slice]
        if not np.isfinite(lengths).all() or min(lengths) <= 0:
            raise ImageError(f"A pixel size must be positive and finite, got {self}.")

    @property
    def area(self) -> float:
        """Area of one pixel."""
        return self.row * self.column
