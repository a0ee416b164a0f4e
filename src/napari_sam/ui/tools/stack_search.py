"""Find all on every slice of a stack, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol

from napari_sam.images import Plane
from napari_sam.progress import Progress
from napari_sam.segmentation import Segmentation
from napari_sam.ui.find_options import FindOptions
from napari_sam.ui.layers.shown import Shown
from napari_sam.ui.tools.piecewise import Into, Piecewise, SearchRun


class Ended(Protocol):
    """Is called when a search has come to its end."""

    def __call__(self, told: str, problem: bool = False) -> None: ...


class Results(Into, Protocol):
    """What becomes of the slices of a search."""

    def arrived(self, plane: Plane, found: Segmentation) -> None:
        """Take what was found on a slice."""

    def complete(self, told: str, end: Ended, lost: Callable[[], str]) -> None:
        """All slices have come: see to the rest, and then call ``end``.

        ``lost()`` says why nothing can be written any more; empty while it can.
        """


Slice = tuple[Plane, Segmentation]


class StackSearch(Piecewise[Slice, Results]):
    """Searches all slices of a stack; see `Piecewise`."""

    def start(self, shown: Shown, options: FindOptions, into: Results) -> None:
        """Search all slices parallel to the one shown."""
        bench, view = self._bench, shown.view
        model, device, page = bench.state.model, bench.device(), bench.state.tool

        def search(report: Progress) -> Iterator[Slice]:
            for one in bench.worker.find_each(model, device, view, options.search, report):
                yield one.block.plane, one.chosen.segmentation()

        count, word = len(list(view.image.planes())), shown.word
        told = f"Finding all {options.noun}s of {count} {word}s. You can go on working."
        self._begin(SearchRun(shown.image, view, options, into, search, page, word, count), told)

    def _take(self, run: SearchRun[Slice, Results], piece: Slice) -> None:
        run.into.arrived(*piece)

    def _all(self, run: SearchRun[Slice, Results]) -> None:
        told, lost = f"Searched all {run.count} {run.word}s.", partial(self._lost, run)
        run.into.complete(told, partial(self._complete, run), lost)

    def _complete(self, run: SearchRun[Slice, Results], told: str, problem: bool = False) -> None:
        if run is not self._run:
            return
        self._run = None
        self._end(run.page, told, problem)
        if problem:
            self._counted(None)
        else:
            self._count(run)
