"""A folder walked through in the real window, closed in the middle, and opened again.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/walk_window.py [--images 30]
        [--side 512] [--out FOLDER]

All images are searched (*Find in all*), then the walk goes from the least certain one on; on every
second image the least certain cell is accepted and the next one rejected. In the middle the window
is closed, and another one opens the folder. Checks that state, labels, numbers and tables are
there as they were left, and prints seconds. With ``--out`` pictures are written, to be looked at.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

# The settings of whoever measures must neither change the times nor be changed.
os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp()) / "settings.yaml")
os.environ["NAPARI_SAM_HOME"] = tempfile.mkdtemp()

import numpy as np
import pandas as pd

from napari_sam.batch.series import find_series
from napari_sam.files import read_labels
from real_window import Window
from workers import write_images


class Walker:
    """A window in which a folder is open."""

    def __init__(self, folder: Path, out: Path | None) -> None:
        self.window, self.folder, self.out = Window(np.zeros((64, 64), np.uint8)), folder, out
        self.window.viewer.layers.clear()
        self.walk = self.window.panel.session.walk
        self.state = self.walk.state
        self.walk.open(folder)
        self.window.wait(self.is_shown)

    @property
    def name(self) -> str:
        return self.state.name.removesuffix(".tif")

    def is_shown(self) -> bool:
        """Whether an image is there, to be worked on."""
        return bool(
            self.state.count
            and not (self.state.busy or self.state.finding)
            and f"{self.name}_labels" in self.window.viewer.layers
        )

    def picture(self, name: str) -> None:
        if self.out is not None:
            self.window.rest()
            self.out.mkdir(parents=True, exist_ok=True)
            self.window.viewer.window.screenshot(str(self.out / f"{name}.png"), canvas_only=False)

    def find_in_all(self) -> float:
        """Search all images; return seconds."""
        began, half = time.perf_counter(), self.state.count // 2
        self.window.press(self.window.panel.folder.all)
        self.window.wait(lambda: self.state.counts[1] >= half)
        self.picture("finding")
        self.window.wait(lambda: self.state.counts[0] == 0 and self.is_shown())
        return time.perf_counter() - began

    def review(self) -> None:
        """Accept the least certain cell, and reject the next one."""
        self.window.press(self.window.panel.tool.button("review"))
        page = self.window.panel.pages["review"]
        self.window.rest(0.2)
        for button in (page.next, page.accept, page.reject):
            self.window.press(button)
            self.window.rest(0.1)

    def on(self) -> float:
        """Go to the next image; return seconds until it is shown."""
        place, began = self.state.place, time.perf_counter()
        self.window.press(self.window.panel.folder.following)
        self.window.wait(lambda: self.state.place == place + 1 and self.is_shown())
        return time.perf_counter() - began

    def held(self) -> dict[str, object]:
        """Tell what is known of the image that is shown."""
        layer = self.window.viewer.layers[f"{self.name}_labels"]
        reviewed = layer.features["reviewed"] if "reviewed" in layer.features else pd.Series("open")
        return {
            "image": self.name,
            "order": self.walk._series.names,
            "ids": np.unique(layer.data).tolist(),
            "reviewed": sorted(reviewed[reviewed != "open"]),
        }

    def close(self) -> None:
        self.window.close()


def check_files(folder: Path) -> None:
    """Labels and tables of all images are there, and say the same.

    Raises
    ------
    AssertionError
    """
    series = find_series([folder])
    rows = 0
    for job in series.jobs:
        labels = np.asarray(read_labels(folder / f"{job.source.name}_labels.tif").finest)
        table = pd.read_csv(folder / f"{job.source.name}_objects.csv")
        rejected = table["reviewed"] == "rejected" if "reviewed" in table else False
        kept = sorted(table["label"][~np.broadcast_to(rejected, len(table))])  # rows of all stay
        assert kept == np.unique(labels)[1:].tolist(), job.source.name
        rows += len(table)
    assert len(pd.read_csv(folder / "objects.csv")) == rows, "the table of all images"


def walk(folder: Path, out: Path | None) -> None:
    """Walk through a folder of images."""
    first = Walker(folder, out)
    count = first.state.count
    assert first.state.counts == (count, 0, 0)
    print(f"found in all {count} images in {first.find_in_all():.1f} s")
    first.picture("found")
    steps = []
    for number in range(count // 2):
        if number % 2 == 0:
            first.review()
        steps.append(first.on())
    first.review()
    left, counts = first.held(), first.state.counts
    first.close()
    check_files(folder)
    again = Walker(folder, out)
    found = again.held()
    assert found == left, f"{found} instead of {left}"
    assert again.state.counts == counts, f"{again.state.counts} instead of {counts}"
    again.picture("again")
    while again.state.place + 1 < count:
        steps.append(again.on())
    again.close()
    check_files(folder)
    print(f"a step took {np.median(steps):.2f} s in the median, {max(steps):.2f} s at most")
    print("closed in the middle and opened again: state, labels, numbers and tables are there")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=30)
    parser.add_argument("--side", type=int, default=512, help="pixels a side")
    parser.add_argument("--out", type=Path, help="for pictures of the window")
    typed = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="napari-sam-walk-") as temporary:
        walk(write_images(Path(temporary) / "images", typed.images, typed.side), typed.out)
