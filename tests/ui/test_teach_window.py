"""The Teach page in a real window: cells clicked, the model taught, its name typed, and back."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("qtpy")
pytest.importorskip("pytestqt")
if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    pytest.skip("needs a display, such as Xvfb", allow_module_level=True)

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from fake_model import blobs
from lessons import PLACES, lesson, sample
from napari_sam.models import taught, zoo
from napari_sam.models.lesson import BETTER, NOT_BETTER, TOO_FEW
from napari_sam.training import apart
from napari_sam.training.apart import TaughtApart
from real_window import Window
from tiny_cells import tiny_model

LEFT = Qt.MouseButton.LeftButton


def test_from_clicks_to_a_model_and_back(
    make_napari_viewer: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def teach(lent: Any, examples: Any, progress: Any) -> TaughtApart:
        progress(0.5)
        model = tiny_model()
        model.history = (lesson(base=lent.model),)
        return TaughtApart(model.save(lent.target), model.history[0], [sample()] * 4)

    monkeypatch.setattr(apart, "teach_apart", teach)
    window = Window(make_napari_viewer(show=True), qtbot)
    session, panel = window.session, window.panel
    image = window.viewer.add_image(blobs((64, 80), PLACES, 6), name="nuclei")
    window.ready()
    for count, place in enumerate(PLACES, 1):
        window.click(image, place)
        window.until(lambda: session.state.answer is not None)
        window.press(Qt.Key.Key_Return)
        window.until(lambda count=count: session.state.kept_count == count)
    QTest.mouseClick(panel.tool.button("teach"), LEFT)
    page = panel.pages["teach"]
    assert page.isVisible()
    assert page.count.text() == "3 cells of 1 image"
    QTest.mouseClick(page.teach, LEFT)
    window.until(lambda: page.result.isVisible())
    assert page.comparison.pictures.isVisible()
    page.name.clear()
    QTest.keyClicks(page.name, "mine")
    QTest.mouseClick(page.use, LEFT)
    window.until(lambda: session.state.model == "mine")
    assert "mine" in [entry.name for entry in zoo.available()]
    assert taught.lessons_of("mine")[0].base == "cells"
    window.until(lambda: page.history.isVisible())
    QTest.mouseClick(page.back, LEFT)
    assert session.state.model == "cells"


@pytest.mark.parametrize("verdict", [BETTER, NOT_BETTER, TOO_FEW])
def test_the_page_needs_no_scrolling_with_all_that_a_lesson_tells(
    make_napari_viewer: Any, qtbot: Any, verdict: str
) -> None:
    window = Window(make_napari_viewer(show=True), qtbot)
    window.viewer.add_image(blobs((64, 80), PLACES, 6), name="nuclei")
    window.ready()
    QTest.mouseClick(window.panel.tool.button("teach"), LEFT)
    page = window.panel.pages["teach"]
    state = window.session.tools["teach"].state
    told = lesson(verdict, wrong=3.0)
    state.base, state.lessons = "my_cells_2", (told, told)
    state.result = TaughtApart(Path("x"), told, [sample()] * 4)
    window.viewer.window.resize(1280, 800)
    for _ in range(5):
        QTest.qWait(50)
    assert page.comparison.isVisible()
    assert window.viewer.window._qt_window.height() == 800
    assert not window.panel._scroll.verticalScrollBar().isVisible()
