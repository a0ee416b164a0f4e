"""The dock below the canvas that holds the table of cells, while it is wanted."""

from __future__ import annotations

import contextlib
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMainWindow

from napari_sam.ui.tools.review import Review
from napari_sam.ui.widgets.object_view import ObjectView

_HEIGHT = 180


class ObjectDock:
    """Opens and closes the table."""

    def __init__(self, viewer: Any, review: Review) -> None:
        self._viewer, self._review = viewer, review
        self._dock: Any = None
        self.view: ObjectView | None = None

    def toggle(self) -> None:
        """Show the table, or take it away."""
        if self.view is not None and self._dock is not None and self._dock.isVisible():
            self.close()
        else:
            self.close()
            self.view = ObjectView(self._review)
            self._dock = self._viewer.window.add_dock_widget(
                self.view, name="Cells of this slice", area="bottom"
            )
            # Below the canvas only, so that the panel keeps its height.
            window = self._dock.parentWidget()
            if isinstance(window, QMainWindow):
                window.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
                window.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
                window.resizeDocks([self._dock], [_HEIGHT], Qt.Orientation.Vertical)

    def close(self) -> None:
        """Take the table away; the person may have closed its dock, or the window, already."""
        view, dock = self.view, self._dock
        self.view = self._dock = None
        if view is None:
            return
        with contextlib.suppress(AttributeError, RuntimeError, LookupError, ValueError):
            view.close_view()
            self._viewer.window.remove_dock_widget(dock)
