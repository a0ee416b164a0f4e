"""Editing labels: delete, merge, split and replace objects of one plane, and nothing else.

Every function takes the labels of a plane (H, W) as they are and returns an `Edit`: which pixels
change, from what and to what. Nothing is written here, so an edit can be shown, applied, undone
and repeated by whoever owns the labels. Ids are stable: an object that is not named by the edit
keeps its id and every pixel.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi
from skimage.segmentation import watershed

from napari_sam import checks
from napari_sam.errors import LabelsError
from napari_sam.labels.cut_line import draw, pixel
from napari_sam.labels.ids import among
from napari_sam.regions import extent
from napari_sam.segmentation import Overlap, check_id, writable

Ids = npt.NDArray[np.int64]
Labels = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]

_SLIVER = 0.01  # share of the object below which a piece is a crumb beside the line, not a part


@dataclass(frozen=True, eq=False)
class Edit:
    """A change of some pixels of one plane.

    Parameters
    ----------
    rows, columns : (N,) int arrays
        The pixels that change, and only these.
    before, after : (N,) int arrays
        Their ids; they differ everywhere.
    gone, changed, new : tuple of int
        Ids that are no longer on the plane, that have other pixels now, and that came.
    """

    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    before: Ids
    after: Ids
    gone: tuple[int, ...]
    changed: tuple[int, ...]
    new: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def apply(self, labels: Labels) -> None:
        """Write the edit into a plane.

        Raises
        ------
        LabelsError
            When it is no plane that the edit fits.
        """
        self._write(labels, self.after)

    def revert(self, labels: Labels) -> None:
        """Take the edit back, on a plane to which it was applied."""
        self._write(labels, self.before)

    def _write(self, labels: Labels, values: Ids) -> None:
        if not isinstance(labels, np.ndarray) or not checks.labels(labels).flags.writeable:
            raise LabelsError("An edit is written into an array of labels that can be changed.")
        if len(self) == 0:
            return
        height, width = labels.shape
        if self.rows.max() >= height or self.columns.max() >= width:
            raise LabelsError(f"The edit does not fit a plane of {height} x {width} pixels.")
        check_id(max(int(values.max()), 0), labels.dtype)
        labels[self.rows, self.columns] = values


def delete(labels: Labels, ids: Iterable[int]) -> Edit:
    """Remove objects, leaving background.

    Parameters
    ----------
    labels : (H, W) integer array
    ids : iterable of int

    Raises
    ------
    LabelsError
        When none of the objects is on this plane.
    """
    labels = checks.labels(labels)
    wanted = [i for i in checks.ids(ids) if i]
    mask = among(labels, wanted)
    if not mask.any():
        raise LabelsError("There is no such cell on this slice: nothing was deleted.")
    return _edit(labels, mask, 0)


def merge(labels: Labels, ids: Sequence[int]) -> Edit:
    """Make several objects one, under the first one's id.

    The objects need not touch; what lies between them stays as it is.

    Parameters
    ----------
    labels : (H, W) integer array
    ids : sequence of int
        At least two different objects of the plane.

    Raises
    ------
    LabelsError
    """
    labels = checks.labels(labels)
    wanted = checks.ids(ids)
    if len(wanted) < 2:
        raise LabelsError("Merging needs two different cells.")
    for object_id in wanted:
        _object(labels, object_id)
    return _edit(labels, among(labels, wanted[1:]), wanted[0])


def split(
    labels: Labels,
    object_id: int,
    first: tuple[float, float],
    second: tuple[float, float],
    new_id: int,
) -> Edit:
    """Divide an object between two of its pixels, at its narrowest place.

    A watershed on the distance from the border runs from both pixels; the larger part keeps
    the id. Parts of the object that hang together with neither go to the nearer one.

    Parameters
    ----------
    labels : (H, W) integer array
    object_id : int
    first, second : (row, column)
        Two different pixels of the object.
    new_id : int
        A free id for the smaller part.

    Raises
    ------
    LabelsError
    """
    labels = checks.labels(labels)
    new_id = _free(labels, new_id)
    mask = _object(labels, object_id)
    seeds = [_seed(point) for point in (first, second)]
    if seeds[0] == seeds[1]:
        raise LabelsError("Click two different places of the cell to split it between them.")
    for seed in seeds:
        if (
            not (0 <= seed[0] < labels.shape[0] and 0 <= seed[1] < labels.shape[1])
            or not mask[seed]
        ):
            raise LabelsError("Both clicks must lie in the same cell to split it.")
    crop, mask = _cropped(mask)
    markers = np.zeros(mask.shape, dtype=np.int64)
    for number, (row, column) in enumerate(seeds, start=1):
        markers[row - crop[0].start, column - crop[1].start] = number
    depth = ndi.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    parts = watershed(-depth, markers, mask=mask)
    return _parted(labels, crop, mask, parts, [new_id])


def cut(labels: Labels, object_id: int, line: Any, new_id: int) -> Edit:
    """Cut an object along a drawn line; the largest part keeps the id.

    A line that ends inside the object is drawn on, straight, until it leaves it.

    Parameters
    ----------
    labels : (H, W) integer array
    object_id : int
    line : (N, 2) array-like
        ``(row, column)`` corners of the line, at least two.
    new_id : int
        The first of the free ids: a second part gets ``new_id``, a third ``new_id + 1``, ...

    Raises
    ------
    LabelsError
        When the line does not divide the object.
    """
    labels = checks.labels(labels)
    new_id = _free(labels, new_id)
    mask = _object(labels, object_id)
    barrier = draw(mask, checks.corners(line, 2, "The line", LabelsError))
    crop, mask = _cropped(mask)
    touching = np.ones((3, 3))  # diagonal neighbours hang together
    touched, _ = ndi.label(mask, touching)
    pieces, count = ndi.label(mask & ~barrier[crop], touching)
    area = np.bincount(pieces.ravel(), minlength=count + 1)
    kept = area >= max(2.0, _SLIVER * mask.sum())
    kept[0] = False
    # What was apart before the cut stays with the largest part.
    home = np.zeros(count + 1, dtype=np.int64)
    home[pieces[mask]] = touched[mask]
    crossed = np.bincount(home[kept.nonzero()[0]], minlength=touched.max() + 1) > 1
    number = np.zeros(count + 1, dtype=np.int64)
    chosen = np.flatnonzero(kept & crossed[home])
    if len(chosen) < 2:
        raise LabelsError("The line does not divide the cell: draw it right across.")
    chosen = chosen[np.argsort(-area[chosen], kind="stable")]
    number[chosen] = np.arange(1, len(chosen) + 1)
    number[kept & ~crossed[home]] = 1
    ids = [new_id + k for k in range(len(chosen) - 1)]
    return _parted(labels, crop, mask, number[pieces], ids)


def replace(labels: Labels, object_id: int, mask: Mask, overlap: Overlap = "keep") -> Edit:
    """Give an object another shape under the same id; or a new object its first one.

    Parameters
    ----------
    labels : (H, W) integer array
    object_id : int
        May be free, then the object is added.
    mask : (H, W) bool array
    overlap : {"keep", "overwrite"}
        ``"keep"`` leaves other objects' pixels to them.

    Raises
    ------
    LabelsError
        When nothing would be left of the object, or nothing would change.
    """
    labels = checks.labels(labels)
    object_id = checks.whole(object_id, "An object's id", 1, error=LabelsError)
    old = labels == object_id
    wanted = mask & (old | writable(labels, mask, overlap))
    if not wanted.any():
        raise LabelsError("The new outline is empty, or covers only other cells. Nothing changed.")
    if np.array_equal(wanted, old):
        raise LabelsError("The new outline is the same as before. Nothing changed.")
    return _edit(labels, old ^ wanted, np.where(wanted, object_id, 0))


# -- parts of the above ----------------------------------------------------------------------------


def _edit(labels: Labels, mask: Mask, after: npt.NDArray[np.int64] | int) -> Edit:
    """Describe what happens when the pixels of a mask get these ids."""
    rows, columns = np.nonzero(mask)
    before = labels[rows, columns].astype(np.int64)
    painted = np.broadcast_to(np.asarray(after, dtype=np.int64), labels.shape)[rows, columns]
    lost, came = set(np.unique(before)) - {0}, set(np.unique(painted)) - {0}
    stay = among(labels, lost)
    stay[rows, columns] = False
    left = set(np.unique(labels[stay])) | (lost & came)
    had = set(np.unique(labels[among(labels, came)]))
    return Edit(
        rows,
        columns,
        before,
        painted,
        gone=_sorted(lost - left),
        changed=_sorted((lost & left) | (came & had)),
        new=_sorted(came - had),
    )


def _sorted(ids: set[Any]) -> tuple[int, ...]:
    return tuple(sorted(int(i) for i in ids))


def _object(labels: Labels, object_id: int) -> Mask:
    object_id = checks.whole(object_id, "An object's id", error=LabelsError)
    mask = labels == object_id
    if object_id == 0 or not mask.any():
        raise LabelsError(f"There is no cell {object_id} on this slice.")
    return np.asarray(mask)


def _free(labels: Labels, new_id: int) -> int:
    new_id = checks.whole(new_id, "The new id", 1, error=LabelsError)
    check_id(new_id, labels.dtype)
    return new_id


def _seed(point: Any) -> tuple[int, int]:
    places = checks.places(point, 2, "A click", LabelsError)
    if len(places) != 1:
        raise LabelsError(f"A click is one place (row, column), got {len(places)}.")
    return pixel(places[0])


def _cropped(mask: Mask) -> tuple[tuple[slice, slice], Mask]:
    crop = extent(mask)
    return crop, mask[crop]


def _parted(
    labels: Labels, crop: tuple[slice, slice], mask: Mask, parts: Ids, new_ids: list[int]
) -> Edit:
    """Let every pixel of a mask belong to the nearest part; the largest part keeps its id."""
    nearest = ndi.distance_transform_edt(parts == 0, return_distances=False, return_indices=True)
    parts = np.where(mask, parts[tuple(nearest)], 0)
    area = np.bincount(parts.ravel())
    area[0] = 0
    order = np.argsort(-area, kind="stable")[: len(new_ids) + 1]
    ids = np.zeros(labels.shape, dtype=np.int64)
    for part, new_id in zip(order[1:], new_ids, strict=True):
        check_id(new_id, labels.dtype)
        if (labels == new_id).any():
            raise LabelsError(f"Id {new_id} is not free: choose one above all others.")
        ids[crop][parts == part] = new_id
    return _edit(labels, ids > 0, ids)
