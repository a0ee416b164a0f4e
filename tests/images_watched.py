"""Arrays that count what is read of them, and pyramids, for tests of large images."""

from __future__ import annotations

from typing import Any

import numpy as np


class Watched:
    """An array on disk, as far as this package looks, that counts the pixels that were read."""

    def __init__(self, data: np.ndarray) -> None:
        self.data, self.read = data, 0
        self.shape, self.dtype, self.ndim = data.shape, data.dtype, data.ndim

    def __getitem__(self, key: Any) -> np.ndarray:
        taken = self.data[key]
        self.read += taken.size
        return taken


def pyramid(data: np.ndarray, levels: int) -> list[np.ndarray]:
    """Means of squares of two by two pixels, again and again."""
    found = [data]
    for _ in range(levels - 1):
        last = found[-1].astype(np.float64)
        even = last[: last.shape[0] // 2 * 2, : last.shape[1] // 2 * 2]
        means = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2).mean(axis=(1, 3))
        found.append(means.round().astype(data.dtype))
    return found
