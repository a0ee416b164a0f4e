"""Labels on an image's own pixel grid: new ones, and whether others lie on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam.errors import LabelsError
from napari_sam.images import Plane
from napari_sam.ui.layers.planes import affine, spatial_shape, unit_factors

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Layer

_GRID_TOLERANCE = 0.05  # pixels by which two grids may differ and still be the same


def transform_of(layer: Layer) -> dict[str, Any]:
    """Return what puts a new layer of as many axes onto the same grid in the world."""
    return {
        "scale": np.array(layer.scale),
        "translate": np.array(layer.translate),
        "rotate": np.array(layer.rotate),
        "shear": np.array(layer.shear),
        "affine": np.array(layer.affine.affine_matrix),
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }


def new_labels(image: Image, name: str) -> Labels:
    """Make an empty 32-bit Labels layer on the image's own pixel grid, not yet in a viewer."""
    from napari.layers import Labels

    # calloc: pages of a large stack cost memory only once something is written to them.
    return Labels(np.zeros(spatial_shape(image), np.int32), name=name, **transform_of(image))


def labels_plane(image: Image, plane: Plane, labels: Labels, *, write: bool = True) -> Plane:
    """Return the plane of a Labels layer that matches a plane of the image.

    Parameters
    ----------
    write : bool
        Whether it will be written. What is only read may be read-only, dask or multiscale.

    Raises
    ------
    LabelsError
        When the labels cannot be written, or do not lie on the image's pixel grid.
    """
    reason = why_not_writable(labels) if write else ""
    if reason:
        raise LabelsError(f"{labels.name!r} cannot be written: {reason} Choose a new Labels layer.")
    shape = spatial_shape(image)
    if tuple(labels.data.shape) != shape:
        raise LabelsError(
            f"{labels.name!r} has shape {tuple(labels.data.shape)}, but the image has {shape}. "
            "Choose labels of the same size, or a new layer."
        )
    corners = plane.to_data([(0, 0), (0, plane.shape[1]), (plane.shape[0], 0)])
    A, b = affine(image)
    world = np.linalg.solve(A, (corners - b).T).T * unit_factors(image.units, labels.units)
    A, b = affine(labels)
    if np.abs(world @ A.T + b - corners).max() > _GRID_TOLERANCE:
        raise LabelsError(
            f"{labels.name!r} lies elsewhere than the image (other scale, translation or "
            "rotation). Give both the same transform, or choose a new Labels layer."
        )
    return plane


def why_not_writable(labels: Labels) -> str:
    """Say why a Labels layer cannot be written; empty when it can."""
    if labels.multiscale:
        return "it is a multiscale pyramid."
    if not hasattr(labels.data, "__setitem__") or type(labels.data).__module__.startswith("dask"):
        return "its data are computed on demand (dask)."
    if isinstance(labels.data, np.ndarray) and not labels.data.flags.writeable:
        return "its data are read-only."
    if not labels.editable:
        return "it is locked."
    return ""
