"""What a stroke of the brush changes: a proposed outline, a followed cell's, or a kept cell's."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from napari_sam.images import Plane
from napari_sam.regions import Region
from napari_sam.ui.canvas.drags import Place
from napari_sam.ui.proposing.painted import painted
from napari_sam.ui.state import Answer
from napari_sam.ui.tools.through import Through
from napari_sam.ui.tools.tool import Parts


class Stroke(NamedTuple):
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


class Target(Protocol):
    """An outline that is painted on."""

    @property
    def plane(self) -> Plane:
        """The plane on which it lies."""

    @property
    def region(self) -> Region:
        """The outline before the stroke."""

    def show(self, region: Region) -> None:
        """Show it as the stroke has made it so far."""

    def put(self, region: Region) -> None:
        """Give the cell its new outline."""


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


class Proposed:
    """The outline that is proposed of one object.

    Parameters
    ----------
    parts : Parts
    answer : Answer
    at : int
        Which of its objects.
    made : callable
        Called with each stroke that changes the outline.
    """

    def __init__(
        self, parts: Parts, answer: Answer, at: int, made: Callable[[Stroke], None]
    ) -> None:
        self._bench, self._proposal, self._made = parts.bench, parts.proposal, made
        choices = parts.bench.state.choices
        self._answer, self._at, self._choice = answer, at, choices[at]
        self.plane, self.region = answer.plane, answer.regions(choices)[at]

    def show(self, region: Region) -> None:
        state = self._bench.state
        regions = self._answer.regions(state.choices)
        regions[self._at] = region
        self._proposal.preview.show(self._answer.image, self.plane, regions, filled=state.filled)

    def put(self, region: Region) -> None:
        if self._bench.state.answer is self._answer:
            self._change(self._answer, region)

    def _change(self, before: Answer, region: Region) -> None:
        """Propose the new outline, so that it can be taken back."""
        after = painted(before, self._at, self._choice, region)
        predicting = self._proposal.predicting
        self._made(
            Stroke(
                newest=lambda: self._is_shown(after),
                take_back=lambda: predicting.edited(before),
                again=lambda: self._change_again(region),
            )
        )
        predicting.edited(after)
        key = self._bench.state.accept_key
        self._bench.say(f"Changed by hand. {key} keeps it, Ctrl+Z takes the stroke back.")

    def _is_shown(self, answer: Answer) -> bool:
        """Whether an answer is the one that is proposed on the slice that is shown."""
        bench = self._bench
        return bench.state.answer is answer and bench.plane_or_none() == self.plane

    def _change_again(self, region: Region) -> bool:
        """Paint on what is proposed for the same marks now, maybe by a new answer."""
        bench = self._bench
        self._proposal.predicting.settled()
        if bench.jobs.wants("predict"):
            bench.say("The outline is being computed.")
            return False
        now = bench.state.answer
        if now is None or now.plane != self.plane or len(now.found) != len(self._answer.found):
            bench.result("The outline is not there any more: the stroke was left out.")
        else:
            self._change(now, region)
        return True


class Followed:
    """The outline of the cell that is followed through slices, on the slice that is shown.

    Parameters
    ----------
    parts : Parts
    through : Through
    region : Region
        The outline.
    made : callable
        Called with each stroke that changes the outline.
    """

    def __init__(
        self, parts: Parts, through: Through, region: Region, made: Callable[[Stroke], None]
    ) -> None:
        self._bench, self._proposal, self._made = parts.bench, parts.proposal, made
        self._through = through
        self._image, self._filled = parts.bench.state.image, parts.bench.state.filled
        self.plane, self.region = parts.bench.plane(), region

    def show(self, region: Region) -> None:
        assert self._image is not None
        self._proposal.preview.show(self._image, self.plane, [region], filled=self._filled)

    def put(self, region: Region) -> None:
        self._made(Stroke(*self._through.draw(region), lambda: self._put_again(region)))

    def _put_again(self, region: Region) -> bool:
        self._proposal.show_plane(self.plane)
        if self._through.here() is not None:
            self.put(region)
        elif self._through.following.under_way:
            self._bench.say(f"The {self._bench.word}s are being looked at.")
            return False
        else:
            self._bench.result("The cell is not followed here: the stroke was left out.")
        return True


class Kept:
    """The outline of the kept cell in hand, whose changes are steps of its labels.

    Parameters
    ----------
    hand : Hand
    plane : Plane
    region : Region
        The outline.
    painted : callable
        ``painted(number, plane, region)`` is called when the cell has another outline.
    """

    def __init__(
        self,
        hand: Hand,
        plane: Plane,
        region: Region,
        painted: Callable[[int, Plane, Region], None],
    ) -> None:
        self._hand, self._painted = hand, painted
        self.plane, self.region = plane, region

    def show(self, region: Region) -> None:
        self._hand.show(region)

    def put(self, region: Region) -> None:
        number = self._hand.number
        self._hand.redraw(region)
        outline = self._hand.outline
        if outline is not None:
            self._painted(number, *outline)
