"""The controller: a person's intents in, state out. One session per panel, nothing shared.

Works with `napari.components.ViewerModel` and a `ManualLoop` as well as with a window.
"""

from __future__ import annotations

import contextlib
from typing import Any

from psygnal import Signal

from napari_sam.engine.catalogue import Catalogue
from napari_sam.engine.jobs import Jobs, Loop
from napari_sam.engine.worker import Loader, Worker
from napari_sam.errors import NapariSamError, ViewError
from napari_sam.images import Plane
from napari_sam.prompts import BACKGROUND, FOREGROUND
from napari_sam.segmentation import Overlap
from napari_sam.ui.canvas.clicks import RIGHT, Clicks
from napari_sam.ui.canvas.keys import Keys
from napari_sam.ui.canvas.preview import Preview
from napari_sam.ui.disk_cache import DiskCache
from napari_sam.ui.labels_layer.accepting import Accepting
from napari_sam.ui.labels_layer.documents import Documents
from napari_sam.ui.layer_choice import LayerChoice
from napari_sam.ui.layers import own_layers
from napari_sam.ui.layers.planes import cursor_on_plane
from napari_sam.ui.loops import QtLoop
from napari_sam.ui.model_choice import ModelChoice
from napari_sam.ui.preferences import PreferenceStore
from napari_sam.ui.proposing import read_ahead
from napari_sam.ui.proposing.marks import MarkLayers
from napari_sam.ui.proposing.predicting import Predicting
from napari_sam.ui.state import State, Tool
from napari_sam.ui.tools.find import Finding
from napari_sam.ui.tools.review import Review
from napari_sam.ui.workbench import Workbench

_MEGABYTE = 1_000_000
_LINGER = 10_000  # milliseconds after which our own layers go when they show nothing
_FRAMES = 200  # milliseconds, some frames


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
            ("predict", "find", "hover", "read", read_ahead.SLOT),
            name="napari-sam model",
            gives_way=read_ahead.SLOT,
            threaded=threaded,
        )
        worker = Worker(load_model or catalogue.loader(), wanted.cache_megabytes * _MEGABYTE)
        self._bench = Workbench(viewer, self.state, self.loop, self.jobs, worker, preferences)
        self.models = ModelChoice(self._bench, catalogue, self._model_changed, threaded)
        self.disk_cache = DiskCache(self._bench)
        self._marks = MarkLayers(self._bench)
        self._preview = Preview(viewer, unused=self._tidy_later)
        self._predicting = Predicting(self._bench, self._marks, self._preview, self.models.usable)
        self._documents = Documents(self._bench, self._labels_changed, threaded)
        self._accepting = Accepting(self._bench, self._marks, self._documents)
        self.layers_changed.connect(self._documents.layers_changed)
        self.layers_changed.connect(self._documents.look)
        self.finding = Finding(
            self._bench,
            self._documents,
            self.models.usable,
            self._predicting.soon,
            threaded,
        )
        self.review = Review(self._bench, self._marks, self, self._documents, threaded)
        self.layers_changed.connect(self.review.layers_changed)
        self._layers = LayerChoice(self._bench, self._marks, self._preview, self)
        self._clicks = Clicks(
            viewer, self._clicked, self._predicting.hover.moved, lambda: self._marks.drawing
        )
        self._keys = Keys(viewer, self._actions(), self.is_ours, self._accept_key_changed)
        self._shown: Plane | None = None
        self._active = False
        self._open = True
        preferences.connect(self._preferences_changed)
        self._layers.connect()

    def _actions(self) -> dict[str, Any]:
        return {
            "Enter": self.accept,
            "Control-Enter": self.accept,
            "Escape": self.clear,
            "Control-Z": self._undo_key,
            "N": self.next_candidate,
            "T": self.toggle_polarity,
            "1": lambda: self.choose_candidate(0),
            "2": lambda: self.choose_candidate(1),
            "3": lambda: self.choose_candidate(2),
        }

    # -- life ---------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        return self._open

    def set_active(self, active: bool) -> None:
        """Listen to mouse and keys, or not: a panel that is not visible must not act."""
        self._active = self._predicting.active = active and self._open
        self._shown = self._displayed()
        on = self._active and self.state.tool == "click"
        (self._clicks.turn_on if on else self._clicks.turn_off)()
        (self._keys.turn_on if on else self._keys.turn_off)()
        self.review.set_active(self._active and self.state.tool == "review")
        if not on:
            self._predicting.hover.stop()
        if self._active:
            self._predicting.soon()

    def close(self) -> None:
        """Give back every callback, key, layer and thread; calling it twice does nothing."""
        if not self._open:
            return
        self.set_active(False)
        self.finding.finish()
        self.review.close()
        self._documents.close()
        self._open = False
        self._bench.preferences.disconnect(self._preferences_changed)
        self._layers.disconnect()
        self.models.close()
        self.finding.close()
        self.jobs.close()
        self.loop.stop()
        self._bench.worker.forget()
        self._preview.remove()
        self._marks.remove_own()
        self._accepting.forget()
        self.state.answer = None
        self.closed.emit()
        for name in self.state.events:
            self.state.events[name].disconnect()
        self.layers_changed.disconnect()
        self.closed.disconnect()

    def is_ours(self, layer: Any) -> bool:
        """Tell whether the plugin made a layer for itself: preview, or its own marks."""
        return self._layers.is_ours(layer) or self.review.is_ours(layer)

    # -- what the person chooses ----------------------------------------------------------------

    def choose(self, role: str, layer: Any) -> None:
        """Choose a layer for a role: image, points, shapes, mask, target or merge."""
        if getattr(self.state, role) is layer:
            return
        if role == "image":
            self._layers.watch_image(layer)
            self._predicting.forget()
            self._marks.remove_own()
        setattr(self.state, role, layer)
        if role == "image":
            # What was told of the image before is not true of this one.
            self.state.found_count = self.state.estimated = None
            self._layers.drop_misfits()
        self._layers.watch_prompts()
        self._predicting.soon()

    def draw_boxes(self) -> None:
        """Start drawing boxes in a Shapes layer of our own, or stop it."""
        if self.state.image is None:
            self._bench.say("Open an image first.", problem=True)
            return
        if self._marks.drawing:
            self._marks.stop_drawing()
            self._bench.result("Dragging moves the view again. Click a cell.")
            return
        self.state.shapes = self._marks.draw_boxes()
        self._layers.watch_prompts()
        self.layers_changed.emit()
        self.drawing_changed()
        self._bench.result("Drag a box around each cell. Several boxes make several cells.")

    def drawing_changed(self, event: Any = None) -> None:
        """Another layer is active, or another tool of it."""
        self.state.drawing = self._marks.drawing

    def set_tool(self, tool: Tool) -> None:
        """Change between clicking cells, finding all, and reviewing."""
        if self.state.tool == "find":
            self.finding.finish()
        if tool != "click":
            self._marks.stop_drawing()
        self.state.tool = tool
        self.set_active(self._active)
        if tool == "find":
            self._bench.result("Press the button to start the search.")

    def set_polarity(self, label: int) -> None:
        """Choose what a left click says: 1 this is the object, 0 this is not."""
        self.state.polarity = label
        if self._marks.own_points is not None:
            own_layers.set_defaults(self._marks.own_points, label)

    def toggle_polarity(self) -> None:
        self.set_polarity(BACKGROUND if self.state.polarity == FOREGROUND else FOREGROUND)

    def set_overlap(self, overlap: Overlap) -> None:
        self.state.overlap = overlap

    def set_hover(self, on: bool) -> None:
        """Show the mask under the cursor, or not."""
        self.state.hover = on
        self._bench.preferences.remember(hover_preview=on)
        if not on:
            self._predicting.hover.stop()

    # -- marks, candidates, and what becomes of them ----------------------------------------------

    def add_point(self, rowcol: tuple[float, float], label: int) -> None:
        """Mark a pixel of the displayed plane."""
        try:
            plane = self._bench.plane()
        except ViewError as error:
            self._bench.fail(error)
            return
        self._predicting.hover.covered()
        self._marks.add_point(plane, rowcol, label)
        self._layers.watch_prompts()
        # A click is a whole mark, nothing more follows: the model is asked before the canvas
        # paints the mark.
        self._predicting.now()
        self._marks.paint()

    def _clicked(self, button: int) -> None:
        if self._marks.drawing:
            self._marks.expect_speck()
        try:
            plane = self._bench.plane()
        except ViewError as error:
            self._bench.fail(error)
            return
        assert self.state.image is not None
        place = cursor_on_plane(self.viewer, self.state.image, plane)
        if place is None:
            self._bench.result("That was beside the image. Click on a cell.")
            return
        self.add_point(place, BACKGROUND if button == RIGHT else self.state.polarity)

    def choose_candidate(self, choice: int) -> None:
        """Show another candidate."""
        answer = self.state.answer
        if answer is not None and 0 <= choice < answer.choices:
            self.state.choice = choice
            self._predicting.show(answer)

    def next_candidate(self) -> None:
        if self.state.answer is not None:
            self.choose_candidate((self.state.choice + 1) % self.state.answer.choices)

    def accept(self) -> None:
        """Keep the chosen candidate; waits for it when it is still being computed."""
        answer = self.state.answer
        if answer is not None and not self._bench.same_pixels(answer.view):
            self._predicting.forget()
            self._predicting.soon()
            self._bench.result("The image has changed: look at the new mask first.", problem=True)
            return
        self._predicting.now()
        if self._predicting.when_answered(self.accept):
            self._bench.say("The mask is being computed and will be kept as soon as it is there.")
            return
        answer = self.state.answer
        if answer is None:
            if not self.state.problem:
                self._bench.result("There is nothing to keep yet. Click a cell first.")
            return
        correcting = self.review.state.correcting is not None
        ids = self.review.replace(answer) if correcting else self._accepting.accept(answer)
        if ids:
            self.review.accepted(ids)
            self._predicting.forget()
            self._preview.hide()
            self._layers.watch_prompts()
            self.layers_changed.emit()
            self._predicting.soon()

    def undo(self) -> None:
        """Take back the last mark of the displayed plane, else the last kept object."""
        if self.undo_mark():
            return
        self._accepting.undo()
        self._layers.watch_prompts()
        self._predicting.soon()

    def _labels_changed(self) -> None:
        """Labels were changed in a way that no page asked for: by napari's own tools."""
        self.review.refresh()

    def undo_mark(self) -> bool:
        """Take back the last mark of the displayed plane; False when there is none."""
        self._predicting.interrupted()
        done = None
        with contextlib.suppress(NapariSamError):
            done = self._marks.undo(self._bench.plane())
        if done is not None:
            self._bench.say(done)
            self._predicting.soon()
            self._tidy_later()
        return done is not None

    def _undo_key(self) -> None:
        """The undo key belongs to the active labels as well, once no mark is left."""
        active = self.viewer.layers.selection.active
        if hasattr(active, "undo") and not self._accepting.last_in(active):
            if not self.undo_mark():
                active.undo()
            return
        self.undo()

    def clear(self) -> None:
        """Drop the object being marked, leaving nothing behind."""
        planes = {self.state.answer.plane} if self.state.answer is not None else set()
        with contextlib.suppress(ViewError):
            planes.add(self._bench.plane())
        if self.state.image is not None:
            for plane in planes:
                self._marks.spend(plane)
        self.state.marked = False
        self._predicting.forget()
        self._predicting.hover.stop()
        self._tidy_later()
        self._bench.result("Cleared. Click a cell.")

    def _tidy_later(self) -> None:
        """Preview and marks stay for the next cell: napari is slow to make and remove layers."""
        self.loop.later("tidy", _LINGER, self._tidy)

    def _tidy(self) -> None:
        """Take our own layers away if they were not needed again; boxes were asked for, and stay.

        One after the other, for Mesa's software renderer crashes when a Points and a Labels layer
        go in the same frame.
        """
        if self._preview.hidden:
            self._preview.remove()
            self.loop.later("tidy", _FRAMES, self._tidy)
            return
        self._marks.remove_unused_points()

    # -- find all, and stopping -------------------------------------------------------------------

    def find_all(self) -> None:
        """Find all objects where the person wants them searched."""
        self.finding.start()

    def cancel(self) -> None:
        """Stop what runs: a search, a download, or the reading of the image."""
        self.models.cancel()
        self._predicting.cancelled()
        self.review.cancel()
        self.jobs.cancel_all()
        self.state.progress = None
        self._bench.result(self.finding.cancelled())

    # -- what happens in the viewer ----------------------------------------------------------------

    def view_changed(self, event: Any = None) -> None:
        """The viewer shows another plane, or shows the image differently."""
        self._predicting.hover.stop()
        shown = self._displayed()
        if shown != self._shown:  # adding a layer makes napari announce an unchanged position
            self._shown = shown
            self._bench.release()
            self.finding.show_count()
            self.review.view_changed()
        self._predicting.soon()

    def _displayed(self) -> Plane | None:
        try:
            return self._bench.plane()
        except ViewError:
            return None

    def pixels_changed(self, event: Any = None) -> None:
        """The image may hold other values now."""
        self._bench.version += 1
        self._predicting.soon()

    def marks_changed(self, event: Any = None) -> None:
        """A prompt layer was edited; both phases of an edit arrive here."""
        self._predicting.soon()

    def _accept_key_changed(self, bare: bool) -> None:
        self.state.accept_key = "Enter" if bare else "Ctrl+Enter"

    def _model_changed(self) -> None:
        """Another model was chosen or has arrived; labels and marks stay as they are."""
        self.jobs.cancel_all()
        self.finding.forget()
        self.state.progress = None
        self._predicting.forget()
        self._predicting.encoding.forget()
        self._bench.release()
        self._predicting.soon()

    def _preferences_changed(self, event: Any = None) -> None:
        wanted = self._bench.preferences.read()
        self._bench.worker.resize(wanted.cache_megabytes * _MEGABYTE)
        self.disk_cache.follow(wanted)
        self.state.hover = wanted.hover_preview
        self._predicting.soon()
