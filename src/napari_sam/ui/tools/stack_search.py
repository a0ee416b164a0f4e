"""Find all on every slice of a stack, one after the other, into one new layer."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from napari_sam.engine.worker import View
from napari_sam.images import Plane
from napari_sam.progress import Progress, silent
from napari_sam.segmentation import Segmentation, next_id
from napari_sam.ui.find_options import FindOptions
from napari_sam.ui.layers.label_grid import new_labels
from napari_sam.ui.layers.ours import add_quietly
from napari_sam.ui.layers.shown import Shown, same_pixels
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    import pandas as pd
    from napari.layers import Image, Labels


def planes_along(plane: Plane, shape: tuple[int, ...]) -> Iterator[Plane]:
    """Iterate over all planes of a stack that are parallel to one.

    Parameters
    ----------
    plane : Plane
    shape : tuple of int
        Of the stack, without colour.
    """
    ranges = [
        (None,) if at is None else range(size) for at, size in zip(plane.index, shape, strict=True)
    ]
    for index in itertools.product(*ranges):
        yield replace(plane, index=index)


@dataclass(eq=False)
class _Run:
    image: Image
    view: View
    options: FindOptions
    labels: Labels
    noun: str
    count: int
    results: Iterator[tuple[Plane, Segmentation]] | None = None
    report: Progress = silent
    tables: list[pd.DataFrame] = field(default_factory=list)
    used: int = 0
    edited: bool = False

    @property
    def done(self) -> int:
        return len(self.tables)


class StackSearch:
    """Writes each slice as soon as it is found: what is done stays when the rest is stopped.

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

    def start(self, shown: Shown, options: FindOptions) -> None:
        """Search all slices parallel to the one shown."""
        bench, image, view = self._bench, shown.image, shown.view
        noun, layer = options.noun, new_labels(image, f"{image.name} {options.noun}s found")
        run = _Run(image, view, options, layer, noun, len(list(view.image.planes())))
        run.results = self._results(run, bench.state.model, bench.device())
        bench.progress(0.0)
        self._run = run
        bench.say(f"Finding all {noun}s of {run.count} slices. You can go on working.")
        self._next(run)

    def _next(self, run: _Run) -> None:
        """Search the next slice; a click on a cell is answered in between."""

        def work(progress: Progress) -> tuple[Plane, Segmentation]:
            run.report = progress
            assert run.results is not None
            return next(run.results)

        self._bench.jobs.submit(
            "find", work, lambda found: self._arrived(run, *found), self._failed, self._show
        )

    def _results(self, run: _Run, model: str, device: str) -> Iterator[tuple[Plane, Segmentation]]:
        """Find on slice after slice, in the worker, as they are asked for."""

        def report(fraction: float) -> None:
            run.report(fraction)

        options = run.options.options
        for one in self._bench.worker.find_each(model, device, run.view, options, report):
            yield one.block.plane, one.chosen.segmentation()

    def _show(self, fraction: float) -> None:
        if self._run is not None:
            self._bench.progress(fraction)

    def _arrived(self, run: _Run, plane: Plane, found: Segmentation) -> None:
        bench = self._bench
        if run is not self._run:
            return  # stopped meanwhile
        if run.image not in bench.viewer.layers or not same_pixels(run.image, run.view):
            self._stop("The image was changed or removed.", problem=True)
            return
        if run.done and run.labels not in bench.viewer.layers:
            self._stop("The layer was removed.", problem=True)
            return
        self._write(run, plane, found)
        self._counted(run.used)
        if run.done == run.count:
            self._stop(f"Searched all {run.count} slices.")
            return
        bench.say(f"Slice {run.done} of {run.count}: {run.used} {run.noun}s so far.")
        self._next(run)

    def _write(self, run: _Run, plane: Plane, found: Segmentation) -> None:
        labels = run.labels
        if run.edited:  # ids of the person's own may have come in between
            run.used = max(run.used, next_id(labels.data) - 1)
            run.edited = False
        target = plane.take(labels.data)
        free = (target == 0) & (found.labels > 0)
        target[free] = found.labels[free] + run.used
        table = found.table.copy()
        table["label"] += run.used
        for axis, at in reversed(list(enumerate(plane.index))):
            if at is not None:
                table.insert(0, f"axis_{axis}", at)
        run.used += len(found)
        run.tables.append(table)
        if labels in self._bench.viewer.layers:
            labels.refresh()
            return
        add_quietly(self._bench.viewer, labels)
        labels.events.paint.connect(self._painted)

    def _painted(self, event: Any) -> None:
        if self._run is not None:
            self._run.edited = True

    def _failed(self, error: Exception) -> None:
        self._bench.fail(error)
        if self._run is not None:
            self._stop(self._bench.state.status, problem=True)

    def _stop(self, text: str, problem: bool = False) -> None:
        self._bench.progress(None)
        self._ended()
        self._bench.result(f"{text} {self._kept()}".strip(), problem=problem)

    def end(self) -> str:
        """End a run that is under way and tell what is left of it; empty when there is none."""
        if self._run is None:
            return ""
        run = self._run
        told = f"Stopped after {run.done} of {run.count} slices."
        return f"{told} {self._kept()}"

    def _kept(self) -> str:
        """End the run, complete the layer's table, and say what there is."""
        run, self._run = self._run, None
        if run is None or not run.done or run.labels not in self._bench.viewer.layers:
            return "Nothing was changed."
        import pandas as pd

        run.labels.events.paint.disconnect(self._painted)
        table = pd.concat(run.tables, ignore_index=True)
        table.insert(0, "index", table["label"])
        run.labels.features = table
        return (
            f"{run.used} {run.noun} outlines are in the new layer {run.labels.name!r}: one for "
            f"every slice on which a {run.noun} is seen."
        )
