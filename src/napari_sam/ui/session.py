"""The controller: a person's intents in, state out. One session per panel, nothing shared.

Works with `napari.components.ViewerModel` and a `ManualLoop` as well as with a window.
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
from psygnal import Signal

from napari_sam.errors import NapariSamError, PromptError, ViewError
from napari_sam.images import Plane
from napari_sam.prompts import BACKGROUND, FOREGROUND, Prompt
from napari_sam.ui import own_layers
from napari_sam.ui.catalogue import Catalogue
from napari_sam.ui.clicks import RIGHT, Clicks
from napari_sam.ui.desk import Desk
from napari_sam.ui.finding import Finding
from napari_sam.ui.hover import Hover
from napari_sam.ui.jobs import Jobs, Loop
from napari_sam.ui.keeping import Keeping
from napari_sam.ui.keys import Keys
from napari_sam.ui.layer_choice import LayerChoice
from napari_sam.ui.loops import QtLoop
from napari_sam.ui.marking import Marking
from napari_sam.ui.model_choice import ModelChoice
from napari_sam.ui.planes import cursor_on_plane
from napari_sam.ui.preferences import PreferenceStore
from napari_sam.ui.preview import Preview
from napari_sam.ui.prompt_layers import Marks
from napari_sam.ui.state import Answer, Chip, State, Tool
from napari_sam.ui.worker import Loader, Predicted, View, Worker

_SETTLE = 50  # milliseconds; an edit fires two events, and a drag many
_MEGABYTE = 1_000_000


class Session:
    """What a person can do, and what they see of it.

    Parameters
    ----------
    viewer : napari.Viewer or ViewerModel
    load_model : callable, optional
        ``load_model(name, device=...) -> Model``; the zoo's by default.
    loop : Loop, optional
        Qt's event loop by default.
    threaded : bool
        Whether the model works in its own thread; False lets a test run the jobs.
    catalogue : Catalogue, optional
        Which models there are; the zoo by default.
    """

    layers_changed = Signal()
    closed = Signal()

    def __init__(
        self,
        viewer: Any,
        load_model: Loader | None = None,
        *,
        loop: Loop | None = None,
        threaded: bool = True,
        catalogue: Catalogue | None = None,
    ) -> None:
        self.viewer = viewer
        self.state = State()
        self.loop: Loop = loop or QtLoop()
        catalogue = catalogue or Catalogue()
        preferences = PreferenceStore()
        wanted = preferences.read()
        self.state.model, self.state.hover = wanted.model, wanted.hover_preview
        self.jobs = Jobs(
            self.loop,
            ("predict", "find", "hover", "read"),
            name="napari-sam model",
            threaded=threaded,
        )
        self.worker = Worker(load_model or catalogue.loader(), wanted.cache_megabytes * _MEGABYTE)
        self._desk = Desk(viewer, self.state, self.loop, self.jobs, self.worker, preferences)
        self._marking = Marking(self._desk)
        self._preview = Preview(viewer)
        self._keeping = Keeping(self._desk, self._marking, self._refresh_soon)
        self._finding = Finding(self._desk, self._keeping.remember)
        self.models = ModelChoice(self._desk, catalogue, self._model_changed, threaded)
        self._hover = Hover(self._desk, self._preview, self._idle, self._readable)
        self._layers = LayerChoice(self._desk, self._marking, self._preview, self)
        self._clicks = Clicks(viewer, self._clicked, self._hover.moved)
        self._keys = Keys(
            viewer,
            {
                "Enter": self.accept,
                "Control-Enter": self.accept,
                "Escape": self.clear,
                "Control-Z": self.undo,
                "N": self.next_candidate,
                "T": self.toggle_polarity,
                "1": lambda: self.choose_candidate(0),
                "2": lambda: self.choose_candidate(1),
                "3": lambda: self.choose_candidate(2),
            },
            self._layers.is_ours,
            self._accept_key_changed,
        )
        self._asked: tuple[Any, ...] | None = None
        self._read: View | None = None
        self._keep_when_answered = False
        self._active = False
        self._open = True
        preferences.connect(self._preferences_changed)
        self._layers.connect()

    # -- life ---------------------------------------------------------------------------------

    def set_active(self, active: bool) -> None:
        """Listen to mouse and keys, or not: a panel that is not visible must not act."""
        active = active and self._open
        self._active = active
        on = active and self.state.tool == "click"
        (self._clicks.turn_on if on else self._clicks.turn_off)()
        (self._keys.turn_on if on else self._keys.turn_off)()
        if not on:
            self._hover.stop()
        if active:
            self._refresh_soon()

    def close(self) -> None:
        """Give back every callback, key, layer and thread; calling it twice does nothing."""
        if not self._open:
            return
        self.set_active(False)
        self._open = False
        self._desk.preferences.disconnect(self._preferences_changed)
        self._layers.disconnect()
        self.loop.stop()
        self.models.close()
        self.jobs.close()
        self.worker.forget()
        self._preview.hide()
        self._marking.remove_own()
        self._keeping.forget()
        self.state.answer = None
        self.closed.emit()
        for name in self.state.events:
            self.state.events[name].disconnect()
        self.layers_changed.disconnect()
        self.closed.disconnect()

    @property
    def is_open(self) -> bool:
        return self._open

    def is_ours(self, layer: Any) -> bool:
        """Tell whether the plugin made a layer for itself: preview, or its own marks."""
        return self._layers.is_ours(layer)

    # -- what the person chooses ----------------------------------------------------------------

    def choose(self, role: str, layer: Any) -> None:
        """Choose a layer for a role: image, points, shapes, mask, target or merge."""
        if getattr(self.state, role) is layer:
            return
        if role == "image":
            self._layers.watch_image(layer)
            self._asked = None
            self.state.answer = None
            self._preview.hide()
            self._marking.remove_own()
        setattr(self.state, role, layer)
        self._layers.watch_prompts()
        self._refresh_soon()

    def draw_boxes(self) -> None:
        """Start drawing boxes in a Shapes layer of our own."""
        if self.state.image is None:
            self._desk.say("Open an image first.", problem=True)
            return
        shapes = self._marking.draw_boxes()
        self.state.shapes = shapes
        self._layers.watch_prompts()
        self.layers_changed.emit()
        self._desk.say("Drag a box around each cell. Several boxes make several cells.")

    def set_tool(self, tool: Tool) -> None:
        self.state.tool = tool
        self.set_active(self._active)
        if tool == "find":
            self._desk.say("Find all cells of this slice with one press of the button.")

    def set_polarity(self, label: int) -> None:
        """Choose what a left click says: 1 this is the object, 0 this is not."""
        self.state.polarity = label
        if self._marking.own_points is not None:
            own_layers.set_defaults(self._marking.own_points, label)

    def toggle_polarity(self) -> None:
        self.set_polarity(BACKGROUND if self.state.polarity == FOREGROUND else FOREGROUND)

    def set_hover(self, on: bool) -> None:
        self.state.hover = on
        self._desk.preferences.remember(hover_preview=on)
        if not on:
            self._hover.stop()

    # -- prompts and candidates -------------------------------------------------------------------

    def add_point(self, rowcol: tuple[float, float], label: int) -> None:
        """Mark a pixel of the displayed plane."""
        try:
            plane = self._desk.plane()
        except ViewError as error:
            self._desk.fail(error)
            return
        self._hover.covered()
        new = self._marking.points is None
        self._marking.add_point(plane, rowcol, label)
        if new:
            self._layers.watch_prompts()
        self._refresh_soon()

    def _clicked(self, button: int) -> None:
        try:
            plane = self._desk.plane()
        except ViewError as error:
            self._desk.fail(error)
            return
        assert self.state.image is not None
        place = cursor_on_plane(self.viewer, self.state.image, plane)
        if place is None:
            self._desk.say("That was beside the image. Click on a cell.")
            return
        left = self.state.polarity
        self.add_point(place, BACKGROUND if button == RIGHT else left)

    def choose_candidate(self, choice: int) -> None:
        """Show another candidate."""
        answer = self.state.answer
        if answer is not None and 0 <= choice < answer.choices:
            self.state.choice = choice
            self._show(answer)

    def next_candidate(self) -> None:
        if self.state.answer is not None:
            self.choose_candidate((self.state.choice + 1) % self.state.answer.choices)

    def accept(self) -> None:
        """Keep the chosen candidate; waits for it when it is still being computed."""
        self._refresh()
        if self.jobs.wants("predict"):
            self._keep_when_answered = True
            self._desk.say("The mask is being computed and will be kept as soon as it is there.")
            return
        if self.state.answer is None:
            if not self.state.problem:
                self._desk.say("There is nothing to keep yet. Click a cell first.")
            return
        if self._keeping.keep(self.state.answer):
            self._asked = None
            self._preview.hide()
            self._layers.watch_prompts()
            self.layers_changed.emit()

    def undo(self) -> None:
        """Take back the last mark of the displayed plane, else the last kept object."""
        self._keep_when_answered = False
        try:
            done = self._marking.undo(self._desk.plane())
        except NapariSamError as error:
            self._desk.fail(error)
            return
        if done is None:
            self._keeping.undo()
            self._layers.watch_prompts()
        else:
            self._desk.say(done)
        self._refresh_soon()

    def clear(self) -> None:
        """Drop the object being marked, leaving nothing behind."""
        self._keep_when_answered = False
        self.jobs.cancel("predict")
        self._hover.stop()
        planes = {a.plane for a in (self.state.answer,) if a is not None}
        with contextlib.suppress(ViewError):
            planes.add(self._desk.plane())
        if self.state.image is not None:
            for plane in planes:
                self._marking.spend(plane)
        self._marking.remove_own()
        self._asked = None
        self.state.answer = None
        self._preview.hide()
        self.layers_changed.emit()
        self._desk.say("Cleared. Click a cell.")

    # -- find all ---------------------------------------------------------------------------------

    def find_all(self) -> None:
        """Find all cells of the displayed plane."""
        self._finding.start()

    def cancel(self) -> None:
        """Stop what runs: a search, a download, or the reading of the image."""
        self.models.cancel()
        self._keep_when_answered = False
        self.jobs.cancel_all()
        self.state.progress = None
        self._asked = None
        self._desk.say("Stopped.")

    # -- from events to predictions ------------------------------------------------------------

    def view_changed(self, event: Any = None) -> None:
        """The viewer shows another plane, or the image or its marks changed."""
        self._hover.stop()
        self._refresh_soon()

    def pixels_changed(self, event: Any = None) -> None:
        """The image may hold other values now."""
        self._desk.version += 1
        self.view_changed()

    def marks_changed(self, event: Any = None) -> None:
        """A prompt layer was edited; both phases of an edit arrive here."""
        self._refresh_soon()

    def _refresh_soon(self) -> None:
        if self._open:
            self.loop.later("refresh", _SETTLE, self._refresh)

    def _refresh(self) -> None:
        """Read the marks of the displayed plane, and ask the model when they are new."""
        if not self._open:
            return
        state = self.state
        try:
            plane = self._desk.plane()
        except ViewError as error:
            empty = state.image is None
            state.chip = Chip("empty", "no image" if empty else "no slice")
            self._desk.say(str(error), problem=not empty)
            return
        if self.models.missing():
            return
        try:
            marks = self._marking.read(plane)
            if marks.empty:
                self._nothing_marked(plane)
                return
            view = self._desk.view(plane)
            asked = (view, state.model, _signature(marks))
            if self._already(asked):
                if state.answer is not None:
                    self._show(state.answer)
                return
            prompts = self._refined(plane, marks.prompts())
        except NapariSamError as error:
            self.jobs.cancel("predict")
            self._drop_answer()
            self._asked = None
            # A "not this" click before the first click on the cell is no mistake.
            self._desk.say(str(error), problem=not isinstance(error, PromptError))
            return
        self._asked = asked
        self._predict(view, prompts)

    def _already(self, asked: tuple[Any, ...]) -> bool:
        """Whether these very marks were asked about, or are being asked about."""
        if self._asked is None:
            return False
        view, model, marks = asked
        return view.same(self._asked[0]) and (model, marks) == self._asked[1:]

    def _nothing_marked(self, plane: Plane) -> None:
        answer = self.state.answer
        if self._asked is not None and self._asked[0].plane == plane:
            self.jobs.cancel("predict")
            self._asked = None
        if answer is not None and answer.plane == plane:
            self._drop_answer()
        self._read_ahead(plane)

    def _drop_answer(self) -> None:
        if self.state.answer is not None:
            self.state.answer = None
            self._preview.hide()

    def _refined(self, plane: Plane, prompts: tuple[Prompt, ...]) -> tuple[Prompt, ...]:
        """Let a further click refine the candidate that was chosen for the same object."""
        answer = self.state.answer
        if answer is None or len(prompts) != 1 or len(answer.prompts) != 1:
            return prompts
        new, old = prompts[0], answer.prompts[0]
        count = len(old.points)
        grown = (
            answer.plane == plane
            and answer.image is self.state.image
            and 0 < count < len(new.points)
            and np.array_equal(new.points[:count], old.points)
            and np.array_equal(new.labels[:count], old.labels)  # type: ignore[index]
            and np.array_equal(new.boxes, old.boxes)
            and new.mask is None
        )
        if not grown:
            return prompts
        best = answer.found[0]
        choice = min(self.state.choice, len(best) - 1)
        return (
            Prompt(
                new.points,
                new.labels,
                new.boxes,
                logits=best.logits[choice],
                window=best.window,
            ),
        )

    def _predict(self, view: View, prompts: tuple[Prompt, ...]) -> None:
        state, worker = self.state, self.worker
        image, name, device = state.image, state.model, self._device()
        self._hover.covered()
        if not view.same(self._read):
            self.jobs.cancel("read")
            state.chip = Chip("wait", "reading the image")
            self._desk.say("Reading the image; the cell you marked follows.")
        self.jobs.submit(
            "predict",
            lambda progress: worker.predict(name, device, view, prompts, progress),
            lambda predicted: self._answered(image, view, prompts, predicted),
            self._failed,
            self._reading if not view.same(self._read) else lambda fraction: None,
        )

    def _answered(
        self, image: Any, view: View, prompts: tuple[Prompt, ...], predicted: Predicted
    ) -> None:
        self._now_read(view)
        answer = Answer(
            image, view.plane, prompts, predicted.found, predicted.crop, predicted.corner, view
        )
        self.state.choice = 0
        self.state.answer = answer
        self._show(answer)
        if self._keep_when_answered:
            self._keep_when_answered = False
            self.accept()

    def _show(self, answer: Answer) -> None:
        """Show an answer if its plane is displayed; on any other plane it stays out of sight."""
        try:
            shown = self._desk.plane() == answer.plane and answer.image is self.state.image
        except ViewError:
            shown = False
        if not shown:
            return
        choice = self.state.choice
        self._hover.covered()
        self._preview.show(answer.image, answer.plane, answer.masks(choice), outline=False)
        certainty = f"{100 * answer.score(choice):.0f} % sure"
        if len(answer.found) > 1:
            self._desk.say(f"{len(answer.found)} cells, {certainty}. Enter keeps them all.")
        else:
            self._desk.say(
                f"One cell, {certainty}. Enter keeps it; 1, 2, 3 show other outlines; a right "
                "click takes something away."
            )

    def _failed(self, error: Exception) -> None:
        self._keep_when_answered = False
        self._drop_answer()
        self._asked = None
        self.state.chip = Chip("problem", "problem")
        self._desk.fail(error)

    # -- reading ahead -----------------------------------------------------------------------------

    def _read_ahead(self, plane: Plane) -> None:
        """Make the displayed plane ready for clicks while nobody waits for anything else."""
        view = self._desk.view(plane)
        state, worker = self.state, self.worker
        if view.same(self._read):
            self._ready()
            return
        if not self._active or self.jobs.wants("predict") or self.jobs.wants("find"):
            return
        name, device = state.model, self._device()
        state.chip = Chip("wait", "reading the image")
        self._desk.say("Reading the image. You can click a cell already.")
        self.jobs.submit(
            "read",
            lambda progress: worker.encode(name, device, view, progress),
            lambda nothing: self._now_read(view, say=True),
            self._failed,
            self._reading,
        )

    def _reading(self, fraction: float) -> None:
        self.state.chip = Chip("wait", f"reading the image {100 * fraction:.0f} %")
        self.state.progress, self.state.cancellable = fraction, True

    def _now_read(self, view: View, say: bool = False) -> None:
        self._read = view
        self._ready(say)

    def _ready(self, say: bool = True) -> None:
        self.state.chip = Chip("ready", "ready")
        if not self.jobs.wants("find"):
            self.state.progress = None
        if say and self.state.answer is None and self.state.tool == "click":
            self._desk.say("Click a cell. A right click marks what does not belong to it.")

    def _readable(self) -> View | None:
        try:
            view = self._desk.view(self._desk.plane())
        except ViewError:
            return None
        return view if view.same(self._read) else None

    def _idle(self) -> bool:
        answer = self.state.answer
        waiting = any(self.jobs.wants(slot) for slot in ("predict", "read", "find"))
        return self._active and not waiting and (answer is None or not self._displayed(answer))

    def _displayed(self, answer: Answer) -> bool:
        try:
            return self._desk.plane() == answer.plane
        except ViewError:
            return False

    def _accept_key_changed(self, bare: bool) -> None:
        self.state.accept_key = "Return" if bare else "Ctrl+Return"

    # -- the model and the preferences ---------------------------------------------------------

    def _device(self) -> str:
        return self._desk.preferences.read().device

    def _model_changed(self) -> None:
        """Another model was chosen or has arrived; labels and marks stay as they are."""
        self.jobs.cancel_all()
        self._read = self._asked = None
        self._refresh_soon()

    def _preferences_changed(self, event: Any = None) -> None:
        wanted = self._desk.preferences.read()
        self.worker.resize(wanted.cache_megabytes * _MEGABYTE)
        self.state.hover = wanted.hover_preview
        self._refresh_soon()


def _signature(marks: Marks) -> bytes:
    parts = [marks.points.tobytes(), marks.labels.tobytes()]
    parts += [o.kind.encode() + o.vertices.tobytes() for o in marks.outlines]
    parts.append(b"" if marks.mask is None else np.packbits(marks.mask).tobytes())
    return b"|".join(parts)
