"""Find all on a plane too large to be read: tile after tile, from what is looked at on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from napari_sam.engine.run import needs_finder
from napari_sam.engine.tiled import TiledRun
from napari_sam.engine.view import View
from napari_sam.errors import LabelsError, ViewError
from napari_sam.images import too_large
from napari_sam.methods.registry import method_of
from napari_sam.progress import Progress, part
from napari_sam.ui.canvas.camera import visible_part
from napari_sam.ui.find_options import FindOptions
from napari_sam.ui.layers.planes import spatial_shape
from napari_sam.ui.layers.room import check_room
from napari_sam.ui.layers.shown import Shown
from napari_sam.ui.tools.piecewise import Piecewise, SearchRun
from napari_sam.ui.tools.tile_region import TileRegion, tile_region
from napari_sam.ui.tools.tile_results import PendingLabels, TileFound, TileResults
from napari_sam.ui.tools.tool import Parts

_SAMPLING = 0.05  # of the time until the first tile is searched


Tile = tuple[int, TileFound]


class TiledSearch(Piecewise[Tile, TileResults]):
    """Searches a plane in tiles; see `Piecewise`.

    Parameters
    ----------
    parts : Parts
    ended, counted : callable
    """

    def __init__(
        self, parts: Parts, ended: Callable[[], None], counted: Callable[[int | None], None]
    ) -> None:
        super().__init__(parts.bench, ended, counted)
        self._parts = parts

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
        results = TileResults(self._parts, shown, options.noun, into)
        looked_at = visible_part(bench.viewer, image, plane)
        told = (
            f"{shown.remark}Finding all {options.noun}s in tiles, what is visible first. You can "
            "go on working meanwhile."
        )
        self._counted(0)
        page = bench.state.tool
        search = self._search(shown.view, options.search, results.pending(), region, looked_at)
        self._begin(SearchRun(image, shown.view, options, results, search, page, "tile"), told)

    def _search(
        self,
        view: View,
        options: Any,
        pending: PendingLabels,
        region: TileRegion | None,
        looked_at: tuple[float, float, float, float],
    ) -> Callable[[Progress], Iterator[Tile]]:
        """Return what finds on tile after tile, and tells of how many."""
        worker, name, device = self._bench.worker, self._bench.state.model, self._bench.device()

        def search(report: Progress) -> Iterator[Tile]:
            model, method = worker.model(name, device), method_of(options)
            finder = worker.finder(model, device) if needs_finder(method, options, model) else None
            tiled = TiledRun(view, method, model, options, finder, part(report, 0.0, _SAMPLING))
            if region is not None:
                tiled.keep(lambda one: region.touches(one.core))
            used, searching = 0, part(report, _SAMPLING, 1.0)
            for written in tiled.run(pending, first=looked_at, progress=searching):
                yield len(tiled.parts), pending.take(written, used, region)
                used += len(written.table)

        return search

    def _take(self, run: SearchRun[Tile, TileResults], piece: Tile) -> None:
        run.count, adds = piece
        run.into.arrived(adds)

    def _all(self, run: SearchRun[Tile, TileResults]) -> None:
        self._stop(f"Searched all {run.done} tiles.")


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
