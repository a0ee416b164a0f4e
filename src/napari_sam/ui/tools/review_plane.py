"""The displayed plane of the labels that are reviewed: looked at anew whenever it changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari_sam.errors import LabelsError, NapariSamError
from napari_sam.labels import table as object_table
from napari_sam.ui.labels_layer.editing import Editing
from napari_sam.ui.labels_layer.measuring import Measuring
from napari_sam.ui.layers.label_grid import check_fit
from napari_sam.ui.layers.notes import is_copy
from napari_sam.ui.tools.review_appearance import Appearance
from napari_sam.ui.tools.review_state import ReviewedObjects, ReviewState
from napari_sam.ui.tools.tool import Parts
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari.layers import Labels


class ReviewedPlane:
    """Reads from the labels what the page shows of them, and has the rest measured.

    Parameters
    ----------
    parts : Parts
    state : ReviewState
        Its objects, its counts and what can be undone are kept here.
    appearance : Appearance
    completed : callable
        Called when objects were measured, and can be reviewed now.
    """

    def __init__(
        self,
        parts: Parts,
        state: ReviewState,
        appearance: Appearance,
        completed: Callable[[], None],
    ) -> None:
        self._bench, self._documents = parts.bench, parts.documents
        self._state, self._appearance = state, appearance
        self.measuring = Measuring(parts.bench, completed, parts.threaded)
        self._unread = ""  # why the plane could not be looked at

    def editing(self) -> Editing:
        """Whatever writes to the labels that were chosen.

        Raises
        ------
        LabelsError
        """
        layer = self._state.labels
        if layer is None:
            raise LabelsError("There are no labels to review: find cells first, or open labels.")
        return Editing(self._bench, self._documents.of(layer))

    def why_not(self) -> str:
        """Say why the labels cannot be reviewed as they are shown; empty when they can."""
        try:
            _ = self.editing().plane
        except NapariSamError as error:
            return str(error)
        return self._unread

    def is_empty(self) -> bool:
        """Tell whether no object is on the plane, as far as it has been looked at."""
        return not len(self._state.objects) and not self.measuring.running

    def look(self) -> None:
        """Look at the displayed plane anew."""
        state = self._state
        state.word = self._bench.word
        try:
            editing = self.editing()
            editing.document.sync()
            rows, missing = editing.rows_here()
            objects = ReviewedObjects(rows)
            self.measuring.start(editing, missing)
            self._unread = ""
        except NapariSamError as error:
            self._unread = str(error)
            self.measuring.end()
            state.objects, state.selected = ReviewedObjects(), None
            state.reviewed = state.total = state.hidden = 0
            self._see_steps()
            self._appearance.unring()
            return
        document = editing.document
        if state.selected is not None and state.selected not in objects.ids:
            state.selected = None
        state.objects = objects
        state.reviewed, state.total = object_table.progress(document.table)
        self._see_steps()
        self._appearance.colour()
        self.ring()

    def _see_steps(self) -> None:
        """See what can be undone and redone, whatever is shown."""
        document = self._documents.known(self._state.labels)
        self._state.can_undo = document is not None and document.can_undo
        self._state.can_redo = document is not None and document.can_redo

    def ring(self) -> None:
        """Ring the object in hand."""
        selected = self._state.selected
        try:
            if selected is None:
                self._appearance.unring()
            else:
                editing = self.editing()
                self._appearance.ring(editing.plane, editing.region_of(selected))
        except NapariSamError:
            self._appearance.unring()


def fitting_labels(bench: Workbench, now: Labels | None) -> Labels | None:
    """Return those reviewed now if they lie on the image, else the topmost that do; a copy last.

    While no plane of the image is shown nobody can tell, and they stay what they are.
    """
    from napari.layers import Labels

    try:
        shown = bench.shown()
    except NapariSamError:
        return now

    def fits(layer: Labels) -> bool:
        try:
            check_fit(shown.image, layer)
        except NapariSamError:
            return False
        return True

    layers = bench.viewer.layers
    if now is not None and now in layers and fits(now):
        return now
    theirs = [la for la in reversed(layers) if isinstance(la, Labels) and la not in bench.ours]
    theirs.sort(key=lambda layer: is_copy(layer, layers))
    return next((layer for layer in theirs if fits(layer)), None)
