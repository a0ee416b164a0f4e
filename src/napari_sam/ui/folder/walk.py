"""A folder as a series: one image in the viewer at a time, the next one read ahead.

Whatever was kept of an image is written beside it before another one is shown; if that fails, the
walk stops, and all stays in the viewer.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from napari_sam.batch.beside import (
    Opened,
    State,
    digest_of,
    open_beside,
    series_of,
    state_of,
    write_beside,
)
from napari_sam.batch.job import Job
from napari_sam.batch.outcome import told
from napari_sam.engine.jobs import Jobs
from napari_sam.errors import DataError, NapariSamError
from napari_sam.progress import Progress
from napari_sam.ui.folder.choices import Choices
from napari_sam.ui.folder.folder_state import FolderState
from napari_sam.ui.folder.image_layers import ImageLayers, snapshot
from napari_sam.ui.folder.remembered import Remembered, recall, remember
from napari_sam.ui.model_choice import ModelChoice
from napari_sam.ui.tools.tool import Tool
from napari_sam.ui.workbench import Workbench

_log = logging.getLogger(__name__)

_NEXT: dict[State, str] = {
    "to do": "find its cells or click them.",
    "found": "cells were found. Review them, or go on.",
    "reviewed": "every cell has been reviewed.",
}
_AFTER = 300  # milliseconds
Listed = tuple[list[Job], list[State]]


class Walk:
    """Goes through the images of a folder.

    Parameters
    ----------
    bench : Workbench
    models : ModelChoice
    tools : mapping of str to Tool
        The pages; the options of Find all are remembered with a folder.
    threaded : bool
        Whether files are read and written beside the window.
    """

    def __init__(
        self,
        bench: Workbench,
        models: ModelChoice,
        tools: Mapping[str, Tool],
        threaded: bool,
    ) -> None:
        self._bench = bench
        self._choices = Choices(bench, models, tools)
        self._jobs = Jobs(
            bench.loop,
            ("list", "write", "read", "ahead"),
            name="napari-sam folder",
            gives_way="ahead",
            threaded=threaded,
        )
        self.state = FolderState()
        self._series: list[Job] = []
        self._states: list[State] = []
        self._inputs: frozenset[Path] = frozenset()
        self._shown: ImageLayers | None = None
        self._ahead: tuple[Job, Opened] | None = None

    def run_next(self) -> bool:
        """Run what waits on this thread; tell whether there was anything."""
        return self._jobs.run_next()

    # -- a folder ---------------------------------------------------------------------------------

    def open(self, folder: Path) -> None:
        """List the images of a folder, none of which is read, and show the one shown last."""
        if self.state.busy:
            return
        self._leave_then(lambda: self._list(folder))

    def _list(self, folder: Path) -> None:
        self._bench.say(f"Looking for images in {folder}.")
        self._busy(True)
        known = recall(folder)
        self._jobs.submit(
            "list",
            lambda progress: series_of(folder, known.channel, progress),
            lambda found: self._once_written(lambda: self._listed(folder, found, known)),
            self._failed,
        )

    def _listed(self, folder: Path, found: Listed, known: Remembered) -> None:
        self._forget_shown()
        self._series, self._states = found
        self._inputs = frozenset(job.source.path.resolve() for job in self._series)
        self.state.folder, self.state.count = str(folder), len(self._series)
        self._choices.restore(known)
        names = [job.source.name for job in self._series]
        self._read(names.index(known.image) if known.image in names else 0)

    def leave(self) -> None:
        """Go on without the folder; the image that is shown stays in the viewer."""
        if self.state.busy:
            return
        self._leave_then(self._forget)

    def _forget(self) -> None:
        self._busy(False)
        self._shown, self._ahead, self._series = None, None, []
        self.state.count, self.state.folder = 0, ""
        self._bench.result("The folder is closed. Labels lie beside the images.")

    # -- walking ----------------------------------------------------------------------------------

    def step(self, by: int) -> None:
        """Go on by some images, or back."""
        self.go_to(self.state.place + by)

    def go_to(self, number: int) -> None:
        """Show another image, once what was kept of this one is written."""
        if 0 <= number < len(self._series) and not self.state.busy:
            self._leave_then(lambda: self._read(number))

    def choose_channel(self, channel: int) -> None:
        """See another channel of this image, and of those to come."""
        if channel == self.state.channel or self.state.busy or not self._series:
            return
        self._leave_then(lambda: self._see(channel))

    def _see(self, channel: int) -> None:
        self._series = [replace(job, channel=channel) for job in self._series]
        self._ahead = None
        self._read(self.state.place)

    def _read(self, number: int) -> None:
        job = self._series[number]
        self._busy(True)
        if self._ahead is not None and self._ahead[0] is job:
            self._show(number, self._ahead[1])
            return
        self._bench.say(f"Opening {job.source.title}.")
        self._jobs.submit(
            "read",
            lambda progress: open_beside(job),
            lambda opened: self._once_written(lambda: self._show(number, opened)),
            lambda error: self._once_written(lambda: self._unreadable(number, error)),
        )

    def _go(self, number: int) -> None:
        self.state.place, self.state.name = number, self._series[number].source.title

    def _show(self, number: int, opened: Opened) -> None:
        self._go(number)
        former, self._ahead = self._shown, None
        self._shown = ImageLayers(self._bench, opened)
        if former is not None:
            former.remove()
            self._shown.rename()
        if former is None or former.opened.job.source != opened.job.source:
            self._bench.viewer.reset_view()
        self.state.channels = opened.channels
        self.state.channel = opened.job.channel or 0
        self._busy(False)
        self._tell_state()
        self._remember()
        self._bench.result(f"{opened.job.source.title}: {_NEXT[self.state.state]}")
        self._read_ahead()

    def _unreadable(self, number: int, error: Exception) -> None:
        """An image that cannot be read is passed over by the next step."""
        self._go(number)
        self._forget_shown()
        self._tell_state()
        self._failed(error)
        # Once it has been said that no image is there.
        self._bench.loop.later("folder", _AFTER, lambda: self._failed(error))

    def _forget_shown(self) -> None:
        if self._shown is not None:
            self._shown.remove()
        self._shown = None

    def _read_ahead(self) -> None:
        following = self.state.place + 1
        if following < len(self._series):
            job = self._series[following]
            self._jobs.submit(
                "ahead",
                lambda progress: (job, open_beside(job)),
                self._came_ahead,
                lambda error: None,  # it is said when it is shown
            )

    def _came_ahead(self, ahead: tuple[Job, Opened]) -> None:
        self._ahead = ahead

    # -- writing ----------------------------------------------------------------------------------

    def _leave_then(self, then: Callable[[], None]) -> None:
        """Write what was kept of the image that is shown; go on only if that worked."""
        if any(self._bench.jobs.wants(slot) for slot in ("find", "carry")):
            self._busy(False)
            self._bench.result(
                "A search is under way: wait for it, or stop it first.", problem=True
            )
            return
        shown = self._shown
        try:
            layer = None if shown is None else shown.worth_writing()
        except NapariSamError as error:
            self._failed(error)
            return
        if shown is None or layer is None:
            then()
            return
        labels, table = shown.copied = snapshot(layer)
        opened, inputs = shown.opened, self._inputs
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
                self._once_written(then)
                return
            self._bench.ours.saved.emit([layer])
            self._tell_state()
            self._leave_then(then)  # what was changed meanwhile is written as well

        self._jobs.submit("write", write, written, self._not_written)

    def _once_written(self, then: Callable[[], None]) -> None:
        """Go on, unless labels were changed since they were copied: these are written first."""
        if self._shown is not None and self._shown.changed:
            self._leave_then(then)
        else:
            then()

    def _not_written(self, error: Exception) -> None:
        self._failed(error)
        self._bench.result(f"Not written, so this image stays: {self._bench.state.status}", True)

    def close(self) -> None:
        """Write what was kept, on this thread: the window closes."""
        self._jobs.close()
        shown, self._shown = self._shown, None
        try:
            layer = None if shown is None else shown.worth_writing()
            if shown is not None and layer is not None:
                labels, table = snapshot(layer)
                if digest_of(labels, table) != shown.opened.digest:
                    write_beside(shown.opened, labels, table, self._inputs)
                    self._bench.ours.saved.emit([layer])
            self._remember()
        except (NapariSamError, OSError, MemoryError) as error:
            # It is in the journal, which offers it when the image is opened again.
            _log.warning("Labels could not be written beside their image: %s", error)
        for name in self.state.events:
            self.state.events[name].disconnect()

    # -- what is told -----------------------------------------------------------------------------

    def _busy(self, busy: bool) -> None:
        self.state.busy = busy

    def _failed(self, error: Exception) -> None:
        self._busy(False)
        self._bench.fail(error if isinstance(error, NapariSamError) else DataError(told(error)))

    def _tell_state(self) -> None:
        at = self.state.place
        self._states[at] = state_of(self._series[at])
        self.state.state = self._states[at]
        count = Counter(self._states)
        self.state.counts = count["to do"], count["found"], count["reviewed"]

    def _remember(self) -> None:
        """Keep where the person is, and the model and options that were chosen."""
        if not self._series:
            return
        job = self._series[self.state.place]
        remember(Path(self.state.folder), self._choices.now(job.source.name, job.channel))
