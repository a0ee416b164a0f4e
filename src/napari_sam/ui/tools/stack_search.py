"""Find all on every slice of a stack, one after the other, into one new layer."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from napari_sam.engine.worker import View
from napari_sam.images import Plane
from napari_sam.methods.find_options import FindOptions
from napari_sam.progress import Progress
from napari_sam.segmentation import Segmentation, next_id
from napari_sam.ui.layers.label_grid import new_labels
from napari_sam.ui.layers.ours import add_quietly
from napari_sam.ui.layers.planes import spatial_shape
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
    planes: list[Plane]
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
        noun = "cell" if options.method == "cells" else "object"
        run = _Run(
            image,
            view,
            options,
            new_labels(image, f"{image.name} {noun}s found"),
            noun,
            list(planes_along(view.plane, spatial_shape(image))),
        )
        bench.progress(0.0)
        self._run = run
        bench.say(f"Finding all {noun}s of {len(run.planes)} slices. You can go on working.")
        self._next(run)

    def _next(self, run: _Run) -> None:
        """Search the next slice; a click on a cell is answered in between."""
        bench = self._bench
        name, device, plane = bench.state.model, bench.device(), run.planes[run.done]
        view, options = replace(run.view, plane=plane), run.options

        def work(progress: Progress) -> Segmentation:
            chosen = bench.worker.find(name, device, view, options, progress).choose(options)
            return Segmentation(chosen.labels, chosen.table())

        bench.jobs.submit(
            "find", work, lambda found: self._arrived(run, plane, found), self._failed, self._show
        )

    def _show(self, fraction: float) -> None:
        if self._run is not None:
            self._bench.progress((self._run.done + fraction) / len(self._run.planes))

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
        if run.done == len(run.planes):
            self._stop(f"Searched all {len(run.planes)} slices.")
            return
        bench.say(f"Slice {run.done} of {len(run.planes)}: {run.used} {run.noun}s so far.")
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
        told = f"Stopped after {run.done} of {len(run.planes)} slices."
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
