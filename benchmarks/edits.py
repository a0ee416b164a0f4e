"""How long a person waits for an edit of labels, in this tree and in another.

    python benchmarks/edits.py [--reference TREE] [--repeats 5] [--small]

Acts of a session without a window, on stacks with a cell in every field of a grid: accept a
mask, delete 1 and 40 cells, mark one as right, undo. Every row is the median of the repeats, in
processor time, which is what an act takes where nothing else runs;
"first" is the very first act on labels that nobody has looked at. TREE is the root of a
checkout; its own package and fake model are used. ``--small`` leaves the largest stack out, for
which 4 GB of memory are needed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parents[1]
STACKS = ((30, 512, 512), (200, 2048, 2048))
FIELD = 32  # pixels from cell to cell
SIDE = 20  # of a cell, in pixels


def grid(shape: tuple[int, int], first: int) -> np.ndarray:
    """Square cells with ids from `first` on."""
    rows, columns = np.indices(shape)
    number = first + rows // FIELD * (shape[1] // FIELD) + columns // FIELD
    inside = (rows % FIELD < SIDE) & (columns % FIELD < SIDE)
    return np.where(inside, number, 0)


def stack_of(shape: tuple[int, int, int]) -> np.ndarray:
    """Cells on every slice, each with a number of its own; one field of all slices is empty."""
    labels = np.zeros(shape, np.int32)
    one = grid(shape[1:], 1)
    one[:FIELD, :FIELD] = 0
    for at in range(shape[0]):
        labels[at] = np.where(one > 0, one + at * int(one.max()), 0)
    return labels


class Person:
    """A session on a viewer model, and hands to work it."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        from napari.components import ViewerModel

        from fake_model import FakeModel
        from napari_sam.ui.loops import ManualLoop
        from napari_sam.ui.session import PanelSession
        from napari_sam.ui.widgets.pages import ROWS

        self.viewer, self.loop = ViewerModel(), ManualLoop()
        model = FakeModel()
        self.session = session = PanelSession(
            self.viewer,
            lambda name, **_: model,
            tools=[row.tool for row in ROWS],
            loop=self.loop,
            threaded=False,
        )
        self.click: Any = session.tools["click"]
        self.review: Any = session.tools["review"]
        session.set_active(True)
        image = np.zeros(shape, np.uint8)
        image[shape[0] // 2, 4:12, 4:12] = 200
        self.viewer.add_image(image, name="image")
        self.labels = self.viewer.add_labels(stack_of(shape), name="cells")
        self.viewer.dims.set_point(0, shape[0] // 2)
        session.layers.choose("target", self.labels)
        self.settle()

    def settle(self) -> None:
        while self.loop.turn() or self.session.jobs.run_next():
            pass

    def propose(self) -> None:
        self.click.proposal.add_point((8.0, 8.0), 1)
        self.settle()

    def here(self) -> list[int]:
        found = np.unique(self.labels.data[self.labels.data.shape[0] // 2])
        return [int(i) for i in found[found > 0]]


def timed(act: Callable[[], Any]) -> float:
    start = time.process_time()
    act()
    return 1000 * (time.process_time() - start)


def measure(shape: tuple[int, int, int], repeats: int) -> dict[str, list[float]]:
    """Milliseconds of every act."""
    person = Person(shape)
    click, review = person.click, person.review
    took: dict[str, list[float]] = {}

    def note(name: str, milliseconds: float) -> None:
        took.setdefault(name, []).append(milliseconds)

    for number in range(repeats + 1):
        person.propose()
        note("accept" if number else "accept, first", timed(click.accept))
        person.settle()
        note("undo an accepted cell", timed(click.undo))
        click.proposal.clear()
        person.settle()
    person.session.set_tool("review")
    while person.loop.turn() or review.run_next():
        pass
    for number in range(repeats):
        ids = person.here()
        note("delete 1 cell", timed(lambda ids=ids: review.edit(lambda e: e.delete([ids[0]]))))
        few = ids[1:41]
        note("delete 40 cells", timed(lambda few=few: review.edit(lambda e: e.delete(few))))
        note("undo 40 cells", timed(review.undo))
        review.undo()
        mark = ids[50 + number : 51 + number]
        note("mark as right", timed(lambda mark=mark: review.edit(lambda e: e.accept(mark))))
    person.session.close()
    return took


def run(tree: Path, repeats: int, small: bool) -> dict[str, dict[str, float]]:
    """Measure a tree in a process of its own."""
    command = [sys.executable, __file__, "--inside", "--repeats", str(repeats)]
    path = os.pathsep.join([str(tree / "src"), str(tree / "tests")])
    done = subprocess.run(
        [*command, *(["--small"] if small else [])],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        found = {
            " x ".join(map(str, shape)): {
                name: statistics.median(values)
                for name, values in measure(shape, options.repeats).items()
            }
            for shape in STACKS[: 1 if options.small else 2]
        }
        print(json.dumps(found))
        return
    now = run(HERE, options.repeats, options.small)
    then = run(options.reference, options.repeats, options.small) if options.reference else {}
    print("| stack | act | this tree | reference |\n|---|---|---|---|")
    for stack, acts in now.items():
        for name, value in acts.items():
            before = f"{then[stack][name]:.0f} ms" if then else ""
            print(f"| {stack} | {name} | {value:.0f} ms | {before} |")


if __name__ == "__main__":
    main()
