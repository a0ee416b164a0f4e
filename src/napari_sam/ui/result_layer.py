"""The labels that hold the last result: they follow the sliders until somebody else edits them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam import object_table
from napari_sam.automatic.merging import Rule, merge
from napari_sam.errors import LabelsError
from napari_sam.images import Plane
from napari_sam.segmentation import Segmentation, check_id, next_id
from napari_sam.ui.acceptance import Kept, write_plane
from napari_sam.ui.planes import labels_plane, new_labels
from napari_sam.ui.preview import add_quietly

if TYPE_CHECKING:
    import pandas as pd
    from napari.layers import Image, Labels

Mask = npt.NDArray[np.bool_]


class ResultLayer(ABC):
    """One plane of one Labels layer, written again and again while it is ours alone."""

    def __init__(self, labels: Labels, plane: Plane, noun: str) -> None:
        self.labels, self.plane, self._noun = labels, plane, noun
        self._data = labels.data
        self._last = plane.take(labels.data).copy()
        self._writing = False
        self._edited = False
        self._table = labels.features.copy()
        labels.events.paint.connect(self._heard)

    def _heard(self, event: Any) -> None:
        if not self._writing:
            self._edited = True

    def release(self) -> None:
        """Stop listening to the layer."""
        self.labels.events.paint.disconnect(self._heard)

    def untouched(self) -> bool:
        """Whether the layer is as it was written last; wherever it was edited."""
        return (
            not self._edited
            and self.labels.data is self._data
            and np.array_equal(self.plane.take(self._data), self._last)
            and self._table_untouched()
        )

    def _table_untouched(self) -> bool:
        """Whether the table holds nothing new; that all is open to review says nothing yet."""
        table = self.labels.features
        if (
            object_table.REVIEWED in table
            and (table[object_table.REVIEWED] == object_table.OPEN).all()
        ):
            table = table.drop(columns=object_table.REVIEWED)
        return bool(table.equals(self._table))

    def update(self, found: Segmentation, rule: Rule, region: Mask | None) -> str:
        """Write a result in place of the last one, and tell what was done.

        Raises
        ------
        LabelsError
        """
        assert self.untouched()
        self._writing = True
        try:
            return self._write(found, rule, region)
        finally:
            self._writing = False
            self._last = self.plane.take(self._data).copy()
            self._table = self.labels.features.copy()

    def _count(self, count: int) -> str:
        return f"1 {self._noun}" if count == 1 else f"{count} {self._noun}s"

    @abstractmethod
    def _write(self, found: Segmentation, rule: Rule, region: Mask | None) -> str: ...


class NewResult(ResultLayer):
    """A layer of its own, which holds nothing but the result."""

    def __init__(self, viewer: Any, image: Image, plane: Plane, noun: str) -> None:
        super().__init__(new_labels(image, f"{image.name} {noun}s found"), plane, noun)
        self._viewer = viewer

    def _write(self, found: Segmentation, rule: Rule, region: Mask | None) -> str:
        labels = self.labels
        labels.data[self.plane.slices] = found.labels.T if self.plane.transposed else found.labels
        labels.features = table_for(found)
        labels.refresh()
        if labels in self._viewer.layers:
            return f"{self._count(len(found))} in {labels.name!r}."
        add_quietly(self._viewer, labels)
        return f"Found {self._count(len(found))}, now in the new layer {labels.name!r}."


class MergedResult(ResultLayer):
    """A layer of the person's: one undo step holds the whole interaction.

    Parameters
    ----------
    remember : callable
        ``remember(kept, instead_of)``: what undo takes back from now on; either may be None.
    """

    def __init__(
        self,
        image: Image,
        plane: Plane,
        labels: Labels,
        noun: str,
        remember: Callable[[Kept | None, Kept | None], None],
    ) -> None:
        super().__init__(labels, labels_plane(image, plane, labels), noun)
        self._first = next_id(labels.data)
        self._remember = remember
        self._kept: Kept | None = None

    def _write(self, found: Segmentation, rule: Rule, region: Mask | None) -> str:
        labels, plane, name = self.labels, self.plane, self.labels.name
        if labels.preserve_labels and rule == "replace":
            raise LabelsError(
                f"{name!r} preserves its labels: switch off 'preserve labels' of the layer to "
                "replace what is there."
            )
        old, self._kept = self._kept, None
        if old is not None:
            labels.undo()  # our own step: nothing was edited since
            self._remember(None, old)
        merged = merge(found.labels, plane.take(labels.data), rule, self._first, region)
        if not merged.ids:
            return (
                f"Found {self._count(len(found))}, but all of them are labelled in {name!r} "
                "already. Nothing was changed."
                if len(found)
                else f"No {self._noun} found. Nothing was changed in {name!r}."
            )
        check_id(merged.ids[-1], labels.data.dtype)
        write_plane(labels, plane, merged.labels)
        self._kept = Kept(labels, labels.data, plane, merged.ids)
        self._remember(self._kept, None)
        left = f"; {merged.left_out} left out, for labels are there" if merged.left_out else ""
        if merged.removed:
            new = self._count(len(merged.ids))
            return f"Replaced {merged.removed} labels in {name!r} by {new}. Undo brings them back."
        return f"Added {self._count(len(merged.ids))} to {name!r}{left}."


def table_for(found: Segmentation) -> pd.DataFrame:
    """Make a table the features of a Labels layer, whose rows napari matches by ``index``."""
    table = found.table.copy()
    table.insert(0, "index", table["label"])
    return table
