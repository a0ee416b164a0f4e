"""A search that comes piece by piece: slices of a stack, or tiles of a plane."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from napari_sam.engine.view import View
from napari_sam.errors import LabelsError
from napari_sam.progress import Progress
from napari_sam.ui.find_options import FindOptions
from napari_sam.ui.layers.shown import same_pixels
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari.layers import Image

WAIT = 50  # milliseconds until it is seen whether labels that are being written are written

Piece = TypeVar("Piece")


class Into(Protocol):
    """Takes the pieces that a search finds."""

    @property
    def count(self) -> int:
        """How many objects were found so far."""

    @property
    def busy(self) -> bool:
        """Whether its labels are being written just now, some of it at a time."""

    def lost(self) -> str:
        """Say why nothing can be written any more; empty while it can."""

    def stop(self) -> str:
        """Take no more, and say what is left of it."""


Kept = TypeVar("Kept", bound=Into)


@dataclass(eq=False)
class SearchRun(Generic[Piece, Kept]):
    """A search under way: of how many pieces, and how many are done.

    ``search(report)`` finds piece after piece, in the worker, as they are asked for. What it
    tells is told on the page where it was started. A piece is called by its ``word``.
    """

    image: Image
    view: View
    options: FindOptions
    into: Kept
    search: Callable[[Progress], Iterator[Piece]]
    page: str
    word: str
    count: int = 0
    done: int = 0


class Piecewise(ABC, Generic[Piece, Kept]):
    """Searches piece after piece; a click on a cell is answered in between.

    Parameters
    ----------
    bench : Workbench
    ended : callable
        Called when a search has come to its end.
    counted : callable
        Called with the number of objects found so far; with None when nothing is left of them.
    """

    def __init__(
        self, bench: Workbench, ended: Callable[[], None], counted: Callable[[int | None], None]
    ) -> None:
        self._bench = bench
        self._ended, self._counted = ended, counted
        self._run: SearchRun[Piece, Kept] | None = None
        self._report: Progress | None = None

    @property
    def running(self) -> bool:
        """Whether a search is under way."""
        return self._run is not None

    @abstractmethod
    def _take(self, run: SearchRun[Piece, Kept], piece: Piece) -> None:
        """Give a piece to what becomes of it.

        Raises
        ------
        LabelsError
            When it cannot be written.
        """

    @abstractmethod
    def _all(self, run: SearchRun[Piece, Kept]) -> None:
        """All pieces have come: see to the rest, and end."""

    def _begin(self, run: SearchRun[Piece, Kept], told: str) -> None:
        self._run = run
        self._bench.progress(0.0)
        self._bench.say(told)
        self._next(run, run.search(self._tell))

    def _tell(self, fraction: float) -> None:
        """Tell the job that runs how far all is: each piece is one of its own."""
        assert self._report is not None
        self._report(fraction)

    def _next(self, run: SearchRun[Piece, Kept], found: Iterator[Piece]) -> None:
        def work(progress: Progress) -> Piece | None:
            self._report = progress
            try:
                return next(found, None)
            finally:
                self._report = None

        def arrived(piece: Piece | None) -> None:
            self._arrived(run, piece, found)

        self._bench.jobs.submit("find", work, arrived, self._failed, self._show)

    def _show(self, fraction: float) -> None:
        if self._run is not None:
            self._bench.progress(fraction)

    def _arrived(
        self, run: SearchRun[Piece, Kept], piece: Piece | None, found: Iterator[Piece]
    ) -> None:
        if run is not self._run:
            return  # stopped meanwhile
        if run.into.busy:
            self._bench.loop.later("piece", WAIT, partial(self._arrived, run, piece, found))
            return
        if piece is None:
            self._all(run)
            return
        lost = self._lost(run)
        if lost:
            self._stop(lost, problem=True)
            return
        try:
            self._take(run, piece)
        except LabelsError as error:
            self._failed(error)
            return
        run.done += 1
        self._count(run)
        so_far = f"{run.into.count} {run.options.noun}s so far."
        told = f"{run.word.capitalize()} {run.done} of {run.count}: {so_far}"
        self._bench.say_on(run.page, told)
        self._next(run, found)

    def _count(self, run: SearchRun[Piece, Kept]) -> None:
        """Tell how many there are, while the image is looked at that they were found in."""
        if run.image is self._bench.state.image:
            self._counted(run.into.count)

    def _lost(self, run: SearchRun[Piece, Kept]) -> str:
        if run.image not in self._bench.viewer.layers or not same_pixels(run.image, run.view):
            return "The image was changed or removed."
        return run.into.lost()

    def _failed(self, error: Exception) -> None:
        self._bench.fail(error)
        if self._run is not None:
            self._stop(self._bench.state.status, problem=True)

    def _stop(self, text: str, problem: bool = False) -> None:
        run, self._run = self._run, None
        left = "" if run is None else self._leave(run)
        page = self._bench.state.tool if run is None else run.page
        self._end(page, f"{text} {left}".strip(), problem)

    def _end(self, page: str, text: str, problem: bool = False) -> None:
        self._bench.progress(None)
        self._ended()
        self._bench.result_on(page, text, problem=problem)

    def end(self) -> str:
        """End a run that is under way and tell what is left of it; empty when there is none."""
        run, self._run = self._run, None
        if run is None:
            return ""
        return f"Stopped after {run.done} of {run.count} {run.word}s. {self._leave(run)}"

    def _leave(self, run: SearchRun[Piece, Kept]) -> str:
        """Take no more, and say what is left of it."""
        left = run.into.stop()
        if not run.into.count:
            self._counted(None)
        return left
