"""Palettes, printing inks and black-and-white of a TIFF, made into light or grey values."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_MINISBLACK, _RGB, _PALETTE, _SEPARATED = 1, 2, 3, 5  # of the tag PhotometricInterpretation


def as_light(pixels: Any, axes: str, page: Any, *, indices: bool = False) -> tuple[Any, str]:
    """Return pixels whose values mean brightness, and their axes.

    Parameters
    ----------
    pixels : array
    axes : str
    page : tifffile.TiffPage
        What describes the pixels.
    indices : bool
        Leave the numbers of a palette as they are.
    """
    if pixels.dtype == np.bool_ and not indices:
        return np.asarray(pixels).astype(np.uint8) * np.uint8(255), axes
    if page.photometric == _PALETTE and not indices and page.colormap is not None:
        return _of_palette(pixels, axes, page.colormap)
    if "S" not in axes:
        return pixels, axes
    samples = pixels.shape[axes.index("S")]
    if page.photometric == _SEPARATED and samples in (4, 5):
        return _of_inks(np.moveaxis(np.asarray(pixels), axes.index("S"), -1)), _s_last(axes)
    if page.photometric == _MINISBLACK:
        if samples == 2 and len(page.extrasamples) == 1 and int(page.extrasamples[0]) in (1, 2):
            grey = np.asarray(pixels).take(0, axis=axes.index("S"))  # the other is transparency
            return grey, axes.replace("S", "")
        if "C" not in axes:  # grey samples side by side are channels, and no colour
            return pixels, axes.replace("S", "C")
    return pixels, axes


def _s_last(axes: str) -> str:
    return axes.replace("S", "") + "S"


def _of_palette(pixels: Any, axes: str, colormap: npt.NDArray[np.uint16]) -> tuple[Any, str]:
    """Look colours up, unless the palette only colours brightness, as lookup tables do."""
    light = colormap.T @ np.array([0.299, 0.587, 0.114])
    used = light[: np.iinfo(pixels.dtype).max + 1] if pixels.dtype.itemsize == 1 else light
    if (np.diff(used) >= 0).all():
        return pixels, axes
    array = np.asarray(pixels)
    return (colormap.T[array] >> 8).astype(np.uint8), f"{axes}S"


def _of_inks(inks: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Turn cyan, magenta, yellow and black (..., 4) into red, green and blue (..., 3)."""
    if inks.dtype.kind == "u":
        full = float(np.iinfo(inks.dtype).max)
        light = (1 - inks[..., :3] / full) * (1 - inks[..., 3:4] / full) * full
        return np.round(light).astype(inks.dtype)
    light = (1 - inks[..., :3]) * (1 - inks[..., 3:4])
    return np.asarray(light)
