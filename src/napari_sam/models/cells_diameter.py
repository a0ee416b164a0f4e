"""How large the objects of a plane are, read from the network's size head.

The head says of every place inside an object how large that object is, whatever the zoom, but
it is surest near the size it was trained at. So the plane is looked at a few times, each time
at the zoom that the look before suggests, until two looks agree.
"""

from __future__ import annotations

from math import ceil

import numpy as np
import torch
from torch.nn import functional as F

from napari_sam.models.cells_network import CellsNetwork
from napari_sam.models.cells_windows import Pyramid
from napari_sam.progress import Progress, silent

__all__ = ["read_diameter"]

OBJECT = 32.0  # window pixels across an object where the head is surest
ZOOMS = (1 / 24, 8.0)
LOOK = 384  # side of the region that is looked at, in window pixels
LOOKS = 4
AGREE = 0.2  # octaves by which two looks may differ
FIRST_ZOOMS = (1.0, 0.35, 2.5)  # tried in turn until objects show up
CELLS = 3  # places inside objects (of 8 x 8 window pixels) that are enough


@torch.inference_mode()
def read_diameter(
    network: CellsNetwork, pyramid: Pyramid, progress: Progress = silent
) -> float | None:
    """Estimate the median diameter of a plane's objects.

    Parameters
    ----------
    network : CellsNetwork
        In evaluation mode, on the pyramid's device.
    pyramid : Pyramid
        The normalised plane.
    progress : callable
        Called with 0..1.

    Returns
    -------
    float or None
        Plane pixels; None when no object shows up at any zoom. The diameter is that of
        training: the geometric mean of the diameter of the disk of equal area and twice the
        largest depth.
    """
    first = list(FIRST_ZOOMS)
    zoom, before = first.pop(0), None
    for look in range(LOOKS + len(FIRST_ZOOMS)):
        progress(min(1.0, look / LOOKS))
        found = _look(network, pyramid, zoom)
        if found is None:
            if before is not None or not first:
                break
            zoom = first.pop(0)
            continue
        if before is not None and abs(np.log2(found / before)) < AGREE or look >= LOOKS:
            return found
        before = found
        zoom = float(np.clip(OBJECT / found, *ZOOMS))
    return before


def _look(network: CellsNetwork, pyramid: Pyramid, zoom: float) -> float | None:
    """Median diameter in plane pixels in the middle of a plane, None without objects."""
    height, width = pyramid.shape
    size = tuple(min(ceil(side * zoom / 32) * 32, LOOK) for side in (height, width))
    reach = [count / zoom / 2 for count in size]
    middle = ((height - 1) / 2, (width - 1) / 2)
    edges = (middle[0] - reach[0], middle[1] - reach[1], middle[0] + reach[0], middle[1] + reach[1])
    image = pyramid.sample(edges, (size[0], size[1]))
    features = network.encode(image.contiguous(memory_format=torch.channels_last))
    inside = F.avg_pool2d(network.instances(features)[:, :1].float().sigmoid(), 4).flatten()
    octaves = network.sizes(features).float().flatten()
    chosen = inside > 0.5
    if int(chosen.sum()) < CELLS:
        return None
    octaves, order = octaves[chosen].sort()
    # a place counts by what share of its object it is, so that every object counts once
    weight = (inside[chosen][order] / 4**octaves).cumsum(0)
    place = int(torch.searchsorted(weight, weight[-1] / 2))
    return OBJECT * 2.0 ** float(octaves[place]) / zoom
