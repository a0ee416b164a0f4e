"""Lists of choices: of layers, models, files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QComboBox, QSizePolicy, QStyle, QStyleOptionComboBox, QStylePainter

# What a closed list of choices does with the keyboard; all other keys go on to the canvas.
_LIST_KEYS = {
    *(Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown),
    *(Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Space, Qt.Key.Key_F4),
}


def _same(one: Any, other: Any) -> bool:
    return one is other or (isinstance(one, str) and isinstance(other, str) and one == other)


class Combo(QComboBox):
    """A list of choices that leaves letters, digits, Enter and Delete to the canvas.

    Names too long for it lose their middle: channels of one image differ at the end.
    """

    def __init__(self) -> None:
        super().__init__()
        # Long names must not widen the panel.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMinimumContentsLength(8)
        self.view().setTextElideMode(Qt.TextElideMode.ElideMiddle)

    def shown_text(self) -> str:
        """Return the chosen name as far as there is room for it."""
        option, field = QStyleOptionComboBox(), QStyle.SubControl.SC_ComboBoxEditField
        self.initStyleOption(option)
        box = QStyle.ComplexControl.CC_ComboBox
        room = self.style().subControlRect(box, option, field, self).width() - 4
        middle = Qt.TextElideMode.ElideMiddle
        return str(self.fontMetrics().elidedText(self.currentText(), middle, room))

    def paintEvent(self, event: Any) -> None:
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = self.shown_text()
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def showPopup(self) -> None:
        """Open the list, wide enough for whole names where the screen allows it."""
        widest = min(self.view().sizeHintForColumn(0) + 40, 2 * self.width())
        self.view().setMinimumWidth(max(widest, self.width()))
        super().showPopup()

    def keyPressEvent(self, event: Any) -> None:
        """Use the keys that move through the list, and pass the others on."""
        if event.key() in _LIST_KEYS and not event.modifiers():
            super().keyPressEvent(event)
        else:
            event.ignore()

    def keyReleaseEvent(self, event: Any) -> None:
        event.ignore()


class LayerCombo(Combo):
    """Chooses a layer, by object; texts may repeat.

    Parameters
    ----------
    tip : str
    nothing : str or None
        Text of the choice None, first in the list; no such choice when None.
    spell : str
        How a layer is listed, with ``{}`` for its name.
    """

    chosen = Signal(object)

    def __init__(self, tip: str, nothing: str | None = None, spell: str = "{}") -> None:
        super().__init__()
        #: Choices that are no layers: value and text.
        self.fixed: list[tuple[Any, str]] = [] if nothing is None else [(None, nothing)]
        #: What is done rather than chosen, last: the arrow keys stop there.
        self.acts: list[tuple[Any, str]] = []
        self._spell = spell
        self._layers: list[Any] = []
        self.tip = tip
        self.setToolTip(tip)
        self.activated.connect(self._activated)

    def show_layers(self, layers: Sequence[Any], current: Any) -> None:
        """List these layers and show one as chosen."""
        blocker = QSignalBlocker(self)
        self._layers = [
            *(value for value, _ in self.fixed),
            *layers,
            *(value for value, _ in self.acts),
        ]
        self.clear()
        self.addItems([text for _, text in self.fixed])
        self.addItems([self._spell.format(layer.name) for layer in layers])
        self.addItems([text for _, text in self.acts])
        self.setCurrentIndex(
            next((i for i, value in enumerate(self._layers) if _same(value, current)), -1)
        )
        blocker.unblock()

    def _activated(self, index: int) -> None:
        self.clearFocus()
        self.chosen.emit(self._layers[index])
