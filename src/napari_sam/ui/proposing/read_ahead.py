"""Reading the slices next to the displayed one while nothing else is to be done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from napari_sam.engine.view import View
from napari_sam.errors import ViewError
from napari_sam.images import Plane
from napari_sam.ui.layers.planes import spatial_shape
from napari_sam.ui.layers.shown import Shown
from napari_sam.ui.workbench import Workbench

SLOT = "ahead"
_PAUSE = 600  # milliseconds without a new answer, after which the person seems to look


class ReadAhead:
    """Has the slices before and after the displayed one read, and gives way to everything else.

    Attributes
    ----------
    on : bool
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._known: list[View] = []
        self.on = True

    def soon(self) -> None:
        """The displayed slice has been read or answered: go on if nothing follows."""
        if self.on:
            self._bench.loop.later("neighbours", _PAUSE, self._next)

    def forget(self) -> None:
        """Another model or image is in charge."""
        self._known.clear()

    def _next(self) -> None:
        bench = self._bench
        if bench.jobs.busy:
            return  # whatever runs reports when it is done
        for view in self._views():
            if not any(view.same(known) for known in self._known):
                self._fetch(view)
                return

    def _fetch(self, view: View) -> None:
        bench = self._bench
        name, device, worker = bench.state.model, bench.device(), bench.worker
        bench.jobs.submit(
            SLOT,
            lambda progress: worker.prefetch(name, device, view, progress),
            lambda _: self._fetched(view),
            lambda error: None,  # whoever goes there will be told
        )

    def _fetched(self, view: View) -> None:
        # Not those of an image of before, whose pixels would be kept alive.
        same = [known for known in self._known if known.image.finest is view.image.finest]
        self._known = [*same[-7:], view]
        self._next()

    def _views(self) -> Iterator[View]:
        try:
            shown = self._bench.shown()
        except ViewError:
            return
        for other in neighbours(shown.plane, spatial_shape(shown.image), self._axis(shown)):
            yield shown.beside(other)

    def _axis(self, shown: Shown) -> int:
        """Data axis of the slider moved last."""
        dims = self._bench.viewer.dims
        return int(dims.last_used - (dims.ndim - shown.image.ndim))


def neighbours(plane: Plane, shape: tuple[int, ...], axis: int | None = None) -> list[Plane]:
    """List the planes one step after and before a plane along one axis.

    Parameters
    ----------
    plane : Plane
    shape : tuple of int
        Of the data without colour.
    axis : int, optional
        When it is none of the plane's fixed axes with several positions: the last of those.
    """
    free = [a for a, position in enumerate(plane.index) if position is not None and shape[a] > 1]
    if not free:
        return []
    along = axis if axis in free else free[-1]
    here = plane.index[along]
    assert here is not None
    return [
        replace(plane, index=(*plane.index[:along], at, *plane.index[along + 1 :]))
        for at in (here + 1, here - 1)
        if 0 <= at < shape[along]
    ]
