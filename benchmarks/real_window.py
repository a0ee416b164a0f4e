"""A napari window with the panel docked, worked by real events, and a watch on its painting."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import napari
from napari.layers import Labels
from qtpy.QtCore import QEvent, QEventLoop, QPoint, Qt, QTimer
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QSlider, QStyle, QStyleOptionSlider, QWidget

from napari_sam.ui.widgets.panel import Panel

PATIENCE = 120.0  # seconds until something must have happened
SIZE = (1280, 800)
LEFT = Qt.MouseButton.LeftButton


class Window:
    """A window, and how long it takes from an event until what follows from it is painted."""

    def __init__(self, image: Any, **how: Any) -> None:
        self.viewer = napari.Viewer()
        self.viewer.window.resize(*SIZE)
        self.image = self.viewer.add_image(image, **how)
        self.panel = Panel(self.viewer)
        self.state = self.panel.session.state
        self.painted = self.changed = 0.0
        self.longest = 0.0
        self.viewer.window.add_dock_widget(self.panel, name="SAM for Biology", area="right")
        self._canvas = self.viewer.window._qt_viewer.canvas
        self._canvas._scene_canvas.events.draw.connect(self._drawn, position="last")
        # The event loop sleeps until something happens; so that it looks at the clock as well:
        self._clock = QTimer()
        self._clock.start(20)

    def _drawn(self, event: Any = None) -> None:
        self.painted = time.perf_counter()

    def heard(self, *event: Any) -> None:
        """Take note that what is to be painted has changed; connect it to what tells so."""
        self.changed = time.perf_counter()

    def follow(self, layer: Labels) -> None:
        """Hear of every change of the labels that are shown."""
        layer.events.set_data.connect(self.heard)
        layer.events.labels_update.connect(self.heard)  # of a part of them

    @property
    def canvas(self) -> QWidget:
        return self._canvas.native

    def wait(self, done: Callable[[], bool]) -> None:
        """Turn the event loop, asleep in between as in an application, until something is true."""
        limit = time.perf_counter() + PATIENCE
        flags = QEventLoop.ProcessEventsFlag
        while not done():
            if time.perf_counter() > limit:
                raise TimeoutError(f"the window did not answer: {self.state.status}")
            start = time.perf_counter()
            QApplication.processEvents(flags.AllEvents | flags.WaitForMoreEvents)
            self.longest = max(self.longest, time.perf_counter() - start)

    def rest(self, seconds: float = 0.5) -> None:
        """Let everything that is under way come to an end."""
        until = time.perf_counter() + seconds
        self.wait(lambda: time.perf_counter() > until)

    def ready(self) -> None:
        """Wait until the image is ready for clicks."""
        self.wait(lambda: self.state.chip.kind == "ready")
        self.rest()

    def timed(self, act: Callable[[], Any], done: Callable[[], bool] = lambda: True) -> float:
        """Do something; seconds until it is done, was heard of, and is painted."""
        began = time.perf_counter()
        act()
        return self.seconds(began, done)

    def seconds(self, began: float, done: Callable[[], bool] = lambda: True) -> float:
        """Seconds from a moment until something was heard of since, is done and painted."""
        self.wait(lambda: self.changed > began and done() and self.painted > self.changed)
        return time.perf_counter() - began

    def press(self, button: QWidget) -> None:
        QTest.mouseClick(button, LEFT)

    def click(self, place: tuple[float, float]) -> None:
        """Click a (row, column) of the image."""
        view = self._canvas.view
        x, y = (view.transform * view.scene.transform).map([place[1], place[0], 0, 1])[:2]
        QTest.mouseClick(self.canvas, LEFT, pos=QPoint(round(x), round(y)))

    def close(self) -> None:
        self._clock.stop()
        self.panel.session.close()
        self.viewer.close()


def handle(slider: QSlider) -> QPoint:
    """Where the handle of a slider is."""
    option = QStyleOptionSlider()
    slider.initStyleOption(option)
    part = QStyle.SubControl.SC_SliderHandle
    kind = QStyle.ComplexControl.CC_Slider
    return slider.style().subControlRect(kind, option, part, slider).center()


def mouse(widget: QWidget, kind: QEvent.Type, place: QPoint) -> None:
    """Press, move or release the left button of the mouse."""
    none = Qt.MouseButton.NoButton
    at = place.toPointF()
    button = none if kind == QEvent.Type.MouseMove else LEFT
    held = none if kind == QEvent.Type.MouseButtonRelease else LEFT
    keys = Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(
        widget, QMouseEvent(kind, at, widget.mapToGlobal(at), button, held, keys)
    )
