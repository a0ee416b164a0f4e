"""A folder searched and walked through in the real window, closed in the middle, opened again.

What happens to the files is tested in test_walk.py and test_find_in_all.py, without a window.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pandas as pd
import pytest
import tifffile

pytest.importorskip("qtpy")
pytest.importorskip("pytestqt")
if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    pytest.skip("needs a display, such as Xvfb", allow_module_level=True)

from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent

from fake_model import blobs
from napari_sam.ui.widgets.folder_row import FolderRow
from real_window import Window

CENTRES = ((20, 20), (40, 60), (50, 15))


def drop(panel, *paths: Path) -> None:
    """Let go of files over the panel."""
    dragged = QMimeData()
    dragged.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copied, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier
    panel.dropEvent(QDropEvent(QPointF(5, 5), copied, dragged, left, none.NoModifier))


def shown(window: Window, name: str) -> bool:
    """Whether an image is there, to be worked on."""
    state = window.session.walk.state
    return not (state.busy or state.finding) and name in window.viewer.layers


def test_a_folder_in_the_window(make_napari_viewer, qtbot, tmp_path):
    for number in range(3):
        tifffile.imwrite(tmp_path / f"image{number}.tif", blobs(centres=CENTRES[: 1 + number]))
    window = Window(make_napari_viewer(show=True), qtbot)
    window.viewer.window.resize(700, 500)  # the fewer pixels, the sooner they are painted
    row, state = window.panel.folder, window.session.walk.state
    assert isinstance(row, FolderRow)
    assert not row.isVisible()
    drop(window.panel, tmp_path)
    window.until(lambda: shown(window, "image0"))
    assert row.isVisible()
    assert row.text == "1 of 3  ○ to do"
    assert not row.previous.isEnabled()
    assert not row.running.isVisible()
    row.all.click()
    window.until(lambda: state.counts == (0, 3, 0) and shown(window, state.name[:-4]))
    assert row.text == "1 of 3  ◐ found"
    assert not row.all.isEnabled()
    assert row.order.currentText() == "unsure first"
    row.following.click()
    window.until(lambda: state.place == 1 and shown(window, state.name[:-4]))
    name = state.name[:-4]
    window.panel.tool.button("review").click()
    count = window.viewer.layers[f"{name}_labels"].data.max()
    window.until(lambda: len(window.session.tools["review"].state.objects) == count)
    window.panel.pages["review"].next.click()
    for _ in range(count):
        window.panel.pages["review"].accept.click()
    assert row.minimumSizeHint().width() <= 330
    assert window.panel.minimumSizeHint().height() <= 700
    window.session.close()
    assert set(pd.read_csv(tmp_path / f"{name}_objects.csv")["reviewed"]) == {"accepted"}
    window.viewer.layers.clear()
    window.viewer.window.remove_dock_widget(window.panel)

    again = Window(window.viewer, qtbot)
    drop(again.panel, tmp_path)
    again.until(lambda: shown(again, name))
    assert again.session.walk.state.counts == (0, 2, 1)
    again.panel.folder.leave.click()
    again.until(lambda: not again.panel.folder.isVisible())
    assert name in again.viewer.layers
    again.session.close()
