"""Segmentations: integer labels with a table, and how one mask joins them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from napari_sam.errors import LabelsError
from napari_sam.pixel_size import PixelSize
from napari_sam.prompts import Window

if TYPE_CHECKING:
    import pandas as pd

Overlap = Literal["keep", "overwrite"]
"""What happens where a new object meets an old one: the old stays, or the new wins."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """A model's answer to one prompt, best first.

    Parameters
    ----------
    masks : (K, H, W) bool
        Over the whole plane.
    scores : (K,) float
        Predicted IoU of each mask with the object meant.
    logits : (K, h, w) float32
        Low-resolution logits, for ``Prompt(logits=..., window=...)`` of the next round.
    window : (r0, c0, r1, c1)
        The region of the plane that the logits cover.
    """

    masks: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]
    window: Window

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Labelled objects and what is known about each.

    Parameters
    ----------
    labels : integer array
        (H, W), or the shape of the stack; 0 is background.
    table : pandas.DataFrame
        A row per object, see `measure`.
    """

    labels: npt.NDArray[np.integer[Any]]
    table: pd.DataFrame

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
    """
    # Here, because they take longer to import than everything else in the vocabulary.
    import pandas as pd
    from scipy import ndimage as ndi

    if image is not None and image.shape[:2] != labels.shape:
        raise LabelsError(f"The image has shape {image.shape}, but the labels {labels.shape}.")
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
    known = scores or {}
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
        found["mean_intensity"] = mean(grey.ravel()[where])
    found["source"] = source
    return with_units(found, pixel_size)


def moved(table: pd.DataFrame, row: int, column: int) -> pd.DataFrame:
    """Return a table measured on a part of a plane with the places on the whole plane."""
    return table.assign(
        **{name: table[name] + row for name in ("centroid_row", "r0", "r1")},
        **{name: table[name] + column for name in ("centroid_col", "c0", "c1")},
    )


def with_units(table: pd.DataFrame, pixel_size: PixelSize | None) -> pd.DataFrame:
    """Return the table with areas and centroids in physical units as further columns."""
    if pixel_size is None:
        return table
    unit = pixel_size.unit
    wider = table.copy()
    if "area" in wider:
        wider[f"area_{unit}2"] = wider["area"] * pixel_size.area
    if "centroid_row" in wider:
        wider[f"centroid_row_{unit}"] = wider["centroid_row"] * pixel_size.row
        wider[f"centroid_col_{unit}"] = wider["centroid_col"] * pixel_size.column
    if "voxels" in wider and pixel_size.slice is not None:
        wider[f"volume_{unit}3"] = wider["voxels"] * pixel_size.area * pixel_size.slice
    return wider


def next_id(labels: Any) -> int:
    """Return the smallest id above every id in use."""
    return int(labels.max()) + 1 if labels.size else 1


def check_id(object_id: int, dtype: npt.DTypeLike) -> None:
    """Refuse an id that the labels' type cannot hold, instead of wrapping round to 0.

    Raises
    ------
    LabelsError
    """
    limit = np.iinfo(np.dtype(dtype)).max
    if object_id > limit:
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
    """
    if plane_labels.shape != mask.shape:
        raise LabelsError(
            f"The mask has shape {mask.shape}, but the labels' plane has {plane_labels.shape}."
        )
    return mask & (plane_labels == 0) if overlap == "keep" else mask.copy()
