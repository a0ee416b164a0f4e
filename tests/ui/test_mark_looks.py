"""Marks as they are painted: a plus is seen as a plus, a minus as a minus, and both are small."""

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

from napari_sam.ui.layers.own_layers import BACKGROUND_COLOUR, OBJECT_COLOUR
from real_window import Window


@pytest.fixture
def window(make_napari_viewer, qtbot):
    made = Window(make_napari_viewer(show=True), qtbot)
    yield made
    made.session.close()


def painted(window, colour: str) -> np.ndarray:
    """The pixels of the screen that have a colour, cut out."""
    wanted = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)])
    pixels = window.viewer.screenshot(flash=False)[..., :3].astype(int)
    there = (np.abs(pixels - wanted) <= 24).all(axis=-1)
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    assert len(rows), f"nothing is {colour}"
    return there[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


@pytest.mark.parametrize("zoom", [1.5, 6])
def test_a_plus_looks_like_a_plus_and_a_minus_like_a_minus(window, zoom):
    layer = window.viewer.add_image(np.zeros((200, 200), np.uint8), name="dark")
    window.ready()
    window.viewer.scene.camera.zoom = zoom
    window.viewer.scene.camera.center = (0, 100, 100)
    window.click(layer, (95, 95))
    window.click(layer, (105, 110), Qt.MouseButton.RightButton)
    window.until(lambda: "SAM points" in window.viewer.layers)
    window.until(lambda: len(window.viewer.layers["SAM points"].data) == 2)
    plus, minus = painted(window, OBJECT_COLOUR), painted(window, BACKGROUND_COLOUR)
    ratio = window.canvas.native.devicePixelRatioF()
    for mark in (plus, minus):
        assert max(mark.shape) <= 18 * ratio
    height, width = plus.shape
    assert abs(height - width) <= 2 * ratio
    third = (height // 4, width // 4)
    corners = [plus[: third[0], : third[1]], plus[-third[0] :, -third[1] :]]
    assert not any(corner.any() for corner in corners)  # else it is a dot
    assert plus[height // 2].all()
    assert plus[:, width // 2].all()
    assert plus.mean() < 0.7
    assert minus.shape[1] >= 2 * minus.shape[0]
