"""Random fields and cheap wide blurs: the raw material of every synthetic texture."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Array = NDArray[np.float32]
#: Standard deviation of a 2-D cubic B-spline surface over unit white noise.
_SPLINE_STD = 0.479


@lru_cache(maxsize=512)
def _taps(length: int, cells: int) -> tuple[NDArray[np.intp], Array]:
    """First control point and the four cubic B-spline weights of every sample."""
    position = (np.arange(length) + 0.5) * (cells / length)
    first = np.minimum(position.astype(np.intp), cells - 1)
    t = position - first
    weights = np.stack(
        [
            (1 - t) ** 3,
            3 * t**3 - 6 * t**2 + 4,
            -3 * t**3 + 3 * t**2 + 3 * t + 1,
            t**3,
        ]
    )
    return first, (weights / 6).astype(np.float32)


def stretch_axis(coarse: Array, length: int, axis: int = 0) -> Array:
    """Cubic B-spline through ``n + 3`` control points along one axis of an array."""
    knots = np.ascontiguousarray(np.moveaxis(coarse, axis, 0))
    first, weights = _taps(length, knots.shape[0] - 3)
    weights = weights.reshape(4, length, *(1,) * (coarse.ndim - 1))
    out = weights[0] * knots[first]
    for k in (1, 2, 3):
        out += weights[k] * knots[first + k]
    return np.moveaxis(out, 0, axis)


def stretch(coarse: Array, shape: tuple[int, int]) -> Array:
    """Cubic B-spline surface through a coarse grid of control points.

    Parameters
    ----------
    coarse : array (n + 3, m + 3)
        Control points; three more than there are cells, along each axis.
    shape : (int, int)
        Size of the surface in pixels.
    """
    return np.ascontiguousarray(stretch_axis(stretch_axis(coarse, shape[0]), shape[1], 1))


def noise(
    rng: np.random.Generator,
    shape: tuple[int, int],
    scale: float,
    octaves: int = 1,
    stretch_by: tuple[float, float] = (1.0, 1.0),
) -> Array:
    """Smooth random field, mean 0 and standard deviation about 1.

    Parameters
    ----------
    scale : float
        Typical size of a bump in pixels; below 1.3 the field is white noise.
    octaves : int
        Each further octave has half the size and six tenths of the amplitude.
    stretch_by : (float, float)
        Makes bumps longer along rows or columns (fibres, streaks).
    """
    total = np.zeros(shape, np.float32)
    power = 0.0
    for octave in range(octaves):
        size = scale / 2**octave
        amplitude = 0.6**octave
        if size < 1.3:
            layer = rng.standard_normal(shape, dtype=np.float32)
        else:
            cells = [
                max(1, round(length / (size * by)))
                for length, by in zip(shape, stretch_by, strict=True)
            ]
            knots = rng.standard_normal((cells[0] + 3, cells[1] + 3), dtype=np.float32)
            layer = stretch(knots, shape) / np.float32(_SPLINE_STD)
        total += np.float32(amplitude) * layer
        power += amplitude**2
    return total / np.float32(np.sqrt(power))


def blur(image: Array, sigma: float) -> Array:
    """Gaussian blur whose cost does not grow with ``sigma`` (colours apart).

    Wide blurs average blocks of pixels, blur the small image and stretch it back.
    """
    if image.ndim == 3:
        return np.stack([blur(image[..., c], sigma) for c in range(image.shape[2])], axis=2)
    if sigma < 0.2:
        return image
    factor = int(sigma / 2.2)
    if factor < 2 or min(image.shape) < 4 * factor:
        return gaussian_filter(image, sigma, truncate=2.5, mode="nearest")
    pad = [(0, -length % factor) for length in image.shape]
    padded = np.pad(image, pad, mode="edge")
    rows, cols = padded.shape[0] // factor, padded.shape[1] // factor
    small = padded.reshape(rows, factor, cols, factor).mean(axis=(1, 3), dtype=np.float32)
    # The block mean and the spline blur a little themselves.
    rest = max(0.3, (sigma / factor) ** 2 - 1 / 3 - 1 / 12)
    small = gaussian_filter(small, np.sqrt(rest), truncate=3, mode="nearest")
    # Control points sit at block centres: shift by half a cell through averaging.
    knots = np.pad(small, 2, mode="edge")
    knots = (knots[1:] + knots[:-1]) / 2
    knots = (knots[:, 1:] + knots[:, :-1]) / 2
    wide = stretch(knots, (rows * factor, cols * factor))
    return wide[: image.shape[0], : image.shape[1]]


def fibres(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> Array:
    """Wavy bundles as in connective tissue: stretched noise sampled along a bent field."""
    bend = noise(rng, shape, 6 * scale) * (0.9 * scale)
    streaks = noise(rng, shape, scale, 2, (1.0, 7.0) if rng.random() < 0.5 else (7.0, 1.0))
    rows = np.arange(shape[0])[:, None] + bend
    cols = np.arange(shape[1])[None, :] + bend[::-1, ::-1]
    return streaks[rows.astype(np.intp) % shape[0], cols.astype(np.intp) % shape[1]]


def strands(rng: np.random.Generator, angle: Array, scale: float) -> Array:
    """Straight streaks along an angle given per pixel, as bundles of actin in each cell.

    Parameters
    ----------
    angle : float32 array (H, W)
        Direction in radians, constant within a cell.
    scale : float
        Thickness of a streak in pixels.
    """
    size = 256
    bank = noise(rng, (size, size), scale, 2, (1.0, 9.0))
    rows = np.arange(angle.shape[0], dtype=np.float32)[:, None]
    cols = np.arange(angle.shape[1], dtype=np.float32)[None, :]
    cosine, sine = np.cos(angle), np.sin(angle)
    across = (rows * cosine + cols * sine).astype(np.intp)
    along = (cols * cosine - rows * sine).astype(np.intp)
    # Mirrored tiling: no seams.
    across, along = (np.abs(x % (2 * size) - size) % size for x in (across, along))
    return bank[across, along]
