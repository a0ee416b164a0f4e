"""A Gaussian over a map, on two cores: the smoothing slider waits for it at every move."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

_REACH = 3.0  # sigmas at which the Gaussian is cut off


def smooth(
    values: npt.NDArray[np.float32], sigma: float, mode: str = "reflect"
) -> npt.NDArray[np.float32]:
    """Filter as ``scipy.ndimage.gaussian_filter(values, sigma, truncate=3)`` does, bit for bit.

    Parameters
    ----------
    values : (h, w) float32
    sigma : float
    mode : str
        How the map goes on beyond its edges, as SciPy calls it.
    """
    if int(_REACH * sigma + 0.5) == 0:
        return values  # the Gaussian is narrower than a pixel
    return _smooth_lines(_smooth_lines(values, sigma, 0, mode), sigma, 1, mode)


def _smooth_lines(
    values: npt.NDArray[np.float32], sigma: float, axis: int, mode: str
) -> npt.NDArray[np.float32]:
    """Filter along one axis; the lines do not know of each other, so half go to another core."""
    found = np.empty_like(values)
    middle = values.shape[1 - axis] // 2

    def run(lines: slice) -> None:
        half = (lines, slice(None)) if axis else (slice(None), lines)
        if values[half].size:
            how: dict[str, Any] = {"output": found[half], "mode": mode, "truncate": _REACH}
            ndi.gaussian_filter1d(values[half], sigma, axis, **how)

    with ThreadPoolExecutor(1) as core:
        other = core.submit(run, slice(middle, None))
        run(slice(middle))
        other.result()
    return found
