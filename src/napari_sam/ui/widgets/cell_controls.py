"""The sliders of the method Cells: three in sight, the others for the part that folds away."""

from __future__ import annotations

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_sam.ui.state import State
from napari_sam.ui.tools.find import Find
from napari_sam.ui.widgets.controls import ValueSlider


class CellControls:
    """Makes both groups of sliders, and shows the options in them."""

    def __init__(self, state: State, find: Find) -> None:
        self._state = state
        self.diameter = ValueSlider(
            "Diameter",
            "Typical width of a cell in pixels. The model estimates it (≈); set it when cells come "
            "in pieces (larger) or melt together (smaller). Leftmost: estimate it.",
            (4, 400, 200),
            lambda v: f"{v:.0f} px" if v else "automatic",
        )
        self.diameter.moved.connect(lambda v: find.adjust(diameter=v or None))
        self.sensitivity = ValueSlider(
            "Sensitivity",
            "Higher finds fainter cells and draws outlines wider; lower keeps to what is "
            "clearly a cell.",
            (0, 1, 100),
            lambda v: f"{100 * v:.0f} %",
        )
        self.sensitivity.moved.connect(lambda v: find.adjust_cells(sensitivity=v))
        self.certainty = ValueSlider(
            "Certainty",
            "Leave out cells of which the model is less sure than this. Of cells that 'cells' is "
            "60 % sure of, about six in ten are right, on images of a kind that it knows.",
            (0, 1, 100),
            lambda v: f"≥ {100 * v:.0f} %" if v else "any",
        )
        self.certainty.moved.connect(lambda v: find.adjust_cells(min_score=v))
        self.splitting = ValueSlider(
            "Merge, split",
            "Left joins touching parts into one cell, right divides them into several.",
            (0, 1, 100),
            lambda v: f"{100 * v:.0f} %",
        )
        self.splitting.moved.connect(lambda v: find.adjust_cells(splitting=v))
        self.smoothing = ValueSlider(
            "Smoothing",
            "How much unevenness inside a cell is ignored before it is divided.",
            (0, 6, 60),
            lambda v: f"{v:.1f}",
        )
        self.smoothing.moved.connect(lambda v: find.adjust_cells(smoothing=v))
        self.smallest = ValueSlider(
            "Smallest",
            "Leave out objects that cover fewer pixels than this. Automatic: a twentieth of a "
            "typical cell.",
            (4, 100_000, 200),
            lambda v: f"{v:.0f} px²" if v else "automatic",
        )
        self.smallest.moved.connect(lambda v: find.adjust_cells(min_area=int(v) or None))
        self.largest = ValueSlider(
            "Largest",
            "Leave out objects that cover more pixels than this.",
            (4, 1_000_000, 200),
            lambda v: f"{v:.0f} px²" if v else "any",
        )
        self.largest.moved.connect(lambda v: find.adjust_cells(max_area=int(v) or None))
        self.basic = column(self.diameter, self.sensitivity, self.certainty)
        self.advanced = column(self.splitting, self.smoothing, self.smallest, self.largest)
        self.show_options()

    def show_options(self) -> None:
        """Show what is chosen, without choosing it again."""
        state = self._state
        cells, estimated = state.find.cells, state.estimated
        if state.find.diameter is not None:
            self.diameter.show_value(state.find.diameter)
        elif estimated is not None:
            self.diameter.show_value(estimated, f"≈ {estimated:.0f} px")
        else:
            self.diameter.show_value(0)
        self.sensitivity.show_value(cells.sensitivity)
        self.certainty.show_value(cells.min_score)
        self.splitting.show_value(cells.splitting)
        self.smoothing.show_value(cells.smoothing)
        self.smallest.show_value(cells.min_area or 0)
        self.largest.show_value(cells.max_area or 0)


def column(*parts: QWidget) -> QWidget:
    """Stack widgets closely."""
    widget = QWidget()
    rows = QVBoxLayout(widget)
    rows.setContentsMargins(0, 0, 0, 0)
    rows.setSpacing(6)
    for part in parts:
        rows.addWidget(part)
    return widget
