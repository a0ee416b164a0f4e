"""What the automatic head shows of a plane, looked at once: at encoding, or when first needed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from napari_sam.models.cells.eyes import Eyes
from napari_sam.models.cells.reading import OBJECT, read_maps
from napari_sam.models.cells.size import RoughObjects, estimate_diameter, find_objects
from napari_sam.models.cells.windows import Pyramid
from napari_sam.models.model import InstanceMaps
from napari_sam.progress import Progress, part, silent

MOST = 1536 * 1536  # window pixels that encoding reads of a huge plane
WHOLE = 1.5  # times as many it reads if that is the whole plane: the automatic mode will ask


@dataclass(frozen=True, eq=False)
class Overview:
    """What the automatic head shows of a plane.

    Parameters
    ----------
    maps : InstanceMaps
        At the plane's estimated object size, or coarser on a plane of many small objects.
    objects : RoughObjects
        What the maps show, for the zoom of a click.
    diameter : float
        Estimated median object diameter in plane pixels.
    """

    maps: InstanceMaps
    objects: RoughObjects
    diameter: float


class CellsFeatures:
    """What `CellsModel` keeps of a plane.

    Parameters
    ----------
    pyramid : Pyramid
        Windows are cut from it when a prompt asks.
    eyes : Eyes
        What it is seen with.
    overview : Overview or callable
        Or what makes it when it is first asked for: a box or a mask does without.
    """

    def __init__(
        self, pyramid: Pyramid, eyes: Eyes, overview: Overview | Callable[[], Overview]
    ) -> None:
        self.pyramid = pyramid
        self.eyes = eyes
        self._overview = overview

    @property
    def overview(self) -> Overview:
        """What the automatic head shows."""
        if not isinstance(self._overview, Overview):
            self._overview = self._overview()
        return self._overview

    @property
    def surveyed(self) -> bool:
        """Whether the overview is there."""
        return isinstance(self._overview, Overview)

    @property
    def maps(self) -> InstanceMaps:
        return self.overview.maps

    @property
    def objects(self) -> RoughObjects:
        return self.overview.objects

    @property
    def diameter(self) -> float:
        return self.overview.diameter

    def size_at(self, points: npt.NDArray[np.float64]) -> float:
        """Return the diameter to expect of the object under clicks (n, 2)."""
        regions = self.objects.regions
        pixels = ((points + 0.5) / self.maps.scale).astype(int)
        under = regions[tuple(pixels.clip(0, np.array(regions.shape) - 1).T)]
        under = under[under > 0]
        return float(self.objects.diameters[under].max()) if len(under) else self.diameter


@torch.inference_mode()
def survey(eyes: Eyes, pyramid: Pyramid, progress: Progress = silent) -> Overview:
    """Estimate how large the objects of a plane are, and look at all of it at that size."""
    diameter = estimate_diameter(eyes.reader, pyramid, part(progress, 0.0, 0.6), eyes.usual)
    # Enough to size a click; the automatic mode reads a huge plane in full when asked.
    seen = OBJECT * math.sqrt(pyramid.shape[0] * pyramid.shape[1] / MOST)
    if seen <= diameter * math.sqrt(WHOLE):
        seen = diameter
    maps = read_maps(eyes.reader, pyramid, seen, part(progress, 0.6, 1.0))
    stacked = np.stack([maps.foreground, maps.centre, maps.boundary])
    return Overview(maps, find_objects(stacked, maps.scale[0]), diameter)
