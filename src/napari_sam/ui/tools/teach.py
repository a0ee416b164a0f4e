"""Teach: what a person kept and corrected makes the model better, while work goes on."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from napari_sam.engine.jobs import Jobs
from napari_sam.errors import DataError, LabelsError
from napari_sam.models.lesson import BETTER, NOT_BETTER
from napari_sam.models.paths import checkpoint_name
from napari_sam.progress import Progress, part
from napari_sam.ui.state import Advice
from napari_sam.ui.tools.teach_cells import CellChoice, counted, read_cells
from napari_sam.ui.tools.teach_state import TeachState
from napari_sam.ui.tools.tool import Parts, Tool

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_sam.training.apart import Lent, Marked, TaughtApart

SECONDS = 60.0
#: Cells from which on a lesson is worth a try, and that make a good one.
FEWEST, GOOD = 5, 20
_TOLD = {BETTER: "The model got better", NOT_BETTER: "The model did not get better"}


class Teach(Tool):
    """A model of a person's own, taught beside the window; whether to use it is decided after."""

    name: ClassVar[str] = "teach"
    title: ClassVar[str] = "Teach"
    tip: ClassVar[str] = "Let the model learn from the cells that you kept and corrected."
    advice: ClassVar[Advice] = Advice()

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.state = TeachState()
        loop, threaded = self.bench.loop, parts.threaded
        self.jobs = Jobs(loop, ("teach",), name="napari-sam teaching", threaded=threaded)
        # A file is written while a lesson goes on.
        self.keeping = Jobs(loop, ("keep",), name="napari-sam keeping", threaded=threaded)
        self._cells = CellChoice(self.bench)
        self._models = parts.models
        self._learning = ""  # which model the lesson under way is for

    # -- life -------------------------------------------------------------------------------------

    def activate(self) -> None:
        self.refresh()
        self._advise()

    def layers_changed(self) -> None:
        source = self.state.source
        if source is not None and source not in self.bench.viewer.layers:
            self.state.source = None
        self.refresh()

    def labels_changed(self) -> None:
        self.refresh()

    def image_changed(self) -> None:
        self.refresh()

    def model_changed(self) -> None:
        self.refresh()

    def run_next(self) -> bool:
        return self.keeping.run_next() or self.jobs.run_next()

    def close(self) -> None:
        self.jobs.close()
        self.keeping.close()
        self._cells.close()
        self.state.events.disconnect()

    def refresh(self) -> None:
        """Look anew at what there is to learn from, while the page is shown."""
        if not self.shown:
            return
        state, catalogue = self.state, self._models.catalogue
        chosen, source = self._cells.chosen(state.source), state.source
        state.cells, state.images = counted(chosen)
        state.lessons = catalogue.lessons(self.bench.state.model)
        few = source is None and state.cells < 2
        lost = catalogue.lost(self.bench.state.model)
        if lost is not None:
            state.why_not = f"{lost} is not there any more. Choose another model above."
        elif "tunable" not in (catalogue.abilities(self.bench.state.model) or ()):
            state.why_not = f"{self.bench.state.model!r} cannot be taught. Choose 'cells' above."
        elif source is not None and not chosen:
            state.why_not = f"no image in the viewer is of the size of {source.name!r}."
        elif not chosen or few:
            state.why_not = "keep or correct some cells first, or choose labels above."
        else:
            state.why_not = ""

    def _advise(self) -> None:
        state = self.state
        if state.running is not None or state.result is not None:
            return
        if state.why_not and state.source is not None:
            text = f"Not yet: {state.why_not}"
        elif state.why_not:
            text = (
                "Keep or correct cells with Click and Review, then come back: from about twenty "
                "the model learns what yours look like."
            )
        elif state.source is None and state.cells < GOOD:
            text = "Twenty cells or more are a good lesson; cells of several images a better one."
        else:
            text = "Press the button. It takes about a minute, and you can go on working."
        self.bench.result(text)

    # -- what is learnt from ----------------------------------------------------------------------

    def choose(self, source: Labels | None) -> None:
        """Learn from all cells of a layer, or from those that were kept or corrected."""
        self.state.source = source
        self.refresh()
        self._advise()

    def set_exhaustive(self, on: bool) -> None:
        """Say that all cells of these slices are marked, or not."""
        self.state.exhaustive = on

    # -- teaching ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Teach the chosen model in the background."""
        state, bench = self.state, self.bench
        self.refresh()
        if state.why_not:
            bench.result(f"Not yet: {state.why_not}", problem=True)
            return
        model, device, exhaustive = bench.state.model, bench.device(), state.exhaustive
        chosen, source = self._cells.chosen(state.source), state.source
        # What came of the lesson before may be chosen until there is something new.
        state.running, self._learning = 0.0, model

        def work(progress: Progress) -> TaughtApart:
            from napari_sam.models.taught import draft
            from napari_sam.training.apart import Lent

            examples = read_cells(chosen, progress)
            if source is not None and not examples:
                raise LabelsError(f"There are no cells in {source.name!r}: choose other labels.")
            lent = Lent(model, str(draft()), device, SECONDS, exhaustive)
            return self.teach(lent, examples, part(progress, 0.02, 1.0))

        self.jobs.submit("teach", work, self._taught, self._failed, self._progressed)
        bench.result(f"{model!r} is learning. Go on working; this page tells how far it is.")

    @staticmethod
    def teach(lent: Lent, examples: list[Marked], progress: Progress) -> TaughtApart:
        """Teach in a process of its own."""
        from napari_sam.training.apart import teach_apart

        return teach_apart(lent, examples, progress)

    def stop(self) -> None:
        """Stop teaching; the model is as it was."""
        if self.state.running is not None:
            self.jobs.cancel("teach")
            self.state.running = None
            self.bench.result(f"Stopped. {self._learning!r} is as it was.")

    def _progressed(self, fraction: float) -> None:
        self.state.running = fraction

    def _taught(self, result: TaughtApart) -> None:
        state = self.state
        self._forget()
        state.running, state.base = None, self._learning
        state.proposed = self._models.catalogue.name_for_taught(state.base)
        state.result = result
        told = _TOLD.get(
            result.lesson.verdict, "There are too few cells to tell whether it is better"
        )
        # The page itself tells it, too: whoever comes here later finds it.
        self.bench.result_on(self.name, f"The lesson is over. {told}: choose above.")
        if self.bench.state.tool != self.name:
            self.bench.result(f"The lesson is over. {told}: look at Teach, and choose.")

    def _failed(self, error: Exception) -> None:
        self.state.running = None
        self.bench.fail(error)

    # -- choosing ---------------------------------------------------------------------------------

    def use(self, name: str) -> None:
        """Keep the taught model under a name, and use it from now on."""
        state, result, catalogue = self.state, self.state.result, self._models.catalogue
        if result is None:
            return
        base, name = state.base, name.strip()

        def done(_: None) -> None:
            state.result = None
            self._models.choose(name)
            self.refresh()
            self.bench.result(
                f"{name!r} is used now, and is among the models. Back to {base!r} takes it back."
            )

        self.keeping.submit(
            "keep",
            lambda progress: catalogue.keep_taught(result.path, name),
            done,
            self.bench.fail,
        )

    def refuse(self) -> None:
        """Forget what was taught."""
        base = self.state.base
        self._forget()
        self.bench.result(f"{base!r} stays as it was.")

    def _forget(self) -> None:
        result, self.state.result = self.state.result, None
        if result is not None and not self.keeping.wants("keep"):
            with contextlib.suppress(OSError):  # it is removed some days later
                result.path.unlink(missing_ok=True)

    def back(self) -> None:
        """Use the model again that the chosen one was made of; both stay among the models."""
        before = self.before
        if before:
            now = self.bench.state.model
            self._models.choose(before)
            self.refresh()
            self.bench.result(f"{before!r} is used again. {now!r} is still among the models.")

    @property
    def before(self) -> str:
        """The model that the chosen one was made of, if it is still there."""
        lessons = self.state.lessons
        base = lessons[-1].base if lessons else ""
        names = self._models.names()
        if not base or base in names:
            return base
        # A checkpoint that was opened is listed by its path, and a lesson tells its name.
        return next((one for one in names if checkpoint_name(Path(one)) == base), "")

    def save_copy(self, path: Path) -> None:
        """Write the chosen model as a file, to be given away."""
        from napari_sam.files import in_one_piece

        source = self._models.catalogue.file(self.bench.state.model)

        def work(progress: Progress) -> Path:
            import shutil

            target = path if path.suffix == ".safetensors" else Path(f"{path}.safetensors")
            if target != path and target.exists():  # nobody was asked about this one
                raise DataError(f"{target} is there already: choose another name.")
            if source is None:
                raise DataError("This model comes with the plugin and has no file to be copied.")
            if not source.is_file():
                raise DataError(f"{source} is not there any more: there is nothing to be copied.")
            try:
                with in_one_piece(target) as temporary:
                    shutil.copyfile(source, temporary)
            except OSError as error:
                raise DataError(f"{target} cannot be written ({error.strerror}).") from error
            return target

        def done(target: Path) -> None:
            self.bench.result(f"Saved as {target}. Others add it with: other file…")

        self.keeping.submit("keep", work, done, self.bench.fail)
