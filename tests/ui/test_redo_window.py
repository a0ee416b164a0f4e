"""Redo on Click in the real window: its key."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

pytest.importorskip("qtpy")
pytest.importorskip("pytestqt")
if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    pytest.skip("needs a display, such as Xvfb", allow_module_level=True)

from qtpy.QtCore import Qt

from real_window import CENTRE, Window

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def window(make_napari_viewer, qtbot):
    made = Window(make_napari_viewer(show=True), qtbot)
    yield made
    made.session.close()


@pytest.fixture
def kept(window):
    layer, state = window.add_stack(), window.session.state
    window.click(layer, CENTRE)
    window.until(lambda: state.answer is not None)
    window.press(Qt.Key.Key_Return)
    window.until(lambda: "stack cells" in window.viewer.layers and state.answer is None)
    return window.viewer.layers["stack cells"]


def test_the_key_goes_forth_through_marks_and_kept_cells(window, kept):
    state, pixels = window.session.state, kept.data.copy()
    for _ in range(2):
        window.press(Qt.Key.Key_Z, CONTROL)
    window.until(lambda: not state.marked)
    assert not kept.data.any()
    window.press(Qt.Key.Key_Z, CONTROL | SHIFT)
    window.until(lambda: state.marked and state.answer is not None)
    assert not kept.data.any()
    window.press(Qt.Key.Key_Z, CONTROL | SHIFT)
    window.until(lambda: not state.marked)
    np.testing.assert_array_equal(kept.data, pixels)
