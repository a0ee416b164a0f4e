"""A cell per click: each click keeps the cell before it, however long the model takes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from napari_sam.images import Plane
from napari_sam.ui.proposing.proposal import Proposing
from napari_sam.ui.state import Answer
from napari_sam.ui.workbench import Workbench


@dataclass(frozen=True)
class _Waiting:
    """A click whose turn has not come.

    Parameters
    ----------
    plane : Plane
        On which it was made.
    mark : callable
        Makes the mark.
    next_cell : bool
        Whether it keeps what is proposed, and is about another cell.
    """

    plane: Plane
    mark: Callable[[], None]
    next_cell: bool


class ClickByClick:
    """Clicks in a line: what is proposed is kept before the next cell is marked.

    Parameters
    ----------
    bench : Workbench
    proposal : Proposing
    keep : callable
        Keeps an answer; False when that did not work.
    """

    def __init__(
        self, bench: Workbench, proposal: Proposing, keep: Callable[[Answer], bool]
    ) -> None:
        self._bench, self._proposal, self._keep = bench, proposal, keep
        self._waiting: deque[_Waiting] = deque()

    @property
    def waits(self) -> bool:
        """Whether clicks wait for their turn."""
        return bool(self._waiting)

    def join(self, mark: Callable[[], None], next_cell: bool) -> None:
        """Take a click: at once, or once what was clicked before has its outline.

        Parameters
        ----------
        mark : callable
            Makes the mark, on the plane that is displayed now.
        next_cell : bool
            Whether it is about another cell than the one that is proposed.
        """
        self._waiting.append(_Waiting(self._bench.plane(), mark, next_cell))
        self._go_on()

    def _go_on(self) -> None:
        """Let the clicks have their turns, until one has to wait for the model."""
        while self._waiting:
            click = self._waiting[0]
            if click.next_cell and not self._kept():
                return
            if click.plane != self._bench.plane_or_none():
                count = len(self._waiting)
                clicks = "1 click was" if count == 1 else f"{count} clicks were"
                self._waiting.clear()
                self._bench.result(f"Another {self._bench.word} is shown: {clicks} not taken.")
                return
            self._waiting.popleft()
            click.mark()

    def _kept(self) -> bool:
        """Keep what is proposed, so that the next cell can be marked; False when it cannot yet."""
        bench, proposal = self._bench, self._proposal
        if not proposal.under_way:
            return True
        answer = proposal.ready(self._go_on)
        if answer is None:
            if bench.jobs.wants("predict"):
                count = len(self._waiting)
                clicks = "1 click waits" if count == 1 else f"{count} clicks wait"
                bench.say(f"{clicks} for the outline before; each is kept by the next one.")
            else:
                self._waiting.clear()
            return False
        if not self._keep(answer):
            self._waiting.clear()
            return False
        return True

    def take_back(self) -> Callable[[], bool] | None:
        """Take the last click back that waits, and return what makes it again; None for none."""
        if not self._waiting:
            return None
        click = self._waiting.pop()
        self._bench.say("Took the last click back.")

        def again() -> bool:
            if click.plane == self._bench.plane_or_none():
                self.join(click.mark, click.next_cell)
            else:
                word = self._bench.word
                self._bench.result(f"Another {word} is shown: the click was not made again.")
            return True

        return again

    def drop(self) -> None:
        """Forget the clicks that wait."""
        self._waiting.clear()
