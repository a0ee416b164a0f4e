"""The mask under the cursor, before any click."""

from __future__ import annotations

import time
from collections.abc import Callable

from napari_sam.engine.view import View
from napari_sam.engine.worker import Predicted
from napari_sam.errors import NapariSamError
from napari_sam.prompts import Prompt
from napari_sam.ui.canvas.camera import look_at_plane
from napari_sam.ui.canvas.preview import Preview
from napari_sam.ui.layers.planes import cursor_on_plane
from napari_sam.ui.workbench import Workbench

_PAUSE = 20  # milliseconds between two looks at the cursor
_REST = 500  # milliseconds without another outline
_SLOW = 0.25  # seconds after which an outline is where the cursor was
_PATIENCE = 3  # slow outlines, one after the other, until no more are asked for


class Hover:
    """Asks for the mask under the cursor, one request at a time, the newest place winning.

    Parameters
    ----------
    idle : callable
        Tells whether the plane has no marks and nothing more important is being computed.
    readable : callable
        Returns the view whose pixels the model has read and that is displayed, or None.
    rested : callable
        Called when the cursor has come to rest: what gave way to the outlines may go on.
    """

    def __init__(
        self,
        bench: Workbench,
        preview: Preview,
        idle: Callable[[], bool],
        readable: Callable[[], View | None],
        rested: Callable[[], None],
    ) -> None:
        self._bench = bench
        self._preview = preview
        self._idle = idle
        self._readable, self._clock = readable, time.perf_counter
        self._rested = rested
        self._slow, self._insisted = 0, False
        self._left_out: set[str] = set()  # models that take too long
        self._asked: tuple[int, int] | None = None
        self.shown = False

    def moved(self) -> None:
        """Take note that the cursor moved."""
        state = self._bench.state
        wanted = state.hover and state.model not in self._left_out
        if wanted and self._idle() and not self._bench.jobs.wants("hover"):
            self._bench.loop.later("hover", _PAUSE, self._look)

    def insist(self) -> None:
        """Ask slow models as well: a person wants it."""
        self._left_out.clear()
        self._insisted = True

    def stop(self) -> None:
        """Take the outline away."""
        self._bench.jobs.cancel("hover")
        self._asked = None
        if self.shown:
            self.shown = False
            self._preview.hide()

    def covered(self) -> None:
        """The preview shows something else from now on."""
        if self._asked is None and not self.shown:
            return
        self._bench.jobs.cancel("hover")
        self._asked, self.shown = None, False

    def _look(self) -> None:
        bench, state = self._bench, self._bench.state
        view, image = self._readable(), state.image
        if not state.hover or not self._idle() or view is None or image is None:
            self.stop()
            return
        try:
            place = cursor_on_plane(bench.viewer, image, view.plane)
        except NapariSamError:
            place = None
        if place is None:
            self.stop()
            return
        pixel = (round(place[0]), round(place[1]))
        if pixel == self._asked:
            return
        self._asked = pixel
        name, device = state.model, bench.device()
        prompt, worker = Prompt(points=[place]), bench.worker
        look, began = look_at_plane(bench.viewer, image, view.plane), self._clock()
        bench.jobs.submit(
            "hover",
            lambda progress: worker.hover(name, device, view, prompt, look, progress),
            lambda predicted: self._answered(view, predicted, name, self._clock() - began),
            lambda error: None,  # the click that may follow tells what is wrong
        )

    def _answered(
        self, view: View, predicted: Predicted | None, model: str, seconds: float
    ) -> None:
        self._bench.loop.later("rested", _REST, self._rested)
        self._slow = self._slow + 1 if seconds > _SLOW else 0
        if self._slow >= _PATIENCE and not self._insisted:
            self._left_out.add(model)
            self._slow = 0
            self.stop()
        else:
            self._show(view, predicted)

    def _show(self, view: View, predicted: Predicted | None) -> None:
        if predicted is None:
            return  # that place of a large image is read when it is clicked
        now = self._readable()
        image = self._bench.state.image
        if image is None or now is None or not view.same(now) or not self._idle():
            return
        self.shown = True
        self._preview.show(image, view.plane, [predicted.found[0].regions[0]], filled=False)
        self.moved()  # the cursor may have moved on meanwhile
