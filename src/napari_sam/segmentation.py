"""Segmentations: integer labels with a table, and how one mask joins them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from napari_sam import checks
from napari_sam.errors import LabelsError, ModelError, ParameterError
from napari_sam.pixel_size import PixelSize
from napari_sam.prompts import Window
from napari_sam.regions import Region

if TYPE_CHECKING:
    import pandas as pd

Overlap = Literal["keep", "overwrite"]
"""What happens where a new object meets an old one: the old stays, or the new wins."""


@dataclass(frozen=True, eq=False, init=False)
class Candidates:
    """A model's answer to one prompt, best first.

    Parameters
    ----------
    masks : (K, H, W) bool
        Over the whole plane; with `shape`, over a part of it, outside which they are empty.
    scores : (K,) float
        Predicted IoU of each mask with the object meant.
    logits : (K, h, w) float32
        Low-resolution logits, for ``Prompt(logits=..., window=...)`` of the next round.
    window : (r0, c0, r1, c1)
        The region of the plane that the logits cover.
    corner : (int, int)
        Row and column of the plane where a part begins.
    shape : (H, W), optional
        Of the whole plane, when the masks are over a part of it.

    Attributes
    ----------
    parts : (K, h, w) bool
        The masks as they were given. Of a large plane they are small.

    Raises
    ------
    ModelError
        When the answer has NaN in it or its parts do not belong together.

    Examples
    --------
    >>> part = np.ones((1, 2, 3), bool)
    >>> found = Candidates(
    ...     part, np.ones(1), np.ones((1, 4, 4)), (0, 0, 8, 9), corner=(5, 6), shape=(8, 9)
    ... )
    >>> found.masks.shape, found.regions[0].box
    ((1, 8, 9), (5, 6, 7, 9))
    """

    parts: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]
    window: Window
    corner: tuple[int, int]
    shape: tuple[int, int]

    def __init__(
        self,
        masks: npt.NDArray[np.bool_],
        scores: npt.NDArray[np.float32],
        logits: npt.NDArray[np.float32],
        window: Window,
        corner: tuple[int, int] = (0, 0),
        shape: tuple[int, int] | None = None,
    ) -> None:
        masks = checks.array(masks, "masks", ModelError, kinds="b", ndim=3)
        scores = checks.array(scores, "scores", ModelError, kinds="f", ndim=1)
        logits = checks.array(logits, "logits", ModelError, kinds="f", ndim=3)
        if not len(masks) == len(scores) == len(logits):
            raise ModelError(
                f"{len(masks)} masks, {len(scores)} scores and {len(logits)} logits are not the "
                "answers to one prompt."
            )
        if not (np.isfinite(scores).all() and np.isfinite(logits).all()):
            raise ModelError(
                "The model answered with NaN or infinity: its weights are damaged or of another "
                "kind. Copy or download the checkpoint again."
            )
        checks.window(window, "window", ModelError)
        corner = checks.corner(corner, "corner", ModelError)
        height, width = masks.shape[1:]
        whole = (height, width) if shape is None else checks.plane_shape(shape, "shape", ModelError)
        ends = corner[0] + height, corner[1] + width
        if ends[0] > whole[0] or ends[1] > whole[1]:
            raise ModelError(f"Masks of {height} x {width} at {corner} are not on a plane {whole}.")
        values = masks, scores, logits, window, corner, whole
        for name, value in zip(self.__dataclass_fields__, values, strict=True):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.scores)

    @cached_property
    def masks(self) -> npt.NDArray[np.bool_]:
        """The masks over the whole plane, (K, H, W)."""
        if self.parts.shape[1:] == self.shape:
            return self.parts
        # calloc: pages of a large plane cost memory only where something is written.
        masks = np.zeros((len(self), *self.shape), dtype=bool)
        (top, left), (height, width) = self.corner, self.parts.shape[1:]
        masks[:, top : top + height, left : left + width] = self.parts
        return masks

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """Each mask with the place where it lies."""
        return tuple(Region.of(part, *self.corner) for part in self.parts)


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Labelled objects and what is known about each.

    Parameters
    ----------
    labels : integer array
        (H, W), or the shape of the stack; 0 is background.
    table : pandas.DataFrame
        A row per object, see `measure`.

    Raises
    ------
    LabelsError
        When the labels are no whole numbers or there is no table.
    """

    labels: npt.NDArray[np.integer[Any]]
    table: pd.DataFrame

    def __post_init__(self) -> None:
        checks.labels(self.labels, ndim=None)
        if not hasattr(self.table, "columns"):
            raise LabelsError(
                f"The table must be a pandas.DataFrame, got {type(self.table).__name__}: "
                "napari_sam.segmentation.measure makes one."
            )

    def __len__(self) -> int:
        return len(self.table)


def measure(
    labels: npt.NDArray[np.integer[Any]],
    image: npt.NDArray[Any] | None = None,
    scores: dict[int, float] | None = None,
    source: str = "",
    pixel_size: PixelSize | None = None,
) -> pd.DataFrame:
    """Describe every object of a labelled image.

    Parameters
    ----------
    labels : (H, W) integer array
    image : (H, W) or (H, W, C) array, optional
        Adds ``mean_intensity`` (over the channels too).
    scores : dict of label to float, optional
        Confidence of each object; NaN where it has none.
    source : str
        Where the objects come from, such as ``"cells"`` or ``"manual"``.
    pixel_size : PixelSize, optional
        Adds the columns of `with_units`.

    Returns
    -------
    pandas.DataFrame
        Columns ``label, score, area, centroid_row, centroid_col, r0, c0, r1, c1,
        [mean_intensity,] source``; areas in pixels, bounding boxes half open.

    Raises
    ------
    LabelsError
        When the labels are no plane of ids of 0 or more, or the image is another one.
    """
    # Here, because they take longer to import than everything else in the vocabulary.
    import pandas as pd
    from scipy import ndimage as ndi

    labels = checks.labels(labels)
    checks.ids_fit(labels)
    image = None if image is None else _image_of(labels, image)
    known = _known(scores)
    source = checks.text(source, "source")
    if labels.size and int(labels.min()) < 0:
        raise LabelsError(f"The labels have negative ids, down to {labels.min()}: ids are above 0.")
    where = np.flatnonzero(labels > 0)
    numbers = labels.ravel()[where]
    if numbers.size and int(numbers.max()) > labels.size:  # few objects with high numbers
        ids, numbers = np.unique(numbers, return_inverse=True)
        numbers += 1
    else:
        ids = np.flatnonzero(np.bincount(numbers))
        lookup = np.zeros(int(ids[-1]) + 1 if len(ids) else 1, dtype=np.int32)
        lookup[ids] = np.arange(1, len(ids) + 1)
        numbers = lookup[numbers]
    plain = np.zeros(labels.shape, dtype=np.int32)
    plain.ravel()[where] = numbers
    boxes = np.array(
        [(r.start, c.start, r.stop, c.stop) for r, c in ndi.find_objects(plain)], dtype=np.int64
    ).reshape(-1, 4)
    area = np.bincount(numbers, minlength=len(ids) + 1)[1:]

    def mean(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        return np.asarray(np.bincount(numbers, values, len(ids) + 1)[1:] / area)

    rows, columns = np.divmod(where, max(labels.shape[1], 1))
    found = pd.DataFrame(
        {
            "label": ids.astype(np.int64),
            "score": np.array([known.get(int(i), np.nan) for i in ids], dtype=np.float64),
            "area": area.astype(np.int64),
            "centroid_row": mean(rows),
            "centroid_col": mean(columns),
            **{name: boxes[:, i] for i, name in enumerate(("r0", "c0", "r1", "c1"))},
        }
    )
    if image is not None:
        grey = image.mean(axis=-1, dtype=np.float64) if image.ndim == labels.ndim + 1 else image
        found["mean_intensity"] = mean(grey.ravel()[where].astype(np.float64))
    found["source"] = source
    return with_units(found, pixel_size)


def _image_of(labels: npt.NDArray[Any], image: Any) -> npt.NDArray[Any]:
    found = checks.array(image, "The image", LabelsError)
    if found.shape[:2] != labels.shape or found.ndim > 3 or found.size == 0 < labels.size:
        raise LabelsError(f"The image has shape {found.shape}, but the labels {labels.shape}.")
    return found


def _known(scores: Any) -> dict[int, float]:
    """Return the confidence of each object; NaN is allowed, which says that it has none."""
    if scores is None:
        return {}
    if not hasattr(scores, "items"):
        raise ParameterError("scores must be a dictionary of id to confidence.")
    return {
        checks.whole(one, "An id among scores"): np.nan
        if isinstance(score, float | np.floating) and np.isnan(score)
        else checks.number(score, f"The score of {one}")
        for one, score in scores.items()
    }


def moved(table: pd.DataFrame, row: int, column: int) -> pd.DataFrame:
    """Return a table measured on a part of a plane with the places on the whole plane."""
    return table.assign(
        **{name: table[name] + row for name in ("centroid_row", "r0", "r1")},
        **{name: table[name] + column for name in ("centroid_col", "c0", "c1")},
    )


def with_units(table: pd.DataFrame, pixel_size: PixelSize | None) -> pd.DataFrame:
    """Return the table with areas, centroids, volumes and extents in physical units as well."""
    if pixel_size is None:
        return table
    unit = checks.instance(pixel_size, PixelSize, "pixel_size").unit
    wider = table.copy()
    if "area" in wider:
        wider[f"area_{unit}2"] = wider["area"] * pixel_size.area
    if "centroid_row" in wider:
        wider[f"centroid_row_{unit}"] = wider["centroid_row"] * pixel_size.row
        wider[f"centroid_col_{unit}"] = wider["centroid_col"] * pixel_size.column
    if "voxels" in wider and pixel_size.slice is not None:
        wider[f"volume_{unit}3"] = wider["voxels"] * pixel_size.area * pixel_size.slice
    if "z0" in wider and pixel_size.slice is not None:
        sides = {"depth": ("z", pixel_size.slice), "height": ("r", pixel_size.row)}
        sides["width"] = ("c", pixel_size.column)
        for name, (axis, length) in sides.items():
            wider[f"{name}_{unit}"] = (wider[f"{axis}1"] - wider[f"{axis}0"]) * length
    return wider


def next_id(labels: Any) -> int:
    """Return the smallest id above every id in use.

    Raises
    ------
    LabelsError
        When the labels are no whole numbers.
    """
    kind = getattr(getattr(labels, "dtype", None), "kind", "")
    if kind not in ("i", "u") or not hasattr(labels, "max"):
        raise LabelsError("labels must be an array of whole numbers.")
    return max(int(labels.max()), 0) + 1 if labels.size else 1


def check_id(object_id: int, dtype: npt.DTypeLike) -> None:
    """Refuse an id that the labels' type cannot hold, instead of wrapping round to 0.

    Raises
    ------
    LabelsError
    """
    try:
        limit = int(np.iinfo(np.dtype(dtype)).max)
    except (TypeError, ValueError) as why:
        raise LabelsError(f"Labels are of a type of whole numbers, got {dtype!r}.") from why
    if checks.whole(object_id, "An object's id", 0, 2**64, LabelsError) > limit:
        raise LabelsError(
            f"These labels are {np.dtype(dtype)} and hold ids up to {limit}, but the next free "
            f"id is {object_id}. Convert the layer to a larger type, or choose a new layer."
        )


def writable(
    plane_labels: npt.NDArray[np.integer[Any]], mask: npt.NDArray[np.bool_], overlap: Overlap
) -> npt.NDArray[np.bool_]:
    """Tell which pixels of a mask may be written.

    Parameters
    ----------
    plane_labels : (H, W) integer array
        Labels as they are.
    mask : (H, W) bool
        The new object.
    overlap : {"keep", "overwrite"}
        ``"keep"`` leaves every labelled pixel as it is.

    Returns
    -------
    (H, W) bool

    Raises
    ------
    LabelsError
    """
    plane_labels = checks.labels(plane_labels)
    mask = checks.mask(mask, plane_labels.shape, "The mask")
    checks.one_of(overlap, get_args(Overlap), "overlap", LabelsError)
    return mask & (plane_labels == 0) if overlap == "keep" else mask.copy()
