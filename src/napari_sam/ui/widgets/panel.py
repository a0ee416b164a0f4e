"""The dock widget: one session and the pages that show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QSize, QTimer
from qtpy.QtWidgets import QApplication, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from napari_sam.engine.worker import Loader
from napari_sam.installation import check_single_distribution
from napari_sam.ui.session import Session
from napari_sam.ui.state import Tool
from napari_sam.ui.widgets.click_page import ClickPage
from napari_sam.ui.widgets.controls import Segmented
from napari_sam.ui.widgets.feedback import Feedback
from napari_sam.ui.widgets.find_page import FindPage
from napari_sam.ui.widgets.object_dock import ObjectDock
from napari_sam.ui.widgets.review_page import ReviewPage
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
        self.session = Session(self._viewer, load_model)
        self._docked = False
        self._build()
        self._connect()
        self.reset_choices()

    # -- what scripts and the demo use ------------------------------------------------------------

    def find_all(self) -> None:
        """Show the Find all page and find the cells of the displayed slice."""
        self._choose_tool("find")
        self.session.find_all()

    def reset_choices(self, event: Any = None) -> None:
        """List the layers anew; napari calls this when layers come and go."""
        from napari.layers import Image, Labels, Points, Shapes

        if not self.session.is_open:
            return
        theirs = [layer for layer in self._viewer.layers if not self.session.is_ours(layer)]

        def of(kind: type) -> list[Any]:
            return [layer for layer in reversed(theirs) if isinstance(layer, kind)]

        own_boxes = [
            layer
            for layer in self._viewer.layers
            if isinstance(layer, Shapes) and self.session.is_ours(layer)
        ]
        self.source.show_images(of(Image))
        self.click.show_layers(of(Points), own_boxes + of(Shapes), of(Labels))
        self.find.show_layers(of(Labels), of(Shapes))
        self.review.show_layers(of(Labels))

    # -- building -----------------------------------------------------------------------------

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        self.source = SourceBox(self.session)
        self.tool = Segmented(
            [
                ("click", "Click", "Mark cells one by one."),
                ("find", "Find all", "Let the model find every cell of the slice."),
                ("review", "Review", "Correct found cells, and decide about the doubtful ones."),
            ]
        )
        self.click = ClickPage(self.session)
        self.find = FindPage(self.session)
        self.table = ObjectDock(self._viewer, self.session.review)
        self.review = ReviewPage(self.session, self.table.toggle)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.click)
        self._pages.addWidget(self.find)
        self._pages.addWidget(self.review)
        self.feedback = Feedback(self.session.cancel)
        column.addWidget(self.source)
        column.addWidget(self.tool)
        column.addWidget(self._pages, 1)
        column.addWidget(self.feedback)
        self.setMinimumWidth(_WIDTH - 20)
        # Otherwise napari adds a stretch of its own below, and the status line leaves the bottom.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        return QSize(_WIDTH, super().sizeHint().height())

    def _connect(self) -> None:
        events, session = self.session.state.events, self.session
        self.tool.chosen.connect(self._choose_tool)
        session.layers_changed.connect(self.reset_choices)
        for name in ("image", "points", "shapes", "mask", "target", "merge"):
            getattr(events, name).connect(self._layers_moved)
        events.chip.connect(self._chip_changed)
        events.model.connect(self.source.show_model)
        events.answer.connect(self._answer_changed)
        events.marked.connect(self.click.show_ways_back)
        events.kept.connect(self.click.show_ways_back)
        events.choice.connect(self.click.show_choice)
        events.polarity.connect(self._polarity_changed)
        events.drawing.connect(self.click.show_drawing)
        events.hover.connect(self._hover_changed)
        events.status.connect(self._status_changed)
        events.problem.connect(self._status_changed)
        events.progress.connect(self.feedback.show_progress)
        events.found_count.connect(self.find.show_count)
        events.find.connect(self.find.show_options)
        events.estimated.connect(self.find.show_options)
        events.accept_key.connect(self.click.accept.print_key)
        self._hover_changed()
        self._status_changed()
        # Neither closing the dock nor closing the window ever calls closeEvent.
        self.destroyed.connect(session.close)
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(session.close)
            session.closed.connect(self._forget_application)
        session.closed.connect(self.table.close)

    def _forget_application(self) -> None:
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.disconnect(self.session.close)

    # -- following the session ----------------------------------------------------------------

    def _choose_tool(self, tool: Tool) -> None:
        self.tool.show_value(tool)
        pages: dict[str, QWidget] = {"click": self.click, "find": self.find, "review": self.review}
        self._pages.setCurrentWidget(pages[tool])
        if tool != "review":
            self.table.close()
        self.session.set_tool(tool)

    def _layers_moved(self) -> None:
        self.reset_choices()
        self.click.show_answer()

    def _chip_changed(self) -> None:
        self.source.show_chip()
        self.find.show_ready()

    def _answer_changed(self) -> None:
        self.click.show_answer()

    def _polarity_changed(self, label: int) -> None:
        self.click.polarity.show_value(label)

    def _hover_changed(self) -> None:
        if self.click.hover.isChecked() != self.session.state.hover:
            self.click.hover.setChecked(self.session.state.hover)

    def _status_changed(self) -> None:
        state = self.session.state
        self.feedback.show_status(state.status, state.problem)

    # -- life -----------------------------------------------------------------------------------

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self.session.set_active(True)

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        self.session.set_active(False)

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
