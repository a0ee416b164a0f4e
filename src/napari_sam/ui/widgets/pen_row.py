"""The row of pens on the Click page: what a drag draws. None is down: drags move the view."""

from __future__ import annotations

from functools import partial

from qtpy.QtWidgets import QHBoxLayout, QWidget

from napari_sam.ui.state import Pen
from napari_sam.ui.tools.click import Click
from napari_sam.ui.widgets.controls import Button, NarrowButton, enable
from napari_sam.ui.widgets.layouts import tight

_AGAIN = "Press again to move the view by dragging."
_PENS: tuple[tuple[Pen, str, str], ...] = (
    ("lasso", "Lasso", f"Drag an outline around the cell. Key L. {_AGAIN}"),
    (
        "scribble",
        "Scribble",
        (
            "Drag a line along the cell; with the right button, along what does not belong to it. "
            f"Key S. {_AGAIN}"
        ),
    ),
    (
        "brush",
        "Brush",
        (
            "Paint on the outline in hand: the proposed one, or that of the kept cell that you "
            f"begin in. The right button erases. Key B; [ and ] change the size. {_AGAIN}"
        ),
    ),
    (
        "eraser",
        "Eraser",
        f"Erase from the outline in hand. Key E; [ and ] change the size. {_AGAIN}",
    ),
)


class PenRow(QWidget):
    """A button for each pen, and one for boxes."""

    def __init__(self, tool: Click) -> None:
        super().__init__()
        self._state = tool.bench.state
        row = tight(QHBoxLayout(self), 2)
        self.boxes = NarrowButton(
            "Boxes",
            "Draw boxes around cells instead of clicking them. Several boxes make several cells. "
            f"Key R. {_AGAIN}",
            tool.draw_boxes,
        )
        self.pens: dict[Pen, Button] = {
            pen: NarrowButton(text, tip, partial(tool.pens.choose, pen)) for pen, text, tip in _PENS
        }
        for button in (self.boxes, *self.pens.values()):
            button.setCheckable(True)
            row.addWidget(button, 1)
        self._state.events.drawing.connect(self.show_pen)
        self._state.events.pen.connect(self.show_pen)
        self._state.events.image.connect(self.show_image)
        self.show_image()

    def show_pen(self) -> None:
        """Press the button of the pen in use."""
        self.boxes.setChecked(self._state.drawing)
        for pen, button in self.pens.items():
            button.setChecked(self._state.pen == pen)

    def show_image(self) -> None:
        """Say that there is nothing to draw on, if so."""
        why_not = "" if self._state.image is not None else "there is no image."
        for button in (self.boxes, *self.pens.values()):
            enable(button, button.tip, why_not)
        self.show_pen()
