"""The Find all page: one button, three sliders, one count."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from napari_sam.ui.session import Session
from napari_sam.ui.widgets.controls import Button, LayerCombo, ValueSlider, enable

_TIP = "Find every cell of the slice that is shown. You can go on working meanwhile."


class FindPage(QWidget):
    """Automatic cells of the displayed slice."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        state = session.state
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(8)
        self.find = Button("Find all cells on this slice", _TIP, session.find_all)
        self.find.setMinimumHeight(40)
        column.addWidget(self.find)
        self.diameter = ValueSlider(
            "Diameter",
            "Typical width of a cell in pixels. Automatic: the model estimates it.",
            300,
            lambda v: f"{v} px" if v else "automatic",
        )
        self.diameter.moved.connect(lambda v: setattr(state, "diameter", float(v)))
        self.certainty = ValueSlider(
            "Certainty",
            "Leave out cells of which the model is less sure than this.",
            100,
            lambda v: f"≥ {v} %" if v else "any",
            0.01,
            state.min_score,
        )
        self.certainty.moved.connect(lambda v: setattr(state, "min_score", float(v)))
        self.area = ValueSlider(
            "Smallest",
            "Leave out objects that cover fewer pixels than this. Automatic: a twentieth of a "
            "typical cell.",
            500,
            lambda v: f"{v} px²" if v else "automatic",
        )
        self.area.moved.connect(lambda v: setattr(state, "min_area", int(v)))
        for slider in (self.diameter, self.certainty, self.area):
            column.addWidget(slider)
        grid = QGridLayout()
        self.merge = LayerCombo(
            "Found cells go into new labels, or into the empty places of labels that you have. "
            "What is labelled already is never changed.",
            "new labels",
        )
        self.merge.chosen.connect(lambda layer: session.choose("merge", layer))
        grid.addWidget(QLabel("Put cells into"), 0, 0)
        grid.addWidget(self.merge, 0, 1)
        grid.setColumnStretch(1, 1)
        column.addLayout(grid)
        self.count = QLabel()
        self.count.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.count.setToolTip("How many cells the last search found.")
        column.addWidget(self.count)
        column.addStretch(1)
        self.show_count()
        self.show_ready()

    def show_count(self) -> None:
        count = self._session.state.found_count
        self.count.setText("" if count is None else f"{count} cells found")

    def show_layers(self, labels: list) -> None:
        self.merge.show_layers(labels, self._session.state.merge)

    def show_ready(self) -> None:
        chip = self._session.state.chip
        why = {"empty": f"{chip.text}.", "missing": "the model is not downloaded."}
        enable(self.find, _TIP, why.get(chip.kind, ""))
