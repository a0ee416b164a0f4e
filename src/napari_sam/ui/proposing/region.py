"""A region that a person draws around cells: they are counted or deleted, or searched for there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from napari_sam.images import Plane
from napari_sam.ui.canvas.clicks import LEFT
from napari_sam.ui.canvas.drags import Drags, Place, outline_of
from napari_sam.ui.layers import own_layers
from napari_sam.ui.layers.listening import Listening
from napari_sam.ui.layers.outlines import shapes_on_plane
from napari_sam.ui.workbench import NO_IMAGE, Workbench

if TYPE_CHECKING:
    from napari.layers import Shapes


class DrawnRegion:
    """The Shapes layer of the region, one outline on a slice, and the drag that draws it.

    Parameters
    ----------
    bench : Workbench
    """

    #: Another region is there, or none; or drags draw one now, or no longer.
    changed = Signal()

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self.layer: Shapes | None = None
        #: Whether a drag draws the region.
        self.drawing = False
        self._edits = Listening()
        self._drags = Drags(bench.viewer, bench.cursor, self)
        self._on: tuple[Plane, Shapes] | None = None

    # -- the drag ---------------------------------------------------------------------------------

    def toggle(self) -> None:
        """Let the next drag draw a region, or let drags move the view again."""
        if self._bench.state.image is None:
            self._bench.say(NO_IMAGE, problem=True)
        elif self.drawing:
            self.stop()
            self._bench.result("Dragging moves the view again.")
        else:
            self.drawing = True
            self._drags.turn_on()
            self._bench.result("Draw around the region.")
            self.changed.emit()

    def stop(self) -> None:
        """Let drags move the view again; the region stays, as far as it is drawn."""
        self._on = None
        if self.drawing:
            self.drawing = False
            self._drags.turn_off()
            self.changed.emit()

    def begin(self, place: Place, button: int) -> bool:
        """Start an outline."""
        if button != LEFT:
            return False
        self._on = (self._bench.plane(), self.layer_made())
        return True

    def move(self, path: list[Place]) -> None:
        """Show the outline so far."""
        on = self._on
        if on is not None and len(path) > 2 and self._bench.plane_or_none() == on[0]:
            self._draw(*on, np.array(path, float))

    def end(self, path: list[Place], moved: bool) -> None:
        """Take the outline for the region of the slice."""
        if self._on is None:
            return
        plane, layer = self._on
        away = self._bench.plane_or_none() != plane
        around = outline_of(path)
        self._draw(plane, layer, None if away else around)
        if away:
            self._bench.result(f"Another {self._bench.word} is shown: the region was dropped.")
        elif around is None:
            self._bench.result("That region is too small: it was taken away.")
        self.stop()

    def _draw(self, plane: Plane, layer: Shapes, corners: npt.NDArray[np.float64] | None) -> None:
        """Replace the region of a plane."""
        if layer != self.layer:
            return  # it went while the outline was drawn
        old = [row for row, shape in enumerate(layer.data) if plane.holds(shape).all()]
        with layer.events.data.blocker():
            own_layers.remove_shapes(layer, old)
            if corners is not None:
                layer.add(
                    plane.to_data(corners),
                    shape_type="polygon",
                    edge_width=2,
                    edge_color=own_layers.REGION_COLOUR,
                    face_color="transparent",
                )

    # -- the layer --------------------------------------------------------------------------------

    def layer_made(self) -> Shapes:
        """Return the layer, which is made when it is first needed."""
        image = self._bench.state.image
        assert image is not None
        if self.layer is None or self.layer not in self._bench.viewer.layers:
            self.forget()
            self.layer = own_layers.new_region(self._bench.ours, image)
            self._edits.to(self.layer.events.data, self._edited)
        return self.layer

    def _edited(self, event: object = None) -> None:
        self._bench.loop.later("region", 0, self.changed.emit)

    def here(self) -> bool:
        """Whether there is a region on the slice that is shown."""
        image, layer = self._bench.state.image, self.layer
        plane = self._bench.plane_or_none()
        if image is None or layer is None or plane is None:
            return False
        if layer not in self._bench.viewer.layers or not layer.visible:
            return False
        return bool(shapes_on_plane(self._bench.viewer, layer, image, plane))

    def layer_removed(self, layer: object) -> None:
        """A layer went, maybe the one of the region."""
        if layer is self.layer:
            self.forget()
            self.changed.emit()

    def forget(self) -> None:
        """The layer is gone, or about to go."""
        self._edits.stop()
        self._on, self.layer = None, None

    def image_changed(self) -> None:
        """Another image was chosen: the region was drawn on the one before."""
        layer = self.layer
        self.stop()
        self.forget()
        self._bench.take_away(layer)
        self.changed.emit()

    def close(self) -> None:
        """Take away whatever is ours."""
        layer = self.layer
        self.changed.disconnect()
        self.stop()
        self.forget()
        self._bench.ours.remove(layer)
