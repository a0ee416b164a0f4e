"""Looks at one slice after the other for a cell that is followed, in the worker."""

from __future__ import annotations

from collections.abc import Callable

from napari_sam.engine.carrying import Carried
from napari_sam.ui.layers.shown import same_pixels
from napari_sam.ui.tools.through_run import Run
from napari_sam.ui.workbench import Workbench


class ThroughFollowing:
    """Goes on with a cell until all is known of it; a click is answered in between.

    Parameters
    ----------
    bench : Workbench
    learnt : callable
        Called when more is known, or expected.
    ended : callable
        Called with the cell when all is known.
    lost : callable
        Called when the pixels of the image are no longer what they were.
    """

    def __init__(
        self,
        bench: Workbench,
        learnt: Callable[[], None],
        ended: Callable[[Run], None],
        lost: Callable[[], None],
    ) -> None:
        self._bench = bench
        self._learnt, self._ended, self._lost = learnt, ended, lost
        self._run: Run | None = None

    @property
    def under_way(self) -> bool:
        """Whether slices are being looked at."""
        return self._run is not None

    def go_on(self, run: Run) -> None:
        """Follow a cell by what the person has said; what that was has been read."""
        if not self._bench.state.problem:
            self._bench.release()
        self._look(run)

    def _look(self, run: Run) -> None:
        """Look at the next slice."""
        bench, self._run = self._bench, run
        name, device, told, worker = bench.state.model, bench.device(), run.told, bench.worker
        bench.progress(run.carried.fraction)
        bench.jobs.submit(
            "carry",
            lambda progress: worker.carry(name, device, run.view, run.carrying, told, progress),
            lambda carried: self._arrived(run, carried),
            self._failed,
        )
        self._learnt()

    def _arrived(self, run: Run, carried: Carried) -> None:
        if not same_pixels(run.image, run.view):
            self._lost()
            return
        run.carried = carried
        if not carried.over:
            self._look(run)
            return
        self.stop()
        self._learnt()
        self._ended(run)

    def _failed(self, error: Exception) -> None:
        self._run = None
        self._bench.fail(error)

    def stop(self) -> bool:
        """Look at no more slices; tell whether any were being looked at."""
        followed, self._run = self._run is not None, None
        self._bench.jobs.cancel("carry")
        if followed:
            self._bench.progress(None)
        return followed
