"""Planes that were segmented one by one, gathered into one segmentation of the stack."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from napari_sam.errors import LabelsError
from napari_sam.images import Plane
from napari_sam.segmentation import Segmentation, check_id


def placed(table: pd.DataFrame, plane: Plane) -> pd.DataFrame:
    """Return a table of objects of a plane with a column for its position along each other axis."""
    table = table.copy()
    leading = [axis for axis, at in enumerate(plane.index) if at is not None]
    for place, axis in enumerate(leading):
        table.insert(place, f"axis_{axis}", plane.index[axis])
    return table


def check_out(out: Any, shape: tuple[int, ...], image: Any = None) -> None:
    """Refuse what labels cannot be written into, before anything is searched.

    Parameters
    ----------
    out : object
    shape : tuple of int
        Of the image, without colour.
    image : array, optional
        What is searched.

    Raises
    ------
    LabelsError
        When it is no array of whole numbers that can be written, of another shape, or the image.
    """
    kind = getattr(getattr(out, "dtype", None), "kind", "")
    if kind not in "iu" or not kind or not hasattr(out, "__setitem__"):
        raise LabelsError(
            "out must be an array of whole numbers that labels are written into, such as "
            f"np.zeros({shape}, 'int32') or an array of zarr, got {reprlib.repr(out)}."
        )
    if tuple(out.shape) != shape:
        raise LabelsError(f"out has shape {tuple(out.shape)}, but the image has {shape}.")
    fixed = isinstance(out, np.ndarray) and not out.flags.writeable
    if fixed or getattr(out, "read_only", False):  # an array of zarr
        raise LabelsError("out is read-only: pass a copy of it, or another array.")
    both = isinstance(out, np.ndarray) and isinstance(image, np.ndarray)
    if out is image or (both and np.shares_memory(out, image)):
        raise LabelsError(
            "out is the image itself, which labels would overwrite: pass another array, such as "
            f"np.zeros({shape}, 'int32')."
        )


def gather(
    found: Iterable[tuple[Plane, Segmentation]], shape: tuple[int, ...], out: Any = None
) -> Segmentation:
    """Number the objects of all planes in one sequence.

    Parameters
    ----------
    found : iterable of (Plane, Segmentation)
        At least one. Each with labels (H, W) and ids 1..n.
    shape : tuple of int
        Shape of the stack without colour.
    out : integer array of that shape, optional
        What to write the labels into, zarr for example.

    Returns
    -------
    Segmentation
        ``labels`` int32 of that shape, or `out`; ``table`` with a column ``axis_0``, ... for the
        position along each leading axis.

    Raises
    ------
    LabelsError
        When `out` cannot hold so many ids.
    """
    labels = np.zeros(shape, dtype=np.int32) if out is None else out
    tables = []
    used = 0
    for plane, part in found:
        table = part.table.copy()
        check_id(used + len(table), labels.dtype)
        table["label"] += used
        tables.append(placed(table, plane))
        painted = np.where(part.labels > 0, part.labels + used, 0)
        labels[plane.slices] = painted.T if plane.transposed else painted
        used += len(table)
    return Segmentation(labels, pd.concat(tables, ignore_index=True))
