"""A range slider with the histogram of what it filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QRectF, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPalette
from qtpy.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget
from superqt import QDoubleRangeSlider

from napari_sam.ui.widgets.fonts import FollowsFont
from napari_sam.ui.widgets.layouts import tight

_BINS = 40
_BESIDE = 14  # pixels beside a text
_HEIGHT = 22
_INSIDE = "#12b5a6"


class Histogram(QWidget):
    """Bars of a distribution; those outside the range are pale."""

    def __init__(self) -> None:
        super().__init__()
        self._counts = np.zeros(_BINS)
        self._range = (0.0, 1.0)
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_counts(self, counts: npt.NDArray[Any]) -> None:
        self._counts = np.asarray(counts, dtype=float)
        self.update()

    def show_range(self, low: float, high: float) -> None:
        """Fractions of the width that are inside."""
        self._range = (low, high)
        self.update()

    def paintEvent(self, event: Any) -> None:
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        pale = self.palette().color(QPalette.ColorRole.WindowText)
        pale.setAlphaF(0.3)
        width = self.width() / len(self._counts)
        # Square roots, so that a few outliers can be seen beside a crowd.
        heights = np.sqrt(self._counts / max(self._counts.max(), 1)) * self.height()
        for k, height in enumerate(heights):
            middle = (k + 0.5) / len(heights)
            inside = self._range[0] <= middle <= self._range[1]
            painter.setBrush(QColor(_INSIDE) if inside else pale)
            painter.drawRect(QRectF(k * width, self.height() - height, max(width - 1, 1), height))
        painter.end()


class HistogramSlider(FollowsFont, QWidget):
    """Two handles over a histogram; the whole width means no limits.

    Parameters
    ----------
    name, tip : str
    spell : callable
        Turns a value into text.
    """

    moved = Signal(object)  # (low, high), or None without limits

    def __init__(self, name: str, tip: str, spell: Callable[[float], str]) -> None:
        super().__init__()
        self._spell = spell
        self._ends = (0.0, 1.0)
        self._values = np.empty(0)
        grid = tight(QGridLayout(self), None)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(0)
        self._title = title = QLabel(name)
        self.histogram = Histogram()
        self.slider = QDoubleRangeSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0.0, 1.0)
        self.slider.setSingleStep(0.01)
        self.slider.setValue((0.0, 1.0))
        self._text = QLabel()
        self._text.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        grid.addWidget(title, 0, 0, 2, 1)
        grid.addWidget(self.histogram, 0, 1)
        grid.addWidget(self.slider, 1, 1)
        grid.addWidget(self._text, 0, 2, 2, 1)
        grid.setColumnStretch(1, 1)
        for widget in (self, title, self.histogram, self.slider, self._text):
            widget.setToolTip(tip)
        self.slider.valueChanged.connect(self._changed)
        self.follow_font()

    def fit(self) -> None:
        """Give name and values their room, the same whatever they are: histograms are aligned."""
        metrics = self._title.fontMetrics()
        self._title.setFixedWidth(metrics.horizontalAdvance("Certainty") + _BESIDE)
        self._text.setFixedWidth(metrics.horizontalAdvance("70 % – 100 %") + _BESIDE)

    def show_values(self, values: npt.NDArray[np.float64]) -> None:
        """Show a distribution; the handles stay at their values, or at the ends."""
        values = values[np.isfinite(values)]
        self.setVisible(len(values) > 0)
        if len(values) == 0 or np.array_equal(values, self._values):
            return
        limits = self.limits()
        self._values = values
        least, most = float(values.min()), float(values.max())
        self._ends = (least, most) if most > least else (least - 0.5, least + 0.5)
        self.histogram.show_counts(np.histogram(values, _BINS, self._ends)[0])
        places = (0.0, 1.0)
        if limits is not None:
            low, high = ((limit - self._ends[0]) / self._width() for limit in limits)
            places = (max(low, 0.0), min(high, 1.0))
        self.slider.blockSignals(True)
        self.slider.setValue(places)
        self.slider.blockSignals(False)
        self._show()

    def limits(self) -> tuple[float, float] | None:
        """The values that are left, None for all; an end that was not moved has no limit."""
        low, high = self._places()
        if low <= 0 and high >= 1:
            return None
        return (
            -np.inf if low <= 0 else self._ends[0] + low * self._width(),
            np.inf if high >= 1 else self._ends[0] + high * self._width(),
        )

    def reset(self) -> None:
        """Put both handles to the ends."""
        self.slider.setValue((0.0, 1.0))

    def _places(self) -> tuple[float, float]:
        places: Any = self.slider.value()
        return float(places[0]), float(places[1])

    def _width(self) -> float:
        return self._ends[1] - self._ends[0]

    def _changed(self) -> None:
        self._show()
        self.moved.emit(self.limits())

    def _show(self) -> None:
        low, high = self._places()
        self.histogram.show_range(low, high)
        ends = (self._ends[0] + place * self._width() for place in (low, high))
        self._text.setText(" – ".join(self._spell(end) for end in ends))
