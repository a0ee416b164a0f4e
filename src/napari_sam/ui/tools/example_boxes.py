"""Boxes around what is meant and what is not, in a Shapes layer of the person's or one of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_sam.errors import ViewError
from napari_sam.prompts import FOREGROUND
from napari_sam.ui.canvas.clicks import DRAG
from napari_sam.ui.find_options import FindOptions
from napari_sam.ui.layers.example_layer import colour_examples, colour_next, new_examples
from napari_sam.ui.layers.listening import Listening
from napari_sam.ui.layers.outlines import shapes_on_plane
from napari_sam.ui.layers.own_layers import remove_shapes, remove_specks
from napari_sam.ui.layers.planes import canvas_pixel
from napari_sam.ui.layers.polarity import polarity, say_next, says_next
from napari_sam.ui.layers.shown import Shown
from napari_sam.ui.workbench import NO_IMAGE, Workbench

if TYPE_CHECKING:
    from napari.layers import Shapes

Box = tuple[float, float, float, float]
_GOES_ON = ("adding", "changing", "removing")  # what napari says of shapes, before it is done


class ExampleBoxes:
    """Draws and reads the boxes of a method that takes some; see `FindOptions.boxes`.

    Parameters
    ----------
    bench : Workbench
    choose : callable
        Called with the layer whose boxes are the examples, or None.
    """

    #: Another box is drawn, or is about to be.
    changed = Signal()

    def __init__(self, bench: Workbench, choose: Callable[[Shapes | None], None]) -> None:
        self._bench, self._choose = bench, choose
        #: The layer that was made for boxes, while it is there.
        self.own: Shapes | None = None
        self._drawn = 0  # boxes since the last look
        self._layer, self._active = Listening(), Listening()
        self._active.to(bench.viewer.layers.selection.events.active, self._look)

    @property
    def layer(self) -> Shapes | None:
        """The layer whose boxes are the examples."""
        return self._bench.state.find.boxes

    @property
    def drawing(self) -> int | None:
        """What a drag on the canvas says now: 1 like this, 0 not this; None when it draws none."""
        layer = self.layer
        active = self._bench.viewer.layers.selection.active
        if layer is None or layer is not active or str(layer.mode) != "add_rectangle":
            return None
        return says_next(layer)

    # -- drawing ------------------------------------------------------------------------------

    def draw(self, label: int) -> None:
        """Let drags draw boxes that say this or not this, or end it when they do already."""
        bench = self._bench
        if bench.state.image is None:
            bench.say(NO_IMAGE, problem=True)
            return
        if self.drawing == label:
            self.stop()
            return
        layer = self._made() if self.layer is None else self.layer
        bench.viewer.layers.selection.active = layer
        layer.selected_data = set()
        layer.mode = "add_rectangle"
        say_next(layer, label)
        if layer is self.own:
            colour_next(layer, label)
        self.changed.emit()
        what = "object that is meant" if label == FOREGROUND else "object that is not meant"
        bench.result(f"Drag a box around an {what}, or several. Then press the button.")

    def stop(self) -> None:
        """Let drags move the view again; the boxes stay."""
        if self.layer is not None and self.drawing is not None:
            self.layer.mode = "pan_zoom"
        self.changed.emit()

    def _made(self) -> Shapes:
        """Return our own layer, made for the first box."""
        image = self._bench.state.image
        assert image is not None
        if self.own is None:
            self.own = new_examples(self._bench.ours, image)
        self.choose(self.own)
        return self.own

    def undo(self) -> None:
        """Take the last box of our own layer back that lies on the slice shown."""
        layer, rows = self.own, self._rows(self.own)
        if layer is None or not rows:
            self._bench.result(f"There is no box on this {self._bench.word} to take back.")
            return
        remove_shapes(layer, rows[-1:])
        self._edited()

    def choose(self, layer: Shapes | None) -> None:
        """Take the boxes of a layer for examples; None for no boxes."""
        self.stop()
        self._layer.stop()
        self._choose(layer)
        if layer is not None:
            for name in ("data", "features", "mode"):
                self._layer.to(getattr(layer.events, name), self._edited)
        self.changed.emit()

    def _edited(self, event: Any = None) -> None:
        """Wait until napari is done with a box: it draws each of them in many steps."""
        action = str(getattr(event, "action", ""))
        if action in _GOES_ON:
            return
        self._drawn += action == "added"
        self._bench.loop.later("example boxes", 0, self._settled)

    def _settled(self) -> None:
        drawn, self._drawn = self._drawn, 0
        if self.own is not None and self.own is self.layer:
            remove_specks(self.own, DRAG * canvas_pixel(self._bench.viewer, self.own), drawn)
            colour_examples(self.own)
        if self.drawing is not None and self._bench.plane_or_none() is not None:
            self._bench.result(self._counted())
        self.changed.emit()

    def _counted(self) -> str:
        like, unlike = self.read(self._bench.shown())
        if not like and not unlike:
            return "Drag a box around an object."
        what = f"{len(like)} of what is meant, {len(unlike)} of what is not"
        word = self._bench.word
        return f"Boxes on this {word}: {what}. Press the button to find the others."

    def _look(self, event: Any = None) -> None:
        """Another layer is active."""
        self.changed.emit()

    # -- reading ------------------------------------------------------------------------------

    def read(self, shown: Shown) -> tuple[list[Box], list[Box]]:
        """Return the boxes on a plane: of what is meant, and of what is not.

        A closed outline of another kind counts as the box around it. What the viewer does not
        show says nothing.
        """
        layer = self.layer
        like: list[Box] = []
        unlike: list[Box] = []
        if layer is None or not layer.visible:
            return like, unlike
        said, last = polarity(layer), np.array(shown.plane.shape) - 0.5
        for outline in shapes_on_plane(self._bench.viewer, layer, shown.image, shown.plane):
            low = np.clip(outline.box[:2], -0.5, last)
            high = np.clip(outline.box[2:], -0.5, last)
            if outline.kind != "path" and (high > low).all():
                box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
                (like if said[outline.index] == FOREGROUND else unlike).append(box)
        return like, unlike

    def _rows(self, layer: Shapes | None) -> list[int]:
        plane = self._bench.plane_or_none()
        image = self._bench.state.image
        if layer is None or image is None or plane is None:
            return []
        found = shapes_on_plane(self._bench.viewer, layer, image, plane)
        return [outline.index for outline in found]

    def complete(self, options: FindOptions, shown: Shown) -> FindOptions:
        """Return options with the boxes on the plane shown, where their method takes some.

        Raises
        ------
        ViewError
            When they say nothing, or are meant for other slices as well.
        """
        if not options.by.by_boxes:
            return options
        like, unlike = self.read(shown)
        if options.region == "stack" and (like or unlike):
            raise ViewError(
                f"Boxes are examples on one {shown.word}. Search this alone, or choose no boxes "
                "and let a word say what is looked for on all of them."
            )
        if not like and not options.options.text:
            raise ViewError(
                "Say what to look for: type a word, or draw a box (+) around one such object."
            )
        return options.changed(options.method, boxes=like or None, unlike_boxes=unlike or None)

    # -- life ---------------------------------------------------------------------------------

    def layers_changed(self) -> None:
        """Let go of a layer that went."""
        layers = self._bench.viewer.layers
        if self.own is not None and self.own not in layers:
            self.own = None
        if self.layer is not None and self.layer not in layers:
            self.choose(None)

    def image_changed(self) -> None:
        """Boxes of ours lie on the image before: they go."""
        own, self.own = self.own, None
        if own is None:
            return
        if self.layer is own:
            self.choose(None)
        self._bench.take_away(own)

    def close(self) -> None:
        """Take our own layer away and stop following the viewer."""
        own, self.own = self.own, None
        self._layer.stop()
        self._active.stop()
        self._bench.ours.remove(own)
