"""The line along which an object is cut, as pixels that nothing slips through."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
from skimage.draw import line as line_pixels

from napari_sam.errors import LabelsError

Mask = npt.NDArray[np.bool_]

_LEVEL = 1e-9  # pixels by which a line that is level may rise: to divide by less overflows


def pixel(point: npt.NDArray[np.float64]) -> tuple[int, int]:
    """Return the pixel that a place ``(row, column)`` lies in."""
    return int(np.rint(point[0])), int(np.rint(point[1]))


def draw(mask: Mask, corners: npt.NDArray[np.float64]) -> Mask:
    """Draw a line that nothing slips through, on beyond ends that lie in the object."""
    if np.ptp(corners, axis=0).max() < 1:
        raise LabelsError("Draw a line right across the cell to cut it.")
    path = [_beyond(mask, corners[0], corners), *corners[1:-1]]
    path.append(_beyond(mask, corners[-1], corners[::-1]))
    drawn = np.zeros(mask.shape, dtype=bool)
    for start, stop in itertools.pairwise(path):
        near = _near(start, stop, mask.shape)
        if near is None:
            continue
        rows, columns = line_pixels(*pixel(near[0]), *pixel(near[1]))
        held = (rows >= 0) & (rows < mask.shape[0]) & (columns >= 0) & (columns < mask.shape[1])
        drawn[rows[held], columns[held]] = True
    drawn[:, 1:] |= drawn[:, :-1]  # a second pixel closes the gaps of diagonal steps
    return drawn


def _near(
    start: npt.NDArray[np.float64], stop: npt.NDArray[np.float64], shape: tuple[int, ...]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    """Leave out what a straight line has far from the plane; None when that is all of it.

    Cut at a distance, so that the pixels on the plane stay the same.
    """
    far = float(sum(shape))
    low, high = 0.0, 1.0
    step = stop - start
    for axis, size in enumerate(shape):
        if abs(step[axis]) < _LEVEL:
            if not -far <= start[axis] <= size + far:
                return None
            continue
        ends = sorted((bound - start[axis]) / step[axis] for bound in (-far, size + far))
        low, high = max(low, ends[0]), min(high, ends[1])
    if low > high:
        return None
    return start + low * step, stop if high == 1.0 else start + high * step


def _beyond(
    mask: Mask, end: npt.NDArray[np.float64], line: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Move the first point of a line outwards until it lies outside the object."""
    apart = np.linalg.norm(line - end, axis=1) >= 1
    if not apart.any():
        return end
    step = end - line[np.argmax(apart)]
    step = step / np.linalg.norm(step)
    point = end.copy()
    while True:
        row, column = pixel(point)
        if not (0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]) or not mask[row, column]:
            return point
        point = point + step
