"""A napari window with the panel docked, worked by real clicks, drags and keys."""

from __future__ import annotations

import itertools

import numpy as np
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from fake_model import FakeModel, blobs

CENTRE = (3, 20, 50)
STACK = blobs((6, 64, 80), (CENTRE, (3, 44, 20)), radius=6)
TRANSFORM = {"scale": (2.0, 0.5, 0.25), "translate": (-30.0, 7.0, 100.0)}


class Window:
    """A napari window with the panel docked, and hands on its mouse and keyboard."""

    def __init__(self, viewer, qtbot, model=None):
        from napari_sam.ui.widgets.panel import Panel

        self.viewer, self.qtbot = viewer, qtbot
        self.model = model or FakeModel()
        self.panel = Panel(viewer, lambda name, device: self.model)
        self.dock = viewer.window.add_dock_widget(self.panel, name="SAM for Biology", area="right")
        viewer.window.resize(1200, 800)

    @property
    def session(self):
        return self.panel.session

    @property
    def canvas(self):
        return self.viewer.window._qt_viewer.canvas

    def until(self, condition) -> None:
        self.qtbot.waitUntil(condition, timeout=60_000)

    def ready(self) -> None:
        self.until(lambda: self.session.state.chip.kind == "ready")

    def position(self, layer, voxel) -> QPoint:
        """Where a voxel of the displayed slice is on the canvas."""
        QApplication.processEvents()
        world = layer.data_to_world(voxel)
        row, column = self.viewer.dims.displayed
        transform = self.canvas.view.transform * self.canvas.view.scene.transform
        x, y = transform.map([world[column], world[row], 0, 1])[:2]
        return QPoint(round(x), round(y))

    def click(
        self,
        layer,
        voxel,
        button=Qt.MouseButton.LeftButton,
        modifier=Qt.KeyboardModifier.NoModifier,
    ) -> None:
        place = self.position(layer, voxel)
        QTest.mouseMove(self.canvas.native, place)
        QTest.mouseClick(self.canvas.native, button, modifier, place)

    def drag(self, layer, path, modifier=Qt.KeyboardModifier.NoModifier) -> None:
        """Press at the first voxel, move along the others, and release."""
        native, left = self.canvas.native, Qt.MouseButton.LeftButton
        places = [self.position(layer, voxel) for voxel in path]
        QTest.mouseMove(native, places[0])
        QTest.mousePress(native, left, modifier, places[0])
        for start, stop in itertools.pairwise(places):
            for step in np.linspace(0.1, 1.0, 10):
                at = start + (stop - start) * step
                event = QMouseEvent(
                    QEvent.Type.MouseMove, at, native.mapToGlobal(at), left, left, modifier
                )
                QApplication.sendEvent(native, event)
        QTest.mouseRelease(native, left, modifier, places[-1])
        QApplication.processEvents()

    def press(self, key, modifier=Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(self.canvas.native, key, modifier)

    def add_stack(self):
        layer = self.viewer.add_image(STACK, name="stack", **TRANSFORM)
        self.viewer.dims.set_point(0, layer.data_to_world(CENTRE)[0])
        self.until(lambda: self.session.proposal.predicting.encoding.displayed() is not None)
        return layer
