"""Points to ask about where objects are, instead of on an even grid.

Most points of a grid lie in the background or in an object that another point has already
found. A model with a learned automatic head sees in one pass where objects are; one point in
each of them, and a sparse grid where it sees none, ask several times fewer questions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi
from skimage.segmentation import find_boundaries

from napari_sam.methods.finding_cells import find_cells
from napari_sam.methods.grid import point_grid
from napari_sam.methods.options import CellOptions
from napari_sam.models.model import Model
from napari_sam.progress import Progress, part, silent

SPARSER = 4  # the grid between objects has this many times fewer points along a side


def object_points(
    pixels: npt.NDArray[Any],
    finder: Model,
    points_per_side: int,
    *,
    limits: tuple[float, float] | None = None,
    progress: Progress = silent,
) -> npt.NDArray[np.float64]:
    """Find one point inside every object that a model sees, and sparse ones between them.

    Parameters
    ----------
    pixels : (H, W) or (H, W, 3) array
    finder : Model
        With a learned automatic head.
    points_per_side : int
        Of the grid that is being replaced; a quarter as many per side are asked between objects.
    limits : (low, high), optional
        Contrast limits.
    progress : callable

    Returns
    -------
    (N, 2) float
        ``(row, column)`` pixels, those inside objects first.

    Raises
    ------
    ModelError
        When the finder has no automatic head.
    """
    embedding = finder.encode(pixels, limits=limits, progress=part(progress, 0.0, 0.6))
    found = find_cells(pixels, embedding, finder, progress=part(progress, 0.6, 0.9))
    labels, scores = found.labels(CellOptions(min_area=0))
    # As deep inside as possible, also where objects touch or reach the edge of the plane.
    inside = np.pad((labels > 0) & ~find_boundaries(labels, mode="inner"), 1)
    depth = ndi.distance_transform_edt(inside)[1:-1, 1:-1]
    ids = np.arange(1, len(scores) + 1)
    deepest = ndi.maximum_position(depth, labels, ids) if len(ids) else []
    objects = np.asarray(deepest, dtype=np.float64).reshape(-1, 2)
    sparse = point_grid(max(2, points_per_side // SPARSER)) * labels.shape
    rows, columns = np.minimum(sparse.astype(int), np.array(labels.shape) - 1).T
    between = sparse[labels[rows, columns] == 0]
    progress(1.0)
    return np.concatenate([objects, between])
