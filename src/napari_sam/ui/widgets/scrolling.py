"""Room for pages that are higher than the window."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QWidget


class Scrolling(QScrollArea):
    """Scrolls down to what has no room, with large fonts and on small screens; never sideways.

    Parameters
    ----------
    inner : QWidget
        As wide as the area, and never narrower than it has to be.
    """

    def __init__(self, inner: QWidget) -> None:
        super().__init__()
        self.setWidget(inner)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalScrollBar().rangeChanged.connect(lambda *_: self.updateGeometry())

    def minimumSizeHint(self) -> QSize:
        """As wide as the pages and their scroll bar, and of hardly any height."""
        bar = self.verticalScrollBar()
        beside = bar.sizeHint().width() if bar.maximum() > 0 else 0
        inner = self.widget()
        width = inner.minimumSizeHint().width() if inner is not None else 0
        return QSize(width + beside, 80)

    def sizeHint(self) -> QSize:
        """As large as the pages."""
        inner = self.widget()
        return inner.sizeHint() if inner is not None else super().sizeHint()
