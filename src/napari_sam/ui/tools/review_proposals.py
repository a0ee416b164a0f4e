"""Outlines that the model proposes while somebody reviews: of missing cells and of wrong ones."""

from __future__ import annotations

from napari_sam.ui.canvas.drags import Place
from napari_sam.ui.labels_layer.correcting import hand_over, put
from napari_sam.ui.labels_layer.editing import Editing
from napari_sam.ui.proposing.proposal import Proposing
from napari_sam.ui.state import Answer
from napari_sam.ui.tools.review_state import ReviewState
from napari_sam.ui.workbench import Workbench


class ReviewProposals:
    """Asks for outlines as the Click page does, and drops them when they are not wanted.

    Parameters
    ----------
    bench : Workbench
    proposal : Proposing
    state : ReviewState
        Its ``correcting`` is kept here.
    """

    def __init__(self, bench: Workbench, proposal: Proposing, state: ReviewState) -> None:
        self._bench, self._proposal, self._state = bench, proposal, state

    @property
    def wanted(self) -> bool:
        """Whether accepting means an outline: one is under way, or a cell is being corrected."""
        return self._state.correcting is not None or self._proposal.under_way

    def mark(self, place: Place, label: int) -> None:
        """Mark a pixel for the model: of a new cell, or of the one being corrected."""
        if self._state.labels is not None:
            self._bench.choose("target", self._state.labels)
        self._proposal.add_point(place, label)

    def next(self) -> bool:
        """Show another outline of the cell; False when none is proposed on this slice."""
        bench = self._bench
        if bench.jobs.wants("predict"):
            bench.say("The mask is being computed.")
            return True
        answer = bench.state.answer
        if answer is None or bench.plane_or_none() != answer.plane or answer.choices < 2:
            return False
        self._proposal.next()
        return True

    def correct(self, editing: Editing, object_id: int) -> None:
        """Hand an object to the model: clicks refine its outline."""
        self.drop()
        hand_over(self._proposal.marks, editing, object_id)
        self._state.correcting = object_id

    def put(self, editing: Editing, answer: Answer) -> str:
        """Give the object being corrected the outline of an answer, and tell of it."""
        object_id = self._state.correcting
        assert object_id is not None
        return put(editing, object_id, answer, self._bench.state)

    def spend(self, answer: Answer) -> None:
        """The outline was put: its marks have served."""
        self._proposal.marks.spend(answer.plane)
        self._proposal.marks.rough = None
        self._state.correcting = None

    def stop_correcting(self) -> None:
        """Leave the object that was being corrected as it is."""
        if self._state.correcting is not None:
            self._state.correcting = None
            self._proposal.marks.rough = None
            self._proposal.clear()

    def drop(self) -> None:
        """Forget whatever is proposed."""
        self.stop_correcting()
        if self._proposal.under_way:
            self._proposal.clear()
