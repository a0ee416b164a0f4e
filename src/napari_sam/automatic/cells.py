"""Instance mode: every cell of a plane or stack, found in one pass by a learned head."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi
from skimage.segmentation import expand_labels

from napari_sam import images
from napari_sam.automatic.gathering import gather
from napari_sam.automatic.instances import FOREGROUND, MIN_SCORE, labels_from_maps
from napari_sam.errors import ImageError
from napari_sam.models.model import Embedding, InstanceMaps, Model
from napari_sam.progress import Progress, part, silent
from napari_sam.segmentation import Segmentation, measure

Weights = npt.NDArray[np.float32]


def segment_cells(
    image: Any,
    model: Model | str | Path = "cells",
    *,
    diameter: float | None = None,
    min_area: int | None = None,
    min_score: float = MIN_SCORE,
    limits: tuple[float, float] | None = None,
    rgb: bool | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Segmentation:
    """Find all cells of an image with a model's learned automatic head.

    Parameters
    ----------
    image : (..., H, W) or (..., H, W, 3) array of any real type
        A plane, or a stack whose planes are segmented one by one. Dask and zarr arrays are
        read plane by plane.
    model : Model, str or Path
        A loaded model, a name from the zoo, or a checkpoint's path.
    diameter : float, optional
        Typical object diameter in pixels; estimated from each plane by default.
    min_area : int, optional
        Objects of fewer pixels are dropped; by default those smaller than a twentieth of a
        typical object.
    min_score : float
        Objects that score lower are dropped; 0 keeps whatever was found.
    limits : (low, high), optional
        Contrast limits; percentiles of each plane by default.
    rgb : bool, optional
        Whether the last axis is colour; guessed from the shape by default.
    device : str
        Where to load a model given by name.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Returns
    -------
    Segmentation
        ``labels`` int32, ids unique over the whole stack. ``table`` as of
        `napari_sam.segmentation.measure`; of a stack with a column ``axis_0``, ... per leading
        axis.

    Raises
    ------
    ImageError, ModelError, Cancelled

    Examples
    --------
    >>> from skimage.data import coins
    >>> result = segment_cells(coins())
    >>> result.labels.shape
    (303, 384)
    """
    if diameter is not None and not diameter > 0:
        raise ImageError(f"diameter must be a positive number of pixels, got {diameter}.")
    if not isinstance(model, Model):
        from napari_sam.models.zoo import load_model

        model = load_model(model, device=device)
    data = image if hasattr(image, "shape") else np.asarray(image)
    todo = list(images.planes(tuple(data.shape), rgb))
    found = _each(data, todo, model, diameter, min_area, min_score, limits, progress)
    result = gather(found, tuple(data.shape)[: todo[0].ndim])
    progress(1.0)
    return result


def _each(
    data: Any,
    todo: list[images.Plane],
    model: Model,
    diameter: float | None,
    min_area: int | None,
    min_score: float,
    limits: tuple[float, float] | None,
    progress: Progress,
) -> Iterator[tuple[images.Plane, Segmentation]]:
    for done, plane in enumerate(todo):
        stage = part(progress, done / len(todo), (done + 1) / len(todo))
        pixels = plane.take(data)
        embedding = model.encode(pixels, limits=limits, progress=part(stage, 0.0, 0.6))
        yield (
            plane,
            segment_plane(
                pixels,
                embedding,
                model,
                diameter=diameter,
                min_area=min_area,
                min_score=min_score,
                progress=part(stage, 0.6, 1.0),
            ),
        )


def segment_plane(
    pixels: npt.NDArray[Any],
    embedding: Embedding,
    model: Model,
    *,
    diameter: float | None = None,
    min_area: int | None = None,
    min_score: float = MIN_SCORE,
    progress: Progress = silent,
) -> Segmentation:
    """Find all cells of one plane that is already encoded; see `segment_cells`."""
    maps = model.instance_maps(embedding, diameter=diameter, progress=part(progress, 0.0, 0.8))
    if min_area is None:
        min_area = max(4, int(np.pi / 4 * maps.diameter**2 / 20))
    labels, scores = labels_on_plane(maps, min_area=min_area, min_score=min_score)
    progress(0.95)
    known = dict(enumerate((float(score) for score in scores), start=1))
    table = measure(labels, images.check_plane(pixels), known, source=model.name)
    progress(1.0)
    return Segmentation(labels, table)


def labels_on_plane(
    maps: InstanceMaps, *, min_area: int = 0, min_score: float = MIN_SCORE
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Cut the objects out of a model's maps, on the pixels of the plane.

    Objects are told apart at the resolution of the maps, at which they all look alike in size;
    their outlines follow the foreground interpolated to the plane's pixels.

    Returns
    -------
    labels : (H, W) int32
        Ids 1..n.
    scores : (n,) float32
    """
    labels, scores = labels_from_maps(
        maps.foreground,
        maps.centre,
        maps.boundary,
        min_score=min_score,
    )
    # Outwards, so that the interpolated foreground alone decides where an outline runs.
    full = _interpolate_labels(expand_labels(labels, 2), maps.shape, maps.scale)
    foreground = _interpolate(maps.foreground, maps.shape, maps.scale)
    full[foreground < FOREGROUND] = 0
    areas = np.bincount(full.ravel(), minlength=len(scores) + 1)
    kept = np.flatnonzero(areas[1:] >= max(min_area, 1)) + 1
    lookup = np.zeros(len(areas), dtype=np.int32)
    lookup[kept] = np.arange(1, len(kept) + 1)
    return lookup[full], np.asarray(scores, dtype=np.float32)[kept - 1]


def _weights(count: int, scale: float, start: int, stop: int) -> tuple[slice, Weights]:
    """Find the plane pixels that see map pixels ``start..stop``, and linear weights (n, m)."""
    low = max(0, int((start - 0.5) * scale))
    high = min(count, int(np.ceil((stop + 0.5) * scale)))
    positions = (np.arange(low, high, dtype=np.float32) + 0.5) / scale - 0.5
    distance = np.abs(positions[:, None] - np.arange(start, stop, dtype=np.float32))
    return slice(low, high), np.maximum(0, 1 - distance)


def _interpolate(values: Weights, shape: tuple[int, int], scale: tuple[float, float]) -> Weights:
    """Interpolate a map to the pixels of the plane, linearly; constant beyond its last pixels."""
    rows, columns = (
        np.clip((np.arange(side) + 0.5) / step - 0.5, 0, count - 1).astype(np.float32)
        for side, step, count in zip(shape, scale, values.shape, strict=True)
    )
    r0, c0 = rows.astype(np.intp), columns.astype(np.intp)
    r1, c1 = np.minimum(r0 + 1, values.shape[0] - 1), np.minimum(c0 + 1, values.shape[1] - 1)
    tall = values[r0] + (values[r1] - values[r0]) * (rows - r0)[:, None]
    return tall[:, c0] + (tall[:, c1] - tall[:, c0]) * (columns - c0)


def _interpolate_labels(
    labels: npt.NDArray[np.int32], shape: tuple[int, int], scale: tuple[float, float]
) -> npt.NDArray[np.int32]:
    """Bring labels to the pixels of the plane: each goes to the object that weighs most there.

    Each object is interpolated like a grey image, so borders between neighbours run smoothly
    where one map pixel covers many pixels of the plane.
    """
    full = np.zeros(shape, dtype=np.int32)
    most = np.zeros(shape, dtype=np.float32)
    for label, where in enumerate(ndi.find_objects(labels), start=1):
        if where is None:
            continue
        rows, down = _weights(shape[0], scale[0], where[0].start, where[0].stop)
        columns, along = _weights(shape[1], scale[1], where[1].start, where[1].stop)
        weight = down @ (labels[where] == label).astype(np.float32) @ along.T
        wins = weight > most[rows, columns]
        most[rows, columns][wins] = weight[wins]
        full[rows, columns][wins] = label
    return full
