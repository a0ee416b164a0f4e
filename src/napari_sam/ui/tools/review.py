"""Review: correct found cells, decide about each, and see what is doubtful."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from napari_sam.errors import NapariSamError
from napari_sam.ui.canvas.gestures import ReviewAction
from napari_sam.ui.canvas.keys import Action
from napari_sam.ui.labels_layer.editing import Editing
from napari_sam.ui.state import Advice
from napari_sam.ui.tools.pens import Pens
from napari_sam.ui.tools.review_advice import SHEET, advice
from napari_sam.ui.tools.review_appearance import Appearance
from napari_sam.ui.tools.review_brush import ReviewHand
from napari_sam.ui.tools.review_classes import ReviewClasses
from napari_sam.ui.tools.review_many import Many
from napari_sam.ui.tools.review_mouse import ReviewMouse
from napari_sam.ui.tools.review_plane import ReviewedPlane, fitting_labels
from napari_sam.ui.tools.review_proposals import ReviewProposals
from napari_sam.ui.tools.review_queue import Queue
from napari_sam.ui.tools.review_region import ReviewRegion
from napari_sam.ui.tools.review_state import Limits, ReviewState
from napari_sam.ui.tools.review_through import ReviewThrough
from napari_sam.ui.tools.tool import Parts, Tool

if TYPE_CHECKING:
    from napari.layers import Labels


class Review(Tool):
    """Objects of one Labels layer: looked at, corrected, accepted or rejected, one by one."""

    name: ClassVar[str] = "review"
    colours: ClassVar[bool] = True
    title: ClassVar[str] = "Review"
    tip: ClassVar[str] = "Correct found cells, and decide about the doubtful ones."
    advice: ClassVar[Advice] = Advice(others="N shows another outline")
    sheet: ClassVar[tuple[tuple[str, str], ...]] = SHEET

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        bench = parts.bench
        self.state = ReviewState()
        self.proposals = ReviewProposals(bench, parts.proposal, self.state)
        self._appearance = Appearance(bench, self.state)
        self.plane = ReviewedPlane(parts, self.state, self._appearance, self._look)
        self._queue = Queue(bench, self.state, self._appearance, self.plane, self.select)
        self.through = ReviewThrough(parts, self)
        self.pens = Pens(parts, ReviewHand(bench, self._appearance, self))
        self.mouse: ReviewMouse = ReviewMouse(
            bench, self._appearance, self, self.through, self.pens
        )
        self.many = Many(bench, self, self.mouse, parts.documents.slowly)
        self.region = ReviewRegion(bench, parts.region, self._appearance, self, self.many)
        self.classes = ReviewClasses(bench, self._appearance, self)

    def keys(self) -> dict[str, Action]:
        return {
            "Enter": self.accept,
            "Delete": self.reject,
            "Backspace": self.reject,
            "N": self._next_outline_or_object,
            "P": self.previous,
            "C": self.correct,
            "A": self.add,
            "Escape": self.escape,
            "L": self.draw_region,
            "Shift-Delete": self.region.delete,
            **self.classes.keys(),
            **self.pens.brush_keys(),
            "Control-Z": self.undo,
            "Control-Shift-Z": self.redo,
        }

    # -- life -------------------------------------------------------------------------------------

    def activate(self) -> None:
        self._choose_default()
        self._look()

    def deactivate(self) -> None:
        self.parts.region.stop()
        self.plane.measuring.end()
        self.through.forget()
        self.proposals.stop_correcting()
        self._appearance.unring()
        self._appearance.restore()

    def cancel(self) -> str:
        """Stop following, and measuring until the page or the slice is looked at again."""
        self.plane.measuring.cancel()
        return self.through.following.stop()

    def run_next(self) -> bool:
        return self.plane.measuring.jobs.run_next() or self.parts.lines.jobs.run_next()

    def close(self) -> None:
        self.plane.measuring.close()
        self.state.events.disconnect()

    def choose(self, layer: Labels | None) -> None:
        """Choose the labels to review."""
        if layer is self.state.labels:
            return
        self._take(layer)
        if self.shown:
            self.advise()

    def _take(self, layer: Labels | None) -> None:
        self.through.forget()
        self.proposals.stop_correcting()
        self._appearance.restore()
        self._appearance.limits.clear()
        self.state.labels, self.state.selected = layer, None
        if layer is not None:
            self.bench.choose("target", layer)  # cells that are added go there
        self.refresh()

    def _choose_default(self) -> None:
        """Take the labels that were found or kept last, if they lie on the image."""
        layer = fitting_labels(self.bench, self.state.labels)
        if layer is not self.state.labels:
            self._take(layer)

    def layers_changed(self) -> None:
        self.region.layers_changed()
        layers = self.bench.viewer.layers
        gone = self.state.labels is not None and self.state.labels not in layers
        if gone:
            self._take(None)
        if self.shown and self.state.labels is None:
            self._choose_default()
            if gone or self.state.labels is not None:
                self.advise()

    def image_changed(self) -> None:
        self.pens.brush.forget()
        if self.shown:
            self._look()

    def model_changed(self) -> None:
        self.through.following.model_changed()

    def view_changed(self) -> None:
        """Another slice, or another way to look at it."""
        if self.shown:
            self.proposals.stop_correcting()
            self.mouse.forget()
            self._choose_default()
            self._look()

    # -- what is seen -----------------------------------------------------------------------------

    def refresh(self) -> None:
        """Look at the displayed plane anew."""
        if self.shown:
            self.plane.look()

    def _look(self) -> None:
        """Look at the displayed plane anew, and say what to do."""
        self.refresh()
        self.advise()

    def set_limits(self, column: str, limits: Limits | None) -> None:
        """Hide objects outside some limits; None shows them again. Only the view changes."""
        if limits is None:
            self._appearance.limits.pop(column, None)
        else:
            self._appearance.limits[column] = limits
        if self.shown:
            self._appearance.colour()
            if self.state.selected in self._appearance.hidden:
                self.select(None)

    def set_coloured(self, on: bool) -> None:
        """Colour objects by their score, or as the person had them."""
        self.state.coloured = on
        if self.shown:
            self._appearance.colour()

    # -- choosing an object, and deciding about it ------------------------------------------------

    def select(self, object_id: int | None) -> None:
        """Take an object of the displayed plane in hand."""
        if object_id != self.state.correcting:
            self.proposals.stop_correcting()
        self.mouse.forget()
        self.state.selected = object_id
        self.plane.ring()

    def go_to(self, object_id: int) -> None:
        """Show an object wherever it is, and take it in hand."""
        if self._try(lambda editing: self._queue.go_to(object_id)):
            self.advise()

    def next(self) -> None:
        """Go to the next open object, the least certain first."""
        self._try(lambda editing: self._queue.step(1))

    def labels_changed(self) -> None:
        empty = self.plane.is_empty()
        self.refresh()
        if self.shown and empty and not self.plane.is_empty():
            self.advise()  # it said that there are no cells

    def _next_outline_or_object(self) -> None:
        """As on the Click page, the key turns through the outlines while some are proposed."""
        if not self.proposals.next():
            self.next()

    def previous(self) -> None:
        """Go back to the open object before."""
        self._try(lambda editing: self._queue.step(-1))

    def accept(self) -> None:
        """Keep the proposed outline; else accept the object in hand and go on."""
        selected = self.state.selected
        if self.proposals.wanted:
            self._keep()
        elif selected is None:
            self.next()
        else:
            self._decide(selected, lambda editing: editing.accept([selected]))

    def reject(self) -> None:
        """Delete the object in hand, and go on if it was being reviewed."""
        selected = self.state.selected
        if selected is None:
            self.bench.result("Click a cell first, then Delete removes it.")
        else:
            self._decide(selected, lambda editing: editing.delete([selected]))

    def _decide(self, selected: int, edit: Callable[[Editing], str]) -> None:
        order: list[int] = []
        self._try(lambda editing: order.extend(self._queue.order()))
        if self.edit(edit) and selected in order:
            self._try(lambda editing: self._queue.go_on(selected, order.index(selected)))

    def remove_hidden(self) -> None:
        """Delete what the sliders hide, in one step."""
        self.many.delete([int(i) for i in self._appearance.hidden])

    def accept_shown(self) -> None:
        """Accept what the sliders leave and is still open, in one step."""
        still_open = self.state.objects.still_open
        self.many.accept([i for i in still_open if i not in self._appearance.hidden])

    def edit(self, edit: Callable[[Editing], str], then_select: int | None = None) -> bool:
        """Make an edit and tell of it; whatever cannot be done changes nothing."""
        self.mouse.forget()
        if not self._try(lambda editing: self.bench.result(edit(editing))):
            return False
        self.refresh()
        if then_select in self.state.objects.ids:
            self.select(then_select)
        return True

    def _try(self, what: Callable[[Editing], Any]) -> bool:
        try:
            what(self.plane.editing())
        except NapariSamError as error:
            self.bench.fail(error)
            return False
        return True

    # -- taking back ------------------------------------------------------------------------------

    def undo(self) -> None:
        """Take the last stroke or mark back, else the last step."""
        if not (self.pens.brush.undo() or self.parts.proposal.undo_mark()):
            self.many.undo()

    def redo(self) -> None:
        """Do again what was taken back last."""
        self.many.redo()

    # -- adding and correcting by prompts ---------------------------------------------------------

    def set_action(self, action: ReviewAction) -> None:
        """Choose what a click does."""
        if action != self.state.action:
            self.proposals.drop()
        self.through.forget()
        self.pens.put_down()
        self.state.action = action
        self.mouse.forget()
        self.plane.ring()
        self.advise()

    def draw_region(self) -> None:
        """Let a drag draw around cells, or stop it."""
        if not self.parts.region.drawing:
            self.set_action("select")  # other drags draw lines
        self.parts.region.toggle()

    def add(self) -> None:
        """Let clicks add cells, or stop it."""
        self.set_action("select" if self.state.action == "add" else "add")

    def correct(self) -> None:
        """Hand the object in hand to the model: clicks refine its outline."""
        selected = self.state.selected
        if selected is None:
            self.bench.result("Click the cell to correct first.")
            return
        if self._try(lambda editing: self.proposals.correct(editing, selected)):
            self.advise()

    def _keep(self) -> None:
        """Keep the proposed outline: as a new object, or as that of the one being corrected."""
        answer = self.parts.proposal.ready(self.accept)
        if answer is None:
            return
        if self.state.correcting is not None:
            if not self.edit(lambda editing: self.proposals.put(editing, answer)):
                return
            self.proposals.spend(answer)
        else:
            made = self.parts.accepting.accept(answer)
            if not made:
                return
            self._added(made)
        self.parts.proposal.kept()

    def _added(self, ids: tuple[int, ...]) -> None:
        """Cells were added that a person has looked at; a single one is in hand now."""
        self.refresh()
        if len(ids) == 1 and ids[0] in self.state.objects.ids:
            self.select(ids[0])

    def escape(self) -> None:
        """Drop the proposal, else the pen, what waits for another click, or the selection."""
        if self.proposals.wanted:
            self.proposals.drop()
        elif self.bench.state.pen:
            self.pens.put_down()
        elif not (self.through.forget() or self.mouse.forget()):
            self.select(None)
        self.plane.ring()
        self.advise()

    def advise(self) -> None:
        """Say what to do next."""
        tell = self.bench.first if self.state.labels is None else self.bench.result
        tell(*advice(self.state, self.plane.why_not(), self.plane.is_empty()))
