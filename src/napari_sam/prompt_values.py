"""The parts of a prompt, read from whatever a caller has given."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam import checks
from napari_sam.errors import PromptError

Places = npt.NDArray[np.float64]


def labels_of(value: Any, count: int, what: str = "points") -> npt.NDArray[np.int64]:
    if value is None:
        return np.ones(count, dtype=np.int64)
    given = np.atleast_1d(checks.array(value, "labels", PromptError))
    if given.shape != (count,):
        raise PromptError(
            f"{count} {what} need {count} labels, got an array of shape {given.shape}."
        )
    if not np.isin(given, (0, 1)).all():
        raise PromptError(f"labels must be 1 (object) or 0 (background), got {given.tolist()}.")
    return given.astype(np.int64)


def boxes_of(value: Any) -> npt.NDArray[np.float64]:
    corners = checks.places(value, 4, "boxes", PromptError).reshape(-1, 2, 2)
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    if (boxes[:, :2] == boxes[:, 2:]).any():
        raise PromptError(f"A box has no area: {boxes.tolist()}. Drag it open, or use a point.")
    return boxes


def mask_of(value: Any) -> npt.NDArray[np.bool_]:
    given = checks.array(value, "mask", PromptError)
    if given.ndim != 2:
        raise PromptError(f"mask must be one plane (H, W), got shape {given.shape}.")
    checks.finite(given, "mask", PromptError)
    inside: npt.NDArray[np.bool_] = given != 0
    return inside


def logits_of(value: Any) -> npt.NDArray[np.float32]:
    given = checks.array(value, "logits", PromptError, kinds="iuf")
    if given.ndim != 2 or given.size == 0:
        raise PromptError(f"logits must be (h, w), got shape {given.shape}.")
    with np.errstate(over="ignore"):
        logits = np.array(given, dtype=np.float32)
    checks.finite(logits, "logits", PromptError)
    return logits


def strokes_of(value: Any) -> tuple[Places, ...]:
    """Read lines, each (N, 2) with at least two corners."""
    if not isinstance(value, Iterable):
        raise PromptError(f"strokes must be lines of (row, column) corners, got {value!r}.")
    return tuple(checks.corners(line, 2, "A stroke", PromptError) for line in value)


def places_within(places: Places, what: str, shape: tuple[int, int]) -> None:
    """Refuse points, or corners of a line, beyond a plane."""
    height, width = shape
    # A pixel reaches half a pixel around its centre.
    if (places < -0.5).any() or (places > np.array([height, width]) - 0.5).any():
        raise PromptError(
            f"A {what} lies outside the plane of {height} x {width} pixels: {places.tolist()}."
        )


def boxes_within(boxes: Places, shape: tuple[int, int]) -> None:
    """Refuse boxes (N, 4) that miss a plane."""
    height, width = shape
    for r0, c0, r1, c1 in boxes:
        if r1 < -0.5 or c1 < -0.5 or r0 > height - 0.5 or c0 > width - 0.5:
            corners = ", ".join(f"{float(side):g}" for side in (r0, c0, r1, c1))
            raise PromptError(
                f"The box ({corners}) lies outside the plane of {height} x {width} pixels."
            )
