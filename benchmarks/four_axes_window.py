"""Stacks over time in the real window: every order of the axes, NumPy, dask and zarr.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/four_axes_window.py
        [--kinds numpy,dask,zarr] [--orders tzyx,ztyx,tyxz]
        [--chapters through,review,remove] [--out FOLDER]

Scaled stacks of moving balls, one of which divides, are gone through as a person would: a click
followed through slices, a slice corrected, kept, undone, redone; objects of all slices and tracks
found; tracks cut, joined, exchanged, followed anew, deleted on frames, objects split, all taken
back; layers removed while a search runs, and the panel
closed. Prints a line for each step, and ``WRONG`` where the labels are not what they should be.
With ``--out`` a picture of the window is written after every step, to be looked at.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# The settings of whoever measures must neither change the times nor be changed.
os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp()) / "settings.yaml")

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from real_window import LEFT, Window

FRAMES, SLICES, SHAPE = 4, 9, (96, 128)
STEPS = {"t": 1.0, "z": 2.0, "y": 0.5, "x": 0.5}
BALLS = (
    (4, 24, 28, 9),
    (4, 64, 40, 10),
)  # slice, row, column and radius in the first frame
MOTHER = (4, 48, 96, 10)
NONE, CONTROL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier


def balls(t: int) -> list[tuple[float, ...]]:
    """Where the balls are in a frame."""
    found = [(z, r + 2 * t, c + 3 * t, radius) for z, r, c, radius in BALLS]
    z, r, c, radius = MOTHER
    if t < FRAMES // 2:
        return [*found, MOTHER]
    apart = 10 + 3 * (t - FRAMES // 2)
    return [*found, (z, r - apart, c, 0.8 * radius), (z, r + apart, c, 0.8 * radius)]


def movie() -> tuple[np.ndarray, np.ndarray]:
    """Return a noisy movie of stacks (T, Z, Y, X) and where the balls are in it."""
    z, r, c = np.ogrid[:SLICES, : SHAPE[0], : SHAPE[1]]
    true = np.zeros((FRAMES, SLICES, *SHAPE), np.uint8)
    for t in range(FRAMES):
        for number, (z0, r0, c0, radius) in enumerate(balls(t), 1):
            inside = (4 * (z - z0)) ** 2 / 4 + (r - r0) ** 2 + (c - c0) ** 2 < radius**2
            true[t][inside] = number
    noise = np.random.default_rng(0).normal(30, 6, true.shape)
    return np.clip(noise + 120 * (true > 0), 0, 255).astype(np.uint8), true


def stored(image: np.ndarray, kind: str) -> Any:
    if kind == "dask":
        import dask.array

        return dask.array.from_array(image, chunks=(1, 1, *image.shape[2:]))
    if kind == "zarr":
        import zarr

        chunks = (1, 1, *image.shape[2:])
        array = zarr.create_array(
            tempfile.mkdtemp() + "/image.zarr",
            shape=image.shape,
            chunks=chunks,
            dtype="u1",
        )
        array[:] = image
        return array
    return image


class Story:
    """Goes through the steps with one order of the axes, and tells of each."""

    def __init__(self, order: str, kind: str, out: Path | None) -> None:
        image, true = movie()
        moved = ["tzyx".index(letter) for letter in order]
        self.order, self.name, self.out, self.number = order, f"{order} {kind}", out, 0
        self.true = true.transpose(moved)
        self.window = Window(
            stored(np.ascontiguousarray(image.transpose(moved)), kind),
            scale=[STEPS[letter] for letter in order],
            axis_labels=tuple(order),
            contrast_limits=(0, 255),
            name="movie",
        )
        self.viewer, self.panel = self.window.viewer, self.window.panel
        shown = [order.index(letter) for letter in "tzyx"]
        self.viewer.dims.order = shown
        self.window.rest(0.3)
        self.viewer.reset_view()
        self.session = self.panel.session

    # -- hands and eyes ---------------------------------------------------------------------------

    def voxel(self, t: int, z: int, r: float, c: float) -> list[float]:
        at = dict(zip("tzyx", (t, z, r, c), strict=True))
        return [at[letter] for letter in self.order]

    def go(self, t: int, z: int) -> None:
        point = self.window.image.data_to_world(self.voxel(t, z, 0, 0))
        for letter in "tz":
            axis = self.order.index(letter)
            self.viewer.dims.set_point(axis, point[axis])
        self.window.rest(0.3)

    def click(self, t: int, z: int, r: float, c: float) -> None:
        self.go(t, z)
        world = self.window.image.data_to_world(self.voxel(t, z, r, c))
        row, column = self.viewer.dims.displayed
        self.window.click((world[row], world[column]))
        self.window.rest(0.4)

    def key(self, key: Qt.Key, held: Qt.KeyboardModifier = NONE) -> None:
        QTest.keyClick(self.window.canvas, key, held)
        self.window.rest(0.4)

    def idle(self) -> None:
        """Wait until nothing is computed any more."""
        jobs, lines = self.session.jobs, self.session.lines.jobs
        for _ in range(3):
            self.window.wait(
                lambda: not any(jobs.wants(slot) for slot in ("predict", "carry", "find"))
            )
            self.window.wait(lambda: not lines.wants("lines"))
            self.window.rest(0.3)

    def tell(self, what: str, right: bool = True) -> None:
        mark = "ok" if right else "WRONG"
        layers = ", ".join(la.name for la in self.viewer.layers)
        print(f"| {self.name} | {what} | {mark} | {self.window.state.status} | {layers} |")
        if self.out is not None:
            self.number += 1
            self.out.mkdir(parents=True, exist_ok=True)
            path = self.out / f"{self.name} {self.number:02d} {what}.png"
            self.viewer.window.screenshot(str(path), canvas_only=False, flash=False)

    def labels(self, end: str) -> Any:
        return next((la for la in self.viewer.layers if la.name.endswith(end)), None)

    def tzyx(self, layer: Any) -> np.ndarray:
        held = np.asarray(layer.data)
        return held.transpose([self.order.index(letter) for letter in "tzyx"])

    # -- chapters ---------------------------------------------------------------------------------

    def through(self, along: str) -> None:
        """Follow a ball from a click, correct a slice, keep, undo and redo."""
        page, through = self.panel.pages["click"], self.session.tools["click"].through
        self.panel.show_page("click")
        self.go(0, 4)
        self.window.ready()
        if not through.state.on:
            page.through.switch.click()
        names = [one.name for one in through.state.axes]
        self.tell(f"axes {names}", sorted(names) == ["t", "z"])
        page.through.axis.setCurrentIndex(names.index(along))
        page.through.axis.activated.emit(names.index(along))
        self.click(0, 4, 24, 28)
        self.window.wait(lambda: through.state.strip is not None)
        self.window.wait(lambda: len(through.state.strip.scores) > 1)
        self.idle()
        there = sorted(through.state.strip.scores)
        wanted = list(range(FRAMES)) if along == "t" else list(range(2, 7))
        self.tell(f"through {along}: {there}", set(wanted) <= set(there))
        t, z = (0, 6) if along == "z" else (2, 4)
        self.click(t, z, 24 + 2 * t, 28 + 3 * t)
        self.idle()
        at = z if along == "z" else t
        self.tell(f"corrected {at}", at in through.state.strip.given)
        held = self.labels("movie cells")
        before = np.zeros((FRAMES, SLICES, *SHAPE)) if held is None else self.tzyx(held).copy()
        self.key(Qt.Key.Key_Return)
        self.window.wait(lambda: self.labels("movie cells") is not None)
        self.idle()
        layer = self.labels("movie cells")
        kept = self.tzyx(layer).copy()
        number = int(layer.data.max())
        mine = kept == number
        true = movie()[1] == 1
        true = true & (np.arange(FRAMES)[:, None, None, None] == 0) if along == "z" else true
        if along == "t":  # on slice 4; the first frame holds the others already
            true, mine = true[:, 4], mine[:, 4]
        iou = np.count_nonzero(mine & true) / np.count_nonzero(mine | true)
        self.tell(f"kept along {along}, IoU {iou:.2f}", iou > 0.6)
        self.key(Qt.Key.Key_Z, CONTROL)
        self.idle()
        self.tell("undone", bool((self.tzyx(layer) == before).all()))
        layer.redo()
        self.idle()
        self.tell("redone", bool((self.tzyx(layer) == kept).all()))
        self.key(Qt.Key.Key_Escape)
        page.through.switch.click()
        self.window.rest(0.3)

    def find(self, together: str, noun: str, count: int) -> Any:
        """Find objects of all slices, joined in space or over time."""
        self.panel.show_page("find")
        find = self.session.tools["find"]
        find.look_in(together)
        self.window.rest(0.3)
        self.tell(f"before finding {noun}s")
        find.start()
        self.idle()
        layer = self.labels(f"{noun}s found")
        right = layer is not None and len(layer.features) == count
        self.tell(f"{noun}s found", right)
        return layer

    def review(self, layer: Any) -> None:
        """Cut and join tracks, and take it back; the lines follow."""
        session = self.session
        self.panel.show_page("review")
        review = session.tools["review"]
        review.choose(layer)
        self.window.rest(0.5)
        box = self.panel.pages["review"].through
        if not box.isExpanded():
            box.expand(animate=False)
        before = self.tzyx(layer).copy()
        self.click(2, 4, 68, 46)
        self.tell(f"picked {review.state.selected}", bool(review.state.selected))
        number = review.state.selected
        QTest.mouseClick(box.cut, LEFT)
        self.idle()
        after = self.tzyx(layer)
        cut = bool((after[:2] == before[:2]).all()) and not (after[2:] == number).any()
        lines = self.labels("lines")
        seen = set() if lines is None else set(np.unique(lines.data[:, 0]).astype(int).tolist())
        ids = set(np.unique(after).tolist()) - {0}
        self.tell(f"cut at frame 2, lines {sorted(seen)}", cut and seen == ids)
        self.click(1, 4, 66, 43)
        QTest.mouseClick(box.join, LEFT)
        self.window.rest(0.3)
        self.tell("join waits")
        self.click(2, 4, 68, 46)
        self.idle()
        self.tell("joined again", bool((self.tzyx(layer) == before).all()))
        for what in ("undo join", "undo cut"):
            self.key(Qt.Key.Key_Z, CONTROL)
            self.idle()
            self.tell(what)
        self.tell("all undone", bool((self.tzyx(layer) == before).all()))
        self.correct_tracks(layer, box, before)
        self.click(1, 4, 66, 43)
        box.first.entered.emit(2)
        box.last.entered.emit(FRAMES - 1)
        QTest.mouseClick(box.delete, LEFT)
        self.idle()
        cut_short = self.tzyx(layer).copy()
        self.tell("deleted from frame 2 on", not (cut_short[2:] == number).any())
        self.click(1, 4, 66, 43)
        QTest.mouseClick(box.onwards, LEFT)
        self.idle()
        after = self.tzyx(layer)
        same = bool((after[:2] == before[:2]).all() and (after[:, :4] == cut_short[:, :4]).all())
        both = (after[2:, 4] == number) & (before[2:, 4] == number)
        either = (after[2:, 4] == number) | (before[2:, 4] == number)
        iou = np.count_nonzero(both) / np.count_nonzero(either)
        self.tell(f"followed again from frame 1, IoU {iou:.2f}", same and iou > 0.6)
        for what, state in (("following undone", cut_short), ("deleting undone", before)):
            self.key(Qt.Key.Key_Z, CONTROL)
            self.idle()
            self.tell(what, bool((self.tzyx(layer) == state).all()))

    def edited(self, what: str, layer: Any, before: np.ndarray, right: Callable[[], bool]) -> None:
        """Look at what was done, and take it back."""
        self.idle()
        self.tell(what, right())
        self.key(Qt.Key.Key_Z, CONTROL)
        self.idle()
        if not (self.tzyx(layer) == before).all():
            self.tell(f"{what} undone", False)

    def correct_tracks(self, layer: Any, box: Any, before: np.ndarray) -> None:
        """Exchange two tracks, take a daughter from its mother and give it back, delete frames."""
        state = self.session.tools["review"].state
        self.click(2, 4, 68, 46)
        first = state.selected
        QTest.mouseClick(box.swap, LEFT)
        self.click(2, 4, 28, 34)
        other = int(before[2, 4, 28, 34])
        self.edited(
            "exchanged from frame 2",
            *(layer, before),
            lambda: bool(((self.tzyx(layer)[2:] == first) == (before[2:] == other)).all()),
        )
        self.click(2, 4, 38, 96)
        daughter = state.selected
        graph = dict(self.labels("lines").graph)
        QTest.mouseClick(box.orphan, LEFT)
        self.edited(
            "no mother",
            *(layer, before),
            lambda: daughter in graph and daughter not in self.labels("lines").graph,
        )
        self.tell("its mother again", self.labels("lines").graph == graph)
        self.click(1, 4, 66, 43)
        box.first.entered.emit(1)
        box.last.entered.emit(2)
        QTest.mouseClick(box.delete, LEFT)
        self.edited(
            "deleted on frames 1 and 2",
            *(layer, before),
            lambda: [t for t in range(FRAMES) if (self.tzyx(layer)[t] == first).any()] == [0, 3],
        )

    def split(self, layer: Any) -> None:
        """Join two 3-D objects by painting over all slices between them, and split them again."""
        self.panel.show_page("review")
        review = self.session.tools["review"]
        review.choose(layer)
        self.go(3, 4)
        held = self.tzyx(layer)
        one, other = int(held[3, 4, 34, 96]), int(held[3, 4, 62, 96])
        box = self.panel.pages["review"].through
        self.click(3, 4, 34, 96)
        QTest.mouseClick(box.join, LEFT)
        self.click(3, 4, 62, 96)
        self.idle()
        joined = self.tzyx(layer).copy()
        self.tell("3-D objects joined", bool(one and other and not (joined == other).any()))
        QTest.mouseClick(box.split, LEFT)
        self.click(3, 4, 34, 96)
        self.click(3, 3, 62, 96)
        self.idle()
        after = self.tzyx(layer)
        parts = len(set(after[3][:, :, 90:102].ravel().tolist()) - {0})
        self.tell(
            "split on all slices",
            parts == 2 and bool(((after > 0) == (joined > 0)).all()),
        )
        for _ in range(2):
            self.key(Qt.Key.Key_Z, CONTROL)
            self.idle()
        self.tell("split and joint undone", bool((self.tzyx(layer) == held).all()))

    def remove(self) -> None:
        """Remove the labels' lines, then the image in the middle of a search."""
        self.panel.show_page("find")
        find = self.session.tools["find"]
        find.look_in("track")
        find.start()
        self.window.wait(lambda: (self.window.state.found_count or 0) > 4)
        self.viewer.layers.remove(self.window.image)
        self.idle()
        over = self.window.state.progress is None and not self.session.jobs.wants("find")
        self.tell("image removed while searching", over)
        for layer in list(self.viewer.layers):
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)
        self.idle()
        self.tell("all removed", len(self.viewer.layers) == 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", default="numpy,dask,zarr")
    parser.add_argument("--orders", default="tzyx,ztyx,tyxz")
    parser.add_argument("--chapters", default="through,review,remove")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    print("| stack | step | | the window says | layers |\n|---|---|---|---|---|")
    for order in options.orders.split(","):
        for kind in options.kinds.split(","):
            began = time.perf_counter()
            story = Story(order, kind, options.out)
            chapters = options.chapters.split(",")
            if "through" in chapters:
                story.through("z")
                story.through("t")
            objects = story.find("volume", "cell", 14)
            tracks = story.find("track", "track", 5)
            if "review" in chapters:
                story.review(tracks)
                story.split(objects)
            if "remove" in chapters:
                story.remove()
            story.window.close()
            print(
                f"| {story.name} | {time.perf_counter() - began:.0f} s | | | |",
                flush=True,
            )


if __name__ == "__main__":
    main()
