"""What a lesson made of a model, without one: for tests of what becomes of it."""

from __future__ import annotations

import numpy as np

from napari_sam.models.lesson import BETTER, Lesson
from napari_sam.training.shown_samples import ShownSample

#: Cells of an image that are kept.
PLACES = [(20, 20), (20, 50), (44, 30)]


def lesson(verdict: str = BETTER, base: str = "cells", wrong: float = 1.0) -> Lesson:
    before = {"found": 0.5, "click": 0.6, "wrong": 1.0}
    after = {"found": 1.0, "click": 0.8, "wrong": wrong}
    return Lesson(
        *("2026-01-02T03:04:05+00:00", base, 1, 3, 4, 1.0, 9, True, 12.0),
        *(before, after, {"ap50": 0.7}, {"ap50": 0.7}, verdict),
    )


def sample() -> ShownSample:
    mask = np.zeros((20, 30), bool)
    mask[5:15, 5:15] = True
    return ShownSample(np.full((20, 30, 3), 90, np.uint8), mask, ~mask, mask)
