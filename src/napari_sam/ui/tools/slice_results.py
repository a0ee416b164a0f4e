"""What was found on every slice by itself, written into one new layer as it comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam.images import Plane, PlaneStack
from napari_sam.labels.gather import placed
from napari_sam.segmentation import Segmentation, next_id
from napari_sam.ui.labels_layer.layer_sheet import LayerSheet
from napari_sam.ui.labels_layer.result_layer import table_for
from napari_sam.ui.layers.label_grid import new_labels
from napari_sam.ui.layers.ours import OurLayers
from napari_sam.ui.layers.planes import finest
from napari_sam.ui.tools.stack_search import Ended

if TYPE_CHECKING:
    import pandas as pd
    from napari.layers import Image


class SliceResults:
    """Writes each slice as soon as it is found: what is done stays when the rest is stopped.

    Parameters
    ----------
    ours : OurLayers
        Whose viewer gets the labels.
    image : Image layer
    noun : str
        What an object is called.
    """

    def __init__(self, ours: OurLayers, image: Image, noun: str) -> None:
        self._ours, self._noun = ours, noun
        self._labels = new_labels(image, f"{image.name} {noun}s found")
        self._tables: list[pd.DataFrame] = []
        self._edited = False
        self.count = 0

    def lost(self) -> str:
        """Say so when the layer was removed."""
        if self._tables and not self._ours.there(self._labels):
            return "The layer was removed."
        return ""

    def arrived(self, plane: Plane, found: Segmentation) -> None:
        """Write what was found on a slice, where nothing was drawn meanwhile."""
        labels, pixels = self._labels, LayerSheet(self._labels).pixels
        if self._edited:  # ids of the person's own may have come in between
            self.count = max(self.count, next_id(finest(labels)) - 1)
            self._edited = False
        before = plane.take(pixels)
        free = (before == 0) & (found.labels > 0)
        PlaneStack(pixels, [plane])[0] = np.where(free, found.labels + self.count, before)
        table = placed(found.table, plane)
        table["label"] += self.count
        self.count += len(found)
        self._tables.append(table)
        if self._ours.there(labels):
            labels.refresh()
            return
        self._ours.add_beneath(labels)
        labels.events.paint.connect(self._painted)

    def _painted(self, event: Any) -> None:
        self._edited = True

    def complete(self, told: str, end: Ended, lost: Callable[[], str]) -> None:
        """Nothing is left to be done but the table."""
        end(f"{told} {self.stop()}")

    def stop(self) -> str:
        """Complete the layer's table, and say what there is."""
        labels = self._labels
        if not self._tables or not self._ours.there(labels):
            return "Nothing was changed."
        import pandas as pd

        labels.events.paint.disconnect(self._painted)
        labels.features = table_for(pd.concat(self._tables, ignore_index=True))
        return (
            f"{self.count} {self._noun} outlines are in the new layer {labels.name!r}: one for "
            f"every slice on which a {self._noun} is seen."
        )
