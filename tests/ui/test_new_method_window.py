"""A method that is added by one file and one row is chosen and moved in the panel as any other."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from fake_model import FakeModel, blobs
from method_of_a_stranger import SpotOptions
from napari_sam.methods import registry

pytest.importorskip("qtpy")
pytest.importorskip("pytestqt")
if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    pytest.skip("needs a display, such as Xvfb", allow_module_level=True)

from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def panel(make_napari_viewer, qtbot, monkeypatch):
    from napari_sam.ui.widgets.panel import Panel

    monkeypatch.setitem(registry.ROWS, "spots", "method_of_a_stranger")
    viewer = make_napari_viewer(show=True)
    made = Panel(viewer, lambda name, device: FakeModel())
    viewer.window.add_dock_widget(made, name="SAM for Biology", area="right")
    viewer.window.resize(1200, 800)
    viewer.add_image(blobs(centres=((20, 20), (20, 60), (45, 40))), name="nuclei")
    QTest.mouseClick(made.tool.button("find"), LEFT)
    yield made
    made.session.close()


def test_it_is_offered_found_with_moved_and_copied(panel, qtbot):
    page, state = panel.pages["find"], panel.session.state

    def until(condition):
        qtbot.waitUntil(condition, timeout=30_000)

    assert "Spots: whatever is bright." in page.method.toolTip()
    QTest.keyClick(page.method, Qt.Key.Key_End)
    until(lambda: state.find.method == "spots")
    assert page.find.text().startswith("Find all spots")
    controls = page.options["spots"].controls
    assert set(controls) == {"brightness", "min_area", "inverted"}
    assert page.options["spots"].basic.isVisible()
    assert not page.options["cells"].basic.isVisible()
    until(page.find.isEnabled)
    QTest.mouseClick(page.find, LEFT)
    until(lambda: state.found_count == 3)
    assert page.count.text() == "3 spots"
    labels = panel.session.viewer.layers["nuclei spots found"]
    QTest.keyClick(controls["brightness"].slider, Qt.Key.Key_End)  # nothing is brighter than that
    until(lambda: state.found_count == 0)
    assert not np.any(labels.data)
    QTest.mouseClick(page.reset, LEFT)
    until(lambda: state.found_count == 3)
    page.advanced.expand(animate=False)
    until(lambda: page.command.height() > 10)
    QTest.mouseClick(controls["inverted"], LEFT, pos=QPoint(8, 8))
    until(lambda: state.find.of("spots") == SpotOptions(inverted=True))
    QTest.mouseClick(page.command, LEFT)
    assert QApplication.clipboard().text().endswith("--mode spots --inverted")
