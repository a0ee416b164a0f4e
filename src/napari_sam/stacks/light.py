"""How bright an object is on a slice, and what is just outside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_sam.regions import Mask, extent


@dataclass(frozen=True)
class Light:
    """Mean brightness of an object and of its surroundings.

    Parameters
    ----------
    inside, around : float
        On the scale of the picture.
    """

    inside: float
    around: float


def light_of(mask: Mask, picture: npt.NDArray[np.floating[Any]]) -> Light:
    """Measure an object and a ring around it, a fifth as wide as the object.

    Parameters
    ----------
    mask : (h, w) bool
        Not empty.
    picture : (h, w) float

    Returns
    -------
    Light
        Where nothing is around it, both are the same.

    Examples
    --------
    >>> picture = np.full((20, 20), 0.25)
    >>> picture[8:12, 8:12] = 0.75
    >>> light_of(picture > 0.5, picture)
    Light(inside=0.75, around=0.25)
    """
    width = max(2, int(np.sqrt(np.count_nonzero(mask)) / 5))
    near = tuple(slice(max(side.start - width, 0), side.stop + width) for side in extent(mask))
    part, pixels = mask[near], picture[near]
    inside = float(pixels[part].mean())
    if part.all():
        return Light(inside, inside)
    away = ndi.distance_transform_cdt(~part, metric="taxicab")
    ring = (away > 0) & (away <= width)
    return Light(inside, float(pixels[ring].mean()))
