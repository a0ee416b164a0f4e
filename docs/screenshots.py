"""Draw the pictures of the panel for the documentation, from a real window.

    xvfb-run -a -s "-screen 0 1600x1000x24" python docs/screenshots.py

Every picture is made by real clicks with the embedded model on the sample images that come with
the package, so it shows what a person will see.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

# The pictures must not depend on the settings of whoever draws them, nor change these.
os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp()) / "settings.yaml")

import napari
from napari.layers import Layer
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_sam import samples
from napari_sam.ui.widgets.panel import Panel

HERE = Path(__file__).parent / "images"
SIZE = (1280, 800)
PATIENCE = 120_000  # milliseconds; the first image waits for the model to load


class Stage:
    """A napari window with the panel, worked by mouse and keyboard."""

    def __init__(self, theme: str) -> None:
        # Else the panel offers back what the picture before left unsaved.
        os.environ["NAPARI_SAM_HOME"] = tempfile.mkdtemp()
        self.viewer = napari.Viewer(show=True)
        self.viewer.theme = theme
        self.viewer.window.resize(*SIZE)
        self.panel = Panel(self.viewer)
        self.viewer.window.add_dock_widget(self.panel, name="SAM for Biology", area="right")
        QTest.qWait(300)

    @property
    def state(self) -> Any:
        return self.panel.session.state

    def wait(self, condition: Callable[[], bool]) -> None:
        for _ in range(PATIENCE // 20):
            QTest.qWait(20)
            if condition():
                QTest.qWait(150)
                return
        raise TimeoutError(self.state.status)

    def open(self, sample: str, zoom: float = 1.0) -> Layer:
        """Open a sample and wait until the model has read it."""
        for layer in samples.load_sample(sample):
            self.viewer.add_layer(Layer.create(*layer))
        image = self.viewer.layers[-1]
        self.viewer.scene.camera.zoom *= zoom
        self.wait(lambda: self.panel.session.proposal.predicting.encoding.displayed() is not None)
        return image

    def click(self, layer: Layer, row: float, column: float, right: bool = False) -> None:
        """Click a pixel of the displayed slice."""
        QApplication.processEvents()
        plane = self.panel.session._bench.plane()
        world = layer.data_to_world(plane.to_data([(row, column)])[0])
        down, along = self.viewer.dims.displayed
        canvas = self.viewer.window._qt_viewer.canvas
        transform = canvas.view.transform * canvas.view.scene.transform
        x, y = transform.map([world[along], world[down], 0, 1])[:2]
        place = QPoint(round(x), round(y))
        button = Qt.MouseButton.RightButton if right else Qt.MouseButton.LeftButton
        QTest.mouseMove(canvas.native, place)
        before = self.state.answer
        QTest.mouseClick(canvas.native, button, Qt.KeyboardModifier.NoModifier, place)
        self.wait(lambda: self.state.answer is not None and self.state.answer is not before)

    def press(self, key: Qt.Key) -> None:
        QTest.keyClick(self.viewer.window._qt_viewer.canvas.native, key)
        QTest.qWait(200)

    def shoot(self, name: str) -> None:
        QTest.qWait(200)
        path = HERE / f"{name}.png"
        self.viewer.window.screenshot(str(path), canvas_only=False, flash=False)
        print(path)

    def close(self) -> None:
        self.viewer.close()
        QTest.qWait(100)


def empty(stage: Stage) -> None:
    stage.shoot("panel-empty")


def preview(stage: Stage) -> None:
    # A place where more than one outline makes sense: a nucleus, or the cell around it.
    image = stage.open("stained_tissue", zoom=4.0)
    stage.viewer.scene.camera.center = (297, 207)
    stage.click(image, 298, 206)
    stage.shoot("panel-preview")


def accepted(stage: Stage) -> None:
    image = stage.open("coins")
    for row, column in ((50, 150), (45, 48), (115, 40), (120, 100), (180, 220), (250, 45)):
        stage.click(image, row, column)
        stage.press(Qt.Key.Key_Return)
    stage.shoot("panel-accepted")


def automatic(stage: Stage) -> None:
    stage.open("nuclei_stack")
    stage.panel.find_all()
    stage.wait(lambda: stage.state.found_count is not None)
    stage.shoot("panel-automatic")


def stack(stage: Stage) -> None:
    image = stage.open("nuclei_stack")
    stage.click(image, 165, 207)
    stage.shoot("panel-stack")


def review(stage: Stage) -> None:
    stage.open("nuclei_stack")
    stage.panel.find_all()
    stage.wait(lambda: stage.state.found_count is not None)
    stage.panel.tool.button("review").click()
    page = stage.panel.pages["review"]
    page.table.click()
    page.coloured.click()
    page.filters.expand(False)
    QTest.qWait(300)
    stage.viewer.reset_view()
    for _ in range(2):
        stage.press(Qt.Key.Key_N)
    stage.shoot("panel-review")


def teach(stage: Stage) -> None:
    image = stage.open("coins")
    for row, column in ((50, 150), (45, 48), (115, 40), (120, 100), (180, 220), (250, 45)):
        stage.click(image, row, column)
        stage.press(Qt.Key.Key_Return)
    stage.panel.tool.button("teach").click()
    page = stage.panel.pages["teach"]
    page.teach.click()
    stage.wait(page.result.isVisible)
    stage.shoot("panel-teach")


PICTURES = {
    "empty": empty,
    "preview": preview,
    "accepted": accepted,
    "automatic": automatic,
    "stack": stack,
    "review": review,
    "teach": teach,
}
LIGHT = {"accepted"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(PICTURES), help="which pictures")
    HERE.mkdir(exist_ok=True)
    for name in parser.parse_args().names:
        stage = Stage("light" if name in LIGHT else "dark")
        PICTURES[name](stage)
        stage.close()


if __name__ == "__main__":
    main()
