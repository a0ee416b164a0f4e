"""How many acts and seconds it takes to keep 40 nuclei: ``python benchmarks/acts.py``.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/acts.py [--cells 40] [--picture FILE]
        [--data IMAGE LABELS]

Opens napari with the panel and the model that comes with it, and clicks at the middle of nuclei
of a generated field, or of a real image with its labels, by real events, without a pause for
thought: once a click and Enter for each cell, once with a cell per click, once with all of them
marked, then kept at once, and once with a lasso around each. An act is a press of the mouse, with
what it drags, or of a key. What was kept is compared with the true nuclei, so that fewer acts are
no excuse for worse cells.

It works with version 0.1.0 as well, whose ways are fewer:
``PYTHONPATH=OLD/src python benchmarks/acts.py --data IMAGE LABELS``.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# The settings of whoever measures must neither change the acts nor be changed.
os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp()) / "settings.yaml")

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget
from scipy import ndimage as ndi
from skimage.measure import find_contours
from tifffile import imread

from real_window import Window, mouse

SIDE = 512
_PACE = 10  # milliseconds between two moves of a hand that draws
GOOD = 0.5  # IoU from which a nucleus counts as kept


def field(cells: int) -> tuple[np.ndarray, np.ndarray]:
    """A generated field with at least so many nuclei inside."""
    from napari_sam.training.synthetic import generate

    for seed in range(100):
        sample = generate("nuclei_sparse", seed, (SIDE, SIDE))
        if len(inside(sample.labels)) >= cells:
            return sample.image, sample.labels
    raise SystemExit(f"No generated field of {SIDE} pixels a side has {cells} nuclei.")


def inside(labels: np.ndarray) -> list[int]:
    """The objects that do not touch the border."""
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return [int(i) for i in np.setdiff1d(np.unique(labels), np.append(border, 0))]


def middle(mask: np.ndarray) -> tuple[int, int]:
    """The pixel of an object farthest from its outline."""
    distance = ndi.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(distance.argmax()), mask.shape)
    return int(row), int(column)


def found(kept: np.ndarray, labels: np.ndarray, wanted: list[int]) -> int:
    """How many objects are among the labels that were kept."""
    count = 0
    for number in wanted:
        mask = labels == number
        over = kept[mask]
        under = over[over > 0]
        if len(under):
            same = kept == np.bincount(under).argmax()
            count += (mask & same).sum() / (mask | same).sum() >= GOOD
    return count


class Hands:
    """Clicks and presses keys in a window, and counts."""

    def __init__(self, window: Window) -> None:
        self.window, self.acts = window, 0
        self.outlines: dict[tuple[int, int], np.ndarray] = {}

    def click(self, place: tuple[int, int]) -> None:
        self.acts += 1
        self.window.click(place)

    def lasso(self, corners: np.ndarray) -> None:
        """Drag an outline through (row, column) corners."""
        self.acts += 1
        view = self.window._canvas.view
        to_canvas = view.transform * view.scene.transform
        places = [QPoint(*(round(v) for v in to_canvas.map([c, r, 0, 1])[:2])) for r, c in corners]
        kinds = QEvent.Type
        mouse(self.window.canvas, kinds.MouseMove, places[0])
        mouse(self.window.canvas, kinds.MouseButtonPress, places[0])
        for place in places[1:]:
            QTest.qWait(_PACE)  # napari leaves out moves in quick succession
            drag(self.window.canvas, place)
        mouse(self.window.canvas, kinds.MouseButtonRelease, places[-1])

    def enter(self) -> None:
        self.acts += 1
        QTest.keyClick(self.window.canvas, Qt.Key.Key_Return)

    @property
    def kept(self) -> Labels | None:
        return self.window.state.target

    def settled(self) -> None:
        """Wait until nothing is being computed."""
        session = self.window.panel.session
        self.window.wait(lambda: not session.jobs.wants("predict"))


def click_and_enter(hands: Hands, places: list[tuple[int, int]]) -> None:
    """One after the other, as it was."""
    for place in places:
        hands.click(place)
        hands.enter()
        hands.settled()


def cell_per_click(hands: Hands, places: list[tuple[int, int]]) -> None:
    """Each click keeps the cell before it."""
    for place in places:
        hands.click(place)
        hands.settled()
    hands.enter()
    hands.settled()


def mark_then_keep(hands: Hands, places: list[tuple[int, int]]) -> None:
    """Every click marks a cell of its own, and all are kept at once."""
    for place in places:
        hands.click(place)
    hands.settled()
    hands.enter()
    hands.settled()


def lasso_each(hands: Hands, places: list[tuple[int, int]]) -> None:
    """An outline around each, and Enter."""
    QTest.keyClick(hands.window.canvas, Qt.Key.Key_L)
    hands.acts += 1
    for place in places:
        hands.lasso(hands.outlines[place])
        hands.settled()
        hands.enter()
        hands.settled()


WAYS: dict[str, Callable[[Hands, list[tuple[int, int]]], None]] = {
    "a click and Enter each": click_and_enter,
    "a cell per click": cell_per_click,
    "all marked, then kept": mark_then_keep,
    "a lasso and Enter each": lasso_each,
}


def drag(widget: QWidget, place: QPoint) -> None:
    """Move the mouse with its left button down."""
    at, left = place.toPointF(), Qt.MouseButton.LeftButton
    none, keys = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    moved = QMouseEvent(QEvent.Type.MouseMove, at, widget.mapToGlobal(at), none, left, keys)
    QApplication.sendEvent(widget, moved)


def outline(mask: np.ndarray) -> np.ndarray:
    """A rough outline around an object, two pixels away, as a hand draws it."""
    around = ndi.binary_dilation(np.pad(mask, 4), iterations=2)
    corners = max(find_contours(around.astype(float), 0.5), key=len)[:-1]
    return corners[:: max(len(corners) // 24, 1)] - 4


def choose(panel: Any, way: Callable[..., None]) -> None:
    """Choose a way in the panel."""
    proposal = panel.session.tools["click"].proposal
    proposal.set_cell_per_click(way is cell_per_click)
    proposal.set_each_point(way is mark_then_keep)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=40)
    parser.add_argument("--picture", type=Path, help="where to write what the window looks like")
    parser.add_argument("--data", type=Path, nargs=2, metavar=("IMAGE", "LABELS"))
    options = parser.parse_args()
    plane, labels = map(imread, options.data) if options.data else field(options.cells)
    wanted = inside(labels)[: options.cells]
    places = [middle(labels == number) for number in wanted]
    print("| way | cells kept | of them right | acts per cell | seconds |\n|---|---|---|---|---|")
    for name, way in WAYS.items():
        window = Window(plane)
        window.ready()
        choose(window.panel, way)
        hands = Hands(window)
        if way is lasso_each:
            hands.outlines = {
                place: outline(labels == number)
                for place, number in zip(places, wanted, strict=True)
            }
        began = time.perf_counter()
        way(hands, places)
        window.wait(lambda hands=hands: hands.kept is not None)
        seconds = time.perf_counter() - began
        window.rest()
        assert hands.kept is not None
        kept = np.asarray(hands.kept.data)
        count = len(np.unique(kept)) - 1
        right = found(kept, labels, wanted)
        print(f"| {name} | {count} | {right} | {hands.acts / max(count, 1):.2f} | {seconds:.1f} |")
        if options.picture and way is cell_per_click:
            window.click(places[5])
            window.rest()
            window.viewer.window.screenshot(str(options.picture), canvas_only=False, flash=False)
        window.close()


if __name__ == "__main__":
    main()
