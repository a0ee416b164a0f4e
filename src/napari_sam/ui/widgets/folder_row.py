"""The row of a folder: which of its images is shown, how far it is, and the way to the others."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_sam.ui.folder.channels import Seen, called, choices_of
from napari_sam.ui.session import PanelSession
from napari_sam.ui.widgets.combos import Combo
from napari_sam.ui.widgets.controls import Button, enable
from napari_sam.ui.widgets.fonts import FollowsFont
from napari_sam.ui.widgets.layouts import tight

_MARKS = {"to do": "○", "found": "◐", "reviewed": "●"}
_PREVIOUS = "The image before. Labels and table of this one are written beside it."
_FOLLOWING = "The next image. Labels and table of this one are written beside it."
_LEAVE = "Close the folder; labels lie beside the images."
_ALL = (
    "Find the cells of all images that are to do, with the model and the settings of Find all. You "
    "can go on working meanwhile; then go through them, the least certain image first."
)
_ORDER = (
    "In which order the images are gone through: by name, or from the image on whose cells that "
    "are still to be reviewed are the least certain in the mean."
)
_STOP = "Stop the search in all images. Those that are done stay so."
_CHANNEL = (
    "The channel that is seen, of this image and those to come. Two or three that are seen "
    "together are the red, green and blue of one image, such as nuclei and the cells around them."
)
_BUSY = "the image is being read or written."


class FolderRow(FollowsFont, QWidget):
    """Hidden while no folder is open."""

    def __init__(self, session: PanelSession) -> None:
        super().__init__()
        self._walk = session.walk
        column = tight(QVBoxLayout(self))
        line = tight(QHBoxLayout())
        column.addLayout(line)
        self.previous = _button("‹", _PREVIOUS, lambda: self._walk.step(-1))
        self.following = _button("›", _FOLLOWING, lambda: self._walk.step(1))
        self.leave = _button("×", _LEAVE, self._walk.leave)
        self._words = QLabel()
        self._words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._words.setTextFormat(Qt.TextFormat.PlainText)
        # A long name must not widen the panel.
        self._words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._seen: list[Seen] = []
        self.channel = Combo()
        self.channel.setToolTip(_CHANNEL)
        self.channel.activated.connect(lambda at: self._walk.see(*self._seen[at]))
        for widget in (self.previous, self._words, self.following, self.leave):
            line.addWidget(widget, 1 if widget is self._words else 0)
        column.addWidget(self._resting())
        column.addWidget(self._running())
        for name in self._walk.state.events:
            self._walk.state.events[name].connect(self.show_state)
        self.follow_font()
        self.show_state()

    def _resting(self) -> QWidget:
        self.resting = QWidget()
        line = tight(QHBoxLayout(self.resting))
        self.all = Button("Find in all", _ALL, self._walk.find_in_all)
        self.order = Combo()
        self.order.addItems(["by name", "unsure first"])
        self.order.setToolTip(_ORDER)
        self.order.activated.connect(lambda at: self._walk.sort(bool(at)))
        line.addWidget(self.all, 1)
        line.addWidget(self.order, 1)
        line.addWidget(self.channel, 1)
        return self.resting

    def _running(self) -> QWidget:
        self.running = QWidget()
        line = tight(QHBoxLayout(self.running))
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setToolTip("How far the search in all images is.")
        self.stop = Button("Stop", _STOP, self._walk.all.stop)
        line.addWidget(self.bar, 1)
        line.addWidget(self.stop)
        return self.running

    def fit(self) -> None:
        """Write on the buttons as between them: napari's style has no font for such buttons."""
        for button in (self.previous, self.following, self.leave):
            button.setFont(self._words.font())

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
        self._show_search(busy)
        self._show_channels()

    def _show_search(self, busy: str) -> None:
        state = self._walk.state
        self.running.setVisible(bool(state.finding))
        self.resting.setVisible(not state.finding)
        self.bar.setFormat(state.finding)
        self.bar.setValue(round(1000 * state.share))
        enable(self.all, _ALL, busy or ("" if state.counts[0] else "all images have labels."))
        self.order.setCurrentIndex(int(state.least_certain_first))
        enable(self.order, _ORDER, busy)

    def _show_channels(self) -> None:
        state, box = self._walk.state, self.channel
        box.setVisible(state.channels > 1)
        blocker = QSignalBlocker(box)
        choices = choices_of(state.channels)
        if state.seen not in choices:
            choices.append(state.seen)  # of more channels than a list may hold the pairs of
        if choices != self._seen:
            box.clear()
            box.addItems([called(seen) for seen in choices])
            self._seen = choices
        box.setCurrentIndex(choices.index(state.seen))
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
