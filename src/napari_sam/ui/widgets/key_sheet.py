"""The sheet of keys: what keys and the mouse do on the page that is shown."""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QFrame, QGridLayout, QLabel, QToolButton, QWidget

from napari_sam.ui.widgets.controls import key_text

_EVERYWHERE = (
    ("H, held", "see the bare image"),
    ("?", "this sheet"),
)


def _spelt(keys: str) -> str:
    return "  ".join(key_text(key) if "+" in key else key for key in keys.split("  "))


class KeySheet(QFrame):
    """Pops up beside a widget, and goes at the next click or key.

    Parameters
    ----------
    title : str
        Of the page.
    rows : iterable of (str, str)
        Keys, and what they do.
    parent : QWidget
    """

    def __init__(self, title: str, rows: Iterable[tuple[str, str]], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        grid = QGridLayout(self)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(3)
        heading = QLabel(f"Keys and mouse: {title}")
        grid.addWidget(heading, 0, 0, 1, 2)
        self.texts: list[tuple[str, str]] = []
        for row, (keys, does) in enumerate((*rows, *_EVERYWHERE), start=1):
            spelt = keys if "click" in keys or "drag" in keys else _spelt(keys)
            self.texts.append((spelt, does))
            grid.addWidget(QLabel(f"<b>{spelt}</b>"), row, 0)
            grid.addWidget(QLabel(does), row, 1)

    def keyPressEvent(self, event: object) -> None:
        """Any key closes it."""
        self.close()

    def show_beside(self, widget: QWidget) -> None:
        """Show it to the left of a widget, where the image is, inside the screen."""
        self.adjustSize()
        corner = widget.mapToGlobal(QPoint(0, 0)) - QPoint(self.width() + 8, 0)
        screen = widget.screen().availableGeometry()
        low = QPoint(screen.left(), screen.top())
        top = min(corner.y(), screen.bottom() - self.height())
        self.move(max(corner.x(), low.x()), max(top, low.y()))
        self.show()


class KeySheetButton(QToolButton):
    """Opens the sheet of keys, as the key does anywhere in the window.

    Parameters
    ----------
    panel : QWidget
        While it is visible the key works.
    """

    def __init__(self, panel: QWidget) -> None:
        super().__init__()
        self._panel = panel
        self.setText("?")
        self.setToolTip("What keys and the mouse do on this page. Key ? shows it as well.")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.sheet: KeySheet | None = None
        self._rows: tuple[str, tuple[tuple[str, str], ...]] = ("", ())
        # A key of the window and not of the canvas: where it lies differs between keyboards,
        # which napari's keys of the canvas do not know.
        self.shortcut = QShortcut(panel)
        self.shortcut.setKeys([QKeySequence("?"), QKeySequence("Shift+?")])
        self.shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
        self.shortcut.activated.connect(self.open)
        self.clicked.connect(self.open)

    def changeEvent(self, event: QEvent) -> None:
        """Write as the rest of the panel: napari's style has no font for such buttons."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and hasattr(self, "_panel"):
            words = self._panel.findChild(QLabel)
            if words is not None:
                self.setFont(words.font())

    def show_page(self, title: str, rows: tuple[tuple[str, str], ...]) -> None:
        """Say whose keys the sheet shows."""
        self._rows = (title, rows)

    def open(self) -> None:
        """Show the sheet."""
        self.sheet = KeySheet(*self._rows, self._panel)
        self.sheet.destroyed.connect(self._closed)
        self.sheet.show_beside(self._panel)

    def _closed(self) -> None:
        self.sheet = None
