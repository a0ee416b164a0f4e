"""How the labels look while they are reviewed: ring, hidden objects, colours by score."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_sam.classes import BY, SUGGESTED, classes_in
from napari_sam.images import Plane
from napari_sam.regions import Region
from napari_sam.ui.canvas.highlight import Highlight
from napari_sam.ui.labels_layer.colouring import Colouring, class_shade, shade
from napari_sam.ui.tools.review_state import Limits, ReviewedObjects, ReviewState
from napari_sam.ui.workbench import Workbench


class Appearance:
    """Changes only what is seen, never the labels."""

    def __init__(self, bench: Workbench, state: ReviewState) -> None:
        self._bench = bench
        self._state = state
        self._colouring = Colouring()
        self._highlight = Highlight(bench.ours)
        self.limits: dict[str, Limits] = {}

    @property
    def hidden(self) -> npt.NDArray[np.int64]:
        """Objects of the displayed plane that lie outside the limits."""
        objects = self._state.objects
        return objects.ids[objects.outside(self.limits)]

    def colour(self) -> None:
        """Hide what lies outside the limits, and colour the rest as is wanted."""
        state = self._state
        if state.labels is None:
            return
        hidden = state.objects.outside(self.limits)
        self._colouring.show(state.labels, state.objects.ids, hidden, self._colours())
        state.hidden = int(hidden.sum())

    def _colours(self) -> npt.NDArray[np.float32] | None:
        objects = self._state.objects
        if self._state.class_coloured:
            table = objects.table
            suggested = table[table[BY] == SUGGESTED] if BY in table else table.iloc[:0]
            ids = set(ReviewedObjects(suggested).ids.tolist())
            chosen, names = self._state.class_colours, self._state.classes
            return class_shade(classes_in(table), ids, objects.ids, chosen, names)
        return shade(objects.values("score")) if self._state.coloured else None

    def ring(self, plane: Plane, region: Region) -> None:
        """Ring an object."""
        image = self._bench.state.image
        if image is None:
            self._highlight.hide()
        else:
            self._highlight.show(image, plane, region)

    def draw(self, plane: Plane, path: list[tuple[float, float]]) -> None:
        """Show a line, or the first of two clicks."""
        image = self._bench.state.image
        if image is not None:
            self._highlight.draw(image, plane, path)

    def unring(self) -> None:
        self._highlight.hide()

    def restore(self) -> None:
        """Give the person's colours back."""
        self._colouring.restore()
