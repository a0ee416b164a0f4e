"""Click: mark a cell, look at its outlines, keep one."""

from __future__ import annotations

from typing import ClassVar

from napari_sam.segmentation import Overlap
from napari_sam.ui.canvas.clicks import Clicks
from napari_sam.ui.canvas.keys import Action
from napari_sam.ui.state import Advice
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

    def __init__(self, parts: Parts) -> None:
        self.proposal = parts.proposal
        self.through = Through(parts)
        super().__init__(parts)
        proposal = parts.proposal
        self.mouse = Clicks(
            self.bench.viewer,
            self._clicked,
            self._moved,
            lambda: proposal.marks.boxes.drawing,
            proposal.pressed,
        )
        self.bench.state.events.target.connect(self.labels_changed)

    def keys(self) -> dict[str, Action]:
        proposal = self.proposal
        return {
            "Enter": self.accept,
            "Control-Enter": self.accept,
            "Escape": self.clear,
            "Control-Z": self._undo_key,
            "N": proposal.next,
            "T": proposal.toggle_polarity,
            "1": lambda: proposal.choose(0),
            "2": lambda: proposal.choose(1),
            "3": lambda: proposal.choose(2),
            "D": self.through.next_doubtful,
            "Q": self.through.not_here,
        }

    def activate(self) -> None:
        self.through.set_visible(True)

    def deactivate(self) -> None:
        self.through.set_visible(False)
        self.proposal.marks.boxes.stop()
        self.proposal.hover.stop()

    def view_changed(self) -> None:
        self.through.view_changed()

    def image_changed(self) -> None:
        self.through.image_changed()

    def model_changed(self) -> None:
        self.through.stop()

    def cancel(self) -> str:
        return self.through.stop()

    def close(self) -> None:
        self.through.close()

    def layers_changed(self) -> None:
        self.through.layers_changed()
        self.parts.documents.look()
        self.labels_changed()

    def _clicked(self, button: int) -> None:
        self.proposal.clicked(button)
        self.parts.acted()

    def _moved(self) -> None:
        """What is followed is shown already: no outline under the cursor then."""
        if not self.through.covers:
            self.proposal.hover.moved()

    def set_overlap(self, overlap: Overlap) -> None:
        """Choose what happens where a kept cell meets labels."""
        self.bench.state.overlap = overlap

    def accept(self) -> None:
        """Keep the chosen candidate; waits for it when it is still being computed."""
        if self.through.keep():
            self.bench.loop.later("kept", 0, self.labels_changed)
            return
        answer = self.proposal.ready(self.accept)
        if answer is not None and self.parts.accepting.accept(answer):
            self.proposal.kept()
            self.bench.loop.later("kept", 0, self.labels_changed)

    def labels_changed(self) -> None:
        """Count the objects that the labels hold which cells are kept in."""
        self.through.labels_changed()
        document = self.parts.documents.known(self.bench.state.target)
        self.bench.state.kept_count = 0 if document is None else len(document.table)

    def clear(self) -> None:
        """Drop the cell being marked, on all its slices."""
        self.through.clear()
        self.proposal.clear()

    def undo(self) -> None:
        """Take back the last mark of the plane shown, else the last kept object."""
        if not self.proposal.undo_mark() and not self.through.undo():
            self.through.taken_back(self.parts.accepting.undo())
            self.bench.loop.later("kept", 0, self.labels_changed)
            self.proposal.predicting.soon()

    def _undo_key(self) -> None:
        """The undo key belongs to the active labels as well, once no mark is left."""
        active = self.bench.viewer.layers.selection.active
        if hasattr(active, "undo") and not self.parts.accepting.last_in(active):
            if not self.proposal.undo_mark() and not self.through.undo():
                active.undo()
            return
        self.undo()
