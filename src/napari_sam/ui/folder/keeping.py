"""What is kept of the image that is shown: written beside it before another one is shown."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from napari_sam.batch.beside import digest_of, write_beside
from napari_sam.batch.diary import renew_table
from napari_sam.batch.series import Series
from napari_sam.engine.jobs import Jobs
from napari_sam.errors import NapariSamError
from napari_sam.progress import Progress
from napari_sam.ui.folder.image_layers import ImageLayers, snapshot
from napari_sam.ui.workbench import Workbench

_log = logging.getLogger(__name__)


class FolderKeeping:
    """Writes labels and table of one image, and lets nothing go on if that fails.

    Parameters
    ----------
    bench : Workbench
    jobs : Jobs
        With a slot ``write``.
    busy : callable
        Called with whether the next step has to wait.
    written : callable
        Called when something was written beside the image that is shown.
    failed : callable
        Called with what went wrong.
    """

    def __init__(
        self,
        bench: Workbench,
        jobs: Jobs,
        busy: Callable[[bool], None],
        written: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._bench, self._jobs, self._busy = bench, jobs, busy
        self._written, self._failed = written, failed
        #: The image that is shown, if any, and those that it is one of.
        self.shown: ImageLayers | None = None
        self.series = Series([], [])
        self._any = False

    def then(self, go_on: Callable[[], None]) -> None:
        """Write what was kept; go on only if that worked."""
        if self._bench.searching:
            self._busy(False)
            self._bench.result(
                "A search is under way: wait for it, or stop it first.", problem=True
            )
            return
        shown = self.shown
        try:
            layer = None if shown is None else shown.worth_writing()
        except NapariSamError as error:
            self._failed(error)
            return
        if shown is None or layer is None:
            go_on()
            return
        labels, table = shown.copy(layer)
        opened, inputs = shown.opened, self.series.inputs
        self._busy(True)

        def write(progress: Progress) -> bool:
            digest = digest_of(labels, table)
            if digest == opened.digest:
                return False
            mark = write_beside(opened, labels, table, inputs)
            shown.opened = replace(opened, digest=digest, mark=mark)
            return True

        def written(anything: bool) -> None:
            if not anything:
                self.once(go_on)
                return
            self._bench.ours.saved.emit([layer])
            self._any = True
            self._written()
            self.then(go_on)  # what was changed meanwhile is written as well

        self._jobs.submit("write", write, written, self._not_written)

    def once(self, go_on: Callable[[], None]) -> None:
        """Go on, unless labels were changed since they were copied: these are written first."""
        if self.shown is not None and self.shown.changed:
            self.then(go_on)
        else:
            go_on()

    def _not_written(self, error: Exception) -> None:
        self._failed(error)
        self._bench.result(f"Not written, so this image stays: {self._bench.state.status}", True)

    def close(self) -> None:
        """Write what was kept, on this thread: the window closes."""
        shown, self.shown = self.shown, None
        try:
            layer = None if shown is None else shown.worth_writing()
            if shown is not None and layer is not None:
                labels, table = snapshot(layer)
                if digest_of(labels, table) != shown.opened.digest:
                    write_beside(shown.opened, labels, table, self.series.inputs)
                    self._any = True
                    self._bench.ours.saved.emit([layer])
        except (NapariSamError, OSError, MemoryError) as error:
            # It is in the journal, which offers it when the image is opened again.
            _log.warning("Labels could not be written beside their image: %s", error)
        if self._any:
            _renew(self.series)

    def finish(self, go_on: Callable[[], None]) -> None:
        """Go on from a series, once what was changed is in the table of all images as well."""
        self.once(lambda: self._finish(go_on))

    def _finish(self, go_on: Callable[[], None]) -> None:
        if not self._any:
            go_on()
            return
        self._busy(True)
        self._any, series = False, self.series
        self._jobs.submit(
            "write",
            lambda progress: _renew(series),
            lambda _: self.finish(go_on),  # with what was changed meanwhile
            self._failed,
        )


def _renew(series: Series) -> None:
    """Write the table of all images anew, if there is one."""
    try:
        renew_table(series.listed(), series.folder)
    except (NapariSamError, OSError) as error:
        _log.warning("The table of all images is not written anew: %s", error)
