"""A Shapes layer of our own: boxes are drawn in it, lines and outlines are put there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.ui.canvas.clicks import DRAG
from napari_sam.ui.layers import own_layers
from napari_sam.ui.layers.listening import Listening
from napari_sam.ui.layers.outlines import shapes_beside
from napari_sam.ui.layers.planes import canvas_pixel
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari.layers import Shapes


class Boxes:
    """The layer with boxes, lines and outlines of a person, made when it is first needed."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self.layer: Shapes | None = None
        self._specks = 0
        self._mode = Listening()
        self._active = Listening()
        self._active.to(bench.viewer.layers.selection.events.active, self._look)

    @property
    def drawing(self) -> bool:
        """Whether a drag on the canvas draws a box."""
        layer = self.layer
        active = self._bench.viewer.layers.selection.active
        return layer is not None and layer is active and str(layer.mode) == "add_rectangle"

    def start(self) -> None:
        """Make the layer, or return to it, ready to draw rectangles."""
        if self.layer is None:
            self._make(draw_boxes=True)
        else:
            self._bench.viewer.layers.selection.active = self.layer
            self.layer.mode = "add_rectangle"
        self._bench.choose("shapes", self.layer)
        self._look()

    def _make(self, *, draw_boxes: bool) -> Shapes:
        image = self._bench.state.image
        assert image is not None
        layer = own_layers.new_shapes(self._bench.ours, image, draw_boxes=draw_boxes)
        self._mode.to(layer.events.mode, self._look)
        self._mode.to(layer.events.data, self._drawn)
        self.layer = layer
        return layer

    def add(self, corners: npt.NDArray[np.float64], kind: str, label: int) -> None:
        """Put a line or an outline into the layer: a mark like those that are drawn in it.

        Parameters
        ----------
        corners : (N, D) array
            In data coordinates of the image.
        kind : str
            What napari calls it.
        label : {1, 0}
        """
        layer = self.layer or self._make(draw_boxes=False)
        own_layers.add_shape(layer, corners, kind, label)
        self._bench.choose("shapes", layer)

    def stop(self) -> None:
        """Let drags move the view again; the boxes that were drawn stay."""
        if self.layer is not None:
            self.layer.mode = "pan_zoom"
        self._look()

    def forget(self) -> None:
        """The layer is gone, or about to go."""
        self._mode.stop()
        layer, self.layer = self.layer, None
        if layer is not None and self._bench.state.shapes is layer:
            self._bench.choose("shapes", None)

    def close(self) -> None:
        """Stop following the viewer."""
        self.forget()
        self._active.stop()

    def expect_speck(self) -> None:
        """Take away the tiny rectangle that a click leaves while boxes are drawn.

        The layer finishes it after the click, when it hears of the button as well.
        """
        self._specks += 1
        self._bench.loop.later("specks", 0, self._remove_specks)

    def _remove_specks(self) -> None:
        clicks, self._specks = self._specks, 0
        layer = self.layer
        if layer is None or self._bench.state.image is None:
            return
        sides = DRAG * canvas_pixel(self._bench.viewer, layer)
        own_layers.remove_specks(layer, sides, clicks)

    def _drawn(self, event: Any) -> None:
        """A box is finished: napari tells of it when it is begun, too."""
        if self.drawing and event.action == "added":
            self._bench.loop.later("boxes beside", 0, self._remove_beside)

    def _remove_beside(self) -> None:
        """Take away what was drawn beside the image, and say so, as of a click there."""
        bench, layer = self._bench, self.layer
        plane = bench.plane_or_none()
        if layer is None or bench.state.image is None or plane is None:
            return
        rows = shapes_beside(bench.viewer, layer, bench.state.image, plane)
        if rows:
            own_layers.remove_shapes(layer, rows)
            bench.result("That box was beside the image. Drag one around a cell.")

    def _look(self, event: object = None) -> None:
        """Another layer is active, or another tool of it."""
        self._bench.state.drawing = self.drawing
