"""Find all on every slice of a stack, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from napari_sam.engine.worker import View
from napari_sam.images import Plane
from napari_sam.progress import Progress, silent
from napari_sam.segmentation import Segmentation
from napari_sam.ui.find_options import FindOptions
from napari_sam.ui.layers.shown import Shown, same_pixels
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari.layers import Image


class End(Protocol):
    """Is called when a search has come to its end."""

    def __call__(self, told: str, problem: bool = False) -> None: ...


class Results(Protocol):
    """What becomes of the slices of a search."""

    @property
    def count(self) -> int:
        """How many objects were found so far."""

    def lost(self) -> str:
        """Say why nothing can be written any more; empty while it can."""

    def arrived(self, plane: Plane, found: Segmentation) -> None:
        """Take what was found on a slice."""

    def complete(self, told: str, end: End) -> None:
        """All slices have come: see to the rest, and then call ``end``."""

    def stop(self) -> str:
        """Take no more, and say what is left of it."""


@dataclass(eq=False)
class _Run:
    image: Image
    view: View
    options: FindOptions
    into: Results
    count: int
    found: Iterator[tuple[Plane, Segmentation]] | None = None
    report: Progress = silent
    done: int = 0


class StackSearch:
    """Searches slice after slice; a click on a cell is answered in between.

    Parameters
    ----------
    bench : Workbench
    ended : callable
        Called when a search has come to its end.
    counted : callable
        Called with the number of objects found so far.
    """

    def __init__(
        self, bench: Workbench, ended: Callable[[], None], counted: Callable[[int], None]
    ) -> None:
        self._bench = bench
        self._ended, self._counted = ended, counted
        self._run: _Run | None = None

    def start(self, shown: Shown, options: FindOptions, into: Results) -> None:
        """Search all slices parallel to the one shown."""
        bench, image, view = self._bench, shown.image, shown.view
        run = _Run(image, view, options, into, len(list(view.image.planes())))
        run.found = self._results(run, bench.state.model, bench.device())
        bench.progress(0.0)
        self._run = run
        bench.say(f"Finding all {options.noun}s of {run.count} slices. You can go on working.")
        self._next(run)

    def _next(self, run: _Run) -> None:
        def work(progress: Progress) -> tuple[Plane, Segmentation]:
            run.report = progress
            assert run.found is not None
            return next(run.found)

        self._bench.jobs.submit(
            "find", work, lambda found: self._arrived(run, *found), self._failed, self._show
        )

    def _results(self, run: _Run, model: str, device: str) -> Iterator[tuple[Plane, Segmentation]]:
        """Find on slice after slice, in the worker, as they are asked for."""

        def report(fraction: float) -> None:
            run.report(fraction)

        options = run.options.search
        for one in self._bench.worker.find_each(model, device, run.view, options, report):
            yield one.block.plane, one.chosen.segmentation()

    def _show(self, fraction: float) -> None:
        if self._run is not None:
            self._bench.progress(fraction)

    def _arrived(self, run: _Run, plane: Plane, found: Segmentation) -> None:
        bench = self._bench
        if run is not self._run:
            return  # stopped meanwhile
        lost = self._lost(run)
        if lost:
            self._stop(lost, problem=True)
            return
        run.into.arrived(plane, found)
        run.done += 1
        self._counted(run.into.count)
        if run.done < run.count:
            noun = run.options.noun
            bench.say(f"Slice {run.done} of {run.count}: {run.into.count} {noun}s so far.")
            self._next(run)
            return
        run.into.complete(f"Searched all {run.count} slices.", partial(self._complete, run))

    def _lost(self, run: _Run) -> str:
        if run.image not in self._bench.viewer.layers or not same_pixels(run.image, run.view):
            return "The image was changed or removed."
        return run.into.lost()

    def _complete(self, run: _Run, told: str, problem: bool = False) -> None:
        if run is not self._run:
            return
        self._run = None
        self._end(told, problem)
        self._counted(run.into.count)

    def _failed(self, error: Exception) -> None:
        self._bench.fail(error)
        if self._run is not None:
            self._stop(self._bench.state.status, problem=True)

    def _stop(self, text: str, problem: bool = False) -> None:
        run, self._run = self._run, None
        left = "" if run is None else run.into.stop()
        self._end(f"{text} {left}".strip(), problem)

    def _end(self, text: str, problem: bool = False) -> None:
        self._bench.progress(None)
        self._ended()
        self._bench.result(text, problem=problem)

    def end(self) -> str:
        """End a run that is under way and tell what is left of it; empty when there is none."""
        run, self._run = self._run, None
        if run is None:
            return ""
        return f"Stopped after {run.done} of {run.count} slices. {run.into.stop()}"
