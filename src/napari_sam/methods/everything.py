"""Everything-mode: ask a model about a grid of points and keep every good mask.

References
----------
Kirillov et al., Segment Anything, ICCV 2023, section 3 and appendix D.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from napari_sam import images
from napari_sam.contrast import contrast_limits
from napari_sam.errors import ParameterError
from napari_sam.labels.gather import gather
from napari_sam.methods.grid import PlaneCrop
from napari_sam.methods.painting import paint, records
from napari_sam.methods.proposals import Proposal, Proposals, propose
from napari_sam.methods.seeds import object_seeds
from napari_sam.methods.settings import Settings
from napari_sam.models.model import Embedding, Model
from napari_sam.progress import Progress, part, silent
from napari_sam.segmentation import Segmentation

Records = list[dict[str, Any]]


@overload
def segment_everything(
    image: Any,
    model: Model | str | Path = ...,
    *,
    output: Literal["labels"] = ...,
    **parameters: Any,
) -> Segmentation: ...


@overload
def segment_everything(
    image: Any,
    model: Model | str | Path = ...,
    *,
    output: Literal["masks", "rle"],
    **parameters: Any,
) -> Records: ...


def segment_everything(  # type: ignore[misc]  # the overloads leave the parameters to it
    image: Any,
    model: Model | str | Path = "cells",
    *,
    points_per_side: int | None = 32,
    points_per_batch: int = 64,
    pred_iou_thresh: float = 0.88,
    stability_score_thresh: float = 0.95,
    stability_score_offset: float = 1.0,
    box_nms_thresh: float = 0.7,
    crop_n_layers: int = 0,
    crop_nms_thresh: float = 0.7,
    crop_overlap_ratio: float = 512 / 1500,
    crop_n_points_downscale_factor: int = 1,
    point_grids: Sequence[Any] | None = None,
    min_mask_region_area: int = 0,
    min_area: int = 0,
    max_area: int | None = None,
    drop_background: bool = False,
    seeds: Literal["grid", "objects"] = "grid",
    finder: Model | str | Path = "cells",
    output: Literal["labels", "masks", "rle"] = "labels",
    limits: tuple[float, float] | None = None,
    rgb: bool | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Segmentation | Records:
    """Find everything that looks like an object.

    With a model of the SAM family the kept set and the masks are those of
    ``segment_anything.SamAutomaticMaskGenerator`` with the same parameters, up to rounding.

    Parameters
    ----------
    image : (..., H, W) or (..., H, W, 3) array of any real type
        A plane, or a stack whose planes are segmented one by one. Dask and zarr arrays are
        read plane by plane.
    model : Model, str or Path
        A loaded model, a name from the zoo, or a checkpoint's path.
    points_per_side, points_per_batch, pred_iou_thresh, stability_score_thresh, \
stability_score_offset, box_nms_thresh, crop_n_layers, crop_nms_thresh, crop_overlap_ratio, \
crop_n_points_downscale_factor, point_grids, min_mask_region_area, min_area, max_area, \
drop_background, seeds
        See `napari_sam.methods.settings.Settings`.
    finder : Model, str or Path
        With ``seeds="objects"``, who says where objects are, unless `model` can itself.
    output : {"labels", "masks", "rle"}
        Labels with a table; or a list of records as the reference makes them, with boolean
        masks or with COCO's compressed run lengths.
    limits : (low, high), optional
        Contrast limits; percentiles of each plane by default. ``(0, 255)`` takes an eight-bit
        image as it is, like the reference.
    rgb : bool, optional
        Whether the last axis is colour; guessed from the shape by default.
    device : str
        Where to load a model given by name.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Returns
    -------
    Segmentation
        ``labels`` int32, small objects on top of large ones, ids unique over the whole stack;
        ``table`` as of `napari_sam.methods.painting.paint`, for a stack with a column
        ``axis_0``, ... per leading axis.
    list of dict
        With output "masks" or "rle", from the best to the worst; for a stack with the position
        along the leading axes as ``"plane"``.

    Raises
    ------
    ParameterError, ImageError, ModelError, Cancelled
    """
    settings = Settings(
        points_per_side=points_per_side,
        points_per_batch=points_per_batch,
        pred_iou_thresh=pred_iou_thresh,
        stability_score_thresh=stability_score_thresh,
        stability_score_offset=stability_score_offset,
        box_nms_thresh=box_nms_thresh,
        crop_n_layers=crop_n_layers,
        crop_nms_thresh=crop_nms_thresh,
        crop_overlap_ratio=crop_overlap_ratio,
        crop_n_points_downscale_factor=crop_n_points_downscale_factor,
        point_grids=point_grids,
        min_mask_region_area=min_mask_region_area,
        min_area=min_area,
        max_area=max_area,
        drop_background=drop_background,
        seeds=seeds,
    )
    if output not in ("labels", "masks", "rle"):
        raise ParameterError(f"output must be 'labels', 'masks' or 'rle', got {output!r}.")
    if not isinstance(model, Model):
        from napari_sam.loading import load_model

        model = load_model(model, device=device)
    data = image if hasattr(image, "shape") else np.asarray(image)
    found = find_everything(
        data,
        model,
        settings,
        finder=finder,
        limits=limits,
        rgb=rgb,
        progress=progress,
    )
    if output == "labels":
        ndim = next(iter(images.planes(tuple(data.shape), rgb))).ndim
        return as_labels(found, tuple(data.shape)[:ndim], model.name)
    return list(as_records(found, rle=output == "rle"))


class FoundPlane(NamedTuple):
    """What was found on one plane.

    Attributes
    ----------
    plane : Plane
    pixels : array
    crops : tuple of PlaneCrop
        What the plane was searched in.
    chosen : list of Proposal
        The masks, best first.
    """

    plane: images.Plane
    pixels: npt.NDArray[Any]
    crops: tuple[PlaneCrop, ...]
    chosen: list[Proposal]


def find_everything(
    data: Any,
    model: Model,
    settings: Settings,
    *,
    finder: Model | str | Path = "cells",
    limits: tuple[float, float] | None = None,
    rgb: bool | None = None,
    progress: Progress = silent,
) -> Iterator[FoundPlane]:
    """Find everything, plane by plane; see `segment_everything`.

    The masks are packed, so those of a whole stack can be kept and written in several ways.

    Parameters
    ----------
    data : (..., H, W) or (..., H, W, 3) array
    model : Model
    settings : Settings
    finder, limits, rgb, progress
        See `segment_everything`; a finder given by name is loaded where the model runs.
    """
    todo = list(images.planes(tuple(data.shape), rgb))
    by = None
    if settings.seeds == "objects":
        by = _finder(finder, model)
    for done, plane in enumerate(todo):
        stage = part(progress, done / len(todo), (done + 1) / len(todo))
        pixels = images.check_plane(plane.take(data))
        proposals = propose_plane(pixels, model, settings, finder=by, limits=limits, progress=stage)
        yield FoundPlane(plane, pixels, proposals.crops, proposals.choose())


def _finder(finder: Model | str | Path, model: Model) -> Model:
    if isinstance(finder, Model):
        return finder
    if model.has_instances:
        return model
    from napari_sam.loading import load_model

    return load_model(finder, device=model.device)


def as_labels(found: Iterable[FoundPlane], shape: tuple[int, ...], source: str) -> Segmentation:
    """Paint what was found into labels.

    Parameters
    ----------
    found : iterable of FoundPlane
        At least one.
    shape : tuple of int
        Shape of the image without colour.
    source : str
        Who found it, for the table.
    """
    painted = (
        (here.plane, paint(here.chosen, here.plane.shape, here.pixels, source)) for here in found
    )
    return gather(painted, shape)


def as_records(found: Iterable[FoundPlane], *, rle: bool) -> Iterator[dict[str, Any]]:
    """Describe every mask as `segment_everything` does, one at a time."""
    for here in found:
        position = tuple(i for i in here.plane.index if i is not None)
        for record in records(here.chosen, here.plane.shape, here.crops, rle):
            yield {**record, "plane": position} if position else record


def propose_plane(
    pixels: npt.NDArray[Any],
    model: Model,
    settings: Settings,
    *,
    embedding: Embedding | None = None,
    finder: Model | None = None,
    limits: tuple[float, float] | None = None,
    progress: Progress = silent,
) -> Proposals:
    """Ask a model about every grid point of one plane.

    Parameters
    ----------
    pixels : (H, W), (H, W, 3) or (H, W, 4) array
    model : Model
    settings : Settings
        Its thresholds may be low, so that ``choose`` of the result can try higher ones at once.
    embedding : Embedding, optional
        Of the whole plane, when it is encoded already.
    finder : Model, optional
        With ``settings.seeds == "objects"``, who says where objects are; the model itself by
        default.
    limits : (low, high), optional
        Contrast limits; those of the embedding, or percentiles of the plane, by default.
    progress : callable

    Raises
    ------
    ImageError, ModelError, Cancelled
    """
    array = images.check_plane(pixels)
    if limits is None:
        # Of the whole plane also for its crops: a crop of background must not be stretched.
        limits = embedding.limits if embedding else contrast_limits(array)

    def encode(crop: npt.NDArray[Any], report: Progress) -> Embedding:
        if embedding is not None and crop.shape == array.shape:
            return embedding
        return model.encode(crop, limits=limits, progress=report)

    seeds = None
    if settings.seeds == "objects":
        assert settings.points_per_side is not None
        seeds = object_seeds(
            array,
            finder or model,
            settings.points_per_side,
            limits=limits,
            progress=part(progress, 0.0, 0.1),
        )
        progress = part(progress, 0.1, 1.0)
    return propose(array, model, settings, encode, seeds=seeds, progress=progress)
