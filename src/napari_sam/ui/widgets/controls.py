"""Small controls that every page is made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QSlider,
    QToolTip,
    QWidget,
)

from napari_sam.ui.widgets.fonts import FollowsFont
from napari_sam.ui.widgets.layouts import tight

# So that the sliders of a page line up: room for the longest name, and for any value.
_LONGEST_NAME, _LONGEST_VALUE = "Merge, split", "1000000 px²"
ENDLESS = 1e9  # a highest value that is none


def key_text(key: str) -> str:
    """Spell a key as this computer's keyboard does."""
    text = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
    return str(text).replace("Return", "Enter")


def enable(widget: QWidget, tip: str, why_not: str = "") -> None:
    """Enable a control, or disable it with the reason as its tooltip."""
    widget.setEnabled(not why_not)
    widget.setToolTip(f"{tip}\n\nNot now: {why_not}" if why_not else tip)


_BESIDE = 6  # pixels beside the text of a narrow button


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


class NarrowButton(FollowsFont, Button):
    """As narrow as its text allows: several in a row must not widen the panel."""

    def __init__(self, text: str, tip: str, pressed: Callable[[], None], key: str = "") -> None:
        super().__init__(text, tip, pressed, key)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.follow_font()

    def fit(self) -> None:
        self.setMinimumWidth(self.fontMetrics().horizontalAdvance(self.text()) + _BESIDE)


class Segmented(QWidget):
    """A row of buttons of which exactly one is down.

    Parameters
    ----------
    choices : sequence of (value, text, tooltip)
    """

    chosen = Signal(object)

    def __init__(self, choices: Sequence[tuple[Any, str, str]]) -> None:
        super().__init__()
        row = tight(QHBoxLayout(self), 2)
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


class ValueSlider(FollowsFont, QWidget):
    """A slider with its name and value; its lowest place may mean "automatic".

    Parameters
    ----------
    name, tip : str
    scale : (float, float, int)
        Lowest value, highest value and number of steps between them. With a lowest value above
        0 the steps grow with the value, and one more place, below the lowest, stands for 0.
    spell : callable
        Tells a value in words.
    """

    moved = Signal(float)

    def __init__(
        self,
        name: str,
        tip: str,
        scale: tuple[float, float, int],
        spell: Callable[[float], str],
    ) -> None:
        super().__init__()
        self._low, self._high, self._steps = scale
        self._spell = spell
        row = tight(QHBoxLayout(self), None)
        self._title = title = QLabel(name)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, self._steps)
        self._value = QLabel(spell(0))
        self._value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for widget in (title, self.slider, self._value):
            widget.setToolTip(tip)
            row.addWidget(widget, 1 if widget is self.slider else 0)
        self.slider.valueChanged.connect(self._changed)
        self.follow_font()

    def fit(self) -> None:
        """Give name and value their room.

        Of a fixed size, too: whenever the text of another label changes, Qt lays out the panel
        anew and paints the window once more for it, many times a second while a slider moves.
        """
        metrics = self._title.fontMetrics()
        self._title.setFixedWidth(metrics.horizontalAdvance(_LONGEST_NAME) + 10)
        width = metrics.horizontalAdvance(_LONGEST_VALUE) + 4
        self._value.setFixedSize(width, metrics.height() + 2)

    @property
    def text(self) -> str:
        """The value as it is shown."""
        return str(self._value.text())

    def value(self, place: int) -> float:
        """Return the value at a place of the handle."""
        if self._low == 0:
            return self._high * place / self._steps
        if place == 0:
            return 0.0
        ratio = self._high / self._low
        return float(round(self._low * ratio ** ((place - 1) / (self._steps - 1))))

    def place(self, value: float) -> int:
        """Return the place of the handle that is nearest to a value."""
        if self._low == 0:
            return round(self._steps * value / self._high)
        if value <= 0:
            return 0
        share = math.log(max(value, self._low) / self._low) / math.log(self._high / self._low)
        return round(1 + (self._steps - 1) * share)

    def show_value(self, value: float, text: str = "") -> None:
        """Move the handle without telling anybody; with another text than the value's."""
        blocker = QSignalBlocker(self.slider)
        if self.place(value) != self.slider.value():
            self.slider.setValue(self.place(value))
        blocker.unblock()
        self._value.setText(text or self._spell(value))

    def _changed(self, place: int) -> None:
        self._value.setText(self._spell(self.value(place)))
        self.moved.emit(self.value(place))


class TextField(QLineEdit):
    """A text to type, which tells what was typed when it is left.

    Parameters
    ----------
    tip : str
    hint : str
        Shown while it is empty.
    """

    entered = Signal(str)

    def __init__(self, tip: str, hint: str) -> None:
        super().__init__()
        self._shown = ""
        self.setToolTip(tip)
        self.setPlaceholderText(hint)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.editingFinished.connect(self._finished)

    def show_value(self, value: str) -> None:
        """Show a text without telling anybody, unless one is being typed."""
        if value != self._shown or not self.hasFocus():
            self._shown = value
            self.setText(value)

    def _finished(self) -> None:
        if self.text() != self._shown:
            self._shown = self.text()
            self.entered.emit(self._shown)


class NumberField(QLineEdit):
    """A number to type; of what is not in its range it says so, and keeps the number it had.

    Parameters
    ----------
    tip : str
    low, high : float
    whole : bool
    """

    entered = Signal(object)

    def __init__(self, tip: str, low: float, high: float, whole: bool) -> None:
        super().__init__()
        self._low, self._high, self._whole = low, high, whole
        self._shown = ""
        limits = f"{low:g} to {high:g}" if high < ENDLESS else f"{low:g} or more"
        self.range = f"A whole number, {limits}." if whole else f"A number, {limits}."
        self.setToolTip(f"{tip}\n{self.range}")
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(self.fontMetrics().height() + 6)  # many of them, in little room
        self.editingFinished.connect(self._finished)

    def show_value(self, value: float) -> None:
        """Show a number without telling anybody."""
        self._shown = f"{value:d}" if self._whole else f"{value:.3g}"
        self.setText(self._shown)

    def _finished(self) -> None:
        if self.text() == self._shown:
            return
        try:
            value = int(self.text()) if self._whole else float(self.text().replace(",", "."))
        except ValueError:
            value = self._low - 1
        if not self._low <= value <= self._high:
            self.setText(self._shown)
            QToolTip.showText(self.mapToGlobal(self.rect().bottomLeft()), self.range, self)
            return
        self.show_value(value)
        self.entered.emit(value)
