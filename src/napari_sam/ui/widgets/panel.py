"""The dock widget: one session and the pages that show it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QSize, QTimer
from qtpy.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDockWidget,
    QHBoxLayout,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from napari_sam.engine.worker import Loader
from napari_sam.installation import check_single_distribution
from napari_sam.ui.canvas.own_context import OwnContext
from napari_sam.ui.session import PanelSession
from napari_sam.ui.widgets.controls import Segmented
from napari_sam.ui.widgets.feedback import Feedback
from napari_sam.ui.widgets.folder_row import FolderRow
from napari_sam.ui.widgets.key_sheet import KeySheetButton
from napari_sam.ui.widgets.layouts import tight
from napari_sam.ui.widgets.page import Layers, Page
from napari_sam.ui.widgets.pages import ROWS
from napari_sam.ui.widgets.recovery_box import RecoveryBox
from napari_sam.ui.widgets.scrolling import Scrolling
from napari_sam.ui.widgets.source_box import SourceBox

if TYPE_CHECKING:
    import napari.viewer

_WIDTH = 320


class Panel(QWidget):
    """SAM for Biology, docked.

    Parameters
    ----------
    viewer : napari.Viewer
    load_model : callable, optional
        ``load_model(name, device=...) -> Model``; the zoo's by default.
    """

    def __init__(self, viewer: napari.viewer.Viewer, load_model: Loader | None = None) -> None:
        check_single_distribution()
        super().__init__()
        # napari hands plugins a proxy that wraps every layer anew, so that no layer is itself.
        self._viewer: Any = getattr(viewer, "__wrapped__", viewer)
        self.session = PanelSession(self._viewer, load_model, tools=[row.tool for row in ROWS])
        self._own_context = OwnContext(self._viewer)
        self._docked = False
        self._dock: Any = None
        self._in_front = True
        self.setAcceptDrops(True)
        self._build()
        self._connect()
        self._name_keys()
        self.reset_choices()

    # -- what scripts and the demo use ------------------------------------------------------------

    def find_all(self) -> None:
        """Show the Find all page and find the cells of the displayed slice."""
        self.show_page("find")
        self.session.tools["find"].start()  # type: ignore[attr-defined]

    def show_page(self, name: str) -> None:
        """Show another page."""
        self.tool.show_value(name)
        before, page = self._pages.currentWidget(), self.pages[name]
        self._pages.setCurrentWidget(page)
        self._room_for(page)
        if isinstance(before, Page) and before is not page:
            before.left()
        self.session.set_tool(name)
        self._name_keys()

    def _name_keys(self) -> None:
        tool = self.session.tool
        self.keys.show_page(tool.title, tool.sheet)

    def reset_choices(self, event: Any = None) -> None:
        """List the layers anew; napari calls this when layers come and go."""
        if not self.session.is_open:
            return
        layers = Layers.of(self.session)
        self.source.show_images(layers.images)
        for page in self.pages.values():
            page.show_layers(layers)

    def _room_for(self, page: Page) -> None:
        """Let the page that is shown say how high the pages are; all of them say how wide."""
        policies = QSizePolicy.Policy
        for other in self.pages.values():
            upright = policies.Preferred if other is page else policies.Ignored
            other.setSizePolicy(policies.Preferred, upright)

    # -- building -----------------------------------------------------------------------------

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        self.source = SourceBox(self.session)
        tools = self.session.tools
        self.tool = Segmented([(t.name, t.title, t.tip) for t in tools.values()])
        self.pages: dict[str, Page] = {
            row.tool.name: row.page(self.session, tools[row.tool.name]) for row in ROWS
        }
        self.keys = KeySheetButton(self)
        pages = tight(QHBoxLayout())
        pages.addWidget(self.tool, 1)
        pages.addWidget(self.keys)
        self._pages = QStackedWidget()
        for page in self.pages.values():
            self._pages.addWidget(page)
        self._room_for(next(iter(self.pages.values())))
        self._scroll = Scrolling(self._pages)
        self.feedback = Feedback(self.session.cancel)
        self.recovery = RecoveryBox(self.session)
        self.folder = FolderRow(self.session)
        column.addWidget(self.source)
        column.addWidget(self.folder)
        column.addWidget(self.recovery)
        column.addLayout(pages)
        column.addWidget(self._scroll, 1)
        column.addWidget(self.feedback)
        # Otherwise napari adds a stretch of its own below, and the status line leaves the bottom.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def minimumSizeHint(self) -> QSize:
        """As narrow as it may get: large fonts need more."""
        least = super().minimumSizeHint()
        return QSize(max(_WIDTH - 20, least.width()), least.height())

    def sizeHint(self) -> QSize:
        """The usual width, or more when fonts are large."""
        return QSize(max(_WIDTH, self.minimumSizeHint().width()), super().sizeHint().height())

    def _connect(self) -> None:
        events, session = self.session.state.events, self.session
        self.tool.chosen.connect(self.show_page)
        session.layers_changed.connect(self.reset_choices)
        for name in ("image", "points", "shapes", "mask", "target", "merge"):
            getattr(events, name).connect(self.reset_choices)
        events.chip.connect(self.source.show_chip)
        events.model.connect(self.source.show_model)
        events.image.connect(self.source.show_model)
        events.status.connect(self._status_changed)
        events.problem.connect(self._status_changed)
        events.progress.connect(self.feedback.show_progress)
        self._status_changed()
        if self.session.state.image is None:
            events.image.connect(self._first_image)
        else:
            self._first_image()
        # What is pressed here is followed by keys that are meant for the canvas.
        session.acted.connect(self._keyboard_to_canvas)
        for button in self.findChildren(QAbstractButton):
            button.clicked.connect(self._keyboard_to_canvas)
        # Neither closing the dock nor closing the window ever calls closeEvent.
        self.destroyed.connect(session.close)
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(session.close)
            session.closed.connect(self._forget_application)
        session.closed.connect(self._leave)
        session.closed.connect(self._own_context.close)

    def _first_image(self) -> None:
        events = self.session.state.events
        events.image.disconnect(self._first_image, missing_ok=True)
        QTimer.singleShot(0, lambda: self.session.warm_window(self._paint))

    def _paint(self) -> None:
        self._viewer.screenshot(flash=False)

    def _forget_application(self) -> None:
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.disconnect(self.session.close)

    def _leave(self) -> None:
        for page in self.pages.values():
            page.left()

    def _status_changed(self) -> None:
        state = self.session.state
        self.feedback.show_status(state.status, state.problem)

    def _keyboard_to_canvas(self) -> None:
        """Take the keyboard from the layer list, where Delete would remove the image."""
        window = getattr(self._viewer, "window", None)
        focused = QApplication.focusWidget()
        if window is None or focused is None or self.isAncestorOf(focused):
            return
        viewer = window._qt_viewer
        if viewer.dockLayerList.isAncestorOf(focused):
            viewer.canvas.native.setFocus()

    # -- what is dropped here ---------------------------------------------------------------------

    def dragEnterEvent(self, event: Any) -> None:
        if _files_of(event):
            event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:
        """Go through a folder, or through files."""
        self.session.walk.open(*_files_of(event))
        event.acceptProposedAction()

    # -- life -----------------------------------------------------------------------------------

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._watch_dock()
        self.session.set_active(self._in_front)

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        self.session.set_active(False)

    def _watch_dock(self) -> None:
        """Hear of the dock: Qt takes one for visible that is behind the tab of another."""
        dock = self.parent()
        while dock is not None and not isinstance(dock, QDockWidget):
            dock = dock.parent()
        if dock is not self._dock:
            self._dock, self._in_front = dock, True
            if dock is not None:
                dock.visibilityChanged.connect(self._brought)

    def _brought(self, in_front: bool) -> None:
        """The dock came to the front, or went behind another one."""
        self._in_front = in_front
        if self.isVisible():
            self.session.set_active(in_front)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ParentChange:
            if self.parent() is not None:
                self._docked = True
            elif self._docked:
                # Closing the dock takes the panel out of it and then forgets it, alive.
                QTimer.singleShot(0, self._undocked)
        return bool(super().event(event))

    def _undocked(self) -> None:
        if self.parent() is None:
            self.session.close()


def _files_of(event: Any) -> list[Path]:
    """List the files and folders that are dragged."""
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
