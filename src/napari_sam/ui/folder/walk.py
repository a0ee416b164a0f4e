"""A folder, or some files, as a series: one image in the viewer at a time, the next one read ahead.

Whatever was kept of an image is written beside it before another one is shown; if that fails, the
walk stops, and all stays in the viewer.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_sam.batch.beside import Opened, is_as_read, open_beside
from napari_sam.batch.job import Job
from napari_sam.batch.outcome import told
from napari_sam.batch.series import Series, State, find_series, key_of
from napari_sam.engine.jobs import Jobs
from napari_sam.engine.worker import Loader
from napari_sam.errors import DataError, NapariSamError
from napari_sam.files.sources import Source
from napari_sam.ui.folder.choices import Choices
from napari_sam.ui.folder.find_in_all import FindInAll
from napari_sam.ui.folder.folder_state import FolderState
from napari_sam.ui.folder.image_layers import ImageLayers
from napari_sam.ui.folder.keeping import FolderKeeping
from napari_sam.ui.folder.remembered import Remembered, recall, remember
from napari_sam.ui.model_choice import ModelChoice
from napari_sam.ui.tools.tool import Tool
from napari_sam.ui.workbench import Workbench

_NEXT: dict[State, str] = {
    "to do": "find its cells or click them.",
    "found": "cells were found. Review them, or go on.",
    "reviewed": "every cell has been reviewed.",
}
_AFTER = 300  # milliseconds


class FolderWalk:
    """Goes through the images of a series.

    Parameters
    ----------
    bench : Workbench
    models : ModelChoice
    tools : mapping of str to Tool
        The pages; the options of Find all are remembered with a folder.
    load : callable
        Loads a model by its name, for the search in all images.
    threaded : bool
        Whether files are read and written beside the window.
    """

    def __init__(
        self,
        bench: Workbench,
        models: ModelChoice,
        tools: Mapping[str, Tool],
        load: Loader,
        threaded: bool,
    ) -> None:
        self._bench, self._models = bench, models
        self._choices = Choices(bench, models, tools)
        self._jobs = Jobs(
            bench.loop,
            ("list", "write", "read", "ahead"),
            name="napari-sam folder",
            gives_way="ahead",
            threaded=threaded,
        )
        self.state = FolderState()
        bench.inputs = self._inputs
        self._keep = FolderKeeping(bench, self._jobs, self._busy, self._tell_state, self._failed)
        self._reading: Source | None = None
        self._ahead: tuple[Job, Opened] | None = None
        #: Whether the person has gone to an image since all began to be searched.
        self._went = False
        self.all = FindInAll(
            *(bench, self.state, load),
            taken=self._taken,
            landed=self._landed,
            ended=self._all_found,
            threaded=threaded,
        )

    @property
    def _series(self) -> Series:
        return self._keep.series

    def run_next(self) -> bool:
        """Run what waits on this thread; tell whether there was anything."""
        return self._jobs.run_next() or self.all.jobs.run_next()

    # -- a series ---------------------------------------------------------------------------------

    def open(self, *paths: Path) -> None:
        """List the images of a folder or some files, unread, and show the one shown last."""
        if self.state.busy:
            return
        self.all.stop()
        self._keep.then(lambda: self._list(paths))

    def _list(self, paths: tuple[Path, ...]) -> None:
        self._bench.say("Looking for images.")
        self._busy(True)
        known = recall(key_of(paths))
        seen = None if known.seen is None else tuple(known.seen)
        self._jobs.submit(
            "list",
            lambda progress: find_series(paths, seen, progress),
            lambda found: self._keep.finish(lambda: self._listed(found, known)),
            self._failed,
        )

    def _listed(self, found: Series, known: Remembered) -> None:
        self._forget_shown()
        self._keep.series = found
        self.state.folder, self.state.count = found.title, len(found)
        self._choices.restore(known)
        self.state.least_certain_first = bool(known.order)
        if known.order:
            found.follow(known.order)
        self._read(found.names.index(known.image) if known.image in found.names else 0)

    def _sort(self, least_certain_first: bool) -> None:
        self.state.least_certain_first = least_certain_first
        self._series.sort(least_certain_first=least_certain_first)
        place = None if self._keep.shown is None else self._series.place_of(self._keep.shown.source)
        if place is not None:
            self._go(place)
            self._read_ahead()

    def sort(self, least_certain_first: bool) -> None:
        """Go through the images from the least certain on, or as they are listed."""
        if self._series.jobs and not self.state.busy:
            self._sort(least_certain_first)
            self._remember()

    def leave(self) -> None:
        """Go on without the series; the image that is shown stays in the viewer."""
        if self.state.busy:
            return
        self.all.stop()
        self._keep.then(lambda: self._keep.finish(self._forget))

    def _forget(self) -> None:
        self._busy(False)
        self._keep.shown, self._ahead, self._keep.series = None, None, Series([], [])
        self.state.count, self.state.folder = 0, ""
        self._bench.result("The folder is closed. Labels lie beside the images.")

    # -- find in all of them ----------------------------------------------------------------------

    def find_in_all(self) -> None:
        """Search all images that are to do, beside whatever the person does."""
        if self._series.jobs and not self.state.busy and not self.all.running:
            self._keep.then(self._begin_all)

    def _begin_all(self) -> None:
        self._busy(False)
        if self._keep.shown is not None:
            self._tell_state()
        if not self._series.counts[0]:
            self._bench.result("Labels lie beside all images: there is nothing to search.")
            return
        if not self._models.usable():
            return
        self._went = False
        try:
            self.all.start(self._series, self._choices.for_all(self._series.listed(), self._seen()))
        except NapariSamError as error:
            self._failed(error)
            return
        self._bench.result("Finding in all images that are to do. You can go on working.")

    def _taken(self) -> set[Source]:
        shown = set() if self._keep.shown is None else {self._keep.shown.source}
        return shown if self._reading is None else shown | {self._reading}

    def _landed(self, source: Source) -> None:
        at = self._series.place_of(source)
        if at is None:
            return
        self._series.look(at)
        self.state.counts = self._series.counts
        if at == self.state.place + 1 and not self.state.busy:
            self._read_ahead()

    def _all_found(self, text: str, problem: bool) -> None:
        """Only what is in the person's hands is left: go to the least certain one, if they rest."""
        if self.state.busy:
            return  # asked again when that is over
        self._sort(True)
        first = self._series.standings[0]
        rests = not (
            self._went or self._bench.searching or (self._keep.shown and self._keep.shown.touched)
        )
        if rests and first.state == "found" and self.state.place:
            self._keep.then(lambda: self._read(0))
            return
        self._remember()
        if first.state == "found":
            text += " ‹ and › go through them from the least certain on."
        self.all.finish(text, problem)

    # -- walking ----------------------------------------------------------------------------------

    def step(self, by: int) -> None:
        """Go on by some images, or back."""
        self.go_to(self.state.place + by)

    def go_to(self, number: int) -> None:
        """Show another image, once what was kept of this one is written."""
        if 0 <= number < len(self._series) and not self.state.busy:
            self._went = True
            self._keep.then(lambda: self._read(number))

    def see(self, *channels: int) -> None:
        """See another channel of this image and of those to come, or up to three together."""
        if channels == self.state.seen or self.state.busy or not self._series.jobs:
            return
        self._keep.then(lambda: self._see(channels))

    def _seen(self) -> tuple[int, ...] | None:
        """The channels of the image that is shown; None where nothing was to be chosen."""
        return None if self._keep.shown is None else self._keep.shown.opened.job.seen

    def _inputs(self) -> list[dict[str, Any]]:
        """Say what a command line is about, unless the person works on an image of their own."""
        shown = self._keep.shown
        elsewhere = shown is not None and self._bench.state.image is not shown.image
        return [] if elsewhere else self._choices.inputs(self._series, self._seen())

    def _see(self, channels: tuple[int, ...]) -> None:
        self._series.see(channels)
        self._ahead = None
        self._read(self.state.place)

    def _read(self, number: int) -> None:
        job = self._series.jobs[number]
        if job.source == self.all.current:
            self._busy(False)
            self._bench.result(f"{job.source.title} is being searched: go to it in a moment.")
            return
        self._busy(True)
        self._reading = job.source
        ahead = self._ahead
        if ahead is not None and ahead[0] is job and is_as_read(ahead[1]):
            self._show(number, ahead[1])
            return
        self._bench.say(f"Opening {job.source.title}.")
        self._jobs.submit(
            "read",
            lambda progress: open_beside(job),
            lambda opened: self._keep.once(lambda: self._show(number, opened)),
            lambda error: self._keep.once(lambda: self._unreadable(number, error)),
        )

    def _go(self, number: int) -> None:
        self.state.place, self.state.name = number, self._series.jobs[number].source.title

    def _show(self, number: int, opened: Opened) -> None:
        self._go(number)
        former, self._ahead, self._reading = self._keep.shown, None, None
        self._keep.shown = ImageLayers(self._bench, opened)
        if former is not None:
            former.remove()
            self._keep.shown.rename()
        if former is None or former.opened.job.source != opened.job.source:
            self._bench.viewer.reset_view()
        self.state.channels = opened.channels
        self.state.seen = opened.job.seen or (0,)
        self._busy(False)
        self._tell_state()
        self._remember()
        self._bench.result(f"{opened.job.source.title}: {_NEXT[self.state.state]}")
        self._read_ahead()
        self.all.go_on()

    def _unreadable(self, number: int, error: Exception) -> None:
        """An image that cannot be read is passed over by the next step."""
        self._go(number)
        self._forget_shown()
        # It may lack a channel that was chosen: another one can be chosen here.
        self.state.seen = self._series.jobs[number].seen or (0,)
        self.state.channels = max(self.state.channels, max(self.state.seen) + 1)
        self._tell_state()
        self._failed(error)
        # Once it has been said that no image is there.
        self._bench.loop.later("folder", _AFTER, lambda: self._say_again(error))

    def _say_again(self, error: Exception) -> None:
        if self._keep.shown is None and not self.state.busy:
            self._failed(error)

    def _forget_shown(self) -> None:
        if self._keep.shown is not None:
            self._keep.shown.remove()
        self._keep.shown = None

    def _read_ahead(self) -> None:
        following = self.state.place + 1
        if (
            following < len(self._series)
            and self._series.jobs[following].source != self.all.current
        ):
            job = self._series.jobs[following]
            self._jobs.submit(
                "ahead",
                lambda progress: (job, open_beside(job)),
                self._came_ahead,
                lambda error: None,  # it is said when it is shown
            )

    def _came_ahead(self, ahead: tuple[Job, Opened]) -> None:
        self._ahead = ahead

    # -- what is told -----------------------------------------------------------------------------

    def close(self) -> None:
        """Write what was kept, on this thread: the window closes."""
        self.all.close()
        self._jobs.close()
        self._remember()
        self._keep.close()
        self.state.events.disconnect()

    def _busy(self, busy: bool) -> None:
        self.state.busy = busy

    def _failed(self, error: Exception) -> None:
        self._busy(False)
        self._reading = None
        self._bench.fail(error if isinstance(error, NapariSamError) else DataError(told(error)))
        self.all.go_on()

    def _tell_state(self) -> None:
        self.state.state = self._series.look(self.state.place).state
        self.state.counts = self._series.counts

    def _remember(self) -> None:
        """Keep where the person is, and the model and options that were chosen."""
        if self._series.jobs:
            job = self._series.jobs[self.state.place]
            order = self._series.names if self.state.least_certain_first else []
            remember(self._series.key, self._choices.now(job, order))
