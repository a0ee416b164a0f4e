"""What `benchmarks/kills.py` kills while it keeps cells: a session that writes them down.

Every step adds a cell, and some that are taken back at once. Journals are made short all the time,
so that a kill often meets that too. Whoever runs it again restores what is offered and goes on.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

STEPS = 12
SHAPE = (3, 40, 50)
_TRIED = 2  # the plane of what is taken back


def cell(number: int) -> tuple[int, np.ndarray]:
    """Return where the cell of a step lies: its plane, and its pixels there."""
    mask = np.zeros(SHAPE[1:], bool)
    row, column = divmod(number % 12, 4)
    mask[2 + 12 * row : 11 + 12 * row, 2 + 12 * column : 11 + 12 * column] = True
    return number // 12, mask


def keep(folder: Path) -> None:
    """Keep cells until there are enough, beginning with those that are offered back."""
    from napari.components import ViewerModel

    from fake_model import FakeModel
    from napari_sam.images import Plane
    from napari_sam.labels.accept import accept
    from napari_sam.ui.labels_layer import journal_file
    from napari_sam.ui.layers.label_grid import new_labels
    from napari_sam.ui.loops import ManualLoop
    from napari_sam.ui.session import PanelSession
    from napari_sam.ui.widgets.pages import ROWS

    os.environ["NAPARI_SAM_HOME"] = str(folder)
    journal_file._LONG, journal_file._GROWN = 6_000, 1.3
    viewer, loop = ViewerModel(), ManualLoop()
    session = PanelSession(
        viewer,
        lambda name, *, device: FakeModel(),
        loop=loop,
        threaded=False,
        tools=[row.tool for row in ROWS],
    )
    image = viewer.add_image(np.random.default_rng(0).integers(0, 99, SHAPE), name="stack")

    def settle() -> None:
        while loop.turn() or session.recovery.run_next():
            pass

    settle()
    session.recovery.restore()
    labels = session.state.target
    document = session._documents.of(labels or new_labels(image, "cells"), empty=labels is None)
    if labels is None:
        viewer.add_layer(document.layer)
    if document.last is not None and tried(document.last):
        document.undo()

    def add(number: int, at: int | None = None) -> Any:
        place, mask = cell(number)
        plane = Plane((1, 2), (place if at is None else at, None, None), SHAPE[1:])
        return accept(document, plane, [mask], "keep")

    for number in range(len(document.log), STEPS):
        add(number, _TRIED)
        settle()
        document.undo()
        document.retract(add(number + 1, _TRIED))
        add(number)
        settle()
        (folder / "told").write_text(str(number + 1))
    session.close()


def tried(change: Any) -> bool:
    """Whether a step was only a try."""
    return bool(change.pixels.box()[0][0] == _TRIED)


def check(folder: Path) -> bool:
    """Every journal tells the cells of so many steps, and those that were on the disk."""
    from napari_sam.labels.replay import replay

    path = folder / "told"
    told = int(path.read_text() or 0) if path.exists() else 0
    most = 0
    for journal in folder.glob("recovery/*/*.journal"):
        labels = replay(journal)
        if labels is None:
            continue
        assert labels.whole, f"{journal.name} is damaged"
        steps = labels.done[:-1] if labels.done and tried(labels.done[-1]) else labels.done
        expected = np.zeros(SHAPE, np.int32)
        for number in range(len(steps)):
            place, mask = cell(number)
            expected[place][mask] = number + 1
        assert np.array_equal(labels.pixels[:_TRIED], expected[:_TRIED]), "other cells"
        assert len(labels.done) > len(steps) or not labels.pixels[_TRIED].any(), "cells of a try"
        most = max(most, len(steps))
    assert most >= told, f"{told} cells were on the disk, {most} are left"
    return most == STEPS
