"""Find all on a large lazy image in a real window: it goes on working, and Cancel keeps tiles."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import numpy as np
import pytest

from fake_model import FakeModel

pytest.importorskip("qtpy")
pytest.importorskip("pytestqt")
if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    pytest.skip("needs a display, such as Xvfb", allow_module_level=True)

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

LEFT = Qt.MouseButton.LeftButton
SIDE, CHUNK, RADIUS = 12_000, 1_000, 20
BRIGHT = {(0, 0), (5, 6), (11, 11)}  # squares with cells, all others are empty
PLACES = np.arange(100, CHUNK, 200)  # of cells along a side of such a square


class GatedModel(FakeModel):
    """Waits before it looks at a second tile, until the test opens the gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gated = False
        self.waits, self.go = threading.Event(), threading.Event()

    def encode(self, plane: Any, **how: Any) -> Any:
        while self.gated and self.encoded and not self.go.wait(0.01):
            self.waits.set()
        return super().encode(plane, **how)


def square(block_info: Any = None) -> np.ndarray:
    """Compute a square of the image, with cells or empty."""
    found = np.full((CHUNK, CHUNK), 10, np.uint8)
    if block_info[None]["chunk-location"] in BRIGHT:
        away = np.abs(np.arange(CHUNK)[:, None] - PLACES).min(axis=1)
        found[away[:, None] ** 2 + away**2 <= RADIUS**2] = 200
    return found


def test_the_window_goes_on_while_tiles_are_searched(make_napari_viewer: Any, qtbot: Any) -> None:
    import dask.array as da

    from napari_sam.ui.widgets.panel import Panel

    model = GatedModel()
    viewer = make_napari_viewer(show=True)
    panel = Panel(viewer, lambda name, device: model)
    viewer.window.add_dock_widget(panel, name="SAM for Biology", area="right")
    viewer.window.resize(1200, 800)
    chunks = ((CHUNK,) * (SIDE // CHUNK),) * 2
    lazy = da.map_blocks(square, chunks=chunks, dtype=np.uint8, meta=np.empty((0, 0), np.uint8))
    small = np.full((SIDE // 10,) * 2, 10, np.uint8)
    viewer.add_image([lazy, small], multiscale=True, contrast_limits=(0, 255), name="slide")
    session = panel.session
    session._bench.preferences.remember(use_contrast_limits=True)
    session._bench.changed()
    camera = viewer.scene.camera
    camera.center, camera.zoom = (0, 5_500, 6_500), 0.5
    QTest.mouseClick(panel.tool.button("find"), LEFT)
    page, state, find = panel.pages["find"], session.state, session.tools["find"]
    find.adjust_options("cells", diameter=2.0 * RADIUS)
    try:
        qtbot.waitUntil(lambda: state.chip.kind == "ready", timeout=30_000)
        model.encoded.clear()
        model.gated = True
        QTest.mouseClick(page.find, LEFT)
        qtbot.waitUntil(model.waits.is_set, timeout=60_000)
        qtbot.waitUntil(lambda: "slide cells found" in viewer.layers, timeout=30_000)
        labels = viewer.layers["slide cells found"]
        first = np.unique(labels.data[0][5_000:6_000, 6_000:7_000])
        assert len(first) > 1  # what is looked at came first
        assert panel.feedback.cancel.isVisible()
        camera.zoom = 0.4  # the window works meanwhile
        qtbot.wait(10)
        QTest.mouseClick(panel.feedback.cancel, LEFT)
        assert "Stopped after " in state.status
        assert state.progress is None
        model.go.set()
        qtbot.waitUntil(lambda: state.chip.kind == "ready", timeout=60_000)
        assert not labels.data[0][:1_000, :1_000].any()
        assert len(labels.features) == len(first) - 1
    finally:
        model.go.set()
        session.close()
