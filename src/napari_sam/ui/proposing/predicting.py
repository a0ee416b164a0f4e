"""From marks to an answer: ask the model once per change, show the answer where it belongs."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from napari_sam.engine.worker import Predicted
from napari_sam.errors import NapariSamError, PromptError, ViewError
from napari_sam.images import Plane
from napari_sam.ui.canvas.camera import look_at_plane
from napari_sam.ui.canvas.preview import Preview
from napari_sam.ui.layers.planes import cursor_on_plane
from napari_sam.ui.layers.prompt_layers import Marks
from napari_sam.ui.layers.shown import Shown
from napari_sam.ui.proposing.encoding import Encoding
from napari_sam.ui.proposing.hover import Hover
from napari_sam.ui.proposing.in_hand import in_hand
from napari_sam.ui.proposing.marks import MarkLayers
from napari_sam.ui.proposing.question import Question
from napari_sam.ui.proposing.refining import carried, refined, same_masks
from napari_sam.ui.state import Answer
from napari_sam.ui.workbench import Workbench

_SETTLE = 50  # milliseconds; an edit fires two events, and a drag many
_NOTICED = 400  # milliseconds after which people wonder whether their click arrived
_COMPUTING = "computing the mask"


class Predicting:
    """Watches what is marked on the plane shown and keeps `State.answer` true to it.

    Parameters
    ----------
    usable : callable
        Tells whether the chosen model is here; says so in the panel if it is not.
    """

    def __init__(
        self, bench: Workbench, marks: MarkLayers, preview: Preview, usable: Callable[[], bool]
    ) -> None:
        self._bench = bench
        self._marks = marks
        self._preview = preview
        self._usable = usable
        self.encoding = Encoding(bench, self._failed)
        self.hover = Hover(bench, preview, self._idle, self.encoding.displayed, self._rested)
        self._asked: Question | None = None
        self._then: Callable[[], None] | None = None
        # Unfinished cells of other planes: what was asked, answered and chosen there.
        self._elsewhere: dict[Plane, tuple[Question, Answer, tuple[int, ...]]] = {}
        # What was asked, and its answer as a person has changed it by hand, with what is chosen.
        self._edited: tuple[Question, Answer, tuple[int, ...]] | None = None
        self._settling = False
        self.active = False
        #: Shows something else on a plane that has no answer; tells whether there is anything.
        self.instead: Callable[[], bool] = lambda: False

    # -- what others call ---------------------------------------------------------------------

    def soon(self) -> None:
        """Look at the marks once things have settled."""
        self._settling = True
        self._bench.loop.later("refresh", _SETTLE, self.now)

    def settled(self) -> None:
        """Look at the marks now, if anything has happened since the last look."""
        if self._settling or self._bench.state.answer is None:
            self.now()

    def when_answered(self, call: Callable[[], None]) -> bool:
        """Have a call made when the answer under way arrives; False when none is under way."""
        if not self._bench.jobs.wants("predict"):
            return False
        self._then = call
        return True

    def edited(self, answer: Answer) -> None:
        """Show an answer whose outline was changed by hand; it holds until more is marked."""
        state = self._bench.state
        if self._asked is not None:
            self._edited = (self._asked, answer, state.choices)
        state.answer = answer
        self.show(answer)

    def forget(self) -> None:
        """Ask anew at the next look, whatever was asked before; drop the answer."""
        self._edited = None
        self.cancelled()
        self._bench.jobs.cancel("predict")
        self._drop()

    def forget_all(self) -> None:
        """Another image or model: whatever was answered is about something else."""
        self._elsewhere.clear()
        self.forget()

    def put_away(self, planes: Iterable[Plane]) -> None:
        """Unfinished cells of these planes are none any more."""
        for plane in planes:
            self._elsewhere.pop(plane, None)

    def interrupted(self) -> None:
        """Marks are being changed by the person: ask anew at the next look."""
        self._then = self._asked = None

    def cancelled(self) -> None:
        """Work was stopped: nothing is being computed any more."""
        self.interrupted()
        if self._bench.state.chip.text == _COMPUTING:
            self._bench.chip("ready", "ready")

    def now(self) -> None:
        """Read the marks of the plane shown, and ask the model when they are new."""
        bench, state = self._bench, self._bench.state
        self._settling = False
        try:
            shown = bench.shown()
        except ViewError as error:
            self._nothing_shown(error)
            return
        if not self._usable():
            return
        try:
            marks = self._marks.read(shown.plane)
            self._marks.told(not marks.empty)
            if marks.empty:
                self._nothing_marked(shown)
                return
            signature = marks.signature()
            self._return_to(shown.plane)
            edited = self._edited
            if edited is not None and edited[0].same(shown, state.model, signature):
                self._bench.jobs.cancel("predict")
                self._asked, state.answer, state.choices = edited
                state.choice = state.choices[-1]
            if self._asked is not None and self._asked.same(shown, state.model, signature):
                if state.answer is not None:
                    self.show(state.answer)
                return
            question = self._question(shown, marks, signature)
        except NapariSamError as error:
            self.forget()
            # A "not this" click before the first click on the cell is no mistake.
            if not isinstance(error, PromptError):
                bench.say(str(error), problem=True)
            elif state.advice.others:
                bench.say(str(error))
            return
        if self._then is not None and self._asked is not None:
            if self._asked.shown.plane != shown.plane:
                return  # what is to be kept there comes first
            self._then = None
        self._ask(question)

    # -- asking -------------------------------------------------------------------------------

    def _return_to(self, plane: Plane) -> None:
        """Take up the unfinished cell of a plane again, and put down that of another."""
        state, asked, answer = self._bench.state, self._asked, self._bench.state.answer
        if asked is not None and asked.shown.plane == plane:
            return
        back = self._elsewhere.pop(plane, None)
        if answer is not None and asked is not None and self._then is None:
            self._elsewhere[answer.plane] = (asked, answer, state.choices)
        if back is not None and self._then is None:
            self._asked, state.answer, state.choices = back
            state.choice = state.choices[-1]

    def _nothing_shown(self, error: ViewError) -> None:
        self._preview.hide()
        self._marks.told(False)
        self.encoding.no_slice()
        self._bench.guide(str(error), problem=self._bench.state.image is not None)

    def _nothing_marked(self, shown: Shown) -> None:
        answer, plane = self._bench.state.answer, shown.plane
        if self._asked is None or self._asked.shown.plane == plane:
            self._bench.jobs.cancel("predict")
            self.cancelled()
        if answer is not None and answer.plane == plane:
            self._drop()
        elif not self.hover.shown and not self.instead():
            self._preview.hide()
        if self.active:
            self.encoding.ahead(shown)

    def _drop(self) -> None:
        if self._bench.state.answer is not None:
            self._bench.state.answer = None
            if not self.instead():
                self._preview.hide()

    def _question(self, shown: Shown, marks: Marks, signature: bytes) -> Question:
        state, answer = self._bench.state, self._bench.state.answer
        plain = Question(shown, state.model, signature, ())
        if self._asked is not None and answer is not None and plain.same_but_pixels(self._asked):
            # napari draws the slice anew at every turn of it: ask the very same once more, and
            # see by the answer whether the pixels are others.
            prompts = answer.prompts
        else:
            prompts = marks.prompts(state.each_point)
            if answer is not None and answer.plane == shown.plane and answer.image is shown.image:
                prompts = refined(answer, state.choice, prompts)
        return Question(shown, state.model, signature, prompts)

    def _ask(self, question: Question) -> None:
        bench, shown = self._bench, question.shown
        name, device, worker = question.model, bench.device(), bench.worker
        look = look_at_plane(bench.viewer, shown.image, shown.plane)
        before, self._asked = self._asked, question
        self.hover.covered()
        new = not self.encoding.has(shown.view)
        if new:
            bench.jobs.cancel("read")
            self.encoding.begin()
            # On another page the unfinished cell is not what a person waits for.
            tell = bench.say if bench.state.advice.others else bench.guide
            tell("Reading the image; the mask of the cell you marked follows.")
        bench.jobs.submit(
            "predict",
            lambda progress: worker.predict(
                name, device, shown.view, question.prompts, progress, look
            ),
            lambda predicted: self._answered(question, before, predicted),
            self._failed,
            self.encoding.progressed if new else self._progressed,
        )
        bench.loop.later("slow answer", _NOTICED, self._still_waiting)

    def _still_waiting(self) -> None:
        """Say that the mask is on its way."""
        bench = self._bench
        if bench.jobs.wants("predict") and bench.state.chip.kind == "ready":
            bench.chip("wait", _COMPUTING)

    def _progressed(self, fraction: float) -> None:
        """Show how far many masks are, once they are waited for; all of them can be cancelled."""
        if self._bench.state.chip.text == _COMPUTING:
            self._bench.progress(fraction)

    def _answered(self, question: Question, before: Question | None, predicted: Predicted) -> None:
        state, shown = self._bench.state, question.shown
        again = before is not None and question.same_but_pixels(before)
        last = state.answer
        answer = Answer(
            *(shown.image, shown.plane, question.prompts, predicted.found),
            *(predicted.picture, shown.view),
        )
        then, self._then = self._then, None
        choices = (0,) * len(answer.found)
        if again and last is not None and same_masks(last, answer):
            choices = state.choices
        elif again and last is not None and then is not None:
            then = self._look_first
        if last is not None and last.plane == answer.plane and (last.painted or not again):
            answer, choices = carried(last, answer, state.choices)
        state.answer = answer
        state.choices, state.choice = choices, choices[-1]
        self.encoding.done(shown)
        self.show(answer)
        if then is not None:
            then()
        if self._where(answer) is None:
            self.soon()  # what is shown instead has waited to be read

    def _look_first(self) -> None:
        self._bench.result("The image has changed: look at the new mask first.", problem=True)

    def _failed(self, error: Exception) -> None:
        self.forget()
        self._bench.chip("problem", "problem")
        self._bench.fail(error)

    # -- showing --------------------------------------------------------------------------------

    def choose(self, choice: int) -> None:
        """Show another candidate of the object in hand."""
        state, answer = self._bench.state, self._bench.state.answer
        if answer is None or not 0 <= choice < answer.choices:
            return
        hand = in_hand(answer, state.choices, self._cursor(answer))
        state.choices = tuple(choice if i == hand else c for i, c in enumerate(state.choices))
        state.choice = choice
        self.show(answer)

    def _cursor(self, answer: Answer) -> tuple[float, float] | None:
        """Where the mouse is on the plane of an answer, when that matters."""
        if len(answer.found) == 1 or self._where(answer) is None:
            return None
        return cursor_on_plane(self._bench.viewer, answer.image, answer.plane)

    def show(self, answer: Answer) -> None:
        """Show an answer if its plane is displayed; on any other plane it stays out of sight."""
        bench, state = self._bench, self._bench.state
        shown = self._where(answer)
        if shown is None:
            return
        self.hover.covered()
        filled = state.filled
        regions = answer.regions(state.choices)
        self._preview.show(answer.image, answer.plane, regions, filled=filled)
        if not state.advice.others:
            return  # an unfinished cell waits for its page; here its keys mean nothing
        certainty = f"{100 * answer.score(state.choices):.0f} % sure"
        if len(answer.found) > 1:
            told = (
                f"{len(answer.found)} cells, {certainty}. Accept keeps them all; "
                f"{state.advice.others.format(keys='1, 2, 3')} of the one under the mouse."
            )
        else:
            keys = ", ".join(str(number + 1) for number in range(answer.choices))
            others = f"; {state.advice.others.format(keys=keys)}" if answer.choices > 1 else ""
            told = (
                f"One cell, {certainty}. {state.accept_key} keeps it{others}; a right click takes "
                "something away."
            )
            if not regions[0].area:
                told = f"The model sees no cell there{others}. Mark the middle of a cell."
        bench.say(shown.remark + told)

    def _where(self, answer: Answer) -> Shown | None:
        """What is shown, if it is what an answer is about: one of another image is dropped."""
        try:
            shown = self._bench.shown()
        except ViewError:
            return None
        return shown if shown.plane == answer.plane else None

    def _rested(self) -> None:
        if self._idle():
            self.soon()  # slices are read ahead again

    def _idle(self) -> bool:
        """Whether the mask under the cursor may be shown."""
        answer, wants = self._bench.state.answer, self._bench.jobs.wants
        waiting = any(wants(slot) for slot in ("predict", "read", "find"))
        return self.active and not waiting and (answer is None or self._where(answer) is None)
