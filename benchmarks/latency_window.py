"""Time real clicks in a real napari window; run by ``latency.py --window``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import napari
import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_sam.ui.widgets.panel import Panel

PATIENCE = 60.0  # seconds until something must have happened


def wait_for(done: Callable[[], bool]) -> None:
    """Run the event loop until something is true."""
    limit = time.perf_counter() + PATIENCE
    while not done():
        if time.perf_counter() > limit:
            raise TimeoutError("the window did not answer")
        QApplication.processEvents()


def canvas_position(viewer: napari.Viewer, place: tuple[float, float]) -> QPoint:
    """Return where a (row, column) of the world is drawn on the canvas."""
    canvas = viewer.window._qt_viewer.canvas
    x, y = (canvas.view.transform * canvas.view.scene.transform).map([place[1], place[0], 0, 1])[:2]
    return QPoint(round(x), round(y))


def measure_window(
    image: np.ndarray, places: Iterable[tuple[float, float]]
) -> tuple[float, list[float]]:
    """Click in a window and wait for the preview.

    Returns
    -------
    encode : float
        Seconds from opening the panel until the image is ready for clicks, the model's loading
        included.
    clicks : list of float
        Seconds from the press of the button until the preview layer shows the mask.
    """
    viewer = napari.Viewer()
    layer = viewer.add_image(image)
    panel = Panel(viewer)
    start = time.perf_counter()
    viewer.window.add_dock_widget(panel, name="SAM for Biology")
    state = panel.session.state
    panel.session.choose("image", layer)
    wait_for(lambda: state.chip.kind == "ready")
    encode = time.perf_counter() - start
    native = viewer.window._qt_viewer.canvas.native
    clicks = []
    for place in places:
        position = canvas_position(viewer, place)
        start = time.perf_counter()
        QTest.mouseClick(native, Qt.MouseButton.LeftButton, pos=position)
        wait_for(lambda: state.answer is not None)
        clicks.append(time.perf_counter() - start)
        panel.session.clear()
        wait_for(lambda: state.answer is None and not panel.session.jobs.wants("predict"))
    viewer.close()
    return encode, clicks
