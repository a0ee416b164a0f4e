"""Click: mark a cell, look at its outlines, keep one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from napari_sam.labels.change import Change
from napari_sam.prompts import FOREGROUND
from napari_sam.segmentation import Overlap
from napari_sam.ui.canvas.clicks import Clicks
from napari_sam.ui.canvas.drags import Place
from napari_sam.ui.canvas.keys import Action
from napari_sam.ui.labels_layer.undone import TakenBack
from napari_sam.ui.proposing.spent import Spent
from napari_sam.ui.state import Advice, Answer
from napari_sam.ui.tools.again import Again
from napari_sam.ui.tools.click_by_click import ClickByClick
from napari_sam.ui.tools.kept_in_hand import KeptInHand
from napari_sam.ui.tools.pens import Pens
from napari_sam.ui.tools.through import Through
from napari_sam.ui.tools.tool import Parts, Tool


class Click(Tool):
    """One cell after the other, by clicks, boxes and layers of the person's own."""

    name: ClassVar[str] = "click"
    title: ClassVar[str] = "Click"
    tip: ClassVar[str] = "Mark cells one by one."
    advice: ClassVar[Advice] = Advice(
        "Reading the image. You can click a cell already.",
        "Click a cell. A right click marks what does not belong to it.",
        "{keys} show other outlines",
    )

    sheet: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Click", "mark the cell; in a kept cell: take it in hand"),
        ("Right click", "not this"),
        ("Shift + click", "keep the cell and mark the next one (or the other way round)"),
        ("Enter", "keep the cell"),
        ("Ctrl+Enter", "the same while a layer is drawn on"),
        ("N", "next outline"),
        ("1  2  3", "first, second, third outline"),
        ("Ctrl+Z", "take the last mark back, else the last kept cell"),
        ("Ctrl+Shift+Z", "do again what was taken back"),
        ("Esc", "drop the marks"),
        ("Delete  Backspace", "delete the kept cell in hand"),
        ("T", "a left click says: this, or not this"),
        ("R", "boxes: drag one around each cell"),
        ("L", "lasso: drag an outline around the cell"),
        ("S", "scribble: drag a line along the cell; with the right button: not this"),
        ("B", "brush: paint on the cell in hand; with the right button: erase"),
        ("E", "eraser: the other way round"),
        ("[  ]", "smaller, larger brush"),
        ("D", "through slices: the least certain slice"),
        ("Q", "through slices: the cell is not here"),
    )

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        proposal = self.proposal = parts.proposal
        self.through = Through(parts)
        self.hand = KeptInHand(parts)
        self.again = Again(parts)
        self.undone = parts.accepting.undone
        self.by_click = ClickByClick(self.bench, proposal, self._keep)
        self.pens = Pens(parts, self.hand, self.through, self._draw)
        self.mouse = Clicks(
            self.bench.viewer,
            self._clicked,
            self._moved,
            lambda: proposal.marks.boxes.drawing,
            proposal.pressed,
            self._shifted,
        )
        self.bench.state.events.target.connect(self.labels_changed)
        self.through.state.events.on.connect(self.hand.put_down)

    def keys(self) -> dict[str, Action]:
        proposal = self.proposal
        return {
            "Enter": self.accept,
            "Control-Enter": self.accept,
            "Escape": self.clear,
            "Control-Z": self._undo_key,
            "Control-Shift-Z": self._redo_key,
            "N": proposal.next,
            "T": proposal.toggle_polarity,
            "1": lambda: proposal.choose(0),
            "2": lambda: proposal.choose(1),
            "3": lambda: proposal.choose(2),
            "Delete": self.hand.delete,
            "Backspace": self.hand.delete,
            "R": self.draw_boxes,
            "L": lambda: self.pens.choose("lasso"),
            "S": lambda: self.pens.choose("scribble"),
            **self.pens.brush_keys(),
            "D": self.through.next_doubtful,
            "Q": self.through.not_here,
        }

    def draw_boxes(self) -> None:
        """Let drags draw boxes, or stop it."""
        self.pens.put_down()
        self.proposal.draw_boxes()

    def activate(self) -> None:
        self.pens.turn_on()
        self.through.set_visible(True)

    def deactivate(self) -> None:
        self.pens.turn_off()
        self.by_click.drop()
        self.hand.put_down()
        self.through.set_visible(False)
        self.proposal.marks.boxes.stop()
        self.proposal.hover.stop()

    def view_changed(self) -> None:
        self.hand.put_down()
        self.through.view_changed()

    def image_changed(self) -> None:
        self.by_click.drop()
        self.pens.brush.forget()
        self.hand.put_down()
        self.undone.forget_marks()
        self.through.image_changed()

    def model_changed(self) -> None:
        self.by_click.drop()
        self.through.model_changed()

    def cancel(self) -> str:
        self.by_click.drop()
        return self.through.stop()

    def close(self) -> None:
        self.pens.close()
        self.through.close()

    def layers_changed(self) -> None:
        self.through.layers_changed()
        self.parts.documents.look()
        self.undone.look()
        self.labels_changed()

    def _clicked(self, button: int) -> None:
        self._take_click(button, self.bench.state.cell_per_click)

    def _shifted(self, button: int) -> None:
        """With Shift a click does what it does not without."""
        self._take_click(button, not self.bench.state.cell_per_click)

    def _take_click(self, button: int, next_cell: bool) -> None:
        if self.pens.dabs:
            return
        place = self.proposal.place()
        if place is not None:
            label = self.proposal.said_by(button)
            next_cell = next_cell and label == FOREGROUND and not self.through.state.on
            self.undone.forget()
            self.by_click.join(lambda: self._mark(place, label), next_cell)
        self.parts.acted()

    def _mark(self, place: Place, label: int) -> None:
        """Mark a pixel, or take the kept cell in hand that is there, if none is being marked."""
        if not self._taken(place, label):
            self.proposal.add_point(place, label)

    def _draw(self, place: Place, label: int, add: Callable[[], None]) -> None:
        """Take a line or an outline; the kept cell that is there is drawn anew by it."""

        def mark() -> None:
            self._taken(place, label)
            add()
            self.proposal.predicting.now()  # a line is a whole mark: nothing more follows

        self.undone.forget()
        next_cell = self.bench.state.cell_per_click and label == FOREGROUND
        self.by_click.join(mark, next_cell and not self.through.state.on)
        self.parts.acted()

    def _taken(self, place: Place, label: int) -> bool:
        """Whether a mark takes a kept cell in hand; one that it is not about is put down."""
        state, hand = self.bench.state, self.hand
        if label != FOREGROUND or self.through.state.on:
            return False
        if hand.number and not state.marked and not hand.concerns(place):
            hand.put_down()
        if state.marked or self.proposal.under_way or hand.concerns(place):
            return False
        # Labels that may be overwritten are in nobody's way: they are clicked through.
        return state.overlap == "keep" and hand.take(place)

    def _moved(self) -> None:
        """What is followed is shown already: no outline under the cursor then."""
        if not self.through.covers and not self.pens.dabs:
            self.proposal.hover.moved()

    def set_overlap(self, overlap: Overlap) -> None:
        """Choose what happens where a kept cell meets labels."""
        self.bench.state.overlap = overlap

    def accept(self) -> None:
        """Keep the chosen candidate; waits for it when it is still being computed."""
        if self.through.keep():
            self.bench.loop.later("kept", 0, self.labels_changed)
            return
        if self.hand.number and not self.bench.state.marked:
            self.hand.put_down()
            self.bench.result("The cell stays as it is. Click the next cell.")
            return
        if self.by_click.waits:
            self.bench.say("The last click becomes a cell first.")
            return
        answer = self.proposal.ready(self.accept)
        if answer is not None:
            self._keep(answer)

    def _keep(self, answer: Answer) -> bool:
        """Keep an answer as a new cell, or as the outline of the one in hand."""
        hand = self.hand
        kept = hand.keep(answer) if hand.number else bool(self.parts.accepting.accept(answer))
        if kept:
            self.proposal.kept()
            self.bench.loop.later("kept", 0, self.labels_changed)
        return kept

    def labels_changed(self) -> None:
        """Count the objects that the labels hold which cells are kept in."""
        self.through.labels_changed()
        self.hand.look()
        document = self.parts.documents.known(self.bench.state.target)
        self.bench.state.kept_count = 0 if document is None else len(document.table)

    def clear(self) -> None:
        """Drop the cell being marked, on all its slices; when there is none, the pen."""
        state = self.bench.state
        if state.pen and not (state.marked or state.answer or state.in_hand):
            self.pens.choose(state.pen)
            return
        self.by_click.drop()
        self.hand.put_down()
        self.through.clear()
        self.proposal.clear()

    def undo(self) -> None:
        """Take back the last mark of the plane shown, else the last kept object."""
        if not self._undo_mark():
            self.hand.put_down()
            self.parts.accepting.undo(self._taken_back)

    def _taken_back(self, change: Change | None) -> None:
        """A kept cell is marked again, unless another page is shown by now."""
        if self.shown:
            self.through.taken_back(change)
        self.bench.loop.later("kept", 0, self.labels_changed)
        self.proposal.predicting.soon()

    def _undo_key(self) -> None:
        """The undo key belongs to the active labels as well, once no mark is left."""
        active = self.bench.viewer.layers.selection.active
        if hasattr(active, "undo") and not self.parts.accepting.last_in(active):
            if not self._undo_mark():
                active.undo()
            return
        self.undo()

    def _undo_mark(self) -> bool:
        """Take the last mark back, or the last click that waits; False when there is none."""
        number = self.hand.number
        again = self.by_click.take_back() or self.pens.brush.undo()
        if again is None:
            spent = self.proposal.undo_mark() or self.through.undo()
            if spent is None:
                return False
            again = partial(self._mark_again, spent, number)
        self.undone.add(again)
        return True

    def _mark_again(self, spent: Spent, number: int) -> bool:
        """Make a mark again, of the kept cell that was in hand if one was."""
        self.proposal.show_plane(spent.plane)
        if number:
            self.hand.take_up(number)
        self.proposal.mark_again(spent)
        return True

    def redo(self) -> None:
        """Do again what was taken back last: a mark, or a step of labels."""
        if self.parts.documents.slowly.after(self.redo):
            return  # what is being taken back just now is done again then
        last = self.undone.last()
        if last is None:
            self.bench.result("There is nothing to do again.")
        elif not isinstance(last, TakenBack):
            if last():
                self.undone.done(last)
        else:
            self.hand.put_down()
            self.parts.accepting.redo(last.document, self._done_again)

    def _done_again(self, change: Change | None) -> None:
        """A kept cell needs no marks any more, unless another page is shown by now."""
        if change is not None and self.shown:
            self.through.done_again()
            self.proposal.kept()
        self.bench.loop.later("kept", 0, self.labels_changed)

    def _redo_key(self) -> None:
        """The redo key belongs to the active labels as well, as the undo key does."""
        active = self.bench.viewer.layers.selection.active
        document = self.parts.documents.known(active)
        has_any = hasattr(active, "redo") and (document is None or document.can_redo)
        if (
            has_any
            and isinstance(self.undone.last(), TakenBack | None)
            and not self.undone.last_in(active)
        ):
            active.redo()
            return
        self.redo()
