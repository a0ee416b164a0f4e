"""What is seldom needed on the Click page: marks of one's own, how outlines look, what is kept."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QGridLayout, QVBoxLayout, QWidget

from napari_sam.ui.session import PanelSession
from napari_sam.ui.tools.click import Click
from napari_sam.ui.widgets.again_row import AgainRow
from napari_sam.ui.widgets.combos import LayerCombo
from napari_sam.ui.widgets.controls import Segmented, ValueSlider
from napari_sam.ui.widgets.disk_box import DiskBox
from napari_sam.ui.widgets.folding import Folding
from napari_sam.ui.widgets.layouts import named, tight
from napari_sam.ui.widgets.page import Layers

_TIP = "Several cells at once, marks from layers of your own, and how outlines look."


class ClickMore(Folding):
    """Folds away under "More"."""

    def __init__(self, session: PanelSession, tool: Click) -> None:
        inner = QWidget()
        super().__init__("More", _TIP, inner)
        self._session, self._tool = session, tool
        column = tight(QVBoxLayout(inner))
        column.addLayout(self._choices())
        self.opacity = ValueSlider(
            "Opacity",
            "How strongly proposed cells are drawn. Hold H to hide all that lies on the image.",
            (0, 1, 20),
            lambda v: f"{100 * v:.0f} %",
        )
        self.opacity.show_value(1.0)
        self.opacity.moved.connect(lambda v: tool.proposal.set_look(opacity=v))
        column.addWidget(self.opacity)
        self.hover = QCheckBox("Show the mask under the cursor")
        self.hover.setToolTip(
            "Before any click, outline the cell that a click would select. Left out with a model "
            "that takes too long for it, until you switch it off and on."
        )
        self.hover.toggled.connect(tool.proposal.set_hover)
        column.addWidget(self.hover)
        self.again = AgainRow(tool.again)
        column.addWidget(self.again)
        self.disk = DiskBox(session.disk_cache)
        column.addWidget(self.disk)
        session.state.events.hover.connect(self.show_hover)
        self.show_hover()

    def _choices(self) -> QGridLayout:
        layers, proposal = self._session.layers, self._tool.proposal
        self.each_point = Segmented(
            [
                (False, "one cell", "All points together mark one cell."),
                (True, "a cell each", "Every point marks a cell of its own. Accept keeps all."),
            ]
        )
        self.each_point.chosen.connect(proposal.set_each_point)
        self.points = LayerCombo(
            "Clicks go into a new Points layer, or into yours. In yours, points whose feature "
            "'polarity' says 'background', or 'label' says 'negative', count as not this.",
            "new",
        )
        self.points.chosen.connect(lambda layer: layers.choose("points", layer))
        self.shapes = LayerCombo("Rectangles and outlines that mark cells.", "none")
        self.shapes.chosen.connect(lambda layer: layers.choose("shapes", layer))
        self.mask = LayerCombo(
            "Labels whose selected label, on this slice, is a rough mask of the cell.", "none"
        )
        self.mask.chosen.connect(lambda layer: layers.choose("mask", layer))
        self.look = Segmented(
            [
                (False, "outlined", "Proposed cells are outlined: the cell itself stays visible."),
                (True, "filled", "Proposed cells are filled."),
            ]
        )
        self.look.chosen.connect(lambda filled: proposal.set_look(filled=filled))
        return named(
            [
                ("Points mark", self.each_point),
                ("Points", self.points),
                ("Boxes, outlines", self.shapes),
                ("Rough mask", self.mask),
                ("Cells are", self.look),
            ]
        )

    def show_hover(self) -> None:
        """Show whether the mask under the cursor is wanted."""
        if self.hover.isChecked() != self._session.state.hover:
            self.hover.setChecked(self._session.state.hover)

    def show_layers(self, layers: Layers) -> None:
        """List the layers that marks can be read from."""
        state = self._session.state
        self.points.show_layers(layers.points, state.points)
        self.shapes.show_layers([*layers.own_boxes, *layers.shapes], state.shapes)
        self.mask.show_layers(layers.labels, state.mask)
