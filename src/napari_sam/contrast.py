"""Contrast: pixel values made fit for a network."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.errors import ImageError
from napari_sam.images import check_plane

PERCENTILES = (0.5, 99.8)
_SAMPLE = 1_000_000  # pixels that are enough for a percentile


def contrast_limits(image: npt.NDArray[Any]) -> tuple[float, float]:
    """Find robust limits of an image: percentiles, so that one hot pixel changes nothing.

    Falls back to the full range when the percentiles coincide (a few small bright objects on
    an even background), and to ``(v, v + 1)`` for a constant image, which then becomes black.
    """
    values = image.reshape(-1)
    if values.size > _SAMPLE:
        # A stride that shares no factor with common row lengths, so that columns are not favoured.
        values = values[:: values.size // _SAMPLE | 1]
    if np.issubdtype(values.dtype, np.inexact):
        values = values[np.isfinite(values)]
        if values.size == 0:
            return 0.0, 1.0
    # In float64: differences of bool are refused, those of float16 overflow.
    low, high = (float(v) for v in np.percentile(values.astype(np.float64), PERCENTILES))
    if high <= low:
        finite = image[np.isfinite(image)]
        low, high = float(finite.min()), float(finite.max())
    if high > low:
        return low, high
    # One more than 1e16 is 1e16; and nothing finite lies above the largest number.
    above = max(low + 1.0, float(np.nextafter(low, np.inf)))
    return (low, above) if np.isfinite(above) else (float(np.nextafter(low, -np.inf)), low)


def normalise(image: Any, limits: tuple[float, float] | None = None) -> npt.NDArray[np.float32]:
    """Scale one plane to [0, 1] without wrapping, blackening or dividing by zero.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4) array of any real type
    limits : (low, high), optional
        Values that become 0 and 1, for example a layer's contrast limits. By default
        percentiles of the whole plane (all channels together, so that hues stay).

    Returns
    -------
    (H, W) or (H, W, 3) float32
        NaN and -inf become 0, +inf becomes 1.
    """
    array = check_plane(image)
    low, high = contrast_limits(array) if limits is None else (float(v) for v in limits)
    if not (np.isfinite(low) and np.isfinite(high)) or high <= low:
        raise ImageError(f"Contrast limits must be finite and increasing, got ({low}, {high}).")
    # float64 only where 32 bits would lose neighbouring values of wide integers.
    wide = array.dtype.itemsize > 2 and np.issubdtype(array.dtype, np.integer)
    scaled: npt.NDArray[np.floating[Any]] = array.astype(
        np.float64 if wide or array.dtype == np.float64 else np.float32
    )
    with np.errstate(invalid="ignore", over="ignore", under="ignore", divide="ignore"):
        scaled -= low
        scaled /= high - low
    np.nan_to_num(scaled, copy=False, nan=0.0, posinf=1.0, neginf=0.0)
    np.clip(scaled, 0.0, 1.0, out=scaled)
    return scaled.astype(np.float32, copy=False)
