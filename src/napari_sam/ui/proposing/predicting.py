"""From marks to an answer: ask the model once per change, show the answer where it belongs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from napari_sam.engine.worker import Predicted, View
from napari_sam.errors import NapariSamError, PromptError, ViewError
from napari_sam.images import Plane
from napari_sam.prompts import Prompt
from napari_sam.ui.canvas.preview import Preview
from napari_sam.ui.layers.prompt_layers import Marks
from napari_sam.ui.proposing.encoding import Encoding
from napari_sam.ui.proposing.hover import Hover
from napari_sam.ui.proposing.marks import MarkLayers
from napari_sam.ui.state import Answer, Chip
from napari_sam.ui.workbench import Workbench

_SETTLE = 50  # milliseconds; an edit fires two events, and a drag many
_NOTICED = 400  # milliseconds after which people wonder whether their click arrived
_COMPUTING = Chip("wait", "computing the mask")


class Predicting:
    """Watches what is marked on the displayed plane and keeps `State.answer` true to it.

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
        self.hover = Hover(bench, preview, self._idle, self.encoding.displayed)
        self._asked: tuple[View, str, bytes] | None = None
        self._then: Callable[[], None] | None = None
        self.active = False

    # -- what the session calls --------------------------------------------------------------

    def soon(self, settle: int = _SETTLE) -> None:
        """Look at the marks once things have settled."""
        self._bench.loop.later("refresh", settle, self.now)

    def when_answered(self, call: Callable[[], None]) -> bool:
        """Have a call made when the answer under way arrives; False when none is under way."""
        if not self._bench.jobs.wants("predict"):
            return False
        self._then = call
        return True

    def forget(self) -> None:
        """Ask anew at the next look, whatever was asked before; drop the answer."""
        self.cancelled()
        self._bench.jobs.cancel("predict")
        self._drop()

    def interrupted(self) -> None:
        """Marks are being changed by the person: ask anew at the next look."""
        self._then = self._asked = None

    def cancelled(self) -> None:
        """Work was stopped: nothing is being computed any more."""
        self.interrupted()
        if self._bench.state.chip == _COMPUTING:
            self._bench.state.chip = Chip("ready", "ready")

    def now(self) -> None:
        """Read the marks of the displayed plane, and ask the model when they are new."""
        bench, state = self._bench, self._bench.state
        try:
            plane = bench.plane()
        except ViewError as error:
            empty = state.image is None
            self._preview.hide()
            state.marked = False
            state.chip = Chip("empty", "no image" if empty else "no slice")
            bench.say(str(error), problem=not empty)
            return
        if not self._usable():
            return
        try:
            marks = self._marks.read(plane)
            state.marked = not marks.empty
            if marks.empty:
                self._nothing_marked(plane)
                return
            view = bench.view(plane)
            asked = (view, state.model, _signature(marks))
            if self._already(asked):
                if state.answer is not None:
                    self.show(state.answer)
                return
            prompts = self._refined(plane, marks.prompts())
        except NapariSamError as error:
            self.forget()
            # A "not this" click before the first click on the cell is no mistake.
            if not isinstance(error, PromptError):
                bench.say(str(error), problem=True)
            elif state.tool != "find":
                bench.say(str(error))
            return
        self._then = None
        self._asked = asked
        self._ask(view, prompts)

    # -- asking -------------------------------------------------------------------------------

    def _already(self, asked: tuple[View, str, bytes]) -> bool:
        """Whether these very marks were asked about, or are being asked about."""
        if self._asked is None:
            return False
        return asked[0].same(self._asked[0]) and asked[1:] == self._asked[1:]

    def _nothing_marked(self, plane: Plane) -> None:
        answer = self._bench.state.answer
        if self._asked is None or self._asked[0].plane == plane:
            self._bench.jobs.cancel("predict")
            self.cancelled()
        if answer is not None and answer.plane == plane:
            self._drop()
        elif not self.hover.shown:
            self._preview.hide()
        if self.active:
            self.encoding.ahead(plane)

    def _drop(self) -> None:
        if self._bench.state.answer is not None:
            self._bench.state.answer = None
            self._preview.hide()

    def _refined(self, plane: Plane, prompts: tuple[Prompt, ...]) -> tuple[Prompt, ...]:
        """Let a further click refine the candidate that was chosen for the same object.

        An object's logits reach only prompts that repeat all of its points and add to them;
        keeping, clearing or changing the model drops the answer and its logits.
        """
        answer = self._bench.state.answer
        if answer is None or len(prompts) != 1 or len(answer.prompts) != 1:
            return prompts
        new, old = prompts[0], answer.prompts[0]
        count = len(old.points)
        grown = (
            answer.plane == plane
            and answer.image is self._bench.state.image
            and 0 < count < len(new.points)
            and np.array_equal(new.points[:count], old.points)
            and new.labels is not None
            and old.labels is not None
            and np.array_equal(new.labels[:count], old.labels)
            and np.array_equal(new.boxes, old.boxes)
            and new.mask is None
        )
        if not grown:
            return prompts
        best = answer.found[0]
        choice = min(self._bench.state.choice, len(best) - 1)
        refined = Prompt(
            new.points, new.labels, new.boxes, logits=best.logits[choice], window=best.window
        )
        return (refined,)

    def _ask(self, view: View, prompts: tuple[Prompt, ...]) -> None:
        bench = self._bench
        image, name, device, worker = (
            bench.state.image,
            bench.state.model,
            bench.device(),
            bench.worker,
        )
        self.hover.covered()
        new = not self.encoding.has(view)
        if new:
            bench.jobs.cancel("read")
            self.encoding.begin()
            bench.say("Reading the image; the mask of the cell you marked follows.")
        bench.jobs.submit(
            "predict",
            lambda progress: worker.predict(name, device, view, prompts, progress),
            lambda predicted: self._answered(image, view, prompts, predicted),
            self._failed,
            self.encoding.progressed if new else lambda fraction: None,
        )
        bench.loop.later("slow answer", _NOTICED, self._still_waiting)

    def _still_waiting(self) -> None:
        """Say that the mask is on its way."""
        bench = self._bench
        if bench.jobs.wants("predict") and bench.state.chip.kind == "ready":
            bench.state.chip = _COMPUTING

    def _answered(
        self, image: Any, view: View, prompts: tuple[Prompt, ...], predicted: Predicted
    ) -> None:
        state = self._bench.state
        answer = Answer(
            image, view.plane, prompts, predicted.found, predicted.crop, predicted.corner, view
        )
        state.choice = 0
        state.answer = answer
        self.encoding.done(view)
        self.show(answer)
        then, self._then = self._then, None
        if then is not None:
            then()

    def _failed(self, error: Exception) -> None:
        self.forget()
        self._bench.state.chip = Chip("problem", "problem")
        self._bench.fail(error)

    # -- showing --------------------------------------------------------------------------------

    def show(self, answer: Answer) -> None:
        """Show an answer if its plane is displayed; on any other plane it stays out of sight."""
        bench = self._bench
        if not self._displayed(answer):
            return
        choice = bench.state.choice
        self.hover.covered()
        self._preview.show(answer.image, answer.plane, answer.masks(choice), outline=False)
        if bench.state.tool == "find":
            return  # an unfinished cell waits for the Click page; its keys mean nothing here
        certainty = f"{100 * answer.score(choice):.0f} % sure"
        if len(answer.found) > 1:
            bench.say(f"{len(answer.found)} cells, {certainty}. Accept keeps them all.")
        else:
            others = ""
            if answer.choices > 1 and bench.state.tool == "click":
                keys = ", ".join(str(number + 1) for number in range(answer.choices))
                others = f"; {keys} show other outlines"
            elif answer.choices > 1:
                others = "; N shows another outline"
            bench.say(
                f"One cell, {certainty}. {bench.state.accept_key} keeps it{others}; a right click "
                "takes something away."
            )

    def _displayed(self, answer: Answer) -> bool:
        try:
            return self._bench.plane() == answer.plane and answer.image is self._bench.state.image
        except ViewError:
            return False

    def _idle(self) -> bool:
        """Whether the mask under the cursor may be shown."""
        answer, wants = self._bench.state.answer, self._bench.jobs.wants
        waiting = any(wants(slot) for slot in ("predict", "read", "find"))
        return self.active and not waiting and (answer is None or not self._displayed(answer))


def _signature(marks: Marks) -> bytes:
    parts = [marks.points.tobytes(), marks.labels.tobytes()]
    parts += [o.kind.encode() + o.vertices.tobytes() for o in marks.outlines]
    parts.append(b"" if marks.mask is None else np.packbits(marks.mask).tobytes())
    return b"|".join(parts)
