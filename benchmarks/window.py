"""How long the window takes to answer: sliders, the Find all button, and the Review page.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/window.py [--tries 20] [--only PART]

Opens napari with the panel and the model that comes with it, drags sliders and presses buttons
by real events, and prints a table of times from the event until the canvas is painted with what
follows from it. The image is a generated field of touching nuclei, about 500 on 1024 pixels a
side. Times of the first press are cold: the model is not loaded yet.
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
import torch
from napari.layers import Labels
from qtpy.QtCore import QEvent, QPoint
from qtpy.QtWidgets import QWidget

from automatic import picture
from real_window import Window, handle, mouse

SIDE = 1024
#: Between which shares of their width the sliders are dragged: where some cells are left.
SLIDERS = {
    "sensitivity": (0.3, 0.7),
    "min_score": (0.3, 0.7),
    "splitting": (0.3, 0.7),
    "smoothing": (0.3, 0.7),
    "min_area": (0.2, 0.55),
    "max_area": (0.5, 0.8),
    "diameter": (0.3, 0.6),
}
PARTS = ("button", "find", "merged", "review", "click", "region")
LARGE = 4096


def row(what: str, side: int, spent: list[float]) -> None:
    ms = np.array(spent) * 1000
    p50, p95 = np.percentile(ms, (50, 95))
    print(f"| {what} | {side}² | {len(ms)} | {p50:.0f} | {p95:.0f} | {ms.max():.0f} |", flush=True)


def drag(
    window: Window,
    slider: QWidget,
    start: QPoint,
    ends: tuple[float, float],
    tries: int,
    done: Callable[[], bool] = lambda: True,
) -> list[float]:
    """Drag a slider to and fro; time each step until the picture that belongs to it."""
    mouse(slider, QEvent.Type.MouseButtonPress, start)
    spent = []
    for share in np.random.default_rng(0).permutation(np.linspace(*ends, tries)):
        window.rest(0.1)
        place = QPoint(round(share * slider.width()), start.y())
        before = slider.value()
        began = time.perf_counter()
        mouse(slider, QEvent.Type.MouseMove, place)
        if slider.value() != before:
            spent.append(window.seconds(began, done))
    mouse(slider, QEvent.Type.MouseButtonRelease, start)
    window.rest(1.5)  # a diameter settles, and the maps are made anew
    return spent


def found(window: Window) -> Labels:
    """Press the button and return the new layer."""
    old = set(window.viewer.layers)
    window.press(window.panel.pages["find"].find)
    window.wait(lambda: any(isinstance(la, Labels) for la in set(window.viewer.layers) - old))
    window.rest()
    return (set(window.viewer.layers) - old).pop()


def find_sliders(window: Window, layer: Labels, tries: int, what: str) -> None:
    """Every slider of Find all, its result going into a layer."""
    choosing = window.panel.session.tools["find"].following.choosing
    window.follow(layer)
    controls = window.panel.pages["find"].options["cells"].controls
    window.panel.pages["find"].advanced.expand(animate=False)
    window.rest()
    for name, ends in SLIDERS.items():
        slider = controls[name].slider
        spent = drag(
            window, slider, handle(slider), ends, tries, lambda: not choosing.wants("choose")
        )
        row(f"{what}: {name}", SIDE, spent)
        window.press(window.panel.pages["find"].reset)
        window.rest(1.5)


def measure_find(tries: int) -> None:
    window = Window(picture(SIDE))
    window.press(window.panel.tool.button("find"))
    window.ready()
    layer = found(window)
    find_sliders(window, layer, tries, "Find all, slider to labels")
    window.close()


def measure_merged(tries: int) -> None:
    """Found cells go into labels that are there, of which every third is kept."""
    window = Window(picture(SIDE))
    window.press(window.panel.tool.button("find"))
    window.ready()
    there = found(window).data
    window.state.found_count = None
    mine = window.viewer.add_labels(np.where(there % 3 == 0, there, 0), name="mine")
    window.panel.session.layers.choose("merge", mine)
    window.press(window.panel.pages["find"].find)
    window.wait(lambda: window.state.found_count is not None and mine.data.max() > there.max())
    window.rest()
    find_sliders(window, mine, tries, "Find all into labels")
    window.close()


def measure_review(tries: int) -> None:
    """The sliders that hide cells, on labels with a table and on labels without."""
    window = Window(picture(SIDE))
    page, state = window.panel.pages["review"], window.panel.session.tools["review"].state
    window.press(window.panel.tool.button("find"))
    window.ready()
    layer = found(window)
    for what in ("Review, slider to hidden cells", "the same, coloured by certainty"):
        window.press(window.panel.tool.button("review"))
        page.filters.expand(animate=False)
        window.rest()
        layer.events.colormap.connect(window.heard)
        if page.coloured.isChecked() != what.startswith("the"):
            page.coloured.click()
            window.rest()
        for name, widget in page.sliders.items():
            slider = widget.slider
            start = QPoint(8, slider.height() // 2)
            row(f"{what}: {name}", SIDE, drag(window, slider, start, (0.2, 0.6), tries))
            widget.reset()
            window.rest()
        layer.events.colormap.disconnect(window.heard)
    bare = window.viewer.add_labels(layer.data.copy(), name="bare")
    window.viewer.layers.remove(layer)
    window.press(window.panel.tool.button("find"))
    window.rest()
    state.events.objects.connect(window.heard)
    window.longest = 0.0
    took = window.timed(
        lambda: window.press(window.panel.tool.button("review")),
        lambda: state.labels is bare and len(state.objects) > 0,
    )
    row("first look at labels without a table", SIDE, [took])
    row("longest that the window stood still meanwhile", SIDE, [window.longest])
    window.close()


def measure_button(tries: int) -> None:
    """From the button to a new layer."""
    for side in (512, SIDE):
        window = Window(picture(side))
        page = window.panel.pages["find"]
        window.press(window.panel.tool.button("find"))
        spent: dict[str, list[float]] = {"cold": [], "new image": [], "image read": []}

        def press(window: Window = window) -> None:
            window.press(window.panel.pages["find"].find)

        def inserted(event: Any, window: Window = window) -> None:
            if isinstance(event.value, Labels):
                window.heard()

        window.viewer.layers.events.inserted.connect(inserted)
        window.wait(page.find.isEnabled)
        for number in range(2 * tries + 1):
            what = "cold" if not number else "image read" if number % 2 else "new image"
            if what == "new image":  # shown for a moment, then the button is pressed
                window.image.data = np.roll(picture(side), number, axis=1)
            elif number:
                window.ready()
            spent[what].append(window.timed(press))
            window.rest()
            window.viewer.layers.remove(window.viewer.layers[-1])
            window.rest()
        for what, times in spent.items():
            row(f"button to new layer, {what}", side, times)
        window.close()


def measure_clicks(tries: int) -> None:
    """From a click to the preview."""
    rng = np.random.default_rng(0)
    for side in (512, SIDE):
        window = Window(picture(side))
        state = window.state
        window.ready()
        state.events.answer.connect(window.heard)
        spent = []
        for place in rng.uniform(0.05 * side, 0.95 * side, (tries, 2)):
            began = time.perf_counter()
            window.click(place)
            spent.append(window.seconds(began, lambda state=state: state.answer is not None))
            window.rest(0.3)
            window.panel.session.proposal.clear()
            window.rest(0.7)
        row("click to preview, the first", side, spent[:1])
        row("click to preview, the others", side, spent[1:])
        window.close()


def measure_region(tries: int) -> None:
    """A region of a large image, against all of it; one try each."""
    window = Window(picture(LARGE))
    shape = window.viewer.add_shapes([[[1000, 1000], [1000, 1400], [1400, 1400], [1400, 1000]]])
    window.press(window.panel.tool.button("find"))
    window.ready()
    finding = window.panel.session.tools["find"]
    window.viewer.layers.events.inserted.connect(window.heard)
    for what, region in (("a region of 400²", shape), ("all of it", "slice")):
        finding.adjust(region=region)
        took = window.timed(lambda: window.press(window.panel.pages["find"].find))
        row(f"button to new layer, {what}", LARGE, [took])
        window.rest()
        window.viewer.layers.remove(window.viewer.layers[-1])
        window.rest()
    window.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=20)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    options = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    print("| what | image | times | median, ms | p95 | slowest |\n|---|---|---|---|---|---|")
    measures: dict[str, Callable[[int], None]] = {
        "button": measure_button,
        "find": measure_find,
        "merged": measure_merged,
        "review": measure_review,
        "click": measure_clicks,
        "region": measure_region,
    }
    for part in options.only:
        measures[part](options.tries)


if __name__ == "__main__":
    main()
