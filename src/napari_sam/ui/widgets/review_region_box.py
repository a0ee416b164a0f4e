"""The folded group of the Review page for a region: draw it, count, delete or accept inside."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_sam.ui.tools.review import Review
from napari_sam.ui.tools.review_region import told
from napari_sam.ui.widgets.combos import LayerCombo
from napari_sam.ui.widgets.controls import Button, enable
from napari_sam.ui.widgets.folding import Folding
from napari_sam.ui.widgets.layouts import tight
from napari_sam.ui.widgets.page import Layers

_TIP = "Draw around cells to count them, or to delete or accept all of them at once."
_DRAW = "Drag an outline around the region. Key L. It replaces the one before."
_DELETE = "Delete the cells inside, in one step. A cell is inside when most of it is."
_ACCEPT = "Accept the cells inside, in one step."


class ReviewRegionBox(Folding):
    """Shows what the region holds, and sends what is to be done with it."""

    def __init__(self, review: Review) -> None:
        inner = QWidget()
        super().__init__("In a region", _TIP, inner)
        self._state, self._region = review.state, review.region
        column = tight(QVBoxLayout(inner))
        self.layer = LayerCombo("The region that you draw, or what your shapes enclose.", "drawn")
        self.layer.chosen.connect(self._region.choose)
        self.draw = Button("Draw (L)", _DRAW, review.draw_region)
        self.draw.setCheckable(True)
        self.told = QLabel()
        self.told.setWordWrap(True)
        self.delete = Button("Delete inside", _DELETE, self._region.delete)
        self.accept = Button("Accept inside", _ACCEPT, self._region.accept)
        for widgets in ((self.layer, self.draw), (self.told,), (self.delete, self.accept)):
            row = tight(QHBoxLayout())
            for widget in widgets:
                row.addWidget(widget, 1)
            column.addLayout(row)
        self.setDuration(0)
        for name in ("inside", "word"):
            getattr(review.state.events, name).connect(self.show_inside)
        self._region.drawn.changed.connect(self.show_inside)
        self.show_inside()

    def show_layers(self, layers: Layers) -> None:
        """List the layers whose shapes may be the region."""
        self.layer.show_layers(layers.shapes, self._region.shapes)

    def show_inside(self) -> None:
        """Say how many cells there are, and in how large a region."""
        inside = self._state.inside
        self.draw.setChecked(self._region.drawn.drawing)
        here = f"on this {self._state.word}"
        self.told.setText(f"No region {here}." if inside is None else told(inside))
        why_not = "" if inside else "no cell lies inside."
        if inside is None:
            why_not = f"there is no region {here}."
        enable(self.delete, _DELETE, why_not)
        enable(self.accept, _ACCEPT, why_not)
