"""An image of nine discs, its labels, and their rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fake_model import blobs
from napari_sam.segmentation import measure

SIDE = 400
CENTRES = [(row, column) for row in (40, 200, 360) for column in (40, 200, 360)]
IMAGE = blobs((SIDE, SIDE), CENTRES, radius=9)


def discs() -> np.ndarray:
    labels = np.zeros(IMAGE.shape, np.int32)
    grid = np.indices(IMAGE.shape)
    for number, centre in enumerate(CENTRES, start=1):
        inside = ((grid - np.reshape(centre, (2, 1, 1))) ** 2).sum(axis=0) <= 80
        labels[inside] = number
    return labels


def table() -> pd.DataFrame:
    scores = {number: 0.5 + number / 20 for number in range(1, len(CENTRES) + 1)}
    found = measure(discs(), scores=scores, source="cells")
    found.insert(0, "index", found["label"])
    return found
