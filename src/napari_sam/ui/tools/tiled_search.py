"""Find all on a plane too large to be read: tile after tile, from what is looked at on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_sam.engine.run import needs_finder
from napari_sam.engine.tiled import TiledRun
from napari_sam.engine.worker import View
from napari_sam.errors import LabelsError, ViewError
from napari_sam.methods.registry import method_of
from napari_sam.progress import Progress, part, silent
from napari_sam.ui.canvas.camera import visible_part
from napari_sam.ui.find_options import FindOptions
from napari_sam.ui.layers.label_grid import too_large
from napari_sam.ui.layers.planes import spatial_shape
from napari_sam.ui.layers.room import check_room
from napari_sam.ui.layers.shown import Shown, same_pixels
from napari_sam.ui.tools.tile_region import TileRegion, tile_region
from napari_sam.ui.tools.tile_results import TileFound, TileResults
from napari_sam.ui.tools.tool import Parts

if TYPE_CHECKING:
    from napari.layers import Image

_SAMPLING = 0.05  # of the time until the first tile is searched


@dataclass(eq=False)
class _Run:
    image: Image
    view: View
    options: FindOptions
    into: TileResults
    region: TileRegion | None
    looked_at: tuple[float, float, float, float]
    found: Iterator[tuple[int, TileFound]] | None = None
    report: Progress = silent
    done: int = 0
    count: int = 0


class TiledSearch:
    """Searches tile after tile; a click on a cell is answered in between.

    Parameters
    ----------
    parts : Parts
    ended : callable
        Called when a search has come to its end.
    counted : callable
        Called with the number of objects found so far.
    """

    def __init__(
        self, parts: Parts, ended: Callable[[], None], counted: Callable[[int], None]
    ) -> None:
        self._parts, self._bench = parts, parts.bench
        self._ended, self._counted = ended, counted
        self._run: _Run | None = None

    @property
    def running(self) -> bool:
        """Whether a search is under way."""
        return self._run is not None

    @staticmethod
    def needed(shown: Shown) -> bool:
        """Whether the plane that is shown is searched in tiles."""
        return too_large(shown.plane.shape)

    def start(self, shown: Shown, options: FindOptions) -> None:
        """Search the plane that is shown, the part of it that is visible first.

        Raises
        ------
        ViewError, LabelsError
            When that cannot be searched, or its labels have no room.
        """
        bench, image, plane = self._bench, shown.image, shown.plane
        _check(shown, options)
        into = bench.state.merge
        if into is not None and options.rule != "empty":
            raise LabelsError(
                "Of a slice this large only empty places are filled: choose 'fill empty places "
                "only', or put what is found into new labels."
            )
        region = tile_region(bench.viewer, image, plane, options.region)
        if into is None and region is None:
            check_room(spatial_shape(image))
        results = TileResults(
            bench.ours, self._parts.documents, shown, options.noun, bench.state.model, into
        )
        looked_at = visible_part(bench.viewer, image, plane)
        run = _Run(image, shown.view, options, results, region, looked_at)
        run.found = self._search(run, bench.state.model, bench.device())
        self._run = run
        bench.progress(0.0)
        bench.say(
            f"{shown.remark}Finding all {options.noun}s in tiles, what is visible first. You can "
            "go on working meanwhile."
        )
        self._counted(0)
        self._next(run)

    def _next(self, run: _Run) -> None:
        def work(progress: Progress) -> tuple[int, TileFound] | None:
            run.report = progress
            assert run.found is not None
            return next(run.found, None)

        self._bench.jobs.submit(
            "find", work, lambda found: self._arrived(run, found), self._failed, self._show
        )

    def _search(self, run: _Run, name: str, device: str) -> Iterator[tuple[int, TileFound]]:
        """Find on tile after tile, in the worker, as they are asked for."""

        def report(fraction: float) -> None:
            run.report(fraction)

        worker, options, region = self._bench.worker, run.options.search, run.region
        model, method = worker.model(name, device), method_of(options)
        finder = worker.finder(model, device) if needs_finder(method, options, model) else None
        sampling = part(report, 0.0, _SAMPLING)
        tiled = TiledRun(run.view, method, model, options, finder, sampling)
        if region is not None:
            tiled.keep(lambda one: region.touches(one.core))
        run.count = len(tiled.parts)
        pending, used = run.into.pending(), 0
        searching = part(report, _SAMPLING, 1.0)
        for written in tiled.run(pending, first=run.looked_at, progress=searching):
            yield len(tiled.parts), pending.take(written, used, region)
            used += len(written.table)

    def _show(self, fraction: float) -> None:
        if self._run is not None:
            self._bench.progress(fraction)

    def _arrived(self, run: _Run, found: tuple[int, TileFound] | None) -> None:
        if run is not self._run:
            return  # stopped meanwhile
        if found is None:
            self._stop(f"Searched all {run.done} tiles.")
            return
        lost = self._lost(run)
        if lost:
            self._stop(lost, problem=True)
            return
        count, adds = found
        try:
            run.into.arrived(adds)
        except LabelsError as error:
            self._failed(error)
            return
        run.done += 1
        self._counted(run.into.count)
        noun = run.options.noun
        self._bench.say(f"Tile {run.done} of {count}: {run.into.count} {noun}s so far.")
        self._next(run)

    def _lost(self, run: _Run) -> str:
        if run.image not in self._bench.viewer.layers or not same_pixels(run.image, run.view):
            return "The image was changed or removed."
        return run.into.lost()

    def _failed(self, error: Exception) -> None:
        self._bench.fail(error)
        if self._run is not None:
            self._stop(self._bench.state.status, problem=True)

    def _stop(self, text: str, problem: bool = False) -> None:
        run, self._run = self._run, None
        left = "" if run is None else run.into.told()
        self._bench.progress(None)
        self._ended()
        self._bench.result(f"{text} {left}".strip(), problem=problem)

    def end(self) -> str:
        """End a run that is under way and tell what is left of it; empty when there is none."""
        run, self._run = self._run, None
        if run is None:
            return ""
        return f"Stopped after {run.done} of {run.count} tiles. {run.into.told()}"


def _check(shown: Shown, options: FindOptions) -> None:
    """Refuse what is not searched in tiles.

    Raises
    ------
    ViewError
    """
    height, width = shown.plane.shape
    if options.region == "stack":
        raise ViewError(
            f"All slices of {height} x {width} pixels are searched by the command line: Advanced, "
            "Copy as command. Here, search this slice or a part of it."
        )
    if options.by.by_examples:
        raise ViewError(
            f"Examples are not looked for on {height} x {width} pixels. Crop the image, or look "
            "for something else."
        )
