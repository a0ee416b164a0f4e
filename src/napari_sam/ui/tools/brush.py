"""Brush and eraser: the outline of the cell in hand is changed by hand, stroke by stroke."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from napari_sam.errors import NapariSamError
from napari_sam.images import Plane
from napari_sam.regions import NOTHING, Region
from napari_sam.strokes import brushed
from napari_sam.ui.canvas.brush_cursor import BrushCursor
from napari_sam.ui.canvas.clicks import RIGHT
from napari_sam.ui.canvas.drags import Place
from napari_sam.ui.proposing.in_hand import in_hand
from napari_sam.ui.state import Pen
from napari_sam.ui.tools.brush_targets import Followed, Hand, Kept, Proposed, Stroke, Target
from napari_sam.ui.tools.kept_in_hand import near
from napari_sam.ui.tools.through import Through
from napari_sam.ui.tools.tool import Parts

_HOW: dict[Pen, str] = {
    "brush": "Paint on the cell in hand; the right button erases. [ and ] change the size.",
    "eraser": "Erase from the cell in hand; the right button paints. [ and ] change the size.",
}
_UNDONE = 50  # strokes that can be taken back; each holds the answer before it
_NOTHING = (
    "The brush changes an outline that is there: mark a cell first, or begin inside a kept one."
)


class Brush:
    """A pen that changes the proposed outline, or that of the kept cell in hand.

    Parameters
    ----------
    parts : Parts
    hand : Hand
    through : Through, optional
        The cell that is followed through slices.
    """

    def __init__(self, parts: Parts, hand: Hand, through: Through | None = None) -> None:
        self._parts, self._bench, self._hand = parts, parts.bench, hand
        self._through = through
        self._cursor = BrushCursor(parts.bench.viewer)
        self._on: Target | None = None
        self._erases = False
        self._way = (0, NOTHING)  # so many places painted, and the outline
        self._done: deque[Stroke] = deque(maxlen=_UNDONE)
        self._last: tuple[int, Plane, Region] | None = None  # the kept cell that was painted on

    def tell(self, pen: Pen) -> None:
        """Say how it is used, and show how far it reaches."""
        self._bench.result(_HOW[pen])
        self._show_cursor()

    def resize(self, by: int) -> None:
        """Make the brush larger or smaller, by pixels."""
        if self._bench.state.pen in _HOW:
            self._bench.state.brush_size = max(1, self._bench.state.brush_size + by)
            self._show_cursor()
            self._bench.say(f"The brush is {self._bench.state.brush_size} pixels wide.")

    def _show_cursor(self) -> None:
        state, plane = self._bench.state, self._bench.plane_or_none()
        if state.pen in _HOW and state.image is not None and plane is not None:
            self._cursor.show(state.image, plane, state.brush_size)

    # -- a stroke ---------------------------------------------------------------------------------

    def begin(self, place: Place, button: int) -> bool:
        """Start a stroke; the view does not move even if there is nothing to paint on."""
        if self._bench.state.pen not in _HOW:
            return False
        self._erases = (self._bench.state.pen == "eraser") != (button == RIGHT)
        try:
            self._on = self._proposed(place) or self._followed() or self._kept(place)
        except NapariSamError as error:
            self._bench.fail(error)
            return True
        if self._on is not None:
            self._way = 0, self._on.region
            self.move([place])
        else:
            computing = self._bench.jobs.wants("predict")
            self._bench.result("The outline is being computed." if computing else _NOTHING)
        return True

    def move(self, path: list[Place]) -> None:
        """Show what the stroke makes of the outline."""
        if self._on is not None and self._here(self._on):
            self._on.show(self._painted(self._on, path))

    def end(self, path: list[Place], moved: bool) -> None:
        """Give the cell its new outline."""
        on, self._on = self._on, None
        if on is None:
            return
        if not self._here(on):
            self._bench.result(f"Another {self._bench.word} is shown: the stroke was dropped.")
            return
        region = self._painted(on, path)
        if region.area:
            self._parts.accepting.undone.forget()
            on.put(region)
        else:
            on.show(on.region)
            self._bench.result("That would erase all of it. Esc drops marks, Delete a kept cell.")

    def _here(self, on: Target) -> bool:
        return self._bench.plane_or_none() == on.plane

    def _painted(self, on: Target, path: list[Place]) -> Region:
        """What the stroke makes of the outline: the way is painted on as it grows."""
        count, region = self._way
        if len(path) > count:
            way, size = np.array(path[max(count - 1, 0) :], float), self._bench.state.brush_size
            region = brushed(region, way, size, on.plane.shape, erase=self._erases)
            self._way = len(path), region
        return region

    def drop(self) -> None:
        """Put the brush away; a stroke that was begun changes nothing."""
        on, self._on = self._on, None
        if on is not None and self._here(on):
            on.show(on.region)
        self._last = None
        self._cursor.hide()

    # -- what is painted on -----------------------------------------------------------------------

    def _proposed(self, place: Place) -> Proposed | None:
        """The proposed outline under the mouse, else that of the last mark."""
        state, plane = self._bench.state, self._bench.plane()
        answer = state.answer
        if answer is None or answer.plane != plane or answer.image is not state.image:
            return None
        if self._bench.jobs.wants("predict"):
            return None
        at = in_hand(answer, state.choices, place)
        return Proposed(self._parts, answer, at, self._done.append)

    def _followed(self) -> Followed | None:
        """The outline of the cell that is followed through slices, on one without marks."""
        through = self._through
        region = None if through is None else through.here()
        if through is None or region is None or self._bench.state.image is None:
            return None
        return Followed(self._parts, through, region, self._done.append)

    def _kept(self, place: Place) -> Kept | None:
        """The kept cell in hand, else the one under the mouse, which is taken in hand."""
        hand = self._hand
        if self._bench.state.marked or self._bench.jobs.wants("predict"):
            return None
        under = hand.number_at(place)
        if under not in (0, hand.number):
            hand.put_down()
            hand.take(place)
        elif not hand.number and not self._erases:
            self._go_on(place)
        on = hand.outline
        if on is None or on[0] != self._bench.plane():
            return None
        return Kept(hand, *on, self._kept_painted)

    def _kept_painted(self, number: int, plane: Plane, region: Region) -> None:
        self._last = number, plane, region

    def _go_on(self, place: Place) -> None:
        """Go on with the cell that was painted on the slice before, where it was there."""
        if self._last is not None:
            number, plane, region = self._last
            if beside(plane, self._bench.plane()) and near(place, region):
                self._hand.go_on(number)

    # -- taking back ------------------------------------------------------------------------------

    def undo(self) -> Callable[[], bool] | None:
        """Take the last stroke on the proposed outline back; None when a mark is newer.

        Returns
        -------
        callable or None
            What makes it again; it returns False when the outline is still to come.
        """
        for at, stroke in reversed(list(enumerate(self._done))):
            if stroke.newest():
                del self._done[at]
                stroke.take_back()
                self._bench.say("Took the last stroke of the brush back.")
                return stroke.again
        return None

    def forget(self) -> None:
        """Another image was chosen: strokes on the one before are taken back no more."""
        self._done.clear()
        self._show_cursor()  # its pixels may be larger


def beside(one: Plane, other: Plane) -> bool:
    """Tell whether two planes are neighbours in a stack.

    Examples
    --------
    >>> beside(Plane((1, 2), (4, None, None), (9, 9)), Plane((1, 2), (5, None, None), (9, 9)))
    True
    """
    if one.axes != other.axes:
        return False
    places = zip(one.index, other.index, strict=True)
    return sum(abs(a - b) for a, b in places if a is not None and b is not None) == 1
