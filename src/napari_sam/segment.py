"""Segment an image from a script: one call per method, and one for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, overload

from napari_sam import checks
from napari_sam.engine.run import Result, run
from napari_sam.engine.whole import ModelSource, models_for, segment_image
from napari_sam.images import Image
from napari_sam.methods.found_objects import ChosenObjects
from napari_sam.methods.method import Method
from napari_sam.methods.option import given
from napari_sam.methods.options import MIN_SCORE, SMOOTHING, CellOptions
from napari_sam.methods.preset import preset
from napari_sam.methods.registry import method as method_named
from napari_sam.methods.registry import method_of
from napari_sam.methods.settings import Settings
from napari_sam.pixel_size import PixelSize
from napari_sam.progress import Progress, silent
from napari_sam.segmentation import Segmentation

Records = list[dict[str, Any]]


def segment_cells(
    image: Any,
    model: ModelSource = "cells",
    *,
    diameter: float | None = None,
    sensitivity: float = 0.5,
    splitting: float = 0.5,
    smoothing: float = SMOOTHING,
    min_area: int | None = None,
    max_area: int | None = None,
    min_score: float = MIN_SCORE,
    refine: bool = False,
    finder: ModelSource = "cells",
    pixel_size: PixelSize | None = None,
    limits: tuple[float, float] | None = None,
    rgb: bool | None = None,
    out: Any = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Segmentation:
    """Find all cells of an image.

    A model with a learned automatic head finds them in one pass. Any other one is asked about
    each cell that the model `finder` finds, by its deepest point and its box.

    Parameters
    ----------
    image : (..., H, W) or (..., H, W, 3) array of any real type, or Image
        A plane, or a stack whose planes are segmented one by one. Dask and zarr arrays are
        read plane by plane, and planes of millions of pixels in tiles.
    model : Model, str or Path
        A loaded model, a name from the zoo, or a checkpoint's path.
    diameter, sensitivity, splitting, smoothing, min_area, max_area, min_score, refine
        How objects are cut out, see `napari_sam.methods.options.CellOptions`.
    finder : Model, str or Path
        Who says where cells are when `model` has no learned automatic head.
    pixel_size : PixelSize, optional
        Adds columns in its unit to the table.
    limits : (low, high), optional
        Contrast limits; of each plane by default, see `napari_sam.contrast.contrast_limits`.
    rgb : bool, optional
        Whether the last axis is colour; guessed from the shape by default.
    out : integer array of the image's shape, optional
        What to write the labels into, zarr for example: memory then holds a tile at a time.
    device : str
        Where to load a model given by name.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Returns
    -------
    Segmentation
        ``labels`` int32 (or `out`), ids unique over the whole stack. ``table`` as of
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
    options = CellOptions(
        sensitivity=sensitivity,
        splitting=splitting,
        smoothing=smoothing,
        min_area=min_area,
        max_area=max_area,
        min_score=min_score,
        diameter=diameter,
        refine=refine,
    )
    seen = Image.of(image, rgb=rgb, limits=limits, pixel_size=pixel_size)
    checks.reports(progress)
    models = models_for(options, model, finder, device)
    return segment_image(seen, options, models, out=out, progress=progress)


@overload
def segment_everything(
    image: Any,
    model: ModelSource = ...,
    *,
    output: Literal["labels"] = ...,
    **parameters: Any,
) -> Segmentation: ...


@overload
def segment_everything(
    image: Any,
    model: ModelSource = ...,
    *,
    output: Literal["masks", "rle"],
    **parameters: Any,
) -> Records: ...


def segment_everything(  # type: ignore[misc]  # the overloads leave the parameters to it
    image: Any,
    model: ModelSource = "cells",
    *,
    points_per_side: int | None = preset(32),
    points_per_batch: int = 64,
    pred_iou_thresh: float = preset(0.88),
    stability_score_thresh: float = preset(0.95),
    stability_score_offset: float = 1.0,
    box_nms_thresh: float = preset(0.7),
    crop_n_layers: int = 0,
    crop_nms_thresh: float = 0.7,
    crop_overlap_ratio: float = 512 / 1500,
    crop_n_points_downscale_factor: int = 1,
    point_grids: Sequence[Any] | None = None,
    min_mask_region_area: int = 0,
    min_area: int = 0,
    max_area: int | None = None,
    drop_background: bool = False,
    ask_at: Literal["grid", "objects"] = preset("grid"),
    finder: ModelSource = "cells",
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
    image : (..., H, W) or (..., H, W, 3) array of any real type, or Image
        A plane, or a stack whose planes are segmented one by one. Dask and zarr arrays are
        read plane by plane.
    model : Model, str or Path
        A loaded model, a name from the zoo, or a checkpoint's path.
    points_per_side, points_per_batch, pred_iou_thresh, stability_score_thresh, \
stability_score_offset, box_nms_thresh, crop_n_layers, crop_nms_thresh, crop_overlap_ratio, \
crop_n_points_downscale_factor, point_grids, min_mask_region_area, min_area, max_area, \
drop_background, ask_at
        See `napari_sam.methods.settings.Settings`. What is left out is what suits the model: for
        a SAM the values shown, which are the reference's; ``cells`` asks where it sees objects
        and keeps masks with lower scores. What is given holds, whatever the model.
    finder : Model, str or Path
        With ``ask_at="objects"``, who says where objects are, unless `model` can itself.
    output : {"labels", "masks", "rle"}
        Labels with a table; or a list of records as the reference makes them, with boolean
        masks or with COCO's compressed run lengths.
    limits : (low, high), optional
        Contrast limits; by default of each plane by `napari_sam.contrast.contrast_limits`, and
        eight-bit colour as it is where the model is a SAM. ``(0, 255)`` takes eight-bit grey as it
        is, like the reference.
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

    Examples
    --------
    >>> from skimage.data import coins
    >>> result = segment_everything(coins()[:80, :80], points_per_side=4)
    >>> result.labels.shape
    (80, 80)
    """
    options = Settings(
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
        ask_at=ask_at,
    )
    checks.one_of(output, ("labels", "masks", "rle"), "output")
    seen = Image.of(image, rgb=rgb, limits=limits)
    checks.reports(progress)
    runs, sees = models_for(options, model, finder, device)
    if output == "labels":
        return segment_image(seen, options, (runs, sees), progress=progress)
    method: Method[Any] = method_of(options)
    results = run(seen, None, method, runs, options, finder=sees, progress=progress)
    return list(records(results, rle=output == "rle"))


def segment_objects(
    image: Any,
    method: str = "cells",
    model: ModelSource = "cells",
    *,
    finder: ModelSource = "cells",
    pixel_size: PixelSize | None = None,
    limits: tuple[float, float] | None = None,
    rgb: bool | None = None,
    out: Any = None,
    device: str = "auto",
    progress: Progress = silent,
    **options: Any,
) -> Segmentation:
    """Find objects by any method.

    Parameters
    ----------
    image : (..., H, W) or (..., H, W, 3) array of any real type, or Image
    method : str
        One of `napari_sam.methods.registry.names`.
    model : Model, str or Path
        A loaded model, a name from the zoo, or a checkpoint's path.
    finder : Model, str or Path
        Who says where objects are when the method has to know and `model` cannot tell.
    pixel_size, limits, rgb, out, device, progress
        See `segment_cells`.
    **options
        Those of the method.

    Returns
    -------
    Segmentation
        ``labels`` int32, ids unique over the whole stack, and ``table``, a row per object.

    Raises
    ------
    ParameterError, ImageError, ModelError, Cancelled

    Examples
    --------
    >>> from skimage.data import coins
    >>> result = segment_objects(coins(), "cells", diameter=40)
    >>> len(result) == len(result.table)
    True
    """
    known = method_named(method)
    wanted = given(known.kind, options)
    seen = Image.of(image, rgb=rgb, limits=limits, pixel_size=pixel_size)
    checks.reports(progress)
    models = models_for(wanted, model, finder, device)
    return segment_image(seen, wanted, models, out=out, progress=progress)


def masks_of(result: Result) -> int:
    """Count the masks of a result, those that others cover too."""
    chosen = result.chosen
    return len(chosen.chosen) if isinstance(chosen, ChosenObjects) else len(chosen)


def records(results: Iterable[Result], *, rle: bool) -> Iterator[dict[str, Any]]:
    """Describe every mask of results that may overlap, one at a time.

    Parameters
    ----------
    results : iterable of Result
    rle : bool
        Masks as COCO's compressed run lengths instead of (H, W) bool arrays.

    Yields
    ------
    dict
    """
    for result in results:
        assert isinstance(result.chosen, ChosenObjects)
        yield from result.chosen.records(rle=rle)
