"""The cell being marked: its marks, what the model proposes, and how a person turns through it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from napari_sam.errors import NapariSamError, ViewError
from napari_sam.images import Plane
from napari_sam.prompts import BACKGROUND, FOREGROUND
from napari_sam.ui.canvas.camera import show_plane
from napari_sam.ui.canvas.clicks import RIGHT
from napari_sam.ui.canvas.preview import Preview
from napari_sam.ui.layers.planes import cursor_on_plane
from napari_sam.ui.layers.shown import same_pixels
from napari_sam.ui.preferences import Preferences
from napari_sam.ui.proposing.marks import MarkLayers
from napari_sam.ui.proposing.predicting import Predicting
from napari_sam.ui.proposing.spent import Spent
from napari_sam.ui.state import Answer
from napari_sam.ui.workbench import NO_IMAGE, Workbench

_LINGER = 10_000  # milliseconds after which our own layers go when they show nothing
_FRAMES = 200  # milliseconds, some frames


class Proposing:
    """What pages share that let a person mark a cell and look at its outlines.

    Parameters
    ----------
    bench : Workbench
    usable : callable
        Tells whether the chosen model is here; says so in the panel if it is not.
    """

    def __init__(self, bench: Workbench, usable: Callable[[], bool]) -> None:
        self._bench = bench
        self.preview = Preview(bench.ours, unused=self.tidy_later)
        self.marks = MarkLayers(bench, self._soon)
        self.predicting = Predicting(bench, self.marks, self.preview, usable)
        self.marks.withdrawn = self.predicting.put_away
        self.hover = self.predicting.hover
        self.follow(bench.preferences.read())
        for role in ("points", "shapes", "mask"):
            getattr(bench.state.events, role).connect(self._roles_changed)

    def _soon(self) -> None:
        self.predicting.soon()

    def _roles_changed(self) -> None:
        self.marks.watch()
        self.predicting.soon()

    # -- marking ----------------------------------------------------------------------------------

    def add_point(self, rowcol: tuple[float, float], label: int) -> None:
        """Mark a pixel of the plane shown."""
        try:
            plane = self._bench.plane()
        except ViewError as error:
            self._bench.fail(error)
            return
        self.hover.covered()
        self.marks.add_point(plane, rowcol, label)
        # A click is a whole mark, nothing more follows: the model is asked before the canvas
        # paints the mark.
        self.predicting.now()
        self.marks.paint()

    def place(self) -> tuple[float, float] | None:
        """Return the pixel under the cursor that a click marks; where there is none, say why."""
        bench = self._bench
        if self.marks.boxes.drawing:
            self.marks.boxes.expect_speck()
        try:
            shown = bench.shown()
        except ViewError as error:
            bench.fail(error)
            return None
        if not shown.image.visible:
            bench.result(
                f"{shown.image.name!r} is hidden. Show it, or choose the image that you see.",
                problem=True,
            )
            return None
        place = cursor_on_plane(bench.viewer, shown.image, shown.plane)
        if place is None:
            bench.result("That was beside the image. Click on a cell.")
        return place

    def said_by(self, button: int) -> int:
        """What a click of a button says; the right one says "not this"."""
        return BACKGROUND if button == RIGHT else self._bench.state.polarity

    def pressed(self, button: int) -> None:
        """Napari's own tool is about to add a point: let the right button say "not this"."""
        points = self.marks.points
        active = self._bench.viewer.layers.selection.active
        if button == RIGHT and points is not None and active is points:
            self.marks.say_next(BACKGROUND)
            self._bench.loop.later("polarity", 0, self.marks.say_next)

    def set_polarity(self, label: int) -> None:
        """Choose what a left click says: 1 this is the object, 0 this is not."""
        self._bench.state.polarity = label
        self.marks.say_next()

    def toggle_polarity(self) -> None:
        """Let a left click say the opposite."""
        this = self._bench.state.polarity == FOREGROUND
        self.set_polarity(BACKGROUND if this else FOREGROUND)

    def set_each_point(self, each: bool) -> None:
        """Let every point mark a cell of its own, or all of them one cell."""
        self._bench.state.each_point = each
        self.predicting.interrupted()
        self.predicting.soon()

    def set_cell_per_click(self, on: bool) -> None:
        """Let each click keep the cell before it, or let it add to that cell."""
        self._bench.state.cell_per_click = on
        self._bench.preferences.remember(cell_per_click=on)

    def draw_boxes(self) -> None:
        """Start drawing boxes in a Shapes layer of our own, or stop it."""
        bench, boxes = self._bench, self.marks.boxes
        if bench.state.image is None:
            bench.say(NO_IMAGE, problem=True)
        elif boxes.drawing:
            boxes.stop()
            bench.result("Dragging moves the view again. Click a cell.")
        else:
            boxes.start()
            bench.result("Drag a box around each cell. Several boxes make several cells.")

    def set_hover(self, on: bool) -> None:
        """Show the mask under the cursor, or not."""
        self._bench.state.hover = on
        self._bench.preferences.remember(hover_preview=on)
        if on:
            self.hover.insist()
        else:
            self.hover.stop()

    def set_look(self, *, filled: bool | None = None, opacity: float | None = None) -> None:
        """Change how proposed cells are drawn: filled or outlined, and how strongly."""
        state = self._bench.state
        if filled is not None:
            state.filled = filled
        if opacity is not None:
            self.preview.opacity = opacity
        if state.answer is not None:
            self.predicting.show(state.answer)
        self.predicting.instead()

    # -- the answer -------------------------------------------------------------------------------

    @property
    def under_way(self) -> bool:
        """Whether an outline is proposed, or being computed."""
        return self._bench.state.answer is not None or self._bench.jobs.wants("predict")

    def choose(self, choice: int) -> None:
        """Show another candidate."""
        self.predicting.choose(choice)

    def next(self) -> None:
        """Show the candidate after this one."""
        answer = self._bench.state.answer
        if answer is not None:
            self.choose((self._bench.state.choice + 1) % answer.choices)

    def ready(self, keep: Callable[[], None]) -> Answer | None:
        """Return the answer that can be kept now; else say why there is none.

        Parameters
        ----------
        keep : callable
            Called once more when the answer that is still being computed arrives.
        """
        bench, predicting = self._bench, self.predicting
        answer = bench.state.answer
        if answer is not None and not same_pixels(bench.state.image, answer.view):
            predicting.forget()
            predicting.soon()
            bench.result("The image has changed: look at the new mask first.", problem=True)
            return None
        predicting.settled()
        if predicting.when_answered(keep):
            bench.say("The mask is being computed and will be kept as soon as it is there.")
            return None
        answer = bench.state.answer
        if answer is None and not bench.state.problem:
            bench.result("There is nothing to keep yet. Click a cell first.")
        return answer

    def kept(self) -> None:
        """The answer has become an object: go on to the next cell."""
        self.predicting.forget()
        if not self.predicting.instead():
            self.preview.hide()
        self.predicting.soon()

    def undo_mark(self) -> Spent | None:
        """Take back the last mark of the plane shown, and return it; None when there is none."""
        self.predicting.interrupted()
        done = None
        with contextlib.suppress(NapariSamError):
            done = self.marks.undo(self._bench.plane())
        if done is None:
            return None
        self._bench.say(done[0])
        self.predicting.soon()
        self.tidy_later()
        return done[1]

    def show_plane(self, plane: Plane) -> None:
        """Show a plane of the image, unless it is shown."""
        image = self._bench.state.image
        if image is not None and self._bench.plane_or_none() != plane:
            show_plane(self._bench.viewer, image, plane)

    def mark_again(self, spent: Spent) -> None:
        """Make a mark again that was taken back."""
        self.predicting.interrupted()
        self._bench.say("Marked again.")
        self.marks.restore(spent)
        self.predicting.now()

    def clear(self) -> None:
        """Drop the object being marked, leaving nothing behind."""
        bench = self._bench
        planes = {bench.state.answer.plane} if bench.state.answer is not None else set()
        with contextlib.suppress(ViewError):
            planes.add(bench.plane())
        if bench.state.image is not None:
            for plane in planes:
                self.marks.spend(plane)
        self.marks.told(False)
        self.predicting.forget()
        self.hover.stop()
        self.tidy_later()
        bench.result("Cleared. Click a cell.")

    # -- life -------------------------------------------------------------------------------------

    def view_changed(self) -> None:
        """Another plane is shown, or the image is shown differently."""
        self.hover.stop()

    def image_changed(self) -> None:
        """Another image was chosen: marks and answers are about the one before."""
        self.predicting.forget_all()
        self.preview.hide()
        self.marks.remove_own()

    def follow(self, wanted: Preferences) -> None:
        """Do as the preferences say."""
        self._bench.state.hover = wanted.hover_preview
        self._bench.state.cell_per_click = wanted.cell_per_click

    def layer_removed(self, layer: Any) -> None:
        """A layer went, maybe one of ours."""
        self.marks.layer_removed(layer)
        if layer is self.preview.layer:
            self.preview.remove()

    def tidy_later(self) -> None:
        """Preview and marks stay for the next cell: napari is slow to make and remove layers."""
        self._bench.loop.later("tidy", _LINGER, self._tidy)

    def _tidy(self) -> None:
        """Take our own layers away if they were not needed again; boxes were asked for, and stay.

        One after the other, for Mesa's software renderer crashes when a Points and a Labels layer
        go in the same frame.
        """
        if self.preview.hidden:
            self.preview.remove()
            self._bench.loop.later("tidy", _FRAMES, self._tidy)
            return
        self.marks.remove_unused_points()

    def close(self) -> None:
        """Take away whatever is ours."""
        self.predicting.forget_all()
        self.preview.remove()
        self.marks.close()
