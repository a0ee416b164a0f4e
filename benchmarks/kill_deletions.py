"""What `benchmarks/kills.py` kills while it deletes cells of labels in a file, and takes that back.

The labels are written window by window, so that a kill meets half of a step. The next start takes
back what was cut off: then there are all nine cells, or the one that is never deleted.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

ROUNDS = 4
MANY = range(1, 9)
DELETED = 3  # exit code


def labels_in(folder: Path) -> Any:
    """Open the labels of a folder, which begin with nine discs."""
    from nine_discs import discs

    path = folder / "labels.raw"
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        discs().tofile(folder / "new.raw")
        os.replace(folder / "new.raw", path)
    return np.memmap(path, np.int32, "r+", shape=discs().shape)


@contextmanager
def session_in(folder: Path) -> Iterator[tuple[Any, Any, Callable[[], None]]]:
    """Start the panel on the image; yields session, labels and what waits, all restored."""
    from napari.components import ViewerModel

    from fake_model import FakeModel
    from napari_sam.labels import placed, presence, runs
    from napari_sam.ui.labels_layer import slowly
    from napari_sam.ui.loops import ManualLoop
    from napari_sam.ui.session import PanelSession
    from napari_sam.ui.widgets.pages import ROWS
    from nine_discs import IMAGE, table

    os.environ["NAPARI_SAM_HOME"] = str(folder / "home")
    # Many windows, and as little as can be done in a turn.
    placed._TOGETHER = placed._PART = runs._TILE = 150
    presence._AT_ONCE = runs._AT_ONCE = 50_000
    slowly._AT_ONCE, slowly._TURN = 1, 0.0
    viewer, loop = ViewerModel(), ManualLoop()
    how: dict[str, Any] = {"loop": loop, "threaded": False, "tools": [row.tool for row in ROWS]}
    session = PanelSession(viewer, lambda name, *, device: FakeModel(), **how)

    def settle() -> None:
        tools = session.tools.values()
        while (
            loop.turn()
            or session.recovery.run_next()
            or session.jobs.run_next()
            or any(tool.run_next() for tool in tools)
        ):
            pass

    data = labels_in(folder)
    viewer.add_image(IMAGE, name="slide")
    settle()
    session.recovery.restore()
    settle()
    layer = session.state.target
    if layer is None:
        layer = viewer.add_labels(data, name="cells", features=table())
    settle()
    session.set_tool("review")
    settle()
    session.tools["review"].choose(layer)
    try:
        yield session, layer, settle
    finally:
        session.close()


def delete(folder: Path) -> None:
    """Delete eight of nine cells and take that back, some times; in the end they are deleted."""
    with session_in(folder) as (session, layer, settle):
        review = session.tools["review"]
        for _ in range(ROUNDS):
            if gone(layer.data):
                review.undo()
            else:
                review.many.delete(list(MANY))
            settle()
        if not gone(layer.data):
            review.many.delete(list(MANY))
            settle()


def gone(pixels: Any) -> bool:
    """Whether the cells are deleted; they all are, or none is."""
    from nine_discs import discs

    whole = discs()
    left = np.where(np.isin(whole, MANY), 0, whole)
    found = np.asarray(pixels)
    assert np.array_equal(found, whole) or np.array_equal(found, left), "half of a deletion"
    return bool(np.array_equal(found, left))


def look(folder: Path) -> None:
    """Start once more: the cells are all there, or all deleted, and their rows say the same."""
    with session_in(folder) as (_, layer, _):
        deleted, rows = gone(layer.data), layer.features
        rejected = rows["label"][rows["reviewed"] == "rejected"] if "reviewed" in rows else []
        assert sorted(rejected) == (list(MANY) if deleted else []), "rows tell of other cells"
    os._exit(DELETED if deleted else 0)


def check(folder: Path) -> bool:
    """Look in a process of its own: one that has run a session cannot be copied any more."""
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    process = context.Process(target=look, args=(folder,))
    process.start()
    process.join()
    assert process.exitcode in (0, DELETED), "the next start found half of a step"
    return process.exitcode == DELETED
