"""What was found on every slice by itself, written into one new layer as it comes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from napari_sam.images import Plane
from napari_sam.labels import table as object_table
from napari_sam.labels.change import Origin
from napari_sam.labels.filling import fill_free
from napari_sam.segmentation import Segmentation
from napari_sam.ui.labels_layer.result_layer import rows_found
from napari_sam.ui.layers.label_grid import new_labels
from napari_sam.ui.layers.shown import Shown
from napari_sam.ui.tools.growing_labels import GrowingLabels
from napari_sam.ui.tools.stack_search import Ended
from napari_sam.ui.tools.tool import Parts


class SliceResults:
    """Writes each slice as soon as it is found: what is done stays when the rest is stopped.

    A person may review, or paint, what is there while the rest is searched: rows come with their
    slices, and no slice is a step of undo, which would come before those of the person.

    Parameters
    ----------
    parts : Parts
    shown : Shown
        What is searched.
    noun : str
        What an object is called.
    """

    def __init__(self, parts: Parts, shown: Shown, noun: str) -> None:
        self._documents, self._noun = parts.documents, noun
        self._model = parts.bench.state.model
        labels = new_labels(shown.image, f"{shown.image.name} {noun}s found")
        self._into = GrowingLabels(parts, labels, new=True)
        self.count, self._word = 0, shown.word

    @property
    def busy(self) -> bool:
        """Whether a person's edit is being written just now."""
        return self._into.busy

    def lost(self) -> str:
        """Say why nothing can be written any more; empty while it can."""
        return self._into.lost()

    def arrived(self, plane: Plane, found: Segmentation) -> None:
        """Write what was found on a slice, where nothing was drawn meanwhile.

        Raises
        ------
        LabelsError
            When the labels cannot be written.
        """
        document = self._into.document()
        first = document.free_id() - 1
        labels = np.where(found.labels > 0, found.labels + first, 0)
        written = fill_free(document, plane, labels, Origin(plane, (), self._model))
        kept = np.unique(found.labels[written])
        rows = rows_found(found.table[found.table["label"].isin(kept)], plane, first)
        document.sheet.table = object_table.put(document.table, kept + first, rows)
        self.count += len(kept)
        if not self._into.show():
            self._into.layer.refresh()
        self._documents.written()

    def complete(self, told: str, end: Ended, lost: Callable[[], str]) -> None:
        """Nothing is left to be done."""
        end(f"{told} {self.stop()}")

    def stop(self) -> str:
        """Say what there is."""
        labels = self._into.layer
        if self._into.new or self.lost():
            return "Nothing was changed."
        labels.features = labels.features  # whoever writes tables down does so once, and now
        return (
            f"{self.count} {self._noun} outlines are in the new layer {labels.name!r}: one for "
            f"every {self._word} on which a {self._noun} is seen."
        )
