"""The marks of the object being worked on: where they come from, how they go and come back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam.errors import LabelsError, NapariSamError
from napari_sam.images import Plane
from napari_sam.regions import Region
from napari_sam.ui.layers import own_layers
from napari_sam.ui.layers.label_grid import check_fit
from napari_sam.ui.layers.outlines import points_on_plane, shapes_on_plane
from napari_sam.ui.layers.planes import read_plane
from napari_sam.ui.layers.polarity import polarity, say_next
from napari_sam.ui.layers.prompt_layers import Marks, UsedMarks, correcting, read_marks
from napari_sam.ui.proposing.boxes import Boxes
from napari_sam.ui.proposing.edits import Edits
from napari_sam.ui.proposing.spent import Spent, points_of, rows_like, shapes_of
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari.layers import Image, Points


class MarkLayers:
    """Reads, adds and removes marks; makes our own layers when they are first needed.

    Parameters
    ----------
    bench : Workbench
    changed : callable
        Called when a layer was edited in which marks are read; both phases of an edit count.
    """

    def __init__(self, bench: Workbench, changed: Callable[[], None]) -> None:
        self._bench = bench
        self._changed = changed
        self._edits = Edits(changed)
        self._used = UsedMarks()
        self.own_points: Points | None = None
        self.boxes = Boxes(bench)
        self._added: list[str] = []
        self._counts = (0, 0)
        self._counted: Plane | None = None
        self._dropped: Callable[[], None] = lambda: None
        #: Marks that were brought back have gone again from these planes.
        self.withdrawn: Callable[[list[Plane]], None] = lambda planes: None
        # An object that is being corrected: its mask stands behind the marks on its plane.
        self.rough: tuple[Plane, Region] | None = None

    def listen(self, added: Callable[[], None], dropped: Callable[[], None]) -> None:
        """Call back when a person has marked something new, and when marks were dropped."""
        self._edits.added, self._dropped = added, dropped

    @property
    def points(self) -> Points | None:
        """The Points layer in use: the chosen one, or our own if it exists."""
        return self._bench.state.points or self.own_points

    def watch(self) -> None:
        """Follow the layers in which marks are read."""
        state = self._bench.state
        new = self._edits.watch((self.points, state.shapes, state.mask, state.points))
        if new and state.points is not None:
            self.say_next()

    def _restyled(self, event: Any = None) -> None:
        if self.own_points is not None and not self._edits.writing:
            own_layers.style_points(self.own_points)

    def read(self, plane: Plane) -> Marks:
        """Read the marks on a plane."""
        state = self._bench.state
        assert state.image is not None
        points = self.points
        marks = read_marks(
            self._bench.viewer,
            state.image,
            plane,
            points,
            state.shapes,
            state.mask,
            self._used,
            points_on_grid=points is self.own_points,
        )
        self._count(plane, len(marks.points), len(marks.outlines))
        if (
            self.rough is not None
            and self.rough[0] == plane
            and (len(marks.points) or marks.outlines)
        ):
            marks = correcting(marks, self.rough[1].on(plane.shape))
        return marks

    def none_on(self, plane: Plane) -> bool:
        """Whether nothing is marked on a plane; False where that cannot be told."""
        try:
            return self.read(plane).empty
        except NapariSamError:
            return False

    def told(self, marked: bool) -> None:
        """Take note of whether anything is marked on the plane shown."""
        self._bench.state.marked = marked

    def _count(self, plane: Plane, points: int, outlines: int) -> None:
        """Note what was added last, which is what undo takes away first."""
        if plane != self._counted:
            self._added = ["points"] * points + ["shapes"] * outlines
        else:
            self._added += ["points"] * (points - self._counts[0])
            self._added += ["shapes"] * (outlines - self._counts[1])
        self._counted, self._counts = plane, (points, outlines)

    def add_point(self, plane: Plane, rowcol: tuple[float, float], label: int) -> None:
        """Add a point to the chosen layer, or to our own, which is made for the first one."""
        image = self._bench.state.image
        assert image is not None
        self._edits.added()
        layer = self.points
        if layer is None:
            layer = self._make_points(image)
        ours = layer is self.own_points
        self._edits.writing = ours
        own_layers.add_point(self._bench.viewer, layer, image, plane, rowcol, label, ours=ours)
        self._edits.writing = False

    def _make_points(self, image: Image) -> Points:
        layer = self.own_points = own_layers.new_points(self._bench.ours, image)
        layer.events.features.connect(self._restyled)
        self.watch()
        return layer

    def say_next(self, label: int | None = None) -> None:
        """Make points that the person adds with napari's own tool say what a click would."""
        if self.points is not None:
            say_next(self.points, self._bench.state.polarity if label is None else label)

    def paint(self) -> None:
        """Show the points that were added to our own layer: after the model was asked."""
        if self.own_points is not None:
            own_layers.style_points(self.own_points)
            self.own_points.refresh(extent=False)

    def undo(self, plane: Plane) -> tuple[str, Spent] | None:
        """Remove the mark added last on a plane.

        Returns
        -------
        (str, Spent) or None
            What was done, and the mark; None when there is none.
        """
        if self.read(plane).empty:
            return None
        while self._added:
            kind = self._added.pop()
            layer = self.points if kind == "points" else self._bench.state.shapes
            rows = self._rows(layer, plane)
            if not rows:
                continue
            taken = self._take(plane, layer, rows[-1:])
            if taken.used:
                name = taken.used[0][0].name
                return f"Left out a mark of your layer {name!r}; nothing was deleted there.", taken
            return "Took the last mark back.", taken
        return None

    def _take(self, plane: Plane, layer: Any, rows: list[int]) -> Spent:
        """Take marks of a layer out of play."""
        if layer is None or not rows:
            return Spent(plane)
        if layer is self.own_points:
            taken = points_of(plane, layer, rows)
        elif layer is self.boxes.layer:
            taken = shapes_of(plane, layer, rows)
        else:
            marks = [np.array(layer.data[row]) for row in rows]
            self._used.add(layer, plane, marks)
            return Spent(plane, used=((layer, marks),))
        self._delete(layer, rows)
        return taken

    def spend(self, plane: Plane) -> Spent:
        """Take the marks of a plane out of play: they have become an object, or are dropped."""
        state = self._bench.state
        layers = (self.points, state.shapes)
        parts = [self._take(plane, layer, self._rows(layer, plane)) for layer in layers]
        if state.mask is not None and state.image is not None:
            try:
                check_fit(state.image, state.mask, write=False)
            except LabelsError:
                pass
            else:
                painted = read_plane(state.mask, plane) == state.mask.selected_label
                if painted.any():
                    self._used.add(state.mask, plane, [painted])
                    parts.append(Spent(plane, used=((state.mask, [painted]),)))
        self._counts = (0, 0)
        self._added.clear()
        spent = Spent.together(plane, parts)
        if not spent.empty:
            self._dropped()
        return spent

    def withdraw(self, spent: Spent) -> None:
        """Take marks that were brought back out of play once more, as far as they are there."""
        for layer, marks in spent.used:
            self._used.add(layer, spent.plane, marks)
        for own, marks in (
            (self.own_points, [mark[0] for mark in spent.points]),
            (self.boxes.layer, [mark[0] for mark in spent.shapes]),
        ):
            rows = [] if own is None else rows_like(own, marks)
            if rows:
                self._delete(own, rows)
        self.withdrawn([spent.plane])
        self._changed()

    def restore(self, spent: Spent) -> None:
        """Bring the marks of an object of the chosen image back, after its labels were undone."""
        for layer, marks in spent.used:
            self._used.remove(layer, spent.plane, marks)
        image = self._bench.state.image
        if image is None:
            return
        if spent.points and self.own_points is None:
            self._make_points(image)
        self._edits.writing = True
        for coordinates, label in spent.points:
            assert self.own_points is not None
            say_next(self.own_points, label)
            own_layers.append_points(self.own_points, coordinates, ours=True)
        self._edits.writing = False
        self.paint()
        self._changed()
        with self._edits.nothing_new():
            for shape in spent.shapes:
                self.boxes.add(*shape)

    def remove_unused_points(self) -> None:
        """Take our own Points layer away if it is empty and the person does not work in it."""
        layer, layers = self.own_points, self._bench.viewer.layers
        if layer is None or layer not in layers or len(layer.data):
            return
        if layers.selection.active is not layer:
            self._forget_points()
            layers.remove(layer)

    def remove_own(self) -> None:
        """Take our own layers away."""
        layers = [self.own_points, self.boxes.layer]
        self.forget_own()
        for layer in layers:
            self._bench.take_away(layer)

    def forget_own(self) -> None:
        """Let go of our own layers."""
        self._forget_points()
        self.boxes.forget()
        self._added.clear()
        self.watch()

    def _forget_points(self) -> None:
        layer, self.own_points = self.own_points, None
        if layer is not None:
            layer.events.features.disconnect(self._restyled)

    def close(self) -> None:
        """Take our own layers away and stop following the person's."""
        layers = [self.own_points, self.boxes.layer]
        self.forget_own()
        self.boxes.close()
        self._edits.stop()
        for layer in layers:
            self._bench.ours.remove(layer)

    def _delete(self, layer: Any, rows: list[int]) -> None:
        with self._edits.nothing_new():
            self._remove(layer, rows)

    def _remove(self, layer: Any, rows: list[int]) -> None:
        points = self.own_points
        if points is None or layer is not points:
            own_layers.remove_shapes(layer, rows)
        elif own_layers.drawn_in_threads():
            self._renew(points, rows)
        else:
            self._edits.writing = True
            own_layers.remove_points(points, rows)
            if len(points.data):  # napari drops the style of the last ones
                own_layers.style_points(points)
            self._edits.writing = False
            self._changed()

    def _renew(self, old: Points, rows: list[int]) -> None:
        """Put a new layer with the other points in place of ours.

        What a thread of napari is drawing of the points that go would come when they are gone.
        """
        image = self._bench.state.image
        assert image is not None
        left = np.setdiff1d(np.arange(len(old.data)), rows)
        said = polarity(old)
        self._forget_points()
        self._bench.ours.remove(old)
        new = self._make_points(image)
        for row in left:
            say_next(new, int(said[row]))
            own_layers.append_points(new, old.data[row], ours=True)
        self.paint()

    def layer_removed(self, layer: Any) -> None:
        """Forget a layer of ours that the person deleted."""
        if layer is self.own_points:
            self._forget_points()
        if layer is self.boxes.layer:
            self.boxes.forget()
        self.watch()

    def _rows(self, layer: Any, plane: Plane) -> list[int]:
        """Rows of a prompt layer that lie on a plane and are still in play."""
        image = self._bench.state.image
        points = self.points
        if layer is None or image is None or not layer.visible:
            return []
        if points is not None and layer is points:
            rows = [int(i) for i in self._points_on(points, image, plane)]
            rows = [row for row in rows if points.shown[row]]
        else:
            found = shapes_on_plane(self._bench.viewer, layer, image, plane)
            rows = [outline.index for outline in found]
        fresh = self._used.fresh(layer, plane, [layer.data[row] for row in rows])
        return [row for row, new in zip(rows, fresh, strict=True) if new]

    def _points_on(self, points: Points, image: Image, plane: Plane) -> Any:
        viewer, ours = self._bench.viewer, points is self.own_points
        return points_on_plane(viewer, points, image, plane, on_grid=ours)[0]
