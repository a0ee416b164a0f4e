"""A label for values that change many times a second."""

from __future__ import annotations

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QLabel


class SteadyLabel(QLabel):
    """Keeps its size, unless a text needs more room.

    Whenever the text of another label changes, Qt lays out the panel anew and paints the window
    once more for it. Python stands still meanwhile, and with it whoever computes what is shown.

    Parameters
    ----------
    text : str
    width : int
        Least width in pixels.
    """

    def __init__(self, text: str, width: int) -> None:
        super().__init__(text)
        self._least = width
        self._fit()

    def setText(self, text: str) -> None:
        """Show another text."""
        super().setText(text)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Heed another font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def _fit(self) -> None:
        hint = self.sizeHint()
        width = max(self._least, hint.width())
        if width > self.minimumWidth() or hint.height() != self.minimumHeight():
            self.setFixedSize(max(width, self.minimumWidth()), hint.height())
