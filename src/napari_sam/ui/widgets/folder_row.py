"""The row of a folder: which of its images is shown, how far it is, and the way to the others."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from napari_sam.ui.session import Session
from napari_sam.ui.widgets.controls import Combo, enable

_MARKS = {"to do": "○", "found": "◐", "reviewed": "●"}
_PREVIOUS = "The image before. Labels and table of this one are written beside it."
_FOLLOWING = "The next image. Labels and table of this one are written beside it."
_LEAVE = "Close the folder; labels lie beside the images."
_BUSY = "the image is being read or written."


class FolderRow(QWidget):
    """Hidden while no folder is open."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._walk = session.walk
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        self.previous = _button("‹", _PREVIOUS, lambda: self._walk.step(-1))
        self.following = _button("›", _FOLLOWING, lambda: self._walk.step(1))
        self.leave = _button("×", _LEAVE, self._walk.leave)
        self._words = QLabel()
        self._words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._words.setTextFormat(Qt.TextFormat.PlainText)
        # A long name must not widen the panel.
        self._words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.channel = Combo()
        self.channel.setToolTip("The channel that is seen, of this image and those to come.")
        self.channel.activated.connect(self._walk.choose_channel)
        for widget in (self.previous, self._words, self.channel, self.following, self.leave):
            line.addWidget(widget, 1 if widget is self._words else 0)
        for name in self._walk.state.events:
            self._walk.state.events[name].connect(self.show_state)
        self.show_state()

    def show_state(self, value: Any = None) -> None:
        """Show where the person is."""
        state = self._walk.state
        self.setVisible(bool(state.folder))
        if not state.folder:
            return
        mark = _MARKS[state.state]
        self._words.setText(f"{state.place + 1} of {state.count}  {mark} {state.state}")
        to_do, found, reviewed = state.counts
        self._words.setToolTip(
            f"{state.name} in {state.folder}\n{to_do} to do, {found} found, {reviewed} reviewed"
        )
        busy = _BUSY if state.busy else ""
        enable(
            self.previous,
            _PREVIOUS,
            busy or ("" if state.place else "this is the first image."),
        )
        enable(
            self.following,
            _FOLLOWING,
            busy or ("" if state.place + 1 < state.count else "this is the last image."),
        )
        enable(self.leave, _LEAVE, busy)
        self._show_channels()

    def _show_channels(self) -> None:
        state, box = self._walk.state, self.channel
        box.setVisible(state.channels > 1)
        blocker = QSignalBlocker(box)
        if box.count() != state.channels:
            box.clear()
            box.addItems([f"channel {number}" for number in range(state.channels)])
        box.setCurrentIndex(min(state.channel, state.channels - 1))
        blocker.unblock()

    @property
    def text(self) -> str:
        return str(self._words.text())


def _button(text: str, tip: str, pressed: Any) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.clicked.connect(lambda: pressed())
    return button
