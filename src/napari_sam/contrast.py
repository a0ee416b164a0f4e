"""Contrast: pixel values made fit for a network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam import checks
from napari_sam.errors import ImageError
from napari_sam.images import Block, Image, check_plane
from napari_sam.margins import Mask, recorded
from napari_sam.noise import Noise, bright_level, is_empty, noise_of

PERCENTILES = (0.5, 99.8)
_SAMPLE = 1_000_000  # pixels that are enough for a percentile
_FAINT = 32.0  # the noise of an empty frame takes up one part in so many of the range
_LOOKED_AT = 9  # planes that tell how bright a stack is
_DIMMEST = 0.35  # of the usual range: a plane without objects is not brightened beyond it
_FARTHEST = 8e307  # two such numbers differ by a number


def contrast_limits(image: npt.NDArray[Any]) -> tuple[float, float]:
    """Find limits of an image that neither saturate what matters nor show only noise.

    They are percentiles, so that one hot pixel changes nothing. Where all between them is noise,
    what stands far above it sets the upper limit: a few cells on an empty plane. Where nothing
    does, the noise stays small: an empty frame is almost black. Margins of one value do not count,
    see `napari_sam.margins`.

    Falls back to the full range when the percentiles coincide (a few small bright objects on
    an even background), and to ``(v, v + 1)`` for a constant image, which then becomes black.

    Parameters
    ----------
    image : array of any real type
        (H, W); of colour images and stacks, percentiles of all values.

    Returns
    -------
    (low, high) : (float, float)

    Raises
    ------
    ImageError
    """
    image = checks.array(image, "The image", ImageError)
    if image.size == 0 or image.ndim == 0:
        raise ImageError(f"The image has no pixels: shape {image.shape}.")
    image, inside = recorded(image)
    values = _sample(image, inside)
    if values.size == 0:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(values, PERCENTILES))
    if high <= low:
        every = _finite(image)
        low, high = float(every.min()), float(every.max())
    if high > low:
        found = noise_of(image, values, low, high)
        return (low, high) if found is None else (low, _above(image, found, low))
    # One more than 1e16 is 1e16; and nothing finite lies above the largest number.
    above = max(low + 1.0, float(np.nextafter(low, np.inf)))
    return (low, above) if np.isfinite(above) else (float(np.nextafter(low, -np.inf)), low)


def limits_of(image: Image, plane: npt.NDArray[Any]) -> tuple[float, float] | None:
    """Return the limits that a plane of an image is to be seen with.

    Parameters
    ----------
    image : Image
    plane : (H, W) or (H, W, C) array
        As it was read.

    Returns
    -------
    (low, high) or None
        Those of the image, or what `contrast_limits` says of the plane where the image has a
        least range; None leaves it to the model.

    Examples
    --------
    >>> faint = np.arange(64.0).reshape(8, 8)
    >>> round(limits_of(Image(faint, "YX", least_range=1000.0), faint)[1], 1)
    1000.3
    """
    if image.limits is not None or not image.least_range:
        return image.limits
    low, high = contrast_limits(check_plane(plane))
    return low, max(high, low + image.least_range)


def even(image: Image) -> Image:
    """Return an image whose planes without objects stay as dark as the others make them.

    Parameters
    ----------
    image : Image
        Some of its planes are read, unless it has limits.
    """
    if image.limits is not None:
        return image
    planes = list(image.planes())
    some = np.unique(np.linspace(0, len(planes) - 1, _LOOKED_AT).astype(int))
    # Limits of empty planes are wide, so that their noise stays dark: they tell nothing here.
    ranges = [percentile_range(check_plane(Block(image, planes[at]).read())) for at in some]
    return replace(image, least_range=_DIMMEST * float(np.percentile(ranges, 75)))


def is_noise(image: npt.NDArray[Any]) -> bool:
    """Tell whether an image is noise and nothing else: no spots, no faint objects.

    Parameters
    ----------
    image : (H, W) array

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(100, 5, (256, 256))
    >>> spot = noise.copy()
    >>> spot[100:120, 50:70] += 60
    >>> is_noise(noise), is_noise(spot)
    (True, False)
    """
    image, inside = recorded(image)
    values = _sample(image, inside)
    if values.size == 0:
        return True
    low, high = (float(v) for v in np.percentile(values, PERCENTILES))
    found = noise_of(image, values, low, high) if high > low else None
    return found is not None and bright_level(image, found) is None and is_empty(image, found)


def percentile_range(image: npt.NDArray[Any]) -> float:
    """Return how far apart the percentiles of an image lie, whatever is noise in it.

    Parameters
    ----------
    image : array of any real type

    Returns
    -------
    float
        0 for a constant image, and for one without finite values.

    Examples
    --------
    >>> round(percentile_range(np.arange(1001)))
    993
    """
    values = _sample(*recorded(checks.array(image, "The image", ImageError)))
    return float(np.ptp(np.percentile(values, PERCENTILES))) if values.size else 0.0


def dark_level(image: npt.NDArray[Any]) -> float | None:
    """Return the value that few pixels of an image lie below; None where most are rather bright.

    Examples
    --------
    >>> dark_level(np.array([[np.nan, 3.0, 4.0, 9.0]])), dark_level(np.array([[3.0, 8.0, 9.0]]))
    (3.0, None)
    """
    values = _sample(*recorded(checks.array(image, "The image", ImageError)))
    if values.size == 0:
        return None
    shares = (PERCENTILES[0], 50.0, PERCENTILES[1])
    low, middle, high = np.percentile(values, shares, method="nearest")
    return float(low) if middle - low <= high - middle else None


def _sample(image: npt.NDArray[Any], inside: Mask | None) -> npt.NDArray[np.float64]:
    """Return finite values of an image, or of a part of it, enough of them for a percentile."""
    values = (image if inside is None else image[inside]).reshape(-1)
    if values.size > _SAMPLE:
        # A stride that shares no factor with common row lengths, so that columns are not favoured.
        values = values[:: values.size // _SAMPLE | 1]
    return _finite(values)


def _above(image: npt.NDArray[Any], found: Noise, low: float) -> float:
    """Return the upper limit of a plane that is noise but for few pixels."""
    bright = bright_level(image, found)
    if bright is not None:
        return bright
    return low + _FAINT * (found.high - low) if is_empty(image, found) else found.high


def _finite(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the finite values in float64, near enough to each other to be subtracted.

    Differences of bool are refused, those of float16 overflow.
    """
    with np.errstate(over="ignore"):
        wide = values.astype(np.float64)
    if values.dtype.kind == "f":
        wide = wide[np.isfinite(wide)]
    if values.dtype.itemsize >= 8:
        np.clip(wide, -_FARTHEST, _FARTHEST, out=wide)
    return wide


def float_for(kind: npt.DTypeLike) -> type[np.floating[Any]]:
    """Return the type to reckon with pixels in: 32 bits where these tell all neighbours apart.

    Examples
    --------
    >>> float_for(np.uint16).__name__, float_for(np.uint32).__name__
    ('float32', 'float64')
    """
    kind = np.dtype(kind)
    return np.float64 if kind.itemsize > (2 if kind.kind in "iu" else 4) else np.float32


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
    low, high = contrast_limits(array) if limits is None else checks.limits(limits)
    with np.errstate(invalid="ignore", over="ignore", under="ignore", divide="ignore"):
        scaled: npt.NDArray[np.floating[Any]] = array.astype(float_for(array.dtype))
        scaled -= low
        scaled /= high - low
    np.clip(scaled, 0.0, 1.0, out=scaled)
    scaled[np.isnan(scaled)] = 0.0
    return scaled.astype(np.float32, copy=False)
