"""Correcting objects through slices, and tracks: what the buttons and clicks of that group do."""

from __future__ import annotations

from collections.abc import Callable

from napari_sam.errors import NapariSamError
from napari_sam.ui.canvas.drags import Place
from napari_sam.ui.labels_layer.through_editing import Place as Voxel
from napari_sam.ui.labels_layer.through_editing import ThroughEditing
from napari_sam.ui.tools.review_following import FollowAgain
from napari_sam.ui.tools.review_state import Pending
from napari_sam.ui.tools.reviewed import Reviewed
from napari_sam.ui.tools.tool import Parts


class ReviewThrough:
    """Holds what a correction still waits for, across slices: another cell, or a second click.

    Parameters
    ----------
    parts : Parts
    review : Review
    """

    def __init__(self, parts: Parts, review: Reviewed) -> None:
        self._bench, self._lines, self._review = parts.bench, parts.lines, review
        self.following = FollowAgain(parts)
        self._first: Voxel | None = None

    # -- what is shown --------------------------------------------------------------------------

    def editing(self) -> ThroughEditing:
        """Whatever writes to the labels that were chosen.

        Raises
        ------
        LabelsError, ViewError
        """
        editing = self._review.plane.editing()
        editing.check_whole()
        return ThroughEditing(editing)

    def span(self) -> tuple[int, int] | None:
        """From where to where the cell in hand is seen; None when there is none."""
        selected = self._review.state.selected
        try:
            return None if selected is None else self.editing().span(selected)
        except NapariSamError:
            return None

    def over_time(self) -> bool:
        """Whether the labels hold tracks."""
        try:
            return self.editing().kind == "track"
        except NapariSamError:
            return False

    def lines_shown(self) -> bool:
        """Whether tracks of the labels are drawn as lines."""
        return self._lines.shown(self._review.state.labels)

    def show_lines(self, on: bool) -> None:
        """Draw the tracks of the labels as lines, or not."""
        labels = self._review.state.labels
        if labels is None:
            return
        try:
            if on:
                self._lines.show(labels)
            else:
                self._lines.hide(labels)
        except NapariSamError as error:
            self._bench.fail(error)

    def _selected(self) -> int | None:
        """Return the cell in hand; where there is none, say what to do."""
        selected = self._review.state.selected
        if selected is None:
            self._bench.result("Click a cell first.")
        return selected

    # -- one click more -------------------------------------------------------------------------

    def begin(self, what: Pending) -> None:
        """Wait for the other cell of a correction, on whichever slice it is clicked."""
        selected = self._selected()
        if selected is None:
            return
        state = self._review.state
        state.held, state.pending = selected, what
        self._first = None
        self._review.advise()

    def clicked(self, under: int, place: Place) -> None:
        """Take the click that was waited for."""
        state, held = self._review.state, self._review.state.held
        if under == 0:
            self._bench.result("There is no cell here. Click on a cell, or press Esc.")
            return
        try:
            edit = self.editing()
            voxel = edit.place(*place)
        except NapariSamError as error:
            self._bench.fail(error)
            return
        if state.pending == "split":
            self._clicked_half(edit, held, voxel)
            return
        what = state.pending
        self.forget()
        if what == "join":
            self._review.edit(lambda _: edit.join(held, under), held)
        elif what == "swap":
            self._review.edit(lambda _: edit.swap(held, under), held)
        elif what == "mother":
            self._review.edit(lambda _: edit.set_parent(held, under), under)

    def _clicked_half(self, edit: ThroughEditing, held: int, voxel: Voxel) -> None:
        if self._first is None:
            self._first = voxel
            self._bench.result(f"Now click the other part of cell {held}, on any {edit.word}.")
            return
        first = self._first
        self.forget()
        self._review.edit(lambda _: edit.split(held, first, voxel), held)

    def forget(self) -> bool:
        """Wait no more; say whether anything was waited for."""
        state = self._review.state
        waited = state.pending != ""
        state.pending, self._first = "", None
        return waited

    # -- at once --------------------------------------------------------------------------------

    def cut(self) -> None:
        """Let a new cell begin on the displayed slice."""
        self._at_once(lambda edit, selected: edit.cut(selected))

    def orphan(self) -> None:
        """Take the cell in hand from its mother."""
        self._at_once(lambda edit, selected: edit.set_parent(selected, 0))

    def delete(self, start: int, stop: int) -> None:
        """Delete the cell in hand over a range."""
        self._at_once(lambda edit, selected: edit.delete([selected], start, stop))

    def follow(self, onwards: bool) -> None:
        """Find the cell in hand anew behind the displayed slice, or before it."""
        self.forget()
        selected = self._selected()
        if selected is None:
            return
        try:
            self.following.begin(self.editing(), selected, onwards)
        except NapariSamError as error:
            self._bench.fail(error)

    def _at_once(self, what: Callable[[ThroughEditing, int], str]) -> None:
        self.forget()
        selected = self._selected()
        if selected is not None:
            self._review.edit(lambda editing: what(ThroughEditing(editing), selected), selected)
