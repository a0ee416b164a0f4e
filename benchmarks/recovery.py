"""What is lost when napari is killed: a scripted annotation, killed at random moments.

    python benchmarks/recovery.py [--kills 50] [--cells 40] [--seed 0]

A process of its own keeps cells on a stack, corrects, deletes, paints, marks and takes back, in a
session without a window; after a random time it is killed (SIGKILL on Linux and macOS). A new
session is offered what is left. It has to be exactly, pixels, table and log, what the labels were
after one of the steps, and undo has to go back over exactly the pixels of before. The row of a new
cell is made a moment after its pixels: a kill in between leaves the table of the step before,
*row follows*, and Review measures the cell anew. *Missing* is the time from the first step that
was lost to the kill.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from napari.components import ViewerModel

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from fake_model import FakeModel, blobs
from napari_sam.ui.loops import ManualLoop
from napari_sam.ui.session import PanelSession
from napari_sam.ui.widgets.pages import ROWS

SHAPE = (6, 160, 200)
PAUSE = 0.03  # seconds between two steps
PLACES = [(z, r, c) for z in range(6) for r in (20, 60, 100, 140) for c in (30, 90, 150)]
#: Of work that is younger than a moment nothing is there yet; how young, *missing* tells.
RIGHT = ("exact", "row follows", "nothing there")
State = tuple[bytes, str, int]


class TimedLoop(ManualLoop):
    """A loop whose timers wait as long as they say."""

    def __init__(self) -> None:
        super().__init__()
        self._due: dict[str, tuple[float, Callable[[], None]]] = {}

    def later(self, name: str, milliseconds: int, call: Callable[[], None]) -> None:
        self._due[name] = (time.monotonic() + milliseconds / 1000, call)

    def turn(self) -> bool:
        for name, (due, call) in list(self._due.items()):
            if due <= time.monotonic():
                del self._due[name]
                call()
                return True
        return super().turn()


class Desk:
    """An image, a session and a model that answers at once."""

    def __init__(self) -> None:
        self.viewer = ViewerModel()
        self.loop = TimedLoop()
        self.session = PanelSession(
            self.viewer,
            lambda name, *, device: FakeModel(),
            loop=self.loop,
            tools=[row.tool for row in ROWS],
        )
        self.session.proposal.predicting.encoding.read_ahead.on = False
        self.session.set_active(True)
        self.viewer.add_image(blobs(SHAPE, tuple(PLACES), radius=9), name="stack")

    def run(self, seconds: float) -> None:
        """Let the window live for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.loop.turn():
                time.sleep(0.002)

    def wait(self, there: Callable[[], bool], patience: float = 60.0) -> bool:
        end = time.monotonic() + patience
        while not there() and time.monotonic() < end:
            self.run(0.005)
        return there()

    def state(self) -> State:
        labels = self.session.state.target
        if labels is None:
            return b"", "", 0
        document = self.session._documents.of(labels)
        return labels.data.tobytes(), text(labels.features), len(document.log)


def text(table: pd.DataFrame) -> str:
    return str(table.to_json(double_precision=9))


def steps(desk: Desk, cells: int, rng: np.random.Generator) -> Iterator[None]:
    """Annotate, pausing after every step."""
    session, viewer = desk.session, desk.viewer
    click: Any = session.tools["click"]
    for number, (z, row, column) in enumerate(PLACES[:cells]):
        viewer.dims.set_point(0, z)
        session.proposal.marks.add_point(session._bench.plane(), (row, column), 1)
        session._soon()
        desk.wait(lambda: session.state.answer is not None)
        click.accept()
        yield
        labels = session.state.target
        assert labels is not None
        if number % 5 == 4:
            edit(desk, int(rng.integers(1, number + 2)), number)
            yield
        if number % 7 == 6:
            labels.paint((z, 5, 5 + 9 * (number % 20)), number + 2)
            yield
        if number % 6 == 5:
            labels.undo()
            yield
            labels.redo()
            yield


def edit(desk: Desk, which: int, number: int) -> None:
    """Delete a cell of the slice, or mark it as right."""
    session = desk.session
    review: Any = session.tools["review"]
    session.set_tool("review")
    desk.run(0.01)
    labels = session.state.target
    here = np.unique(labels.data[int(desk.viewer.dims.current_step[0])])[1:]
    if len(here):
        one = int(here[which % len(here)])
        review.edit(
            (lambda editing: editing.delete([one]))
            if number % 2
            else (lambda editing: editing.accept([one]))
        )
    session.set_tool("click")


def annotate(home: str, cells: int, seed: int, told: Connection) -> None:
    """Work until killed, telling what the labels are after every step."""
    os.environ["NAPARI_SAM_HOME"] = home
    desk = Desk()
    desk.run(0.05)
    for _ in steps(desk, cells, np.random.default_rng(seed)):
        desk.run(PAUSE)
        told.send((time.time(), desk.state()))
    told.send(None)
    while True:
        desk.run(1.0)


def killed(home: str, cells: int, seed: int, after: float | None) -> tuple[list[Any], float]:
    """Let a process work, and kill it; returns what it told and when it died.

    ``after`` counts from its first step; None lets it come to the end.
    """
    ways = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in ways else "spawn")
    context.set_forkserver_preload(["__main__"])  # so that everything is imported once
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=annotate, args=(home, cells, seed, theirs), daemon=True)
    process.start()
    theirs.close()
    heard: list[Any] = [mine.recv()]
    end = time.monotonic() + (300.0 if after is None else after)
    while time.monotonic() < end and heard[-1] is not None:
        if mine.poll(max(0.0, end - time.monotonic())):
            heard.append(mine.recv())
    process.kill()
    died = time.time()
    process.join()
    try:
        while mine.poll():
            heard.append(mine.recv())
    except EOFError:
        pass
    return [one for one in heard if one is not None], died


def restored(home: str) -> list[State]:
    """Take the offer; returns the labels as restored, then after every undo."""
    os.environ["NAPARI_SAM_HOME"] = home
    desk = Desk()
    try:
        if not desk.wait(lambda: bool(desk.session.state.unsaved), 5.0):
            return []
        desk.session.recovery.restore()
        states = [desk.state()]
        labels = desk.session.state.target
        while states[-1][2]:
            labels.undo()
            states.append(desk.state())
        return states
    finally:
        desk.session.close()


def judge(heard: list[Any], died: float, back: list[State]) -> tuple[str, int, float]:
    """Compare with what was told: verdict, how many steps were lost, for how many seconds."""
    told = [state for _, state in heard]
    since_first = died - heard[0][0]
    if not back:
        return "nothing there", len(told), since_first
    pixels_and_log = [(pixels, count) for pixels, _, count in told]
    seen = back[0][0], back[0][2]
    at = max(
        (
            i
            for i in range(len(told))
            if pixels_and_log[i] == seen and back[0][1] in {told[i][1], told[max(i - 1, 0)][1]}
        ),
        default=None,
    )
    if at is None:
        return "wrong", len(told), since_first
    lost = len(told) - 1 - at
    # What the pixels were when the log was last as long as it is after each undo.
    before = {0: bytes(len(back[0][0])), **{count: pixels for pixels, _, count in told[:at]}}
    exact = all(before[count] == pixels for pixels, _, count in back[1:])
    verdict = "exact" if back[0] == told[at] else "row follows"
    missing = died - heard[at + 1][0] if lost else 0.0
    return verdict if exact else "undo differs", lost, missing


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--cells", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    worst, bad = 0.0, 0
    print("kill  after s  steps told  lost  missing s  verdict")
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        heard, _ = killed(f"{folder}/whole", options.cells, options.seed, None)
        whole = heard[-1][0] - heard[0][0]
        for number in range(options.kills):
            after = float(rng.uniform(0.0, whole))
            home = f"{folder}/{number}"
            heard, died = killed(home, options.cells, options.seed, after)
            verdict, lost, missing = judge(heard, died, restored(home))
            worst, bad = max(worst, missing), bad + (verdict not in RIGHT)
            print(
                f"{number:4}  {after:7.2f}  {len(heard):10}  {lost:4}  {missing:9.2f}  {verdict}",
                flush=True,
            )
    seconds = time.monotonic() - start
    print(f"{options.kills} kills in {seconds:.0f} s: at most {worst:.2f} s missing, {bad} wrong")
    return int(bad > 0 or worst > 5.0)


if __name__ == "__main__":
    sys.exit(main())
