"""What a layer has drawn is freed in the OpenGL context of the canvas."""

from __future__ import annotations

import os
import sys

import pytest

pytest.importorskip("qtpy")
pytest.importorskip("pytestqt")
if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    pytest.skip("needs a display, such as Xvfb", allow_module_level=True)

from napari.components import ViewerModel
from qtpy.QtGui import QOpenGLContext

from napari_sam.ui.canvas.own_context import OwnContext
from real_window import Window


def test_layers_are_removed_in_the_context_of_the_canvas(make_napari_viewer, qtbot):
    window = Window(make_napari_viewer(show=True), qtbot)
    window.add_stack()
    window.viewer.add_points([(3, 20, 50)])
    window.viewer.screenshot(flash=False)
    native = window.canvas.native

    def context():
        native.doneCurrent()  # as Qt leaves it after it has painted
        window.viewer.layers.pop()
        return QOpenGLContext.currentContext()

    assert context() == native.context()
    window.session.close()
    assert context() is None


def test_without_a_window_layers_are_removed_as_ever():
    viewer = ViewerModel()
    context = OwnContext(viewer)
    viewer.add_points([(3, 20)])
    viewer.layers.clear()
    context.close()
    assert not viewer.layers
