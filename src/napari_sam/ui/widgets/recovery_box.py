"""Labels that were not saved before a crash: one line, to restore or to discard them."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QWidget

from napari_sam.ui.session import PanelSession
from napari_sam.ui.widgets.controls import Button
from napari_sam.ui.widgets.layouts import tight

_RESTORE = (
    "Add a Labels layer with these cells, their table and review marks. Undo goes back as far as "
    "it did."
)
_DISCARD = "Throw these cells away. This cannot be undone."


class RecoveryBox(QWidget):
    """Hidden while there is nothing to offer."""

    def __init__(self, session: PanelSession) -> None:
        super().__init__()
        line = tight(QHBoxLayout(self), None)
        self._words = QLabel()
        self._words.setWordWrap(True)
        self._words.setTextFormat(Qt.TextFormat.PlainText)
        self.restore = Button("Restore", _RESTORE, session.recovery.restore)
        self.discard = Button("Discard", _DISCARD, session.recovery.discard)
        line.addWidget(self._words, 1)
        line.addWidget(self.restore)
        line.addWidget(self.discard)
        session.state.events.unsaved.connect(self.show_offer)
        self.show_offer(session.state.unsaved)

    def show_offer(self, words: str) -> None:
        """Show what is offered; nothing when there are no words."""
        self._words.setText(words)
        self._words.setToolTip(words)
        self.setVisible(bool(words))

    @property
    def text(self) -> str:
        return str(self._words.text())
