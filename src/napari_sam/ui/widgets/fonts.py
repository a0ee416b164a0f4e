"""Widgets whose parts are measured by the font that they are written in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget as _Base
else:
    _Base = object

_FONTS = (QEvent.Type.FontChange, QEvent.Type.StyleChange)


class FollowsFont(_Base):
    """A widget that fits itself anew to another font; comes before Qt's class among the bases."""

    _follows = False

    def follow_font(self) -> None:
        """Fit now, and whenever the font changes: the widget has all of its parts."""
        self._follows = True
        self.fit()

    def fit(self) -> None:
        """Give the parts the room that they need in the present font."""
        raise NotImplementedError

    def changeEvent(self, event: QEvent) -> None:
        """Heed another font, also that of a style."""
        super().changeEvent(event)
        if event.type() in _FONTS and self._follows:
            self.fit()
