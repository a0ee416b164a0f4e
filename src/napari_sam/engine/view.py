"""The plane that a person looks at, as the panel hands it to the worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from napari_sam.errors import ViewError
from napari_sam.images import Block, behind, too_large


@dataclass(frozen=True, eq=False)
class View(Block):
    """A plane that somebody looks at.

    ``version`` changes whenever the pixels behind the same ``plane`` may have changed, so that
    an embedding is only reused for the pixels it was made of.
    """

    version: int = 0

    def read(self) -> npt.NDArray[Any]:
        """Read the pixels, (H, W) or (H, W, C), at full resolution.

        Raises
        ------
        ViewError
            When the plane is too large to be read at once.
        """
        if too_large(self.plane.shape):
            raise ViewError(
                f"This plane has {self.plane.shape[0]} x {self.plane.shape[1]} pixels, more than "
                "can be read at once. Crop the image or choose a coarser level of its pyramid."
            )
        return super().read()

    def same(self, other: View | None) -> bool:
        """Whether both mean the same pixels, without reading any."""
        return (
            other is not None
            and behind(self.image.finest) is behind(other.image.finest)
            and (self.plane, self.limits, self.image.least_range, self.version)
            == (other.plane, other.limits, other.image.least_range, other.version)
        )
