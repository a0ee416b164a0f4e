"""What a SAM keeps of a plane, in memory and as arrays for a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class SamFeatures:
    """What `napari_sam.models.sam.model.SamModel` keeps of a plane.

    Parameters
    ----------
    image : (1, C, h, w) float32 Tensor
        The encoder's output.
    used : (int, int)
        Rows and columns of the encoder's square that show the plane; the rest is padding.
    details : tuple of Tensor
        What the decoder keeps of earlier layers, if it wants to know of them.
    """

    image: Tensor
    used: tuple[int, int]
    details: tuple[Tensor, ...] = ()

    @property
    def nbytes(self) -> int:
        """Memory that they hold."""
        return self.image.nbytes + sum(detail.nbytes for detail in self.details)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Turn them into arrays."""
        arrays = {"image": self.image.cpu().numpy(), "used": np.array(self.used)}
        for number, detail in enumerate(self.details):
            arrays[f"detail_{number}"] = detail.cpu().numpy()
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], device: str) -> SamFeatures:
        """Turn arrays back into features on a device."""
        names = ["image", *(f"detail_{number}" for number in range(len(arrays) - 2))]
        image, *details = (torch.from_numpy(arrays[name]).to(device) for name in names)
        rows, columns = (int(side) for side in arrays["used"])
        return cls(image, (rows, columns), tuple(details))
