"""What drags draw on the Click page: one pen at a time, each taken up by a key or a button."""

from __future__ import annotations

from collections.abc import Callable

from napari_sam.ui.canvas.drags import Drags, Place
from napari_sam.ui.proposing.drawing import Drawing
from napari_sam.ui.state import Pen
from napari_sam.ui.tools.brush import Brush
from napari_sam.ui.tools.kept_in_hand import KeptInHand
from napari_sam.ui.tools.through import Through
from napari_sam.ui.tools.tool import Parts


class Pens:
    """Owns which pen is in use, and hands drags to it.

    Parameters
    ----------
    parts : Parts
    hand : KeptInHand
        The cell that the brush changes, if none is proposed.
    through : Through
        The cell that it changes on slices without marks.
    mark : callable
        See `Drawing`.
    """

    def __init__(
        self,
        parts: Parts,
        hand: KeptInHand,
        through: Through,
        mark: Callable[[Place, int, Callable[[], None]], None],
    ) -> None:
        self._bench, self._boxes = parts.bench, parts.proposal.marks.boxes
        self._drawing = Drawing(parts.bench, self._boxes, mark)
        self.brush = Brush(parts, hand, through)
        viewer = parts.bench.viewer
        self._drags = [
            Drags(viewer, parts.bench.cursor, pen) for pen in (self._drawing, self.brush)
        ]

    @property
    def dabs(self) -> bool:
        """Whether a click is a dab of the brush, and no mark."""
        return self._bench.state.pen in ("brush", "eraser")

    def choose(self, pen: Pen) -> None:
        """Take up a pen, or put it down when it is in use."""
        bench = self._bench
        if bench.state.image is None:
            bench.say("Open an image first.", problem=True)
        elif bench.state.pen == pen:
            self.put_down()
            bench.result("Dragging moves the view again. Click a cell.")
        else:
            self._boxes.stop()
            self.put_down()
            bench.state.pen = pen
            (self.brush if self.dabs else self._drawing).tell(pen)

    def put_down(self) -> None:
        """Let drags move the view again."""
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

    def close(self) -> None:
        """Take away what is ours."""
        self._drawing.close()
