"""Where the keyboard goes after a key or a button of ours, in a real window."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from fake_model import FakeModel, blobs
from real_window import Window

LEFT = Qt.MouseButton.LeftButton
CENTRES = [(20, 20), (20, 60), (44, 40)]


@pytest.fixture
def window(make_napari_viewer, qtbot):
    made = Window(make_napari_viewer(show=True), qtbot, FakeModel())
    made.viewer.add_image(blobs((64, 80), CENTRES, 6), name="nuclei")
    labels = blobs((64, 80), CENTRES, 6).astype(int)
    labels = (labels > 0) * (1 + (labels.cumsum(axis=0) > 0))
    made.labels = made.viewer.add_labels(labels, name="mine")
    made.panel.tool.button("review").click()
    window = made.viewer.window._qt_window
    window.activateWindow()
    made.until(lambda: QApplication.activeWindow() is window)
    made.until(lambda: len(made.panel.session.tools["review"].state.objects) > 0)
    return made


def layer_list(window):
    return window.viewer.window._qt_viewer.layers


@pytest.mark.parametrize("how", ["key", "button"])
def test_delete_means_the_cell_after_a_key_or_button_of_ours(window, how):
    review = window.panel.session.tools["review"]
    layer_list(window).setFocus()
    QTest.qWait(50)
    before = len(window.viewer.layers)
    if how == "key":
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_N)
    else:
        QTest.mouseClick(window.panel.pages["review"].next, LEFT)
    window.until(lambda: review.state.selected is not None)
    selected = review.state.selected
    assert not layer_list(window).hasFocus()
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Delete)
    window.until(lambda: not (window.labels.data == selected).any())
    assert {"nuclei", "mine"} <= {layer.name for layer in window.viewer.layers}
    assert len(window.viewer.layers) >= before - 1


def test_keys_work_while_a_list_of_choices_has_the_keyboard(window):
    review = window.panel.session.tools["review"]
    combo = window.panel.pages["review"].labels
    combo.setFocus()
    QTest.qWait(50)
    assert QApplication.focusWidget() is combo
    QTest.keyClick(combo, Qt.Key.Key_N)
    window.until(lambda: review.state.selected is not None)
    assert review.state.labels is window.labels
    combo.setFocus()
    QTest.keyClick(combo, Qt.Key.Key_Return)
    window.until(lambda: review.state.reviewed == 1)
    combo.setFocus()
    QTest.keyClick(combo, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    window.until(lambda: review.state.reviewed == 0)
