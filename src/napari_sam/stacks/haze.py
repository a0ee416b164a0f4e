"""Light from above and below a slice, taken away from it: its haze.

A microscope lays the light of what is out of focus over every slice. Much of it is on the slices
some way above and below, where it comes from in focus, so a share of these is subtracted. What is
found on a slice is then what lies in it, and objects end where they do. An object that goes on far
through the slices is dimmed as a whole and keeps its shape.

References
----------
Agard, Optical sectioning microscopy: cellular architecture in three dimensions, Annual Review of
Biophysics and Bioengineering 13, 1984: *nearest neighbours*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.contrast import dark_level, float_for, is_noise
from napari_sam.images import Image, is_blank

__all__ = ["Dehazed", "dehazed", "reach_of", "without_haze"]

#: Share of the mean of both slices that is subtracted; and how many widths of a pixel they lie
#: away, about as far as light reaches along z. Compared on generated and real stacks in
#: docs/stacks-figures.md.
HAZE_SHARE, LIGHT_REACH = 1 / 3, 5.0
USUAL_REACH = 2  # slices away, where nobody knows how far that is
NO_LIGHT = 2 * LIGHT_REACH  # beyond it a slice beside shows other things, and no light


def reach_of(step: float | None) -> int:
    """Return how many slices away the haze of a slice is looked for.

    Parameters
    ----------
    step : float or None
        Distance between slices in widths of a pixel, if it is known.

    Returns
    -------
    int
        0 where slices lie so far apart that none has light of another.

    Examples
    --------
    >>> reach_of(1.0), reach_of(3.0), reach_of(8.0), reach_of(20.0), reach_of(None)
    (5, 2, 1, 0, 2)
    """
    if step is None:
        return USUAL_REACH
    return 0 if step > NO_LIGHT else max(1, round(LIGHT_REACH / step))


def without_haze(
    pixels: npt.NDArray[Any],
    beside: Sequence[npt.NDArray[Any]],
    limits: tuple[float, float] | None = None,
    shows: bool = False,
) -> npt.NDArray[np.floating[Any]]:
    """Subtract a share of the slices beside a slice from it; one that shows nothing stays so.

    Objects beside would else be seen on an empty slice as shadows.

    Parameters
    ----------
    pixels : (h, w) array of any real type
    beside : sequence of (h, w) array
        The same place on the slices above and below. One that was lost, all of one value, lays
        no light on others.
    limits : (low, high), optional
        Values of black and white: black stays black, and nothing beside is brighter than white.
        Without them, nothing becomes darker than the ground of a slice whose ground is dark.
    shows : bool
        Whether it is known to show something; else it is looked at whether it is noise.

    Returns
    -------
    (h, w) float32 array
        float64 where that would lose neighbouring values.

    Examples
    --------
    >>> hazy, bright = np.array([[40, 50, 90]]), np.array([[0, 90, 90]])
    >>> without_haze(hazy, [bright, bright]).tolist()
    [[40.0, 40.0, 60.0]]
    """
    kind = float_for(pixels.dtype)
    seen = [one for one in beside if not is_blank(one)]
    if is_blank(pixels) or not seen or (not shows and is_noise(pixels)):
        return pixels.astype(kind)
    with np.errstate(invalid="ignore", over="ignore"):
        light = sum(_light(one.astype(kind), limits) for one in seen) / len(beside)
        found: npt.NDArray[np.floating[Any]] = pixels.astype(kind) - kind(HAZE_SHARE) * light
        dark = dark_level(pixels) if limits is None else None
        return found if dark is None else np.maximum(found, kind(dark))


def _light(beside: npt.NDArray[Any], limits: tuple[float, float] | None) -> npt.NDArray[Any]:
    """Return how much light of a slice there may be on others: none where it is no number."""
    known = np.isfinite(beside)
    low = limits[0] if limits is not None else beside.min(where=known, initial=np.inf)
    shown = np.where(known, beside, low)
    return (shown if limits is None else shown.clip(*limits)) - low


class Dehazed:
    """An array whose slices are read without their haze.

    Parameters
    ----------
    source : array
        NumPy, dask, zarr or alike.
    axis : int
        Of the slices. What is read of one of them at a time comes without haze.
    reach : int
        How many slices away it is looked for, see `reach_of`.
    limits : (low, high), optional
        See `without_haze`.

    Examples
    --------
    >>> stack = Dehazed(np.array([[[0, 9]], [[3, 6]], [[0, 9]]]), 0, 1)
    >>> stack[1, :, :].tolist(), stack.shape
    ([[3.0, 3.0]], (3, 1, 2))
    """

    def __init__(
        self, source: Any, axis: int, reach: int, limits: tuple[float, float] | None = None
    ) -> None:
        self.source = source
        self.shape = tuple(int(length) for length in source.shape)
        self.ndim, self.dtype = len(self.shape), np.dtype(float_for(source.dtype))
        self._axis, self._reach, self._limits = axis, reach, limits

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        parts = key if isinstance(key, tuple) else (key,)
        at = parts[self._axis] if self._axis < len(parts) else slice(None)
        if not isinstance(at, int | np.integer):
            return np.asarray(self.source[key])
        last = self.shape[self._axis] - 1
        places = (max(int(at) - self._reach, 0), min(int(at) + self._reach, last))
        read: dict[int, npt.NDArray[Any]] = {}
        for z in sorted({int(at), *places}, key=lambda z: -abs(z - at)):  # joining asks for it next
            read[z] = np.asarray(self.source[(*parts[: self._axis], z, *parts[self._axis + 1 :])])
        pixels, beside = read[int(at)], [read[z] for z in places]
        return without_haze(pixels, beside, self._limits)


def dehazed(image: Image, axis: int, reach: int) -> Image:
    """Return an image whose slices are read without their haze; a colour image as it is.

    Parameters
    ----------
    image : Image
    axis : int
        Of the slices.
    reach : int
        See `reach_of`; as it is with 0.
    """
    if image.rgb or not reach:  # a stain has no light of its own
        return image
    clear = Dehazed(image.finest, axis, reach, image.limits)
    return replace(image, pixels=[clear, *image.levels[1:]] if len(image.levels) > 1 else clear)
