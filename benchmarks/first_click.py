"""How much longer the first click of a session takes than the next ones, in the real window.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/first_click.py [--sessions 3]

Every session is a process of its own: napari with the panel, the model that comes with it and a
generated field of nuclei. When the panel has said for a moment that it is ready, cells are clicked
one after the other; each time counts from the press until the canvas shows the outline. Then
the cell is kept, which is counted likewise, and another one is clicked after a pause in which the
layer of the outlines was taken away. Wall clock, and processor time of all threads, which says
more where other work is done beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CLICKS = 6
SIDE = 1024
PAUSE = 8.0  # seconds after which the layer of the outlines is gone


def session() -> list[tuple[str, float, float]]:
    """Click in a window; what was done, and the seconds of both clocks."""
    os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp()) / "settings.yaml")
    os.environ["NAPARI_SAM_HOME"] = tempfile.mkdtemp()
    import numpy as np
    from napari.layers import Labels
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest
    from scipy import ndimage as ndi

    from automatic import picture
    from napari_sam.training.synthetic import generate
    from real_window import Window

    window = Window(picture(SIDE))
    sample = generate("nuclei_dense", 7, (512, 512))
    centres = np.array(ndi.center_of_mass(sample.labels > 0, sample.labels, range(1, 40)))
    zoom = SIDE / 512 if SIDE < 512 else 1.45
    places = [tuple(centre * zoom) for centre in centres[5 : 5 + 4 * CLICKS : 4]]
    viewer, state = window.viewer, window.state

    def added(event: object = None) -> None:
        layer = getattr(event, "value", None)
        if isinstance(layer, Labels):
            window.follow(layer)
            window.heard()

    viewer.layers.events.inserted.connect(added)
    state.events.answer.connect(window.heard)
    took = []

    def timed(what: str, act: object, done: object) -> None:
        used = time.process_time()
        wall = window.timed(act, done)
        took.append((what, wall, time.process_time() - used))
        window.rest()

    def click(place: tuple[float, float]) -> None:
        before = state.answer
        name = "first click" if not took else "next clicks"
        timed(name, lambda: window.click(place), lambda: state.answer not in (None, before))

    window.ready()
    for place in places[:-1]:
        click(place)
    page = window.panel.pages["click"]
    timed(
        "keep", lambda: QTest.mouseClick(page.accept, Qt.MouseButton.LeftButton), lambda: state.kept
    )
    window.rest(PAUSE)
    before = state.answer
    timed(
        "click after a pause",
        lambda: window.click(places[-1]),
        lambda: state.answer not in (None, before),
    )
    window.close()
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=3)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        print(json.dumps(session()))
        return
    times: dict[str, list[tuple[float, float]]] = {}
    for _ in range(options.sessions):
        command = [sys.executable, __file__, "--inside"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        for what, wall, used in json.loads(done.stdout.splitlines()[-1]):
            times.setdefault(what, []).append((1000 * wall, 1000 * used))
    print("| what | times | wall, median ms | slowest | processor, median ms |")
    print("|---|---|---|---|---|")
    for what, both in times.items():
        wall, used = (sorted(one) for one in zip(*both, strict=True))
        middle = len(wall) // 2
        print(
            f"| {what} | {len(wall)} | {wall[middle]:.0f} | {wall[-1]:.0f} | {used[middle]:.0f} |"
        )


if __name__ == "__main__":
    main()
