"""A kept cell taken in hand on the Click page: ringed, refined by clicks, deleted, or put down."""

from __future__ import annotations

import numpy as np

from napari_sam.errors import NapariSamError
from napari_sam.images import Plane
from napari_sam.regions import Region
from napari_sam.ui.canvas.drags import Place
from napari_sam.ui.canvas.highlight import Highlight
from napari_sam.ui.labels_layer.correcting import hand_over, put
from napari_sam.ui.labels_layer.editing import Editing
from napari_sam.ui.layers.planes import finest, spatial_shape
from napari_sam.ui.state import Answer
from napari_sam.ui.tools.tool import Parts

_NEAR = 0.5  # of its size: so far from an object a click can still mean a part of it


def near(place: Place, region: Region) -> bool:
    """Tell whether a place is in the rectangle around a region, or not far from it.

    Examples
    --------
    >>> near((9.0, 5.0), Region(np.ones((4, 4), bool), 4, 4))
    True
    >>> near((11.0, 5.0), Region(np.ones((4, 4), bool), 4, 4))
    False
    """
    reach = _NEAR * max(region.height, region.width)
    low = np.array([region.top, region.left]) - reach
    high = np.array([region.top + region.height, region.left + region.width]) + reach
    return bool(((low <= place) & (place <= high)).all())


class KeptInHand:
    """The cell of the labels that clicks are about, instead of a new one.

    Parameters
    ----------
    parts : Parts
    """

    def __init__(self, parts: Parts) -> None:
        self._bench, self._proposal = parts.bench, parts.proposal
        self._documents = parts.documents
        self._highlight = Highlight(parts.bench.ours)
        self._on: tuple[Plane, Region] | None = None

    @property
    def number(self) -> int:
        """Which cell it is; 0 for none."""
        return self._bench.state.in_hand

    def take(self, place: Place) -> bool:
        """Take the kept cell at a place of the displayed plane in hand; False when none is there.

        Parameters
        ----------
        place : (row, column)
        """
        number = self.number_at(place)
        editing = self._editing() if number else None
        if editing is None:
            return False
        try:
            self._hold(editing, number)
        except NapariSamError:  # labels of another grid: keeping cells there will say why not
            return False
        self._proposal.hover.stop()
        self._ring()
        key = self._bench.state.accept_key
        self._bench.result(
            f"Cell {number} in hand: click what is missing, right-click what does not belong. "
            f"{key} keeps it, Delete removes it, Esc leaves it."
        )
        return True

    def number_at(self, place: Place) -> int:
        """Return what the labels hold at a place, if they lie on the image; read is one pixel.

        Most clicks are on no kept cell, and are not to wait until it is known where labels lie.
        """
        image, target = self._bench.state.image, self._bench.state.target
        if image is None or target is None or spatial_shape(target) != spatial_shape(image):
            return 0
        plane = self._bench.plane()
        row, column = (int(np.rint(value)) for value in place)
        if not (0 <= row < plane.shape[0] and 0 <= column < plane.shape[1]):
            return 0
        pixel = slice(row, row + 1), slice(column, column + 1)
        return int(plane.part(finest(target), *pixel)[0, 0])

    def _editing(self) -> Editing | None:
        target = self._bench.state.target
        if target is None or target not in self._bench.viewer.layers or not target.visible:
            return None
        return Editing(self._bench, self._documents.of(target))

    def _ring(self) -> None:
        if self._on is not None:
            self.show(self._on[1])

    def _hold(self, editing: Editing, number: int) -> None:
        plane = editing.plane  # raises before anything is put down
        self.put_down()
        self._on = (plane, hand_over(self._proposal.marks, editing, number))
        self._bench.state.in_hand = number

    def go_on(self, number: int) -> None:
        """Take a cell in hand on the displayed plane, where there may be nothing of it yet."""
        editing = self._editing()
        if editing is not None:
            self._hold(editing, number)

    def take_up(self, number: int) -> None:
        """Take a cell in hand again on the displayed plane, to be marked as before."""
        if number != self.number:
            self.go_on(number)
            self._ring()

    def concerns(self, place: Place) -> bool:
        """Tell whether a click can be about the cell in hand: it is in it, or not far from it."""
        return self._on is not None and near(place, self._on[1])

    def keep(self, answer: Answer) -> bool:
        """Give the cell the outline of an answer; False when that did not work."""
        number = self.number
        try:
            editing = self._editing()
            if editing is None:
                self.put_down()
                return False
            told = put(editing, number, answer, self._bench.state)
        except NapariSamError as error:
            self._bench.fail(error)
            return False
        self._proposal.marks.spend(answer.plane)
        self._let_go()
        self._bench.result(f"{told} Click the next cell.")
        return True

    @property
    def outline(self) -> tuple[Plane, Region] | None:
        """The plane on which the cell is in hand, and its pixels there."""
        return self._on

    def show(self, region: Region) -> None:
        """Ring it as it would be."""
        image = self._bench.state.image
        if image is not None and self._on is not None:
            self._highlight.show(image, self._on[0], region)

    def redraw(self, region: Region) -> None:
        """Give the cell another outline by hand; it stays in hand."""
        number, on = self.number, self._on
        try:
            editing = self._editing()
            if editing is None or on is None or editing.plane != on[0]:
                self.put_down()
                return
            told = editing.replace(number, region, self._bench.state.overlap)
            self._on = (on[0], hand_over(self._proposal.marks, editing, number))
        except NapariSamError as error:
            self._bench.fail(error)
        else:
            key = self._bench.state.accept_key
            self._bench.result(f"{told} Ctrl+Z takes the stroke back, {key} goes on.")
        self._ring()

    def delete(self) -> None:
        """Delete the cell on the displayed plane."""
        number = self.number
        if number == 0:
            self._bench.result("Click a kept cell first, then Delete removes it.")
            return
        try:
            editing = self._editing()
            told = None if editing is None else editing.delete([number])
        except NapariSamError as error:
            self._bench.fail(error)
            return
        self.put_down()
        if told is not None:
            self._bench.result(told)

    def put_down(self) -> None:
        """Leave the cell as it is, and drop what was said about it."""
        if self._on is None:
            return
        plane = self._on[0]
        self._let_go()
        self._proposal.marks.spend(plane)
        self._proposal.predicting.put_away([plane])
        self._proposal.predicting.forget()
        self._proposal.predicting.soon()

    def _let_go(self) -> None:
        self._on = None
        self._proposal.marks.rough = None
        self._bench.state.in_hand = 0
        self._highlight.hide()

    def look(self) -> None:
        """The labels were changed: what is no longer there, or was changed, is put down."""
        if self._on is None:
            return
        try:
            editing = self._editing()
            now = None if editing is None else editing.region_of(self.number)
        except NapariSamError:
            now = None
        held = self._on[1]
        same = now is not None and (now.top, now.left) == (held.top, held.left)
        if now is None or not same or not np.array_equal(now.mask, held.mask):
            self.put_down()
