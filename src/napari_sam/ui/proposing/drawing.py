"""Lines and outlines that are drawn by a drag, and become marks of the cell."""

from __future__ import annotations

from collections.abc import Callable

from napari_sam.errors import ViewError
from napari_sam.images import Plane
from napari_sam.prompts import BACKGROUND, FOREGROUND
from napari_sam.ui.canvas.clicks import RIGHT
from napari_sam.ui.canvas.drags import Place, line_of, outline_of
from napari_sam.ui.canvas.stroke_view import StrokeView
from napari_sam.ui.proposing.boxes import Boxes
from napari_sam.ui.state import Pen
from napari_sam.ui.workbench import Workbench

_LINGER = 10_000  # milliseconds after which the layer of the line goes

_HOW: dict[Pen, str] = {
    "scribble": "Draw a line along the cell. With the right button: along what does not belong.",
    "lasso": "Draw around the cell.",
}


class Drawing:
    """A pen that leaves marks: a line along the cell, or an outline around it.

    Parameters
    ----------
    bench : Workbench
    boxes : Boxes
        Where the marks go.
    mark : callable
        ``mark(place, label, add)``: calls ``add()`` when it is the turn of a mark that begins at
        a place.
    """

    def __init__(
        self,
        bench: Workbench,
        boxes: Boxes,
        mark: Callable[[Place, int, Callable[[], None]], None],
    ) -> None:
        self._bench, self._boxes, self._mark = bench, boxes, mark
        self._view = StrokeView(bench.ours, self._tidy_later)
        self._on: tuple[Plane, int] | None = None

    def tell(self, pen: Pen) -> None:
        """Say how a pen is used that was just taken up."""
        self._bench.result(_HOW[pen])

    def begin(self, place: Place, button: int) -> bool:
        """Start a line of the chosen pen; False for what it does not draw."""
        bench = self._bench
        pen = bench.state.pen
        if pen not in _HOW or (pen == "lasso" and button == RIGHT):
            return False
        try:
            plane = bench.plane()
        except ViewError:
            return False
        label = BACKGROUND if button == RIGHT else FOREGROUND
        if pen == "scribble" and button != RIGHT:
            label = bench.state.polarity
        self._on = plane, label
        return True

    def move(self, path: list[Place]) -> None:
        """Show the line so far."""
        image = self._bench.state.image
        if self._on is None or image is None:
            return
        plane, label = self._on
        if self._bench.plane_or_none() != plane:
            self._view.hide()
            return
        closed = self._bench.state.pen == "lasso"
        self._view.show(image, plane, [*path, path[0]] if closed else path, label)

    def end(self, path: list[Place], moved: bool) -> None:
        """Make a mark of the line; one that is hardly any is a click, which others hear of."""
        on, self._on = self._on, None
        self._view.hide()
        if on is None or not moved:
            return
        plane, label = on
        pen = self._bench.state.pen
        if self._bench.plane_or_none() != plane:
            self._bench.result(f"Another {self._bench.word} is shown: the line was dropped.")
            return
        if pen == "lasso":
            self._outline(plane, path)
        else:
            line = line_of(path)
            self._mark(path[0], label, lambda: self._boxes.add(plane.to_data(line), "path", label))

    def _outline(self, plane: Plane, path: list[Place]) -> None:
        around = outline_of(path)
        if around is None:
            self._bench.result("That outline is too small. Draw around the whole cell.")
            return
        middle = around.mean(axis=0)
        self._mark(
            (float(middle[0]), float(middle[1])),
            FOREGROUND,
            lambda: self._boxes.add(plane.to_data(around), "polygon", FOREGROUND),
        )

    def drop(self) -> None:
        """Leave no line half drawn on the canvas."""
        self._on = None
        self._view.hide()

    def close(self) -> None:
        """Take away what is ours."""
        self._view.remove()

    def _tidy_later(self) -> None:
        self._bench.loop.later("tidy line", _LINGER, self._view.remove_unused)
