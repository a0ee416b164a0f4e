"""Labels on an image's own pixel grid: new ones, and whether others lie on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam.errors import LabelsError
from napari_sam.images import too_large
from napari_sam.labels.levels import LabelLevels, empty_levels, levels_of
from napari_sam.labels.storage import gone
from napari_sam.ui.layers.planes import affine, spatial_shape, unit_factors

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Layer

#: What a layer says of its place in the world, each of which has an event.
PLACE = ("scale", "translate", "rotate", "shear", "affine", "units")
_GRID_TOLERANCE = 0.05  # pixels by which two grids may differ and still be the same


def transform_of(layer: Layer, first: int = 0) -> dict[str, Any]:
    """Return what puts a new layer onto the same grid in the world.

    Parameters
    ----------
    layer : Layer
    first : int
        The first axis of the layer that the new one has; the last one is the last of both.
    """
    last = slice(first, None)
    shear = np.array(layer.shear)
    if first and shear.ndim == 1:  # the upper triangle of a matrix, row by row
        rows, columns = np.triu_indices(layer.ndim, 1)
        shear = shear[(rows >= first) & (columns >= first)]
    elif shear.ndim == 2:
        shear = shear[last, last]
    return {
        "scale": np.array(layer.scale)[last],
        "translate": np.array(layer.translate)[last],
        "rotate": np.array(layer.rotate)[last, last],
        "shear": shear,
        "affine": np.array(layer.affine.affine_matrix)[last, last],
        "units": tuple(layer.units)[last],
        "axis_labels": tuple(layer.axis_labels)[last],
    }


def grid_of(layer: Layer) -> tuple[object, ...]:
    """Return what differs as soon as the pixels of a layer lie elsewhere in the world."""
    place = transform_of(layer).values()
    return tuple(one.tobytes() if isinstance(one, np.ndarray) else one for one in place)


def put_on_grid(layer: Layer, image: Image) -> None:
    """Lay a layer with the axes of an image onto its grid once more: the image was moved."""
    now = transform_of(layer)
    for name, wanted in transform_of(image).items():
        if not np.array_equal(now[name], wanted):
            setattr(layer, name, wanted)


def new_labels(image: Image, name: str) -> Labels:
    """Make an empty 32-bit Labels layer on the image's own pixel grid, not yet in a viewer.

    Raises
    ------
    LabelsError
        When there is no memory for it.
    """
    shape, place = spatial_shape(image), transform_of(image)
    if too_large(shape):
        return labels_layer(LabelLevels(empty_levels(shape)), name, **place)
    # calloc: pages of a large stack cost memory only once something is written to them.
    return labels_layer(np.zeros(shape, np.int32), name, **place)


def labels_layer(pixels: Any, name: str, **place: Any) -> Labels:
    """Make a Labels layer of an array, or of levels, where `transform_of` says.

    A plane that napari would take seconds to draw as a whole becomes a pyramid, of which it draws
    what is seen.
    """
    from napari.layers import Labels

    if isinstance(pixels, np.ndarray) and too_large(pixels.shape):
        pixels = levels_of(pixels)
    if isinstance(pixels, LabelLevels):
        return Labels(list(pixels.levels), name=name, multiscale=True, **place)
    return Labels(pixels, name=name, **place)


def check_fit(image: Image, labels: Labels, *, write: bool = True) -> None:
    """Refuse labels that do not lie on an image, pixel by pixel and on all its planes.

    Parameters
    ----------
    write : bool
        Whether it will be written. What is only read may be read-only, dask or multiscale.

    Raises
    ------
    LabelsError
        When the labels cannot be written, or do not lie on the image's pixel grid.
    """
    if write:
        check_writable(labels)
    shape = spatial_shape(image)
    if spatial_shape(labels) != shape:
        raise LabelsError(
            f"{labels.name!r} has shape {spatial_shape(labels)}, but the image has {shape}. "
            "Choose labels of the same size, or a new layer."
        )
    # The ends of all axes: labels that agree on this slice alone would be written to on others.
    corners = np.vstack([np.zeros(len(shape)), np.diag(np.array(shape, float))])
    A, b = affine(image)
    world = np.linalg.solve(A, (corners - b).T).T * unit_factors(image.units, labels.units)
    A, b = affine(labels)
    if np.abs(world @ A.T + b - corners).max() > _GRID_TOLERANCE:
        raise LabelsError(
            f"{labels.name!r} lies elsewhere than the image (other scale, translation or "
            "rotation). Give both the same transform, or choose a new Labels layer."
        )


def check_writable(labels: Labels) -> None:
    """Refuse a Labels layer that cannot be written.

    Raises
    ------
    LabelsError
    """
    reason = _why_not_writable(labels)
    if reason:
        raise LabelsError(f"{labels.name!r} cannot be written: {reason} Choose a new Labels layer.")


def _why_not_writable(labels: Labels) -> str:
    """Say why a Labels layer cannot be written; empty when it can."""
    levels = list(labels.data) if labels.multiscale else [labels.data]
    if any(
        not hasattr(level, "__setitem__") or type(level).__module__.startswith("dask")
        for level in levels
    ):
        return "its data are computed on demand (dask)."
    if any(isinstance(level, np.ndarray) and not level.flags.writeable for level in levels):
        return "its data are read-only."
    missing = next(filter(None, map(gone, levels)), None)
    if missing is not None:
        return f"{missing} is not there any more: was it moved?"
    if labels.multiscale:  # which napari itself does not paint on
        try:
            _ = LabelLevels(levels).steps
        except LabelsError as error:
            return str(error)
    elif not labels.editable:
        return "it is locked."
    return ""
