"""Small controls that every page is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QWidget,
)


def key_text(key: str) -> str:
    """Spell a key as this computer's keyboard does."""
    text = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
    return text.replace("Return", "Enter")


def enable(widget: QWidget, tip: str, why_not: str = "") -> None:
    """Enable a control, or disable it with the reason as its tooltip."""
    widget.setEnabled(not why_not)
    widget.setToolTip(f"{tip}\n\nNot now: {why_not}" if why_not else tip)


class Button(QPushButton):
    """A button that leaves the keyboard to the canvas when it is clicked.

    Parameters
    ----------
    text : str
    tip : str
        Tooltip.
    pressed : callable
        Called without arguments.
    key : str
        Key that does the same, printed on the button.
    """

    def __init__(self, text: str, tip: str, pressed: Callable[[], None], key: str = "") -> None:
        super().__init__()
        self.text_alone, self.tip = text, tip
        self.print_key(key)
        self.setToolTip(tip)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.clicked.connect(lambda: pressed())

    def print_key(self, key: str) -> None:
        """Show which key does the same."""
        self.setText(f"{self.text_alone} ({key_text(key)})" if key else self.text_alone)


class Segmented(QWidget):
    """A row of buttons of which exactly one is down.

    Parameters
    ----------
    choices : sequence of (value, text, tooltip)
    """

    chosen = Signal(object)

    def __init__(self, choices: Sequence[tuple[Any, str, str]]) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        self._group = QButtonGroup(self)
        self._values: list[Any] = []
        for index, (value, text, tip) in enumerate(choices):
            button = QPushButton(text)
            button.setCheckable(True)
            button.setToolTip(tip)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self._group.addButton(button, index)
            self._values.append(value)
            row.addWidget(button)
        self._group.button(0).setChecked(True)
        self._group.idClicked.connect(lambda index: self.chosen.emit(self._values[index]))

    def show_value(self, value: Any) -> None:
        """Press a button without telling anybody."""
        self._group.button(self._values.index(value)).setChecked(True)

    def button(self, value: Any) -> QPushButton:
        button = self._group.button(self._values.index(value))
        assert isinstance(button, QPushButton)
        return button


class LayerCombo(QComboBox):
    """Chooses a layer, by object; texts may repeat.

    Parameters
    ----------
    tip : str
    nothing : str or None
        Text of the choice None, first in the list; no such choice when None.
    """

    chosen = Signal(object)

    def __init__(self, tip: str, nothing: str | None = None) -> None:
        super().__init__()
        self._nothing = nothing
        self._layers: list[Any] = []
        self.setToolTip(tip)
        # Long layer names must not widen the panel.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMinimumContentsLength(8)
        self.activated.connect(self._activated)

    def show_layers(self, layers: Sequence[Any], current: Any) -> None:
        """List these layers and show one as chosen."""
        blocker = QSignalBlocker(self)
        self._layers = [None, *layers] if self._nothing is not None else list(layers)
        self.clear()
        for layer in self._layers:
            self.addItem(str(self._nothing) if layer is None else layer.name)
        self.setCurrentIndex(
            next((i for i, layer in enumerate(self._layers) if layer is current), -1)
        )
        blocker.unblock()

    def _activated(self, index: int) -> None:
        self.clearFocus()
        self.chosen.emit(self._layers[index])


class ValueSlider(QWidget):
    """A slider with its name and value; its lowest place may mean "automatic"."""

    moved = Signal(float)

    def __init__(
        self,
        name: str,
        tip: str,
        top: int,
        spell: Callable[[int], str],
        factor: float = 1.0,
        start: float = 0.0,
    ) -> None:
        super().__init__()
        self._spell, self._factor = spell, factor
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        title = QLabel(name)
        title.setMinimumWidth(76)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, top)
        self.slider.setValue(round(start / factor))
        self._value = QLabel(spell(self.slider.value()))
        self._value.setMinimumWidth(52)
        self._value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for widget in (title, self.slider, self._value):
            widget.setToolTip(tip)
            row.addWidget(widget, 1 if widget is self.slider else 0)
        self.slider.valueChanged.connect(self._changed)

    def _changed(self, value: int) -> None:
        self._value.setText(self._spell(value))
        self.moved.emit(value * self._factor)
