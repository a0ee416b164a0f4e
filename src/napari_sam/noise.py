"""Noise: whether a plane, but for few pixels, holds nothing else, and what stands far above it.

Everything here is decided so that planes with objects in plenty are left alone: their values are
not distributed like noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# A normal distribution has these percentiles at -1, 0 and 1 standard deviations.
SPREAD = (15.87, 50.0, 84.13)
_BELOW, _ABOVE = 2.58, 2.88  # standard deviations to the percentiles .5 and 99.8
_TAILS = 1.4  # noise of cameras has longer tails than a normal distribution by up to this
_ENOUGH = 50_000  # values that are enough for a standard deviation
_SIDE = 64  # pixels; a smaller plane has too few of them to tell
_FAR = 8.0  # standard deviations above which noise has no pixel
_NEAR = 5.0  # and above which it has hardly any
_CORE = 9  # pixels inside a bright spot, all round them bright: a few hot pixels have none
_HALO = 6.0  # a spot has a blurred rim of at most so many times its pixels
# Side of blocks in pixels, and how many times less than the pixels, times the side, their means
# vary in noise that is blurred by up to 1.5 pixels; in planes full of texture they vary more.
_BLOCKS = ((8, 4.4), (16, 5.2))
_OUTLIER = 1.2  # standard deviations beyond the largest of so many means of noise


@dataclass(frozen=True)
class Noise:
    """What most of a plane consists of.

    Parameters
    ----------
    level, sigma : float
        Median and standard deviation.
    high : float
        Its upper percentile.
    symmetric : bool
        Whether its upper tail is as short as noise has it: nothing but noise up to there.
    """

    level: float
    sigma: float
    high: float
    symmetric: bool


def noise_of(
    image: npt.NDArray[Any], values: npt.NDArray[np.float64], low: float, high: float
) -> Noise | None:
    """Tell noise by its percentiles.

    Parameters
    ----------
    image : (H, W) array
    values : (N,) array
        A sample of its finite values.
    low, high : float
        Their percentiles .5 and 99.8.

    Returns
    -------
    Noise or None
        None when the values below the median are not distributed like noise.
    """
    if image.ndim != 2 or min(image.shape) < _SIDE:
        return None
    whole = image.dtype.kind in "iu"  # rounding alone spreads values by some
    # From below the median alone: above it there may be objects.
    left, level, _ = np.percentile(values[:: values.size // _ENOUGH + 1], SPREAD)
    sigma = max(float(level - left), 0.5 if whole else 0.0)
    if sigma <= 0 or level - low > _TAILS * _BELOW * sigma:
        return None
    above = _TAILS * _ABOVE * sigma + whole  # counts of few photons reach one higher
    return Noise(float(level), sigma, high, high - level <= above)


def bright_level(image: npt.NDArray[Any], noise: Noise) -> float | None:
    """Find the value of the few spots that stand far above the noise.

    A spot has pixels with nothing but bright ones around them, which hot pixels, bad columns and
    short scratches have not.

    Parameters
    ----------
    image : (H, W) array
    noise : Noise

    Returns
    -------
    float or None
        The median inside the spots; None when there are none, when it is not above the upper
        percentile, or when other pixels are above the noise in such numbers that they are more
        than the rims of the spots.
    """
    bright = image > noise.level + _FAR * noise.sigma
    rows, columns = np.nonzero(bright[1:-1, 1:-1])
    if not _CORE <= len(rows) <= image.size // 50:
        return None
    inside = np.ones(len(rows), dtype=bool)
    for down in range(3):
        for along in range(3):
            inside &= bright[rows + down, columns + along]
    values = image[rows[inside] + 1, columns[inside] + 1].astype(np.float64)
    values = values[np.isfinite(values)]
    if len(values) < _CORE:
        return None
    if np.count_nonzero(image > noise.level + _NEAR * noise.sigma) > _HALO * len(values):
        return None
    level = float(np.median(values))
    return level if level > noise.high else None


def is_empty(image: npt.NDArray[Any], noise: Noise) -> bool:
    """Tell whether a plane is noise and nothing else, not even faint objects.

    Parameters
    ----------
    image : (H, W) array
    noise : Noise

    References
    ----------
    Means of blocks vary with the power of the noise at low frequencies; objects as large as a
    block are outliers among them (a matched filter with a square).
    """
    if not noise.symmetric:
        return False
    low, high = (noise.level + sign * _NEAR * noise.sigma for sign in (-1, 1))
    side = _BLOCKS[-1][0]
    rows, columns = (size // side * side for size in image.shape)
    # Clipped, so that hot pixels are no objects.
    clipped = np.clip(image[:rows, :columns], low, high, dtype=np.float32)
    for side, correlated in _BLOCKS:
        along = clipped.reshape(-1, side) @ np.full(side, 1 / side, np.float32)
        means = along.reshape(rows // side, side, -1).mean(axis=1).ravel()
        if not np.isfinite(means).all():
            return False
        left, level, right = np.percentile(means, SPREAD)
        sigma = max(float(right - left) / 2, 1e-3 * noise.sigma)
        expected = np.sqrt(2 * np.log(means.size))
        if (
            sigma * side > correlated * noise.sigma
            or np.abs(means - level).max() > (expected + _OUTLIER) * sigma
        ):
            return False
    return True
