"""The Click page: mark a cell, look at its outlines, keep one."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_sam.prompts import BACKGROUND, FOREGROUND
from napari_sam.ui.layers.own_layers import BACKGROUND_COLOUR, OBJECT_COLOUR
from napari_sam.ui.session import Session
from napari_sam.ui.widgets.candidates import CandidateStrip
from napari_sam.ui.widgets.controls import Button, LayerCombo, Segmented, enable
from napari_sam.ui.widgets.disk_box import DiskBox
from napari_sam.ui.widgets.folding import Folding

_ACCEPT = "Keep the chosen outline as a new cell in the labels."
_NEXT = "Show the next of the three outlines."
_UNDO = "Take back the last mark; when there is none, the cell kept last."
_CLEAR = "Drop all marks and start over."


class ClickPage(QWidget):
    """Prompts, candidates, and what happens to them."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(6)

        self.polarity = Segmented(
            [
                (FOREGROUND, "+ this cell", "A left click marks the cell. Key T switches."),
                (
                    BACKGROUND,
                    "− not this",
                    "A left click marks what does not belong to the cell, as a right click "
                    "always does. Key T switches.",
                ),
            ]
        )
        for value, colour in ((FOREGROUND, OBJECT_COLOUR), (BACKGROUND, BACKGROUND_COLOUR)):
            self.polarity.button(value).setStyleSheet(
                f"QPushButton:checked {{ background-color: {colour}; color: black; }}"
            )
        self.polarity.chosen.connect(session.set_polarity)
        self.boxes = Button(
            "▭ Boxes",
            "Draw boxes around cells instead of clicking them. Several boxes make several cells. "
            "Press again to move the view by dragging.",
            session.draw_boxes,
        )
        self.boxes.setCheckable(True)
        marks = QHBoxLayout()
        marks.setSpacing(4)
        marks.addWidget(self.polarity, 1)
        marks.addWidget(self.boxes)
        column.addLayout(marks)

        self.candidates = CandidateStrip()
        self.candidates.picked.connect(session.choose_candidate)
        column.addWidget(self.candidates)

        self.accept = Button("Accept", _ACCEPT, session.accept, "Enter")
        self.accept.setMinimumHeight(32)
        column.addWidget(self.accept)
        self.next = Button("Next", _NEXT, session.next_candidate, "N")
        self.undo = Button("Undo", _UNDO, session.undo, "Ctrl+Z")
        self.clear = Button("Clear", _CLEAR, session.clear, "Esc")
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        for button in (self.next, self.undo, self.clear):
            buttons.addWidget(button)
        column.addLayout(buttons)

        grid = QGridLayout()
        grid.setSpacing(4)
        self.target = LayerCombo("The Labels layer that kept cells go into.", "new labels")
        self.target.chosen.connect(lambda layer: session.choose("target", layer))
        self.overlap = Segmented(
            [
                ("keep", "keep", "Where there is a label already, leave it as it is."),
                ("overwrite", "overwrite", "Where there is a label already, replace it."),
            ]
        )
        self.overlap.chosen.connect(session.set_overlap)
        for row, (text, widget) in enumerate(
            (("Keep cells in", self.target), ("On overlap", self.overlap))
        ):
            grid.addWidget(QLabel(text), row, 0)
            grid.addWidget(widget, row, 1)
        grid.setColumnStretch(1, 1)
        column.addLayout(grid)

        self.hover = QCheckBox("Show the mask under the cursor")
        self.hover.setToolTip("Before any click, outline the cell that a click would select.")
        self.hover.toggled.connect(session.set_hover)
        column.addWidget(self.hover)
        column.addWidget(self._own_marks())
        self.disk = DiskBox(session.disk_cache)
        column.addWidget(self.disk)
        column.addStretch(1)
        self.show_answer()

    def _own_marks(self) -> Folding:
        session = self._session
        self.points = LayerCombo(
            "Clicks go into a new Points layer, or into yours. In yours, points whose feature "
            "'polarity' says 'background' count as not this.",
            "new",
        )
        self.points.chosen.connect(lambda layer: session.choose("points", layer))
        self.shapes = LayerCombo("Rectangles and outlines that mark cells.", "none")
        self.shapes.chosen.connect(lambda layer: session.choose("shapes", layer))
        self.mask = LayerCombo(
            "Labels whose selected label, on this slice, is a rough mask of the cell.", "none"
        )
        self.mask.chosen.connect(lambda layer: session.choose("mask", layer))
        inner = QWidget()
        grid = QGridLayout(inner)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        for row, (text, widget) in enumerate(
            (("Points", self.points), ("Boxes, outlines", self.shapes), ("Rough mask", self.mask))
        ):
            grid.addWidget(QLabel(text), row, 0)
            grid.addWidget(widget, row, 1)
        grid.setColumnStretch(1, 1)
        tip = "Use points, shapes or labels that you have already."
        return Folding("Marks from layers of your own", tip, inner)

    def show_answer(self) -> None:
        """Show the candidates, and which buttons can be pressed."""
        state = self._session.state
        self.candidates.show_answer(state.answer, state.choice)
        nothing = "" if state.answer is not None else "mark a cell first."
        enable(self.accept, _ACCEPT, nothing)
        alone = state.answer is not None and state.answer.choices == 1
        enable(self.next, _NEXT, "there is only one outline." if alone else nothing)
        self.show_ways_back()
        enable(self.boxes, self.boxes.tip, "" if state.image is not None else "there is no image.")

    def show_ways_back(self) -> None:
        """Show whether there is anything to undo, or to clear."""
        state = self._session.state
        undoable = state.marked or state.kept
        enable(self.undo, _UNDO, "" if undoable else "nothing is marked or kept yet.")
        cleared = not state.marked and state.answer is None
        enable(self.clear, _CLEAR, "nothing is marked." if cleared else "")

    def show_drawing(self) -> None:
        """Show whether drags draw boxes."""
        self.boxes.setChecked(self._session.state.drawing)

    def show_choice(self) -> None:
        state = self._session.state
        self.candidates.show_choice(state.choice if state.answer is not None else None)

    def show_layers(self, points: list, shapes: list, labels: list) -> None:
        state = self._session.state
        self.points.show_layers(points, state.points)
        self.shapes.show_layers(shapes, state.shapes)
        self.mask.show_layers(labels, state.mask)
        self.target.show_layers(labels, state.target)
