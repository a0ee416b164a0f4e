"""Find in all of them: the images of a series of which nothing is known, in the background.

A model of its own works in a thread of its own, so that clicks are answered and images walked
through meanwhile. The image that is in the person's hands is left to them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from napari_sam.batch.diary import Diary
from napari_sam.batch.job import Job
from napari_sam.batch.outcome import LEFT_OUT, Outcome, attempt, told
from napari_sam.batch.run import prepared
from napari_sam.batch.series import Series
from napari_sam.counts import counted
from napari_sam.engine.jobs import Jobs
from napari_sam.engine.run import needs_finder
from napari_sam.engine.worker import FINDER, Loader
from napari_sam.errors import DataError, NapariSamError
from napari_sam.files.sources import Source
from napari_sam.models.model import Model
from napari_sam.progress import Progress, duration
from napari_sam.ui.folder.folder_state import FolderState
from napari_sam.ui.workbench import Workbench


@dataclass(eq=False)
class _Run:
    rest: list[Job]
    inputs: frozenset[Path]
    diary: Diary
    skipped: list[Outcome]
    count: int
    begun: bool = False
    started: float = field(default_factory=time.monotonic)
    outcomes: list[Outcome] = field(default_factory=list)
    held: tuple[Model, Model | None] | None = None

    def begin(self) -> None:
        """Write what is run, in the thread of this: after the record of a run before it.

        Raises
        ------
        DataError, OSError
            When it cannot be written.
        """
        if not self.begun:
            self.diary.begin()
            for outcome in self.skipped:
                self.diary.add(outcome)
            self.begun = True


class FindInAll:
    """Does one image after the other.

    Parameters
    ----------
    bench : Workbench
    state : FolderState
    load : callable
        Loads a model by its name.
    taken : callable
        Tells the images that are in the person's hands.
    landed : callable
        Called with an image of which something has become known.
    ended : callable
        Called with what is to be said when all are done but those in the person's hands.
    threaded : bool
        Whether the model works beside the window.
    """

    def __init__(
        self,
        bench: Workbench,
        state: FolderState,
        load: Loader,
        *,
        taken: Callable[[], set[Source]],
        landed: Callable[[Source], None],
        ended: Callable[[str, bool], None],
        threaded: bool,
    ) -> None:
        self._bench, self._state, self._load = bench, state, load
        self._taken, self._landed, self._ended = taken, landed, ended
        self.jobs = Jobs(bench.loop, ("image",), name="napari-sam all images", threaded=threaded)
        self._run: _Run | None = None
        #: The image that is worked on, also for a moment after it was stopped.
        self.current: Source | None = None
        self._begun = False

    @property
    def running(self) -> bool:
        """Whether it is under way."""
        return self._run is not None

    def start(self, series: Series, jobs: list[Job]) -> None:
        """Find in those of a series that are to do.

        Parameters
        ----------
        series : Series
        jobs : list of Job
            All of its images, with method, model and channel.
        """
        to_do = {
            job.source
            for job, standing in zip(series.jobs, series.standings, strict=True)
            if standing.state == "to do"
        }
        rest = [job for job in jobs if job.source in to_do]
        skipped = [Outcome(job, "skipped", LEFT_OUT) for job in jobs if job.source not in to_do]
        diary = Diary(jobs, series.folder)
        self._run = _Run(rest, series.inputs, diary, skipped, len(rest))
        self._show(0.0)
        self.go_on()

    def go_on(self) -> None:
        """Take the next image that is in nobody's hands."""
        run = self._run
        if run is None or self.jobs.busy:
            return
        taken = self._taken()
        job = next((job for job in run.rest if job.source not in taken), None)
        if job is None:
            self._ended(self._told(run), bool(self._failed(run)))
            return
        run.rest.remove(job)
        self.current, self._begun = job.source, False

        def work(progress: Progress) -> Outcome:
            self._begun = True
            try:
                return self._attempt(run, job, progress)
            finally:
                self._bench.loop.post(lambda: self._left(job))

        self.jobs.submit("image", work, self._arrived, self._failed_to_begin, self._show)

    def _attempt(self, run: _Run, job: Job, progress: Progress) -> Outcome:
        """Work on an image, in the thread of this."""
        run.begin()
        if run.held is None:
            name, device, options = job.models.name, job.models.device, job.options
            model = self._load(name, device=device)
            alone = not needs_finder(job.method, options, model)
            run.held = model, None if alone else self._load(FINDER, device=device)
        try:
            known = prepared(job, run.inputs, skip_existing=True)
        except NapariSamError as error:
            known = Outcome(job, "failed", told(error))
        outcome = attempt(known, *run.held, progress) if isinstance(known, Job) else known
        run.diary.add(outcome)
        return outcome

    def _left(self, job: Job) -> None:
        if self.current == job.source:
            self.current = None
        self._landed(job.source)

    def _arrived(self, outcome: Outcome) -> None:
        if self._run is not None:
            self._run.outcomes.append(outcome)
            self._show(0.0)
        self.go_on()

    def _failed_to_begin(self, error: Exception) -> None:
        """The record cannot be written, or the model not be loaded: so it is with all images."""
        self._tell(error)
        self.finish(self._bench.state.status, problem=True)

    def stop(self) -> None:
        """Stop; images that are done stay so."""
        run = self._run
        if run is not None:
            self.jobs.cancel("image")
            if not self._begun:
                self.current = None
            self.finish(f"Stopped. {self._told(run)}")

    def finish(self, text: str, problem: bool = False) -> None:
        """Write the record and the table of all images, then say what came of it."""
        run, self._run = self._run, None
        self._state.finding, self._state.share = "", 0.0
        if run is None:
            return

        def write(progress: Progress) -> None:
            run.begin()
            run.diary.write()
            run.diary.write_table()

        def written(_: None) -> None:
            self._bench.result(text, problem)
            self.go_on()  # with what was started meanwhile

        def not_written(error: Exception) -> None:
            self._tell(error)
            self.go_on()

        self.jobs.submit("image", write, written, not_written)

    def close(self) -> None:
        """Stop, and wait for the thread to end; the record tells how far it came."""
        self.jobs.close()
        run, self._run = self._run, None
        if run is not None and run.begun:
            with suppress(NapariSamError, OSError):
                run.diary.write()

    # -- what is told -----------------------------------------------------------------------------

    def _tell(self, error: Exception) -> None:
        self._bench.fail(DataError(told(error)) if isinstance(error, OSError) else error)

    def _show(self, fraction: float) -> None:
        run = self._run
        if run is None or not run.count:
            return
        done, passed = len(run.outcomes), time.monotonic() - run.started
        share = (done + fraction) / run.count
        text = f"{done} of {run.count} images"
        if share > 0.02 and passed > 1:
            text += f", {duration(passed * (1 - share) / share)} left"
        self._state.finding, self._state.share = text, share

    @staticmethod
    def _failed(run: _Run) -> list[Outcome]:
        return [outcome for outcome in run.outcomes if outcome.kind == "failed"]

    def _told(self, run: _Run) -> str:
        failed = self._failed(run)
        text = f"Searched {counted(len(run.outcomes) - len(failed), 'image')}."
        if failed:
            first = failed[0]
            text += f" {len(failed)} failed: {first.job.source.title}: {first.said}"
        return text
