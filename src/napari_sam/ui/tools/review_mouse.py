"""What clicks and drags do to the labels that are reviewed."""

from __future__ import annotations

import itertools

import numpy as np

from napari_sam.errors import LabelsError, NapariSamError
from napari_sam.prompts import BACKGROUND
from napari_sam.ui.canvas.clicks import RIGHT
from napari_sam.ui.canvas.drags import Place
from napari_sam.ui.canvas.gestures import Gestures, ReviewAction
from napari_sam.ui.layers.planes import cursor_on_plane
from napari_sam.ui.tools.pens import Pens
from napari_sam.ui.tools.review_appearance import Appearance
from napari_sam.ui.tools.review_through import ReviewThrough
from napari_sam.ui.tools.reviewed import Reviewed
from napari_sam.ui.workbench import Workbench


class ReviewMouse:
    """Turns gestures into edits; merging and splitting may take two clicks."""

    def __init__(
        self,
        bench: Workbench,
        appearance: Appearance,
        review: Reviewed,
        through: ReviewThrough,
        pens: Pens,
    ) -> None:
        self._bench, self._appearance, self._review = bench, appearance, review
        self._through, self._pens = through, pens
        self._first: tuple[ReviewAction, int, Place] | None = None
        self._gestures = Gestures(
            bench.viewer,
            self._place,
            lambda: "select" if bench.state.pen else review.state.action,
            self._clicked,
            self._dragging,
            self._dragged,
        )

    def turn_on(self) -> None:
        self._gestures.turn_on()
        self._pens.turn_on()

    def turn_off(self) -> None:
        self.forget()
        self._gestures.turn_off()
        self._pens.turn_off()

    def forget(self) -> bool:
        """Forget the first of two clicks; say whether there was one."""
        first, self._first = self._first, None
        return first is not None

    def _place(self) -> Place | None:
        image = self._bench.state.image
        try:
            return (
                cursor_on_plane(self._bench.viewer, image, self._bench.plane()) if image else None
            )
        except NapariSamError:
            return None

    def _under(self, place: Place) -> int:
        """The object at a pixel, 0 for none."""
        return self._review.plane.editing().at(place)

    def _clicked(self, action: ReviewAction, place: Place, button: int) -> None:
        review = self._review
        if action == "select" and self._bench.state.pen:
            return  # a click is a dab of the brush
        pending = review.state.pending != ""
        adding = action == "add" or (action == "select" and review.state.correcting is not None)
        if adding and not pending:
            review.proposals.mark(
                place, BACKGROUND if button == RIGHT else self._bench.state.polarity
            )
            return
        if button == RIGHT:
            return
        try:
            under = self._under(place)
        except NapariSamError as error:
            self._bench.fail(error)
            return
        if pending:
            self._through.clicked(under, place)
        elif under in self._appearance.hidden:
            self._bench.result(f"Cell {under} is hidden by the sliders.")
        elif action == "select":
            self._first = None
            review.select(under or None)
            review.advise()
        elif under == 0:
            self._bench.result("There is no cell here. Click on a cell.")
        elif action == "delete":
            review.edit(lambda editing: editing.delete([under]))
        else:
            self._click_of_two(action, under, place)

    def _click_of_two(self, action: ReviewAction, under: int, place: Place) -> None:
        review, first = self._review, self._first
        if first is not None and first[0] == action and (under == first[1]) == (action == "split"):
            if action == "merge":
                review.edit(lambda editing: editing.merge([first[1], under]), first[1])
            else:
                review.edit(lambda editing: editing.split(under, first[2], place), under)
            return
        review.select(under)
        self._first = (action, under, place)
        self._appearance.draw(review.plane.editing().plane, [place])
        self._bench.result(
            f"Now click the cell that shall become part of cell {under}."
            if action == "merge"
            else f"Now click the other half of cell {under}."
        )

    def _dragging(self, action: ReviewAction, path: list[Place]) -> bool:
        try:
            if action == "merge" and not self._under(path[0]):
                return False
            if len(path) > 1:
                shown = path if action == "split" else [path[0], path[-1]]
                self._appearance.draw(self._review.plane.editing().plane, shown)
        except NapariSamError:
            return False
        return True

    def _dragged(self, action: ReviewAction, path: list[Place]) -> None:
        review = self._review
        try:
            if action == "merge":
                first, second = self._under(path[0]), self._under(path[-1])
                if second in (0, first):
                    raise LabelsError("Drag from one cell to another to merge them.")
                review.edit(lambda editing: editing.merge([first, second]), first)
            else:
                crossed = self._crossed(path)
                review.edit(lambda editing: editing.cut(crossed, path), crossed)
        except NapariSamError as error:
            self._bench.fail(error)
        review.plane.ring()

    def _crossed(self, path: list[Place]) -> int:
        """The visible object that a line crosses the most."""
        editing = self._review.plane.editing()
        steps = [np.linspace(a, b, 256) for a, b in itertools.pairwise(path)]
        at = np.rint(np.concatenate(steps)).astype(int)
        at = np.unique(at[((at >= 0) & (at < editing.plane.shape)).all(axis=1)], axis=0)
        ids = editing.under(at[:, 0], at[:, 1]) if len(at) else np.empty(0, np.int64)
        ids = ids[(ids != 0) & ~np.isin(ids, self._appearance.hidden)]
        if len(ids) == 0:
            raise LabelsError("The line crosses no cell: draw it right across one.")
        found, counts = np.unique(ids, return_counts=True)
        return int(found[np.argmax(counts)])
