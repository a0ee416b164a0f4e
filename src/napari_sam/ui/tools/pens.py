"""What drags draw on a page: one pen at a time, each taken up by a key or a button."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from napari_sam.ui.canvas.drags import Drags, Place
from napari_sam.ui.canvas.keys import Action
from napari_sam.ui.proposing.drawing import Drawing
from napari_sam.ui.state import Pen
from napari_sam.ui.tools.brush import Brush
from napari_sam.ui.tools.brush_targets import Hand
from napari_sam.ui.tools.through import Through
from napari_sam.ui.tools.tool import Parts
from napari_sam.ui.workbench import NO_IMAGE


class Pens:
    """Owns which pen is in use, and hands drags to it.

    Parameters
    ----------
    parts : Parts
    hand : Hand
        The cell that the brush changes, if none is proposed.
    through : Through, optional
        The cell that it changes on slices without marks.
    mark : callable, optional
        See `Drawing`; without it there are brush and eraser alone.
    """

    def __init__(
        self,
        parts: Parts,
        hand: Hand,
        through: Through | None = None,
        mark: Callable[[Place, int, Callable[[], None]], None] | None = None,
    ) -> None:
        bench, self._region = parts.bench, parts.region
        self._bench, self._boxes = bench, parts.proposal.marks.boxes
        self._drawing = None if mark is None else Drawing(bench, self._boxes, mark)
        self.brush = Brush(parts, hand, through)
        pens = [pen for pen in (self._drawing, self.brush) if pen is not None]
        self._drags = [Drags(bench.viewer, bench.cursor, pen) for pen in pens]

    @property
    def dabs(self) -> bool:
        """Whether a click is a dab of the brush, and no mark."""
        return self._bench.state.pen in ("brush", "eraser")

    def choose(self, pen: Pen) -> None:
        """Take up a pen, or put it down when it is in use."""
        bench = self._bench
        if bench.state.image is None:
            bench.say(NO_IMAGE, problem=True)
        elif bench.state.pen == pen:
            self.put_down()
            bench.result("Dragging moves the view again. Click a cell.")
        else:
            self._boxes.stop()
            self._region.stop()
            self.put_down()
            bench.state.pen = pen
            if self.dabs:
                self.brush.tell(pen)
            elif self._drawing is not None:
                self._drawing.tell(pen)

    def put_down(self) -> None:
        """Let drags move the view again."""
        if self._drawing is not None:
            self._drawing.drop()
        self.brush.drop()
        self._bench.state.pen = ""

    def turn_on(self) -> None:
        """The page is shown."""
        for drags in self._drags:
            drags.turn_on()

    def turn_off(self) -> None:
        """The page is hidden."""
        for drags in self._drags:
            drags.turn_off()
        self.put_down()

    def brush_keys(self) -> dict[str, Action]:
        """Return the keys of brush and eraser."""
        return {
            "B": partial(self.choose, "brush"),
            "E": partial(self.choose, "eraser"),
            "[": partial(self.brush.resize, -1),
            "]": partial(self.brush.resize, 1),
        }

    def close(self) -> None:
        """Take away what is ours."""
        if self._drawing is not None:
            self._drawing.close()
