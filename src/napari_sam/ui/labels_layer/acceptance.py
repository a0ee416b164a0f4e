"""Keeping masks: one undoable write into a Labels layer, and taking it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.errors import LabelsError
from napari_sam.images import Plane
from napari_sam.segmentation import Overlap, check_id, next_id, writable

if TYPE_CHECKING:
    from napari.layers import Labels


@dataclass(frozen=True, eq=False)
class Kept:
    """One write: into which layer and data object, where, and under which ids."""

    labels: Labels
    data: Any
    plane: Plane
    ids: tuple[int, ...]

    def there(self, viewer: Any) -> bool:
        """Whether any of it is still to be seen; not when it was undone or erased meanwhile."""
        if self.labels not in viewer.layers or self.labels.data is not self.data:
            return False
        return bool(np.isin(self.plane.take(self.data), self.ids).any())

    def take_back(self) -> None:
        """Undo the layer's last step.

        Raises
        ------
        LabelsError
            When the layer holds other data than were written to: its history no longer fits.
        """
        if self.labels.data is not self.data:
            raise LabelsError(
                f"{self.labels.name!r} has got new data since, so nothing was undone."
            )
        self.labels.undo()


def keep(
    labels: Labels,
    plane: Plane,
    masks: list[npt.NDArray[np.bool_]],
    overlap: Overlap,
) -> Kept:
    """Write masks under the next free ids, all in one undo step.

    Parameters
    ----------
    labels : Labels layer
        Checked before with `planes.labels_plane`.
    plane : Plane
        The plane of the labels.
    masks : list of (H, W) bool
        Most trusted first: a pixel of two masks goes to the first.
    overlap : {"keep", "overwrite"}
        ``"keep"``, and the layer's own "preserve labels", leave labelled pixels alone.

    Raises
    ------
    LabelsError
        When nothing would be written or the labels cannot take it; nothing is changed then.
    """
    before = plane.take(labels.data)
    if labels.preserve_labels:
        overlap = "keep"
    first = next_id(labels.data)
    painted = np.zeros(plane.shape, dtype=np.int64)
    ids: list[int] = []
    for mask in masks:
        free = writable(before, mask, overlap) & (painted == 0)
        if free.any():
            object_id = first + len(ids)
            painted[free] = object_id
            ids.append(object_id)
    if not ids:
        empty = not any(mask.any() for mask in masks)
        raise LabelsError(
            "The mask is empty. Click nearer to the middle of the cell."
            if empty
            else "This place is labelled already, and nothing was changed. To replace what is "
            "there, choose 'overwrite' under On overlap."
            + (" and switch off 'preserve labels' of the layer." if labels.preserve_labels else "")
        )
    check_id(ids[-1], labels.data.dtype)
    write(labels, plane, painted)
    return Kept(labels, labels.data, plane, tuple(ids))


def write(labels: Labels, plane: Plane, painted: npt.NDArray[np.int64]) -> None:
    """Set the non-zero pixels of a plane in one undo step."""
    inside = painted > 0
    try:
        labels.data_setitem(plane.indices(inside), painted[inside].astype(labels.data.dtype))
    except (NotImplementedError, TypeError, ValueError) as error:
        raise LabelsError(
            f"{labels.name!r} cannot be written ({error}). Choose a new Labels layer."
        ) from error
