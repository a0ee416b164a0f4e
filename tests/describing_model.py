"""A model that finds bright discs and knows only their shape and brightness."""

from __future__ import annotations

import numpy as np

from fake_model import FakeModel


class Scene:
    """A plane of which the network says nothing."""

    def describe(self, labels: np.ndarray) -> np.ndarray:
        return np.ones((labels.max(), 4), np.float32)


class DescribingModel(FakeModel):
    @property
    def describes(self) -> DescribingModel:
        return self

    def scene(self, embedding: object, **_: object) -> Scene:
        return Scene()


def two_kinds() -> tuple[np.ndarray, np.ndarray]:
    """Twenty large bright discs and twenty small dim ones, and labels: even ids are large."""
    rng = np.random.default_rng(0)
    image, labels = rng.normal(10, 1, (240, 300)), np.zeros((240, 300), np.int32)
    rows, columns = np.indices(image.shape)
    for number in range(40):
        row, column = 25 + 45 * (number // 8), 25 + 35 * (number % 8)
        large = number % 2 == 1
        inside = (rows - row) ** 2 + (columns - column) ** 2 <= (14 if large else 9) ** 2
        image[inside] += 80 if large else 40
        labels[inside] = number + 1
    return image, labels
