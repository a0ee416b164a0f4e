"""The objects of a labelled image, plane by plane: what every format writes down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_sam.errors import LabelsError
from napari_sam.images import planes


class Item(NamedTuple):
    """One object on one plane.

    Attributes
    ----------
    label : int
        Its id in the labels.
    plane : int
        Number of the plane, counted from 0 over all axes before the last two.
    corner : (int, int)
        Row and column where `mask` starts.
    mask : (h, w) bool
        The object within its bounding box.
    """

    label: int
    plane: int
    corner: tuple[int, int]
    mask: npt.NDArray[np.bool_]


def check_labels(labels: Any) -> npt.NDArray[np.integer[Any]]:
    """Return labels as an integer array with at least two axes.

    Raises
    ------
    LabelsError
    """
    array = np.asarray(labels)
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    if not np.issubdtype(array.dtype, np.integer) or array.ndim < 2:
        raise LabelsError(
            f"Labels are whole numbers, one per object, on at least two axes; got type "
            f"{array.dtype} and shape {array.shape}. Is this the image and not its labels?"
        )
    if array.size and int(array.min()) < 0:
        raise LabelsError("Labels must not be negative.")
    return array


def items(labels: npt.NDArray[np.integer[Any]]) -> Iterator[Item]:
    """Iterate over the objects, plane after plane, by rising id."""
    for number, plane in enumerate(planes(labels.shape, rgb=False)):
        on_plane = plane.take(labels)
        ids, dense = np.unique(on_plane, return_inverse=True)
        dense = dense.reshape(on_plane.shape) + 1
        for position, box in enumerate(ndimage.find_objects(dense)):
            if ids[position] == 0:
                continue
            rows, columns = box
            yield Item(
                label=int(ids[position]),
                plane=number,
                corner=(rows.start, columns.start),
                mask=dense[box] == position + 1,
            )
