"""The other way round of what COCO files hold: masks of their run lengths."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def decode_runs(counts: list[int], size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Mask (H, W) of run lengths made by `encode_runs`."""
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(size, order="F")
