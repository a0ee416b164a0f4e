"""A cell followed through slices in the real window: click, correct, keep, undo, redo.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/through_window.py
        [--data STACK.tif] [--start Z ROW COLUMN] [--out FOLDER]

Prints how long each step takes, and what the labels hold after it. With ``--out`` a picture of the
window is written after every step, to be looked at. Without ``--data`` the stack is generated.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

# The settings of whoever measures must neither change the times nor be changed.
os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp()) / "settings.yaml")

import numpy as np
import torch
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_sam.training.synthetic import generate_volume
from real_window import Window
from stack_samples import choose_objects

CORRECTED = 7  # slices after the first one that is corrected


def chosen(data: Path | None, start: list[int] | None) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return a stack, and a voxel in the middle of a cell."""
    if data is not None:
        import tifffile

        image = tifffile.imread(data)
        if start is None:
            raise SystemExit("Say with --start where a cell is.")
        return image, tuple(start)
    sample = generate_volume("spheroid_stack", 3, (40, 256, 256))
    number, largest, *_ = choose_objects(sample.labels, 1, least=9, area=200)[0]
    places = np.argwhere(sample.labels[largest] == number)
    row, column = places[np.abs(places - places.mean(axis=0)).sum(axis=1).argmin()]
    return sample.image, (largest, int(row), int(column))


class Story:
    """Goes through the steps, and tells of each."""

    def __init__(self, image: np.ndarray, out: Path | None) -> None:
        self.window = Window(image)
        self.out, self.number = out, 0
        self.through = self.window.panel.session.tools["click"].through
        self.page = self.window.panel.pages["click"]

    def go(self, z: int) -> None:
        self.window.viewer.dims.set_point(0, z)
        self.window.rest(0.2)

    def known(self) -> None:
        """Wait until all slices are known."""
        self.window.wait(lambda: self.through.state.strip is not None)
        self.window.wait(lambda: bool(self.through.state.strip.scores))
        jobs = self.window.panel.session.jobs
        for _ in range(2):  # what is answered is followed
            self.window.wait(lambda: not any(jobs.wants(slot) for slot in ("predict", "carry")))
            self.window.rest(0.3)

    def key(self, key: Qt.Key, held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(self.window.canvas, key, held)
        self.window.rest(0.4)

    def tell(self, what: str, began: float) -> None:
        seconds = time.perf_counter() - began
        labels = [la for la in self.window.viewer.layers if la.name.endswith("cells")]
        held = labels[0].data if labels else np.zeros((1, 1, 1), int)
        slices = np.flatnonzero(held.any(axis=(1, 2)))
        there = f"{slices[0]} to {slices[-1]}" if len(slices) else "none"
        print(
            f"| {what} | {seconds:.1f} | {there} | {int(np.count_nonzero(held))} "
            f"| {len(np.unique(held)) - 1} | {self.window.state.status} |",
            flush=True,
        )
        if self.out is not None:
            self.number += 1
            self.out.mkdir(parents=True, exist_ok=True)
            path = self.out / f"{self.number:02d} {what}.png"
            self.window.viewer.window.screenshot(str(path), canvas_only=False, flash=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--start", type=int, nargs=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    image, (z, row, column) = chosen(options.data, options.start)
    story = Story(image, options.out)
    window = story.window
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, stack {image.shape}")
    print("| step | s | slices | voxels | objects | the window says |\n|---|---|---|---|---|---|")
    story.go(z)
    window.ready()
    began = time.perf_counter()
    story.page.through.switch.click()
    window.rest(0.5)
    story.tell("switched on", began)
    began = time.perf_counter()
    window.click((row, column))
    story.known()
    story.tell("clicked", began)
    first = min(z + CORRECTED, max(story.through.state.strip.scores))
    began = time.perf_counter()
    story.go(first)
    story.tell("slice to correct", began)
    step = story.through._run.carried.steps[first].region
    place = np.argwhere(step.on(image.shape[1:])).mean(axis=0)
    began = time.perf_counter()
    window.click((float(place[0]), float(place[1]) + 0.4 * step.mask.shape[1]))
    window.rest(0.5)
    story.known()
    story.tell("corrected", began)
    for what, key in (("doubtful", Qt.Key.Key_D), ("not here", Qt.Key.Key_Q)):
        began = time.perf_counter()
        story.key(key)
        story.known()
        story.tell(what, began)
    story.key(Qt.Key.Key_Q)
    story.known()
    began = time.perf_counter()
    story.key(Qt.Key.Key_Return)
    window.rest(0.5)
    story.tell("kept", began)
    began = time.perf_counter()
    story.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    window.rest(0.5)
    story.tell("undone", began)
    began = time.perf_counter()
    labels = next(la for la in window.viewer.layers if la.name.endswith("cells"))
    labels.redo()
    window.rest(0.5)
    story.tell("redone", began)
    window.close()


if __name__ == "__main__":
    main()
