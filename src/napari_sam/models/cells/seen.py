"""What of a plane's pixels the network ``cells`` is shown, and in training as well."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.contrast import normalise

__all__ = ["as_seen", "without_hue"]

_BLOCK = 8  # pixels; JPEG smears colours over fewer
_SAME = 0.025  # of the brightest channel's range: channels that differ by less are in step


def as_seen(plane: npt.NDArray[Any], limits: tuple[float, float]) -> npt.NDArray[np.float32]:
    """Scale a plane between limits to [0, 1], without a hue that tells nothing.

    Parameters
    ----------
    plane : (H, W) or (H, W, 3) array
    limits : (low, high)

    Returns
    -------
    (H, W) or (H, W, 3) float32
    """
    return normalise(without_hue(plane), limits)


def without_hue(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the brightest channel of a plane whose channels all tell the same.

    Programmes of microscopes paint fluorescence green, blue or red. The network was taught on
    stained tissue and on grey images: what is blue alone seems dark to it.

    Parameters
    ----------
    plane : (H, W) or (H, W, 3) array

    Returns
    -------
    (H, W) or (H, W, 3) array
        The plane itself, if it is grey or of several hues.

    Examples
    --------
    >>> grey = np.arange(64 * 64).reshape(64, 64)
    >>> blue = np.stack([0 * grey, grey // 3, grey], axis=2)
    >>> without_hue(blue).shape, without_hue(np.stack([grey, grey.T, grey], axis=2)).shape
    ((64, 64), (64, 64, 3))
    """
    if plane.ndim == 2:
        return plane
    means = _means(plane)
    if not np.isfinite(means).all():
        return plane
    spans = np.ptp(means, axis=0)
    brightest = int(spans.argmax())
    if spans[brightest] == 0:
        return plane
    moved = means - means.mean(axis=0)
    leading = moved[:, brightest]
    slopes = (leading[:, None] * moved).sum(axis=0) / (leading**2).sum()
    apart = np.abs(moved - leading[:, None] * slopes).max()
    if slopes.min() < 0 or apart > _SAME * spans[brightest]:
        return plane
    return plane[..., brightest]


def _means(plane: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return means of blocks of a plane, (n, 3)."""
    side = min(_BLOCK, *plane.shape[:2])
    rows, columns = (length // side for length in plane.shape[:2])
    whole = plane[: rows * side, : columns * side]
    # One axis after the other takes a fifth of the time of both at once.
    down = whole.reshape(rows, side, columns, side, 3).mean(axis=1, dtype=np.float64)
    means: npt.NDArray[np.float64] = down.mean(axis=2).reshape(-1, 3)
    return means
