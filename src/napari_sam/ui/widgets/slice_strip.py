"""A thin strip that shows how certain a cell is on every slice; a click goes there."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QPoint, QRectF, Qt, Signal
from qtpy.QtGui import QBrush, QColor, QPainter, QPen
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_sam.ui.layers.own_layers import OBJECT_COLOUR
from napari_sam.ui.tools.through_state import Strip

HEIGHT = 26
_DOTS = 6  # pixels at the bottom, for the slices on which a person said where the cell is
_FORK = ((0, 0), (-4, 9), (0, 5), (4, 9))  # pixels
_FAINTEST = 0.3  # score that is shown as the lowest bar
_UNSURE, _SURE = QColor("#e0532f"), QColor("#ffd400")
_TIP = (
    "How certain the cell is on every {0}: a high yellow bar is certain, a low red one doubtful. "
    "A dot marks {0}s that you marked, a fork where the cell divides. Click to go to a {0}."
)


class SliceStrip(QWidget):
    """A bar per slice.

    Attributes
    ----------
    picked : Signal of int
        A slice was clicked.
    """

    picked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(_TIP.format("slice"))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._strip: Strip | None = None
        self._at: int | None = None

    def show_strip(self, strip: Strip | None) -> None:
        """Show what is known of all slices."""
        self._strip = strip
        self.update()

    def show_at(self, at: int | None) -> None:
        """Show which slice is displayed."""
        self._at = at
        self.update()

    # -- places -----------------------------------------------------------------------------------

    def slice_at(self, x: float) -> int | None:
        """Return the slice at a place of the strip, in pixels from the left."""
        if self._strip is None:
            return None
        at = int(x * self._strip.length / max(self.width(), 1))
        return min(max(at, 0), self._strip.length - 1)

    def place(self, at: int) -> float:
        """Return the middle of a slice, in pixels from the left."""
        length = 1 if self._strip is None else self._strip.length
        return float((at + 0.5) * self.width() / length)

    def _bar(self, at: int, height: float) -> QRectF:
        assert self._strip is not None
        wide = self.width() / self._strip.length
        gap = 1.0 if wide >= 4 else 0.0
        left = at * wide if wide >= 1 else int(at * wide)
        bottom = self.height() - _DOTS
        return QRectF(left, bottom - height, max(wide - gap, 1.0), height)

    # -- drawing ----------------------------------------------------------------------------------

    def paintEvent(self, event: Any) -> None:
        painter, strip = QPainter(self), self._strip
        if strip is None:
            return
        high = self.height() - _DOTS
        grey = self.palette().text().color()
        grey.setAlpha(40)
        painter.fillRect(QRectF(0, 0, self.width(), high), grey)
        # Where several slices share a pixel, the least certain one is seen.
        wide, seen = self.width() / strip.length, dict[int, int]()
        for at in sorted(strip.scores, key=lambda at: -strip.scores[at]):
            seen[int(at * wide)] = at
        for at in seen.values():
            share = (strip.scores[at] - _FAINTEST) / (1 - _FAINTEST)
            share = min(max(share, 0.0), 1.0)
            bar = self._bar(at, max(high * share, 3.0))
            painter.fillRect(bar, _colour(share))
        self._draw_ends(painter, strip, high)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(OBJECT_COLOUR))
        for at in strip.given:
            painter.drawEllipse(QRectF(self.place(at) - 2, self.height() - 5, 4, 4))
        painter.setBrush(self.palette().text().color())
        for at in strip.divisions:  # two wings that open where one becomes two
            x, low = self.place(at), self.height() - _DOTS
            painter.drawPolygon([QPoint(round(x + dx), low - dy) for dx, dy in _FORK])
        if self._at is not None:
            painter.setPen(QPen(self.palette().text().color(), 2))
            x = self.place(self._at)
            painter.drawLine(QPoint(round(x), 0), QPoint(round(x), round(high)))

    def _draw_ends(self, painter: QPainter, strip: Strip, high: float) -> None:
        """Hatch what lies beyond an end that was set by hand."""
        wide = self.width() / strip.length
        first, last = strip.ends
        shade = self.palette().text().color()
        shade.setAlpha(120)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QBrush(shade, Qt.BrushStyle.BDiagPattern))
        for low, top in ((0, first), (last + 1, strip.length)):
            if top > low:
                painter.drawRect(QRectF(low * wide, 0, (top - low) * wide, high))

    # -- mouse ------------------------------------------------------------------------------------

    def mousePressEvent(self, event: Any) -> None:
        at = self.slice_at(event.position().x() if hasattr(event, "position") else event.x())
        if at is not None:
            self.picked.emit(at)

    def mouseMoveEvent(self, event: Any) -> None:
        self.mousePressEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and self._strip is not None:
            at = self.slice_at(event.pos().x())
            QToolTip.showText(event.globalPos(), self.tip(at), self)
            return True
        return bool(super().event(event))

    def tip(self, at: int | None) -> str:
        """Say what is known of a slice."""
        if self._strip is None or at is None:
            return _TIP.format("slice")
        score, word = self._strip.scores.get(at), self._strip.word.capitalize()
        tip = _TIP.format(self._strip.word)
        if score is None:
            return f"{word} {at}: the cell is not there, or not known there.\n\n{tip}"
        who = (
            "you said where the cell is" if at in self._strip.given else f"{100 * score:.0f} % sure"
        )
        if at in self._strip.divisions:
            who = f"its daughters begin, {who}"
        return f"{word} {at}: {who}.\n\n{tip}"


def _colour(share: float) -> QColor:
    """Colour of a bar, from unsure (0) to sure (1)."""
    parts = zip(_UNSURE.getRgb()[:3], _SURE.getRgb()[:3], strict=True)
    return QColor(*(round(a + share * (b - a)) for a, b in parts))
