"""Every cell of a plane or stack, found in one pass by a learned head or at its seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam import images
from napari_sam.errors import ImageError
from napari_sam.labels.gather import gather
from napari_sam.methods.instances import MIN_SCORE, SMOOTHING
from napari_sam.methods.live import find_cells
from napari_sam.methods.live_masks import find_masks
from napari_sam.methods.options import DEFAULTS, CellOptions
from napari_sam.methods.refining import refine_cells
from napari_sam.models.model import Embedding, Model
from napari_sam.pixel_size import PixelSize
from napari_sam.progress import Progress, part, silent
from napari_sam.segmentation import Segmentation


def segment_cells(
    image: Any,
    model: Model | str | Path = "cells",
    *,
    diameter: float | None = None,
    sensitivity: float = 0.5,
    splitting: float = 0.5,
    smoothing: float = SMOOTHING,
    min_area: int | None = None,
    max_area: int | None = None,
    min_score: float = MIN_SCORE,
    refine: bool = False,
    seeds: Model | str | Path = "cells",
    pixel_size: PixelSize | None = None,
    limits: tuple[float, float] | None = None,
    rgb: bool | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Segmentation:
    """Find all cells of an image.

    A model with a learned automatic head finds them in one pass. Any other one is asked about
    each cell that the model `seeds` finds, by its deepest point and its box.

    Parameters
    ----------
    image : (..., H, W) or (..., H, W, 3) array of any real type
        A plane, or a stack whose planes are segmented one by one. Dask and zarr arrays are
        read plane by plane.
    model : Model, str or Path
        A loaded model, a name from the zoo, or a checkpoint's path.
    diameter : float, optional
        Typical object diameter in pixels; estimated from each plane by default.
    sensitivity, splitting, smoothing, min_area, max_area, min_score
        How objects are cut out, see `napari_sam.methods.options.CellOptions`.
    refine : bool
        Whether objects that score low are drawn again, see
        `napari_sam.methods.refining.refine_cells`.
    seeds : Model, str or Path
        Who says where cells are when `model` has no learned automatic head.
    pixel_size : PixelSize, optional
        Adds columns in its unit to the table.
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
    ParameterError, ImageError, ModelError, Cancelled

    Examples
    --------
    >>> from skimage.data import coins
    >>> result = segment_cells(coins())
    >>> result.labels.shape
    (303, 384)
    """
    if diameter is not None and not diameter > 0:
        raise ImageError(f"diameter must be a positive number of pixels, got {diameter}.")
    options = CellOptions(sensitivity, splitting, smoothing, min_area, max_area, min_score)
    if not isinstance(model, Model):
        from napari_sam.loading import load_model

        model = load_model(model, device=device)
    finder = None
    if not model.has_instances:
        from napari_sam.loading import load_model

        finder = seeds if isinstance(seeds, Model) else load_model(seeds, device=device)
    data = image if hasattr(image, "shape") else np.asarray(image)
    todo = list(images.planes(tuple(data.shape), rgb))

    def find(pixels: npt.NDArray[Any], stage: Progress) -> Segmentation:
        embedding = model.encode(pixels, limits=limits, progress=part(stage, 0.0, 0.6))
        return segment_plane(
            pixels,
            embedding,
            model,
            options,
            diameter=diameter,
            refine=refine,
            finder=finder,
            pixel_size=pixel_size,
            progress=part(stage, 0.6, 1.0),
        )

    found = _each(data, todo, find, progress)
    result = gather(found, tuple(data.shape)[: todo[0].ndim])
    progress(1.0)
    return result


def _each(
    data: Any,
    todo: list[images.Plane],
    find: Callable[[npt.NDArray[Any], Progress], Segmentation],
    progress: Progress,
) -> Iterator[tuple[images.Plane, Segmentation]]:
    for done, plane in enumerate(todo):
        stage = part(progress, done / len(todo), (done + 1) / len(todo))
        yield plane, find(plane.take(data), stage)


def segment_plane(
    pixels: npt.NDArray[Any],
    embedding: Embedding,
    model: Model,
    options: CellOptions = DEFAULTS,
    *,
    diameter: float | None = None,
    refine: bool = False,
    finder: Model | None = None,
    pixel_size: PixelSize | None = None,
    progress: Progress = silent,
) -> Segmentation:
    """Find all cells of one plane that is already encoded; see `segment_cells`.

    `finder` is who says where cells are when the model has no learned automatic head.
    """
    reading = part(progress, 0.0, 0.7)
    if model.has_instances:
        live = find_cells(
            pixels, embedding, model, diameter=diameter, pixel_size=pixel_size, progress=reading
        )
        found = live.choose(options)
        if refine:
            drawing = part(progress, 0.7, 1.0)
            found = refine_cells(
                found, pixels, embedding, model, pixel_size=pixel_size, progress=drawing
            )
    else:
        masks = find_masks(
            pixels,
            embedding,
            model,
            finder,
            options,
            diameter=diameter,
            pixel_size=pixel_size,
            progress=reading,
        )
        found = masks.choose(options)
    progress(1.0)
    return found
