"""The folded group of the Review page for classes: their names, keys and colours."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QCheckBox,
    QColorDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_sam.classes import colours_of
from napari_sam.ui.tools.review import Review
from napari_sam.ui.widgets.controls import Button, enable
from napari_sam.ui.widgets.folding import Folding
from napari_sam.ui.widgets.layouts import tight

_TIP = "Say of a few cells what they are; the others are suggested by what they look like."
_SUGGEST = (
    "Give every other cell of this slice the class of those it looks like. What you said yourself "
    "stays; undo takes the suggestions back."
)
_ADD = "Add a class. Click a cell and press its digit, and the cell is of this class; 0 of none."


class ReviewClassesBox(Folding):
    """Shows the classes, and sends what a person says of them."""

    def __init__(self, review: Review) -> None:
        inner = QWidget()
        super().__init__("Classes", _TIP, inner)
        self._review, self._classes = review, review.classes
        column = tight(QVBoxLayout(inner))
        self._grid = tight(QGridLayout())
        self._grid.setColumnStretch(1, 1)
        column.addLayout(self._grid)
        self.names: list[QLineEdit] = []
        self.keys: list[QToolButton] = []
        self._counts: list[QLabel] = []
        self.add = Button("Add class", _ADD, self._classes.add)
        self.suggest = Button("Suggest the rest", _SUGGEST, self._classes.suggest)
        row = tight(QHBoxLayout())
        row.addWidget(self.add)
        row.addWidget(self.suggest, 1)
        column.addLayout(row)
        self.coloured = QCheckBox("Colour by class (pale: suggested)")
        self.coloured.setToolTip("Grey cells have no class. Your own colours come back.")
        self.coloured.toggled.connect(self._classes.set_coloured)
        column.addWidget(self.coloured)
        self.setDuration(0)
        events = review.state.events
        events.classes.connect(self.show_classes)
        events.objects.connect(self.show_counts)
        events.class_coloured.connect(self.show_coloured)
        events.class_colours.connect(self.show_classes)
        self.show_classes()

    def show_classes(self) -> None:
        """Show a row for each class."""
        names = self._review.state.classes
        while len(self.names) < len(names):
            self._add_row(len(self.names))
        colours = colours_of(names, self._review.state.class_colours)
        for at, (key, field, count) in enumerate(
            zip(self.keys, self.names, self._counts, strict=True)
        ):
            there = at < len(names)
            for widget in (key, field, count):
                widget.setVisible(there)
            if there:
                field.setText(names[at])
                key.setStyleSheet(_badge(colours[names[at]]))
        self.show_counts()

    def _add_row(self, at: int) -> None:
        key, field, count = QToolButton(), QLineEdit(), QLabel()
        key.setText(str(at + 1))
        key.setToolTip(
            f"Key {at + 1} says that the cell in hand is of this class. Click here to choose "
            "another colour."
        )
        key.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        key.clicked.connect(lambda: self._colour_wanted(at))
        field.setToolTip("What the class is called.")
        count.setToolTip("Cells of this slice.")
        field.editingFinished.connect(lambda: self._renamed(at))
        field.returnPressed.connect(field.clearFocus)
        for place, widget in enumerate((key, field, count)):
            self._grid.addWidget(widget, at, place)
        self.keys.append(key)
        self.names.append(field)
        self._counts.append(count)

    def _colour_wanted(self, at: int) -> None:
        state = self._review.state
        name = state.classes[at]
        now = colours_of(state.classes, state.class_colours)[name]
        chosen = QColorDialog.getColor(QColor(now), self, f"Colour of {name}")
        if chosen.isValid():
            self._classes.recolour(at, chosen.name())

    def _renamed(self, at: int) -> None:
        names = self._review.state.classes
        if at < len(names) and self.names[at].text() != names[at]:
            self._classes.rename(at, self.names[at].text())

    def show_counts(self) -> None:
        """Show how many cells of the slice are of each class."""
        counts = self._classes.counts()
        for count, name in zip(self._counts, self._review.state.classes, strict=False):
            count.setText(str(counts[name]))
        two = "" if len(self._review.state.classes) > 1 else "there have to be two classes."
        enable(self.suggest, _SUGGEST, two)

    def show_coloured(self) -> None:
        """Show whether cells are coloured by class."""
        blocked = self.coloured.blockSignals(True)
        self.coloured.setChecked(self._review.state.class_coloured)
        self.coloured.blockSignals(blocked)


def _badge(colour: str) -> str:
    """Style the button of a class, whose digit is to be read on any colour."""
    ink = "black" if QColor(colour).lightness() > 110 else "white"
    return f"background-color: {colour}; color: {ink}; padding: 2px 6px; border: none;"
