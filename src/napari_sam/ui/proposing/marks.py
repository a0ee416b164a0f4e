"""The marks of the object being worked on: where they come from, how they go and come back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.errors import LabelsError
from napari_sam.images import Plane
from napari_sam.ui.canvas.clicks import DRAG
from napari_sam.ui.layers import own_layers
from napari_sam.ui.layers.planes import (
    canvas_pixel,
    labels_plane,
    points_on_plane,
    read_plane,
    shapes_on_plane,
)
from napari_sam.ui.layers.prompt_layers import Marks, UsedMarks, correcting, polarity, read_marks
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari.layers import Points, Shapes


@dataclass(frozen=True, eq=False)
class Spent:
    """Marks that became an object: deleted from our own layers, remembered in the person's."""

    points: tuple[tuple[Any, int], ...] = ()  # data coordinates and label, of our own layer
    shapes: tuple[tuple[Any, str], ...] = ()  # corners and kind, of our own layer
    used: tuple[tuple[Any, list[Any]], ...] = field(default_factory=tuple)


class MarkLayers:
    """Reads, adds and removes marks; makes our own layers when they are first needed."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._used = UsedMarks()
        self.own_points: Points | None = None
        self.own_shapes: Shapes | None = None
        self._log: list[str] = []
        self._counts = (0, 0)
        self._counted: Plane | None = None
        self._specks = 0
        # An object that is being corrected: its mask stands behind the marks on its plane.
        self.rough: tuple[Plane, npt.NDArray[np.bool_]] | None = None

    @property
    def points(self) -> Points | None:
        """The Points layer in use: the chosen one, or our own if it exists."""
        return self._bench.state.points or self.own_points

    def ours(self, layer: Any) -> bool:
        """Tell whether a layer was made here."""
        return layer is not None and (layer is self.own_points or layer is self.own_shapes)

    def read(self, plane: Plane) -> Marks:
        """Read the marks on a plane."""
        state = self._bench.state
        assert state.image is not None
        if self.own_points is not None:
            own_layers.style_points(self.own_points)
        marks = read_marks(
            self._bench.viewer,
            state.image,
            plane,
            self.points,
            state.shapes,
            state.mask,
            self._used,
        )
        self._watch(plane, len(marks.points), len(marks.outlines))
        if self.rough is not None and self.rough[0] == plane and len(marks.points):
            marks = correcting(marks, self.rough[1])
        return marks

    def _watch(self, plane: Plane, points: int, outlines: int) -> None:
        """Note what was added last, which is what undo takes away first."""
        if plane != self._counted:
            self._log = ["points"] * points + ["shapes"] * outlines
        else:
            self._log += ["points"] * (points - self._counts[0])
            self._log += ["shapes"] * (outlines - self._counts[1])
        self._counted, self._counts = plane, (points, outlines)

    def add_point(self, plane: Plane, rowcol: tuple[float, float], label: int) -> None:
        """Add a point to the chosen layer, or to our own, which is made for the first one."""
        image = self._bench.state.image
        assert image is not None
        layer = self.points
        if layer is None:
            layer = self.own_points = own_layers.new_points(self._bench.viewer, image)
        ours = layer is self.own_points
        own_layers.add_point(self._bench.viewer, layer, image, plane, rowcol, label, ours=ours)

    def paint(self) -> None:
        """Show the points that were added to our own layer: after the model was asked."""
        if self.own_points is not None:
            self.own_points.refresh(extent=False)

    @property
    def drawing(self) -> bool:
        """Whether a drag on the canvas draws a box of our own."""
        layer = self.own_shapes
        active = self._bench.viewer.layers.selection.active
        return layer is not None and layer is active and str(layer.mode) == "add_rectangle"

    def stop_drawing(self) -> None:
        """Let drags move the view again; the boxes that were drawn stay."""
        if self.own_shapes is not None:
            self.own_shapes.mode = "pan_zoom"

    def expect_speck(self) -> None:
        """Take away the tiny rectangle that a click leaves while boxes are drawn.

        The layer finishes it after the click, when it hears of the button as well.
        """
        self._specks += 1
        self._bench.loop.later("specks", 0, self._remove_specks)

    def _remove_specks(self) -> None:
        clicks, self._specks = self._specks, 0
        layer, image = self.own_shapes, self._bench.state.image
        if layer is None or image is None:
            return
        sides = DRAG * canvas_pixel(self._bench.viewer, layer)
        count = len(layer.data)
        # The newest only: a box that was drawn at a higher zoom may be as small by now.
        remove = [
            row
            for row in range(max(count - clicks, 0), count)
            if layer.shape_type[row] == "rectangle"
            and (np.ptp(layer.data[row], axis=0) <= sides).all()
        ]
        own_layers.remove_shapes(layer, remove)

    def draw_boxes(self) -> Shapes:
        """Make our own Shapes layer, or return to it, ready to draw rectangles."""
        image = self._bench.state.image
        assert image is not None
        if self.own_shapes is None:
            self.own_shapes = own_layers.new_shapes(self._bench.viewer, image)
        else:
            self._bench.viewer.layers.selection.active = self.own_shapes
            self.own_shapes.mode = "add_rectangle"
        return self.own_shapes

    def undo(self, plane: Plane) -> str | None:
        """Remove the mark added last on a plane; None when there is none, else what was done."""
        if self.read(plane).empty:
            return None
        while self._log:
            kind = self._log.pop()
            layer = self.points if kind == "points" else self._bench.state.shapes
            rows = self._rows(layer, plane)
            if not rows:
                continue
            if not self.ours(layer):
                assert layer is not None
                row = rows[-1]
                self._used.add(layer, [layer.data[row]])
                return f"Left out a mark of your layer {layer.name!r}; nothing was deleted there."
            self._delete(layer, rows[-1:])
            return "Took the last mark back."
        return None

    def spend(self, plane: Plane) -> Spent:
        """Take the marks of a plane out of play, because they have become an object."""
        state = self._bench.state
        points: list[tuple[Any, int]] = []
        shapes: list[tuple[Any, str]] = []
        used: list[tuple[Any, list[Any]]] = []
        own_points: Any = self.own_points
        own_shapes: Any = self.own_shapes
        layer: Any
        for layer in (self.points, state.shapes):
            rows = self._rows(layer, plane)
            if layer is None or not rows:
                continue
            if layer is own_points:
                said = polarity(layer)
                points += [(np.array(layer.data[row]), int(said[row])) for row in rows]
            elif layer is own_shapes:
                shapes += [(np.array(layer.data[r]), str(layer.shape_type[r])) for r in rows]
            else:
                marks = [np.array(layer.data[row]) for row in rows]
                self._used.add(layer, marks)
                used.append((layer, marks))
                continue
            self._delete(layer, rows)
        if state.mask is not None and state.image is not None:
            try:
                at = labels_plane(state.image, plane, state.mask, write=False)
            except LabelsError:
                pass
            else:
                painted = [read_plane(state.mask, at) == state.mask.selected_label]
                self._used.add(state.mask, painted)
                used.append((state.mask, painted))
        self._counts = (0, 0)
        self._log.clear()
        return Spent(tuple(points), tuple(shapes), tuple(used))

    def restore(self, spent: Spent) -> None:
        """Bring the marks of an object back, after its labels were undone."""
        for layer, marks in spent.used:
            self._used.remove(layer, marks)
        image = self._bench.state.image
        if image is None:
            return
        if spent.points and self.own_points is None:
            self.own_points = own_layers.new_points(self._bench.viewer, image)
        for coordinates, label in spent.points:
            assert self.own_points is not None
            own_layers.default_polarity(self.own_points, label)
            own_layers.append_points(self.own_points, coordinates, ours=True)
        self.paint()
        if self.own_shapes is not None:
            for corners, kind in spent.shapes:
                self.own_shapes.add(corners, shape_type=kind)

    def remove_unused_points(self) -> None:
        """Take our own Points layer away if it is empty and the person does not work in it."""
        layer, layers = self.own_points, self._bench.viewer.layers
        if layer is None or layer not in layers or len(layer.data):
            return
        if layers.selection.active is not layer:
            self.own_points = None
            layers.remove(layer)

    def remove_own(self) -> None:
        """Take our own layers away."""
        layers = (self.own_points, self.own_shapes)
        self.own_points = self.own_shapes = None
        self._log.clear()
        for layer in layers:
            if layer is None:
                continue
            if self._bench.state.shapes is layer:
                self._bench.state.shapes = None
            if layer in self._bench.viewer.layers:
                self._bench.viewer.layers.remove(layer)

    def _delete(self, layer: Any, rows: list[int]) -> None:
        remove = own_layers.remove_points if layer is self.own_points else own_layers.remove_shapes
        remove(layer, rows)

    def layer_removed(self, layer: Any) -> None:
        """Forget a layer of ours that the person deleted."""
        if layer is self.own_points:
            self.own_points = None
        if layer is self.own_shapes:
            self.own_shapes = None

    def _rows(self, layer: Any, plane: Plane) -> list[int]:
        """Rows of a prompt layer that lie on a plane and are still in play."""
        image = self._bench.state.image
        if layer is None or image is None:
            return []
        if layer is self.points:
            rows = [int(i) for i in points_on_plane(self._bench.viewer, layer, image, plane)[0]]
        else:
            found = shapes_on_plane(self._bench.viewer, layer, image, plane)
            rows = [outline.index for outline in found]
        fresh = self._used.fresh(layer, [layer.data[row] for row in rows])
        return [row for row, new in zip(rows, fresh, strict=True) if new]
