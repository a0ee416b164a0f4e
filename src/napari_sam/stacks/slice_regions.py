"""A slice and its regions, as joining slices knows them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_sam.stacks.frames import Floats, FrameObjects, describe
from napari_sam.stacks.lost import detail

SMOOTH = 1  # pixels; brightness varies by noise as well

Picture = npt.NDArray[np.floating[Any]]


class SliceRegions(NamedTuple):
    """A slice and its regions.

    ``start`` is the number that its first region has in the stack. ``picture`` (H, W) is how bright
    it is, where that is known, and ``spread`` (n,) by how much that varies inside every region. It
    is not known of a slice of one value. ``shown`` is how much detail it shows.
    """

    start: int
    labels: npt.NDArray[np.integer[Any]]
    objects: FrameObjects
    picture: Picture | None
    spread: Floats
    shown: float

    @classmethod
    def of(
        cls, start: int, labels: npt.NDArray[np.integer[Any]], picture: Picture | None
    ) -> SliceRegions:
        """Describe the regions of a slice."""
        objects = describe(labels)
        shown = 0.0 if picture is None else detail(picture)
        if picture is None or not shown:
            return cls(start, labels, objects, None, np.zeros(len(objects)), 0.0)
        smooth = smoothed(picture)
        number = np.searchsorted(objects.ids, labels[labels > 0])
        light = smooth[labels > 0]
        mean = np.bincount(number, light, len(objects)) / objects.sizes
        spread = np.bincount(number, (light - mean[number]) ** 2, len(objects)) / objects.sizes
        return cls(start, labels, objects, smooth, np.sqrt(spread), shown)


def smoothed(picture: Picture) -> Picture:
    """Return how bright a slice (H, W) is, with less noise."""
    smooth: Picture = ndi.gaussian_filter(np.asarray(picture, np.float32), SMOOTH)
    return smooth
