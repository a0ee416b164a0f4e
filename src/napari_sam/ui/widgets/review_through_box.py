"""The folded group of the Review page that corrects objects through slices, and tracks."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_sam.ui.tools.review import Review
from napari_sam.ui.widgets.controls import Button, NumberField, enable
from napari_sam.ui.widgets.folding import Folding
from napari_sam.ui.widgets.layouts import tight

_TIP = "Corrections that go through all slices of a cell, or all frames of its track."
_JOIN = (
    "Then click the cell that goes on as this one, on any slice or frame. This one's number stays."
)
_CUT = "From what is shown on, the cell in hand gets a new number; its daughters go with it."
_SWAP = "Then click the cell that it was mistaken for: from what is shown on they exchange numbers."
_MOTHER = (
    "Then click its mother, on an earlier frame. A mother that goes on is cut there, and what goes "
    "on is the other daughter."
)
_ORPHAN = "The cell in hand is nobody's daughter."
_BACK, _ON = (
    f"The cell in hand is taken as it is shown, and found anew by the model {where} that, to where "
    "it ends. What it was there is replaced, other cells stay."
    for where in ("before", "behind")
)
_SPLIT = "Then click both parts, on any slices or frames: they are divided wherever it is narrow."
_DELETE = "Delete the cell in hand from one slice or frame to another, both included."


class ReviewThroughBox(Folding):
    """Shows what can be done with the cell in hand, and sends it."""

    def __init__(self, review: Review) -> None:
        inner = QWidget()
        super().__init__("Through slices and time", _TIP, inner)
        self._review, self._through = review, review.through
        through = self._through
        column = tight(QVBoxLayout(inner))
        self.join = Button("Join…", _JOIN, lambda: through.begin("join"))
        self.cut = Button("Cut here", _CUT, through.cut)
        self.swap = Button("Swap…", _SWAP, lambda: through.begin("swap"))
        self.split = Button("Split…", _SPLIT, lambda: through.begin("split"))
        self.mother = Button("Mother…", _MOTHER, lambda: through.begin("mother"))
        self.orphan = Button("No mother", _ORPHAN, through.orphan)
        self.back = Button("◂ Follow", _BACK, lambda: through.follow(False))
        self.onwards = Button("Follow ▸", _ON, lambda: through.follow(True))
        grid = tight(QGridLayout())
        buttons = [self.join, self.cut, self.swap, self.split]
        buttons += [self.mother, self.orphan, self.back, self.onwards]
        for place, button in enumerate(buttons):
            grid.addWidget(button, place // 4, place % 4)
        column.addLayout(grid)
        self._range = [0, 0]
        self.first, self.last = (NumberField(_DELETE, 0, 1e9, True) for _ in range(2))
        self.first.entered.connect(lambda value: self._ranged(0, value))
        self.last.entered.connect(lambda value: self._ranged(1, value))
        self.delete = Button("Delete", _DELETE, self._delete)
        self.lines = QCheckBox("Lines")
        self.lines.setToolTip("A Tracks layer that follows the labels, with who came from whom.")
        self.lines.toggled.connect(through.show_lines)
        row = tight(QHBoxLayout())
        parts = (QLabel("From"), self.first, QLabel("to"), self.last, self.delete, self.lines)
        for part in parts:
            row.addWidget(part)
        column.addLayout(row)
        self.setDuration(0)
        self.show_selected()

    def _ranged(self, place: int, value: int) -> None:
        self._range[place] = value

    def _delete(self) -> None:
        self._through.delete(*self._range)

    def show_selected(self) -> None:
        """Show what can be done with the cell in hand."""
        state = self._review.state
        self.setVisible(state.labels is not None and state.labels.ndim > 2)
        why = "" if state.selected is not None else "click a cell first."
        tracks = why or ("" if self._through.over_time() else "these are no tracks.")
        always = (self.join, self.cut, self.swap, self.split, self.delete, self.back, self.onwards)
        for button in always:
            enable(button, button.tip, why)
        for button in (self.mother, self.orphan):
            enable(button, button.tip, tracks)
        span = self._through.span()
        if span is not None:
            self._range = list(span)
            for field, value in zip((self.first, self.last), span, strict=True):
                field.show_value(value)
        blocked = self.lines.blockSignals(True)
        self.lines.setChecked(self._through.lines_shown())
        self.lines.blockSignals(blocked)
