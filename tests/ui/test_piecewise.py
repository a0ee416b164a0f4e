"""A search that comes piece by piece: what is told, what ends it, and what is left then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from napari_sam.errors import LabelsError, ModelError
from napari_sam.progress import Progress
from napari_sam.ui.tools.piecewise import Piecewise, SearchRun


class Into:
    """Counts objects, and says so."""

    def __init__(self) -> None:
        self.count, self.gone, self.busy = 0, "", False

    def lost(self) -> str:
        return self.gone

    def stop(self) -> str:
        return f"{self.count} are kept."


class Numbers(Piecewise[int, Into]):
    """Pieces are numbers of objects; a negative one cannot be written."""

    def _take(self, run: SearchRun[int, Into], piece: int) -> None:
        if piece < 0:
            raise LabelsError("There is no room.")
        run.into.count += piece

    def _all(self, run: SearchRun[int, Into]) -> None:
        self._stop("That is all.")


@pytest.fixture
def begin(bench: Any) -> Any:
    bench.viewer.add_image(np.zeros((20, 20)), name="seen")
    bench.settle()
    bench.counted, bench.ended = [], []
    bench.search = Numbers(
        bench.session._bench, lambda: bench.ended.append(1), bench.counted.append
    )

    def start(*pieces: Any) -> Any:
        def search(report: Progress) -> Iterator[int]:
            for done, piece in enumerate(pieces):
                if isinstance(piece, Exception):
                    raise piece
                report(done / len(pieces))
                yield piece

        shown, bench.into = bench.session._bench.shown(), Into()
        page, options = bench.state.tool, bench.state.find
        run = SearchRun(
            *(shown.image, shown.view, options, bench.into, search, page, "piece", len(pieces))
        )
        bench.search._begin(run, "Searching.")
        return bench

    return start


def step(bench: Any) -> None:
    bench.session.jobs.run_next()
    while bench.loop.turn():
        pass


def test_pieces_come_one_by_one_and_are_told(begin: Any) -> None:
    bench = begin(3, 0, 2)
    assert (bench.state.status, bench.state.progress) == ("Searching.", 0.0)
    step(bench)
    assert bench.state.status == "Piece 1 of 3: 3 cells so far."
    assert bench.search.running
    bench.settle()
    assert bench.counted == [3, 3, 5]
    assert bench.state.status == "That is all. 5 are kept."
    assert (bench.state.progress, bench.ended, bench.search.running) == (None, [1], False)


@pytest.mark.parametrize(
    ("piece", "told"),
    [(-1, "There is no room. 3 are kept."), (ModelError("Broken."), "Broken. 3 are kept.")],
)
def test_what_fails_ends_it_and_keeps_what_is_there(begin: Any, piece: Any, told: str) -> None:
    bench = begin(3, piece, 2)
    bench.settle()
    assert (bench.state.status, bench.state.problem) == (told, True)
    assert (bench.counted, bench.ended, bench.search.running) == ([3], [1], False)


def test_it_ends_when_image_or_labels_are_lost(begin: Any) -> None:
    bench = begin(3, 4, 2)
    step(bench)
    bench.into.gone = "The layer was removed."
    step(bench)
    assert bench.state.status == "The layer was removed. 3 are kept."
    bench = begin(3, 4, 2)
    bench.viewer.layers["seen"].data = np.ones((20, 20))
    bench.settle()
    assert bench.into.count == 0


def test_stopped_it_says_how_far_it_came_and_takes_nothing_more(begin: Any) -> None:
    bench = begin(3, 4, 2)
    step(bench)
    assert bench.search.end() == "Stopped after 1 of 3 pieces. 3 are kept."
    bench.settle()
    assert bench.counted == [3]
    assert bench.search.end() == ""
