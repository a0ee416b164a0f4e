"""Pictures of a segmentation: coloured outlines over the image. NumPy and scikit-image only."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from skimage.color import hsv2rgb
from skimage.segmentation import find_boundaries

from napari_sam import checks
from napari_sam.contrast import normalise
from napari_sam.errors import LabelsError
from napari_sam.images import as_rgb, check_plane

_GOLDEN = 0.618034  # steps of the golden ratio keep the hues of neighbouring ids apart
_SMALL_SIDE = 768


def colours(count: int) -> npt.NDArray[np.uint8]:
    """Return (count + 1, 3) colours, one per id; the entry 0 (background) is black."""
    ids = np.arange(count + 1)
    hsv = np.stack(
        [(0.08 + ids * _GOLDEN) % 1.0, np.full(ids.shape, 0.75), np.ones(ids.shape)], axis=-1
    )
    table: npt.NDArray[np.uint8] = np.round(hsv2rgb(hsv[None])[0] * 255).astype(np.uint8)
    table[0] = 0
    return table


def draw_overlay(
    image: Any,
    labels: npt.NDArray[np.integer[Any]],
    limits: tuple[float, float] | None = None,
) -> npt.NDArray[np.uint8]:
    """Draw the outline of every object over the image.

    Parameters
    ----------
    image : (H, W) or (H, W, 3) array of any real type
        Shown as the models see it, see `napari_sam.contrast.normalise`.
    labels : (H, W) integer array
    limits : (low, high), optional
        Contrast limits of the image.

    Returns
    -------
    (k * H, k * W, 3) uint8
        Small images are enlarged ``k`` times (1 to 4), so that outlines do not hide the objects.

    Raises
    ------
    ImageError, LabelsError
    """
    plane = check_plane(image)
    labels = checks.labels(labels)
    if labels.shape != plane.shape[:2]:
        raise LabelsError(f"The labels have shape {labels.shape}, but the image {plane.shape[:2]}.")
    picture = np.round(as_rgb(normalise(plane, limits)) * 255).astype(np.uint8)
    zoom = int(np.clip(_SMALL_SIDE // max(labels.shape), 1, 4))
    picture = picture.repeat(zoom, axis=0).repeat(zoom, axis=1)
    # Consecutive ids, so that the colour table stays small whatever the ids are.
    _, dense = np.unique(labels, return_inverse=True)
    dense = dense.reshape(labels.shape) + int(labels.min() != 0)
    dense = dense.repeat(zoom, axis=0).repeat(zoom, axis=1)
    outline = find_boundaries(dense, mode="inner")
    if zoom > 1:  # room for a second line, inside the first
        outline |= find_boundaries(np.where(outline, 0, dense), mode="inner")
    picture[outline] = colours(int(dense.max()))[dense[outline]]
    return picture
