"""A part of a page that folds away under its title."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget
from superqt import QCollapsible


class Folding(QCollapsible):
    """Folds away what is seldom needed, as wide as everything else on the page.

    Parameters
    ----------
    title, tip : str
    inner : QWidget
        What is shown when it is open.
    """

    def __init__(self, title: str, tip: str, inner: QWidget) -> None:
        super().__init__(title, None, "▾", "▸")
        self.toggleButton().setToolTip(tip)
        self.toggleButton().setFocusPolicy(Qt.FocusPolicy.TabFocus)
        for part, above in ((self, 0), (self.content(), 4)):  # no gap while it is folded
            layout = part.layout()
            assert layout is not None
            layout.setContentsMargins(0, above, 0, 0)
            layout.setSpacing(0)
        self.addWidget(inner)
