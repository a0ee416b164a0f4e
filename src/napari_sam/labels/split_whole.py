"""An object of several slices divided in two: side by side, or one above the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi
from skimage.segmentation import watershed

from napari_sam import checks
from napari_sam.errors import LabelsError
from napari_sam.labels.runs import Runs
from napari_sam.labels.slices import positions, slice_at
from napari_sam.labels.through import ThroughEdit

Place = tuple[int, ...]


def split_whole(
    labels: Any,
    object_id: int,
    first: Place,
    second: Place,
    new_id: int,
    *,
    spacing: tuple[float, ...] | None = None,
    axis: int = 0,
    where: Iterable[int] | None = None,
) -> ThroughEdit:
    """Divide an object between two of its pixels, at its narrowest place, on all slices.

    A watershed on the distance from the border runs from both pixels; the larger part keeps the
    id. Parts that hang together with neither go to the nearer one.

    Parameters
    ----------
    labels : integer array
        NumPy, zarr or alike.
    object_id : int
    first, second : tuple of int
        Two different pixels of the object, on any of its slices.
    new_id : int
        A free id for the smaller part.
    spacing : tuple of float, optional
        Distance of pixels along every axis; all equal by default.
    axis : int
        Of the slices.
    where : iterable of int, optional
        Positions along it that may hold the object.

    Raises
    ------
    LabelsError

    Examples
    --------
    >>> labels = np.zeros((3, 5, 11), int)
    >>> labels[:, 1:4, 1:5] = labels[:, 1:4, 6:10] = labels[1, 2, 5] = 1
    >>> edit = split_whole(labels, 1, (0, 2, 2), (2, 2, 8), 2)
    >>> edit.ids, edit.runs.size
    ((1, 2), 36)
    """
    seeds = [_seed(one, labels) for one in (first, second)]
    if seeds[0] == seeds[1]:
        raise LabelsError("Click two different places of the cell to split it between them.")
    for seed in seeds:
        if int(np.asarray(labels[seed])) != object_id:
            raise LabelsError("Both clicks must lie in the same cell to split it.")
    corner, mask = _cropped(labels, object_id, axis, where)
    markers = np.zeros(mask.shape, np.int32)
    for number, seed in enumerate(seeds, 1):
        markers[tuple(at - low for at, low in zip(seed, corner, strict=True))] = number
    # An axis along which it has no extent is none to go along.
    around = [(1, 1) if side > 1 else (0, 0) for side in mask.shape]
    depth = ndi.distance_transform_edt(np.pad(mask, around), sampling=spacing)
    inside = tuple(slice(a, depth.shape[k] - b) for k, (a, b) in enumerate(around))
    parts = watershed(-depth[inside], markers, mask=mask)
    if (mask & (parts == 0)).any():
        nearest = ndi.distance_transform_edt(
            parts == 0, sampling=spacing, return_distances=False, return_indices=True
        )
        parts = np.where(mask, parts[tuple(nearest)], 0)
    area = np.bincount(parts.ravel(), minlength=3)
    smaller = 2 if area[2] <= area[1] else 1
    after = np.where(parts == smaller, new_id, np.where(mask, object_id, 0))
    runs = Runs.between(labels.shape, corner, np.where(mask, object_id, 0), after)
    told = f"Split cell {object_id} everywhere; the new one is {new_id}."
    return ThroughEdit(told, runs, (object_id, new_id), {})


def _seed(place: Any, labels: Any) -> Place:
    found = tuple(checks.whole(int(at), "A place", 0, error=LabelsError) for at in place)
    if len(found) != len(labels.shape) or any(
        at >= n for at, n in zip(found, labels.shape, strict=True)
    ):
        raise LabelsError(f"A place {found} does not lie in labels of shape {tuple(labels.shape)}.")
    return found


def _cropped(
    labels: Any, object_id: int, axis: int, where: Iterable[int] | None
) -> tuple[Place, npt.NDArray[np.bool_]]:
    """Return an object in the smallest block that holds it, and where that begins."""
    found: dict[int, tuple[tuple[slice, ...], npt.NDArray[np.bool_]]] = {}
    for at in positions(labels, axis, where):
        held = slice_at(labels, axis, at) == object_id
        for box in ndi.find_objects(held.view(np.int8)):
            found[at] = box, held[box].copy()  # of a large slice no more is kept
    low, high = min(found), max(found) + 1
    ends = [(box[k].start, box[k].stop) for box, _ in found.values() for k in range(len(box))]
    boxes = np.array(ends).reshape(len(found), -1, 2)
    starts, stops = boxes[..., 0].min(axis=0), boxes[..., 1].max(axis=0)
    block = np.zeros((high - low, *(stops - starts)), bool)
    for at, (box, part) in found.items():
        inner = tuple(slice(b.start - s, b.stop - s) for b, s in zip(box, starts, strict=True))
        block[at - low][inner] = part
    corner = (*starts[:axis].tolist(), low, *starts[axis:].tolist())
    return corner, np.moveaxis(block, 0, axis)
