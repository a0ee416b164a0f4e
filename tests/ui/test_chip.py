"""The sign beside the model shows all of its text, whenever it is painted."""

from __future__ import annotations

import os
import sys

import pytest

pytest.importorskip("qtpy")
pytest.importorskip("pytestqt")
if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    pytest.skip("needs a display, such as Xvfb", allow_module_level=True)

from qtpy.QtWidgets import QApplication, QHBoxLayout, QWidget

from napari_sam.ui.state import Chip
from napari_sam.ui.widgets.chip import ChipLabel


def test_a_longer_text_is_not_cut_before_the_layout_has_made_room(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    line, chip = QHBoxLayout(window), ChipLabel()
    line.addWidget(chip)
    line.addStretch(1)
    window.resize(400, 60)
    window.show()
    QApplication.processEvents()
    for text in ("reading the image", "reading the image 10 %", "ready"):
        chip.show_chip(Chip("wait", text))
        assert chip.width() == chip.sizeHint().width()
        QApplication.processEvents()
        assert chip.width() == chip.sizeHint().width()
