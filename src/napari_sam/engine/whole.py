"""An image from one end to the other: its blocks found one by one, and put together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_sam.engine.run import needs_finder, run
from napari_sam.engine.tiled import in_tiles, segment_in_tiles
from napari_sam.images import Image, remembering
from napari_sam.labels.gather import check_out
from napari_sam.loading import as_model
from napari_sam.methods.registry import method_of
from napari_sam.models.model import Model
from napari_sam.progress import Progress, part, silent
from napari_sam.segmentation import Segmentation, with_units

FOUND = 0.95  # of the time that joining planes takes, the share until the last one is found

ModelSource = Model | str | Path


def models_for(
    options: Any, model: ModelSource, finder: ModelSource, device: str
) -> tuple[Model, Any]:
    """Load a model, and who sees where objects are if these options of a method ask somebody.

    Raises
    ------
    ModelError
    """
    runs = as_model(model, device)
    asks = needs_finder(method_of(options), options, runs)
    return runs, as_model(finder, runs.device) if asks else None


def segment_image(
    image: Image,
    options: Any,
    models: tuple[Model, Model | None],
    *,
    out: Any = None,
    progress: Progress = silent,
) -> Segmentation:
    """Find all objects of an image by the method whose options these are.

    Planes that are too large to be read at once are searched in tiles.

    Parameters
    ----------
    image : Image
    options : dataclass
    models : (Model, Model or None)
        Who finds them, and who sees where they are if the first cannot.
    out : integer array of the image's shape, optional
        What to write the labels into.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Raises
    ------
    ParameterError, ImageError, ModelError, LabelsError, Cancelled
    """
    if out is not None:
        check_out(out, image.shape, image.finest)
    method, (model, finder) = method_of(options), models
    if in_tiles(image, method):
        return segment_in_tiles(image, options, models, out=out, progress=progress)
    if method.along:  # joining looks at the planes again
        image = remembering(image)
    share = FOUND if method.along else 1.0
    finding = part(progress, 0.0, share)
    results = run(image, None, method, model, options, finder=finder, progress=finding)
    found = ((one.block.plane, one.chosen) for one in results)
    joining = part(progress, share, 1.0)
    whole = method.join(found, image, options, source=model.name, out=out, progress=joining)
    progress(1.0)
    if not method.along:  # the tables of planes know the size of a pixel already
        return whole
    return replace(whole, table=with_units(whole.table, image.pixel_size))
