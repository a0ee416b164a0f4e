"""The row of Find all that says which boxes are examples, and draws them."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QHBoxLayout, QWidget

from napari_sam.prompts import BACKGROUND, FOREGROUND
from napari_sam.ui.layers.own_layers import BACKGROUND_COLOUR, OBJECT_COLOUR
from napari_sam.ui.tools.example_boxes import ExampleBoxes
from napari_sam.ui.widgets.combos import LayerCombo
from napari_sam.ui.widgets.controls import Button
from napari_sam.ui.widgets.layouts import tight

_WHICH = (
    "Shapes whose boxes on this slice are examples, beside the word or in its place. Of your own "
    "layer all boxes mean 'like this', but for those whose column 'polarity' says 'background'."
)
_LIKE = "Drag boxes around objects that are meant. Press again to move the view by dragging."
_UNLIKE = "Drag boxes around objects that are not meant. Ctrl+Z takes the last box back."


class ExampleBoxesRow(QWidget):
    """Chooses a layer of boxes, or draws in one.

    Parameters
    ----------
    boxes : ExampleBoxes
    """

    def __init__(self, boxes: ExampleBoxes) -> None:
        super().__init__()
        self._boxes = boxes
        self._shapes: list[Any] = []
        self.layer = LayerCombo(_WHICH, "no boxes")
        self.layer.chosen.connect(boxes.choose)
        self.like = _switch("+", _LIKE, OBJECT_COLOUR, lambda: boxes.draw(FOREGROUND))
        self.unlike = _switch("−", _UNLIKE, BACKGROUND_COLOUR, lambda: boxes.draw(BACKGROUND))
        row = tight(QHBoxLayout(self))
        row.addWidget(self.layer, 1)
        row.addWidget(self.like)
        row.addWidget(self.unlike)
        boxes.changed.connect(self.show_boxes)

    def show_layers(self, shapes: list[Any]) -> None:
        """List the layers that can be chosen."""
        self._shapes = shapes
        self.show_boxes()

    def show_boxes(self) -> None:
        """Show which layer is chosen, and what a drag draws."""
        own = [] if self._boxes.own is None else [self._boxes.own]
        self.layer.show_layers([*own, *self._shapes], self._boxes.layer)
        drawing = self._boxes.drawing
        self.like.setChecked(drawing == FOREGROUND)
        self.unlike.setChecked(drawing == BACKGROUND)


def _switch(text: str, tip: str, colour: str, pressed: Any) -> Button:
    button = Button(text, tip, pressed)
    button.setCheckable(True)
    button.setFixedWidth(32)
    button.setStyleSheet(f"QPushButton:checked {{ background-color: {colour}; color: black; }}")
    return button
