"""The Review page: correct found cells, decide about each, hide what does not fit."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from napari_sam.classes import BY, CLASS, PROBABILITY, SUGGESTED
from napari_sam.counts import counted
from napari_sam.labels import table as object_table
from napari_sam.ui.session import PanelSession
from napari_sam.ui.tools.review import Review
from napari_sam.ui.widgets.combos import LayerCombo
from napari_sam.ui.widgets.controls import Button, NarrowButton, Segmented, enable
from napari_sam.ui.widgets.folding import Folding
from napari_sam.ui.widgets.histogram_slider import HistogramSlider
from napari_sam.ui.widgets.layouts import named, tight
from napari_sam.ui.widgets.object_dock import ObjectDock
from napari_sam.ui.widgets.page import Layers, Page
from napari_sam.ui.widgets.review_classes_box import ReviewClassesBox
from napari_sam.ui.widgets.review_region_box import ReviewRegionBox
from napari_sam.ui.widgets.review_through_box import ReviewThroughBox

_REVIEWED = {object_table.OPEN: "open", object_table.ACCEPTED: "accepted"}
_ACCEPT = "This cell is right. Goes on to the next least certain one."
_KEEP = "Keep the proposed outline."
_REJECT = "Delete this cell and go on. Undo brings it back."
_CORRECT = (
    "Improve the outline of this cell: click what is missing, right-click what does not belong, "
    "then accept. Its number stays."
)
_BRUSH = (
    "Paint on the proposed outline, or on the cell in hand or the one that you begin in. The right "
    "button erases, as E does. Key B; [ and ] change the size. Press again to move the view by "
    "dragging."
)


class ReviewPage(Page):
    """Shows `Review.state` and sends intents."""

    def __init__(self, session: PanelSession, tool: Review) -> None:
        super().__init__(session, tool)
        self._review = tool
        self.dock = ObjectDock(session.viewer, tool)
        column = tight(QVBoxLayout(self), 6, above=4)
        self._labels_and_actions(column)
        self._one_cell(column)
        self._all_cells(column)
        column.addStretch(1)
        self._history(column)
        self._connect()

    # -- building -----------------------------------------------------------------------------

    def _labels_and_actions(self, column: QVBoxLayout) -> None:
        review = self._review
        self.labels = LayerCombo("The cells to review.")
        self.labels.chosen.connect(review.choose)
        column.addLayout(named([("Cells in", self.labels)]))
        self.action = Segmented(
            [
                ("select", "Select", "A click takes a cell in hand. Dragging moves the view."),
                ("delete", "Delete", "A click deletes a cell. Ctrl+click does so with any tool."),
                (
                    "merge",
                    "Merge",
                    (
                        "Drag from one cell to another, or click both; the first one's number "
                        "stays. Alt+drag and Alt+click do so with any tool."
                    ),
                ),
                (
                    "split",
                    "Split",
                    (
                        "Draw a line across a cell, or click both halves; the larger part keeps "
                        "the number. Shift+drag and Shift+click do so with any tool."
                    ),
                ),
                ("add", "Add", "Click a cell that is missing, and accept its outline. Key A."),
            ]
        )
        self.action.chosen.connect(review.set_action)
        column.addWidget(self.action)
        hint = QLabel("Ctrl+click deletes, Alt+drag merges,\nShift+drag cuts")
        hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.addWidget(hint)

    def _one_cell(self, column: QVBoxLayout) -> None:
        review = self._review
        self.cell = QLabel()
        self.cell.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.cell.setToolTip("The cell in hand.")
        column.addWidget(self.cell)
        self.accept = Button("Accept", _ACCEPT, review.accept, "Enter")
        self.accept.setMinimumHeight(32)
        self.reject = Button("Reject", _REJECT, review.reject, "Del")
        self.reject.setMinimumHeight(32)
        self.correct = NarrowButton("Correct", _CORRECT, review.correct, "C")
        self.previous = NarrowButton("◂", "The open cell before.", review.previous, "P")
        self.next = NarrowButton("▸", "The next open cell, least certain first.", review.next, "N")
        self.brush = NarrowButton("Brush", _BRUSH, lambda: review.pens.choose("brush"))
        self.brush.setCheckable(True)
        around = (self.previous, self.correct, self.brush, self.next)
        for buttons in ((self.accept, self.reject), around):
            row = tight(QHBoxLayout())
            for button in buttons:
                row.addWidget(button, 1)
            column.addLayout(row)
        self.progress = QProgressBar()
        self.progress.setToolTip("Cells that were accepted or rejected, made or changed by hand.")
        column.addWidget(self.progress)

    def _all_cells(self, column: QVBoxLayout) -> None:
        review = self._review
        self.coloured = QCheckBox("Colour by certainty (yellow: unsure)")
        self.coloured.setToolTip(
            "Colours from yellow, doubtful, through green to dark blue, certain; grey where "
            "nobody knows. Your own colours come back when it is switched off."
        )
        self.coloured.toggled.connect(review.set_coloured)
        column.addWidget(self.coloured)
        tip = "Hides cells outside the range at once. Nothing is deleted."
        self.sliders = {
            "score": HistogramSlider("Certainty", tip, lambda v: f"{100 * v:.0f} %"),
            "area": HistogramSlider("Area", tip + " In pixels.", _short),
            "mean_intensity": HistogramSlider("Intensity", tip, _short),
        }
        inner = QWidget()
        inside = tight(QVBoxLayout(inner))
        for name, slider in self.sliders.items():
            slider.moved.connect(lambda limits, name=name: review.set_limits(name, limits))
            inside.addWidget(slider)
        self.show_all = Button("Show all", "Bring the hidden cells back.", self._show_all)
        self.remove = Button("Remove hidden", _REMOVE, self._remove_hidden)
        row = tight(QHBoxLayout())
        row.addWidget(self.show_all, 1)
        row.addWidget(self.remove, 1)
        inside.addLayout(row)
        self.accept_shown = Button("Accept shown", _ACCEPT_SHOWN, self._review.accept_shown)
        inside.addWidget(self.accept_shown)
        tip = "Find what does not fit and remove it at once, or accept at once what does."
        self.filters = Folding("Hide by certainty, area, intensity", tip, inner)
        self.filters.setDuration(0)
        column.addWidget(self.filters)
        self.classes = ReviewClassesBox(review)
        column.addWidget(self.classes)
        self.region = ReviewRegionBox(review)
        column.addWidget(self.region)
        self.through = ReviewThroughBox(review)
        column.addWidget(self.through)

    def _history(self, column: QVBoxLayout) -> None:
        review = self._review
        self.undo = Button("Undo", "Take the last step back.", review.undo, "Ctrl+Z")
        self.redo = Button("Redo", "Do it again. Key Ctrl+Shift+Z.", review.redo)
        self.table = Button("Table", "All cells seen here in a table below.", self.dock.toggle)
        row = tight(QHBoxLayout())
        for button in (self.undo, self.redo, self.table):
            row.addWidget(button)
        column.addLayout(row)

    def _connect(self) -> None:
        events = self._review.state.events
        for name in ("objects", "word", "selected", "correcting", "reviewed", "total"):
            getattr(events, name).connect(self.show_objects)
        for name in ("can_undo", "can_redo", "hidden"):
            getattr(events, name).connect(self.show_buttons)
        events.action.connect(self.action.show_value)
        events.labels.connect(self._other_labels)
        for name in ("answer", "pen"):
            getattr(self.session.state.events, name).connect(self.show_buttons)
        self.show_objects()

    # -- showing ------------------------------------------------------------------------------

    def show_layers(self, layers: Layers) -> None:
        self.labels.show_layers(layers.labels, self._review.state.labels)
        self.region.show_layers(layers)

    def left(self) -> None:
        self.dock.close()

    def show_objects(self) -> None:
        state = self._review.state
        for column, slider in self.sliders.items():
            slider.show_values(state.objects.values(column))
        self.cell.setText(self._about())
        self.progress.setRange(0, max(state.total, 1))
        self.progress.setValue(state.reviewed)
        self.progress.setFormat(f"{state.reviewed} of {state.total} reviewed")
        self.through.show_selected()
        self.show_buttons()

    def _about(self) -> str:
        """One line about the cell in hand."""
        state = self._review.state
        if state.correcting is not None:
            return f"Correcting cell {state.correcting}"
        row = state.objects.row(state.selected)
        if not row:
            return f"{counted(len(state.objects), 'cell')} on this {state.word}"
        parts = [f"Cell {state.selected}"]
        if row.get("score") == row.get("score") and row.get("score") is not None:
            parts.append(f"{100 * row['score']:.0f} % sure")
        parts.append(_extent(row))
        parts.append(_class(row))
        parts.append(_REVIEWED.get(str(row[object_table.REVIEWED]), ""))
        return " · ".join(part for part in parts if part)

    def show_buttons(self) -> None:
        self._show_decisions()
        self._show_steps()
        self._show_hidden()

    def _no_cells(self) -> str:
        """Say that there is nothing to decide about; empty when there is."""
        state = self._review.state
        return "" if len(state.objects) else f"there are no cells on this {state.word}."

    def _show_decisions(self) -> None:
        """What can be done with the cell in hand, or with the outline that is proposed."""
        state = self._review.state
        nothing = self._no_cells()
        chosen = nothing or ("" if state.selected is not None else "click a cell first.")
        proposed = self.session.state.answer is not None
        correcting = state.correcting is not None
        mark = "click the cell first." if correcting and not proposed else ""
        enable(
            self.accept,
            _KEEP if proposed or correcting else _ACCEPT,
            mark or ("" if proposed else chosen),
        )
        enable(self.reject, _REJECT, chosen)
        enable(self.correct, _CORRECT, chosen or ("it is being done." if correcting else ""))
        enable(self.brush, _BRUSH, "" if proposed else nothing)
        self.brush.setChecked(self.session.state.pen == "brush")

    def _show_steps(self) -> None:
        """Whether there is a cell to go to, and a step to take back or to do again."""
        state = self._review.state
        nothing = self._no_cells()
        everything = "" if state.reviewed < state.total else "every cell has been reviewed."
        for button in (self.previous, self.next):
            enable(button, button.tip, nothing or everything)
        enable(self.undo, self.undo.tip, "" if state.can_undo else "there is nothing to undo.")
        enable(self.redo, self.redo.tip, "" if state.can_redo else "there is nothing to redo.")

    def _show_hidden(self) -> None:
        """What can be done with cells outside the limits, and with the others."""
        state = self._review.state
        hidden = "" if state.hidden else "nothing is hidden."
        enable(self.show_all, self.show_all.tip, hidden)
        enable(self.remove, _REMOVE, hidden)
        text = f"Remove {state.hidden} hidden" if state.hidden else "Remove hidden"
        self.remove.setText(text)
        left = len(state.objects.still_open)  # of which those that are hidden stay open
        enable(self.accept_shown, _ACCEPT_SHOWN, "" if left else "no cell here is open.")

    def _other_labels(self) -> None:
        self._show_all()
        self.session.layers_changed.emit()

    def _show_all(self) -> None:
        for slider in self.sliders.values():
            slider.reset()

    def _remove_hidden(self) -> None:
        self._review.remove_hidden()
        self._show_all()


def _class(row: dict[str, Any]) -> str:
    """Say of what class an object is, and how likely where it is only suggested."""
    name, likely = row.get(CLASS), row.get(PROBABILITY)
    if not isinstance(name, str) or not name:
        return ""
    return f"{name} ({100 * likely:.0f} %)" if row.get(BY) == SUGGESTED and likely else name


def _extent(row: dict[str, Any]) -> str:
    """Say how large an object is: on a plane, in space, or how long its track."""
    known = {name: value for name, value in row.items() if value is not None and value == value}
    if "frames" in known:
        return f"frames {known['first']:.0f} to {known['last']:.0f}"
    if "voxels" in known:
        return f"{known['voxels']:.0f} voxels"
    return f"{known['area']:.0f} px²" if "area" in known else ""


_ACCEPT_SHOWN = (
    "Accept all cells seen here that are not hidden and still open, such as all above a certainty, "
    "in one step."
)
_REMOVE = "Delete what is hidden, in one step. Undo brings it back."


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"
