"""Ways through slices that saw discs."""

from __future__ import annotations

import numpy as np

from napari_sam.regions import Region
from napari_sam.stacks.following import SeenOnSlice, Step
from napari_sam.stacks.light import Light
from napari_sam.stacks.passes import Pass

LIGHT = Light(0.8, 0.1)


def disc(radius: int) -> Region:
    rows, columns = np.indices((61, 61)) - 30
    return Region.of(rows**2 + columns**2 <= radius**2)


def one_way(start: int, way: int, radii: list[int]) -> Pass:
    """A pass that saw discs, from the first radius on."""
    found = Pass(Step(start, disc(radii[0]), 1.0), way)
    found.seen = [
        SeenOnSlice(disc(radius), 0.9, 0.8, LIGHT, LIGHT, 0.9, 1.0) for radius in radii[1:]
    ]
    return found
