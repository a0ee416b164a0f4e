"""The bottom of the panel: what happens now or what to do next, and how to stop it."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from napari_sam.ui.widgets.controls import Button
from napari_sam.ui.widgets.layouts import tight

_PROBLEM = "#d9534f"
_LINES = 4


class Feedback(QWidget):
    """Status line, and a progress bar with a cancel button while something runs."""

    def __init__(self, cancel: Callable[[], None]) -> None:
        super().__init__()
        column = tight(QVBoxLayout(self))
        self._running = QWidget()
        row = tight(QHBoxLayout(self._running), None)
        self._bar = QProgressBar()
        self._bar.setRange(0, 100)
        self._bar.setToolTip("How far it is.")
        row.addWidget(self._bar, 1)
        self.cancel = Button(
            "Cancel", "Stop what is running. Slices and tiles that are done stay.", cancel
        )
        row.addWidget(self.cancel)
        self._status = QLabel()
        self._status.setWordWrap(True)
        self._status.setTextFormat(Qt.TextFormat.PlainText)
        self._status.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._status.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # Room for the longest sentences, so that nothing above moves when the text changes.
        self._status.setMinimumHeight(_LINES * self.fontMetrics().lineSpacing() + 4)
        self._status.setToolTip("What happens now, or what to do next.")
        column.addWidget(self._running)
        column.addWidget(self._status)
        self.show_progress(None)

    def show_progress(self, fraction: float | None) -> None:
        self._running.setVisible(fraction is not None)
        if fraction is not None:
            self._bar.setValue(round(100 * fraction))

    def show_status(self, text: str, problem: bool) -> None:
        self._status.setText(text)
        self._status.setStyleSheet(f"QLabel {{ color: {_PROBLEM}; }}" if problem else "")

    @property
    def text(self) -> str:
        return str(self._status.text())
