"""Brush and eraser: the outline of the cell in hand is changed by hand, stroke by stroke."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from napari_sam.errors import NapariSamError
from napari_sam.images import Plane
from napari_sam.regions import Region
from napari_sam.strokes import brushed
from napari_sam.ui.canvas.brush_cursor import BrushCursor
from napari_sam.ui.canvas.clicks import RIGHT
from napari_sam.ui.canvas.drags import Place
from napari_sam.ui.proposing.in_hand import in_hand
from napari_sam.ui.proposing.painted import painted
from napari_sam.ui.state import Answer, Pen
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


class Hand(Protocol):
    """The kept cell that is in hand on a page, as far as the brush has to know."""

    @property
    def number(self) -> int:
        """Which cell it is; 0 for none."""

    @property
    def outline(self) -> tuple[Plane, Region] | None:
        """The plane on which it is in hand, and its pixels there."""

    def number_at(self, place: Place) -> int:
        """Return which cell is at a place of the displayed plane; 0 for none."""

    def take(self, place: Place) -> bool:
        """Take the cell at a place in hand; False when none is there."""

    def put_down(self) -> None:
        """Leave the cell as it is."""

    def go_on(self, number: int) -> None:
        """Take a cell in hand on the displayed plane, where there may be nothing of it yet."""

    def show(self, region: Region) -> None:
        """Ring it as it would be."""

    def redraw(self, region: Region) -> None:
        """Give it another outline; it stays in hand."""


class _Canvas(NamedTuple):
    """What a stroke is painted on.

    Parameters
    ----------
    plane : Plane
    region : Region
        The outline before the stroke.
    erase : bool
    show, put : callable
        Shows a region while the stroke is painted; gives it to the cell at the end.
    """

    plane: Plane
    region: Region
    erase: bool
    show: Callable[[Region], None]
    put: Callable[[Region], None]


class _Stroke(NamedTuple):
    """A stroke on an outline that is not kept yet.

    Parameters
    ----------
    newest : callable
        Tells whether nothing was marked after it.
    take_back : callable
    again : callable
        Makes it once more; False when the outline is still to come.
    """

    newest: Callable[[], bool]
    take_back: Callable[[], None]
    again: Callable[[], bool]


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
        self._bench, self._proposal, self._hand = parts.bench, parts.proposal, hand
        self._through = through
        self._cursor = BrushCursor(parts.bench.viewer)
        self._on: _Canvas | None = None
        self._way = (0, Region(np.zeros((0, 0), bool)))  # so many places painted, and the outline
        self._new = parts.accepting.undone.forget
        self._done: deque[_Stroke] = deque(maxlen=_UNDONE)
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
        erase = (self._bench.state.pen == "eraser") != (button == RIGHT)
        try:
            self._on = (
                self._proposed(place, erase) or self._followed(erase) or self._kept(place, erase)
            )
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
            self._bench.result("Another slice is shown: the stroke was dropped.")
            return
        region = self._painted(on, path)
        if region.area:
            self._new()
            on.put(region)
        else:
            on.show(on.region)
            self._bench.result("That would erase all of it. Esc drops marks, Delete a kept cell.")

    def _here(self, on: _Canvas) -> bool:
        return self._bench.plane_or_none() == on.plane

    def _painted(self, on: _Canvas, path: list[Place]) -> Region:
        """What the stroke makes of the outline: the way is painted on as it grows."""
        count, region = self._way
        if len(path) > count:
            way, size = np.array(path[max(count - 1, 0) :], float), self._bench.state.brush_size
            region = brushed(region, way, size, on.plane.shape, erase=on.erase)
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

    def _proposed(self, place: Place, erase: bool) -> _Canvas | None:
        """The proposed outline under the mouse, else that of the last mark."""
        state, plane = self._bench.state, self._bench.plane()
        answer = state.answer
        if answer is None or answer.plane != plane or answer.image is not state.image:
            return None
        if self._bench.jobs.wants("predict"):
            return None
        at = in_hand(answer, state.choices, place)
        choice, predicting = state.choices[at], self._proposal.predicting

        def show(region: Region) -> None:
            regions = answer.regions(state.choices)
            regions[at] = region
            self._proposal.preview.show(answer.image, plane, regions, filled=state.filled)

        def on(before: Answer, region: Region) -> None:
            new = painted(before, at, choice, region)
            self._done.append(
                _Stroke(
                    lambda: self._seen(new),
                    lambda: predicting.edited(before),
                    lambda: again(region),
                )
            )
            predicting.edited(new)
            key = state.accept_key
            self._bench.say(f"Changed by hand. {key} keeps it, Ctrl+Z takes the stroke back.")

        def put(region: Region) -> None:
            if state.answer is answer:
                on(answer, region)

        def again(region: Region) -> bool:
            """Paint on what is proposed for the same marks now, maybe by a new answer."""
            predicting.settled()
            if self._bench.jobs.wants("predict"):
                self._bench.say("The outline is being computed.")
                return False
            now = state.answer
            if now is None or now.plane != plane or len(now.found) != len(answer.found):
                self._bench.result("The outline is not there any more: the stroke was left out.")
            else:
                on(now, region)
            return True

        return _Canvas(plane, answer.regions(state.choices)[at], erase, show, put)

    def _seen(self, answer: Answer) -> bool:
        """Whether an answer is the one that is proposed on the slice that is shown."""
        bench = self._bench
        return bench.state.answer is answer and bench.plane_or_none() == answer.plane

    def _followed(self, erase: bool) -> _Canvas | None:
        """The outline of the cell that is followed through slices, on one without marks."""
        image, through = self._bench.state.image, self._through
        region = None if through is None else through.here()
        if through is None or region is None or image is None:
            return None
        plane, filled = self._bench.plane(), self._bench.state.filled

        def show(region: Region) -> None:
            self._proposal.preview.show(image, plane, [region], filled=filled)

        def put(region: Region) -> None:
            self._done.append(_Stroke(*through.draw(region), lambda: again(region)))

        def again(region: Region) -> bool:
            self._proposal.show_plane(plane)
            if through.here() is not None:
                put(region)
            elif through.following.under_way:
                self._bench.say("The slices are being looked at.")
                return False
            else:
                self._bench.result("The cell is not followed here: the stroke was left out.")
            return True

        return _Canvas(plane, region, erase, show, put)

    def _kept(self, place: Place, erase: bool) -> _Canvas | None:
        """The kept cell in hand, else the one under the mouse, which is taken in hand."""
        hand = self._hand
        if self._bench.state.marked or self._bench.jobs.wants("predict"):
            return None
        under = hand.number_at(place)
        if under not in (0, hand.number):
            hand.put_down()
            hand.take(place)
        elif not hand.number and not erase:
            self._go_on(place)
        on = hand.outline
        if on is None or on[0] != self._bench.plane():
            return None

        def put(region: Region) -> None:
            number = hand.number
            hand.redraw(region)
            if hand.outline is not None:
                self._last = (number, *hand.outline)

        return _Canvas(*on, erase, hand.show, put)

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
