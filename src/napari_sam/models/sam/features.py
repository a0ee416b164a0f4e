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
    detail : Tensor, optional
        What the decoder keeps of an early layer, if it wants to know of it.
    """

    image: Tensor
    used: tuple[int, int]
    detail: Tensor | None = None

    @property
    def nbytes(self) -> int:
        """Memory that they hold."""
        return self.image.nbytes + (0 if self.detail is None else self.detail.nbytes)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Turn them into arrays."""
        arrays = {"image": self.image.cpu().numpy(), "used": np.array(self.used)}
        if self.detail is not None:
            arrays["detail"] = self.detail.cpu().numpy()
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], device: str) -> SamFeatures:
        """Turn arrays back into features on a device."""
        tensors = {name: torch.from_numpy(arrays[name]) for name in arrays if name != "used"}
        rows, columns = (int(side) for side in arrays["used"])
        found = {name: tensor.to(device) for name, tensor in tensors.items()}
        return cls(found["image"], (rows, columns), found.get("detail"))
