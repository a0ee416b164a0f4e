"""The controls of a method, made from its options: what it is often needed for, and the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_sam.methods.method import Method
from napari_sam.methods.option import NamedOption, described
from napari_sam.ui.state import State
from napari_sam.ui.tools.find import Find
from napari_sam.ui.widgets.controls import ENDLESS, NumberField, TextField, ValueSlider
from napari_sam.ui.widgets.layouts import tight


class OptionControls:
    """Makes both groups of controls of a method, and shows its options in them.

    Attributes
    ----------
    basic, advanced : QWidget
        What is in sight, and what folds away.
    controls : dict of str to QWidget
        By the options' names.
    """

    def __init__(self, method: Method[Any], state: State, find: Find) -> None:
        self._method, self._state = method, state
        self._adjust = find.adjust_options
        self.controls: dict[str, Any] = {}
        self._show: list[Callable[[Any], None]] = []
        shown = [one for one in described(method.kind) if one.option.label]
        sliders = [one for one in shown if one.option.steps]
        self.basic = column(
            *(self._text(one) for one in shown if one.option.is_text),
            *(self._slider(one) for one in sliders if not one.option.folded),
        )
        self.advanced = column(
            *(self._slider(one) for one in sliders if one.option.folded),
            *self._typed([one for one in shown if not (one.option.steps or one.option.is_text)]),
        )
        self.show_options()

    def show_options(self) -> None:
        """Show what is chosen, without choosing it again."""
        options = self._state.find.of(self._method.name)
        for show in self._show:
            show(options)

    def _change(self, one: NamedOption, value: Any) -> None:
        """Choose a value; at 0 that is none where the option may be none."""
        changed = None if one.default is None and not value else value
        self._adjust(self._method.name, **{one.name: changed})

    def _text(self, one: NamedOption) -> QWidget:
        name, _, what = one
        field = TextField(f"{what.help} ({name})", what.hint)
        field.entered.connect(lambda text: self._change(one, text))
        self._show.append(lambda options: field.show_value(getattr(options, name)))
        self.controls[name] = field
        line = QWidget()
        row = tight(QHBoxLayout(line), None)
        row.addWidget(QLabel(what.label))
        row.addWidget(field, 1)
        return line

    def _slider(self, one: NamedOption) -> ValueSlider:
        name, _, what = one
        low, high = what.shown or (what.low, what.high)
        slider = ValueSlider(what.label, what.help, (low, high, what.steps), what.words)

        def moved(value: float) -> None:
            least = 0 if one.default is None else what.low
            self._change(one, max(what.kind(value), least))

        def show(options: Any) -> None:
            value = getattr(options, name)
            guessed = self._state.estimated if what.acts == "again" else None
            if value is None and guessed is not None:
                slider.show_value(guessed, f"≈ {what.words(guessed)}")
            else:
                slider.show_value(value or 0)

        slider.moved.connect(moved)
        self._show.append(show)
        self.controls[name] = slider
        return slider

    def _typed(self, shown: list[NamedOption]) -> list[QWidget]:
        """Lay out numbers to type and switches, two beside each other."""
        if not shown:
            return []
        numbers = [one for one in shown if one.option.kind in (int, float)]
        switches = [one for one in shown if one.option.kind not in (int, float)]
        widget = QWidget()
        grid = tight(QGridLayout(widget), None)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(2)
        for place, one in enumerate(numbers):
            field, title = self._number(one), QLabel(one.option.label)
            title.setToolTip(field.toolTip())
            grid.addWidget(title, place // 2, 2 * (place % 2))
            grid.addWidget(field, place // 2, 2 * (place % 2) + 1)
        rows = (len(numbers) + 1) // 2
        for place, one in enumerate(switches):
            grid.addWidget(self._switch(one), rows + place // 2, 2 * (place % 2), 1, 2)
        for at in (1, 3):
            grid.setColumnStretch(at, 1)
        return [widget]

    def _number(self, one: NamedOption) -> NumberField:
        name, default, what = one
        low, high = what.shown or (0 if default is None else what.low, min(what.high, ENDLESS))
        field = NumberField(f"{what.help} ({name})", low, high, what.kind is int)

        def entered(value: Any) -> None:
            self._change(one, value)
            self.show_options()  # what it was, when the value was refused

        field.entered.connect(entered)
        self._show.append(lambda options: field.show_value(getattr(options, name) or 0))
        self.controls[name] = field
        return field

    def _switch(self, one: NamedOption) -> QCheckBox:
        name, _, what = one
        off, on = what.choices if what.choices else (False, True)
        box = QCheckBox(what.label)
        box.setToolTip(f"{what.help} ({name})")
        box.toggled.connect(lambda checked: self._change(one, on if checked else off))

        def show(options: Any) -> None:
            blocker = QSignalBlocker(box)
            box.setChecked(getattr(options, name) == on)
            blocker.unblock()

        self._show.append(show)
        self.controls[name] = box
        return box


def column(*parts: QWidget) -> QWidget:
    """Stack widgets closely."""
    widget = QWidget()
    rows = tight(QVBoxLayout(widget), 6)
    for part in parts:
        rows.addWidget(part)
    return widget
