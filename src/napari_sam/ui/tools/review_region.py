"""Cells inside a region on the Review page: counted, deleted or accepted at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_sam.counts import counted
from napari_sam.errors import NapariSamError
from napari_sam.labels.inside import Inside, count_inside
from napari_sam.ui.layers.listening import Listening
from napari_sam.ui.proposing.region import DrawnRegion
from napari_sam.ui.tools.find_region import enclosed_region
from napari_sam.ui.tools.review_appearance import Appearance
from napari_sam.ui.tools.review_many import Many
from napari_sam.ui.tools.reviewed import Reviewed
from napari_sam.ui.tools.tile_region import tile_region
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari.layers import Shapes


class ReviewRegion:
    """What the region of the slice holds: one that was drawn, or the shapes of a layer.

    Parameters
    ----------
    bench : Workbench
    drawn : DrawnRegion
    appearance : Appearance
    review : Review
    many : Many
        Deletes and accepts what is inside.
    """

    def __init__(
        self,
        bench: Workbench,
        drawn: DrawnRegion,
        appearance: Appearance,
        review: Reviewed,
        many: Many,
    ) -> None:
        self._bench, self.drawn = bench, drawn
        self._appearance, self._review, self._many = appearance, review, many
        self._shapes: Shapes | None = None
        self._why_not: NapariSamError | None = None  # the region cannot be counted
        self._edits = Listening()
        review.state.events.objects.connect(self.look)
        review.state.events.hidden.connect(self.look)
        drawn.changed.connect(self._drawn)

    @property
    def shapes(self) -> Shapes | None:
        """The layer that was chosen instead of what is drawn."""
        return self._shapes

    def choose(self, shapes: Shapes | None) -> None:
        """Take the shapes of a layer for the region; None for what is drawn."""
        self._edits.stop()
        self._shapes = shapes
        if shapes is not None:
            self._edits.to(shapes.events.data, self._later)
        self.look()

    def layers_changed(self) -> None:
        """Let go of a layer that went."""
        if self._shapes is not None and self._shapes not in self._bench.viewer.layers:
            self.choose(None)

    def _drawn(self) -> None:
        """Say what a region holds that was just drawn."""
        self.look()
        inside = self._review.state.inside
        if not self._review.shown or self.drawn.drawing:
            return
        if self._why_not is not None:
            self._bench.fail(self._why_not)
        elif inside is not None:
            self._bench.result(f"{told(inside)}.")

    def _later(self, event: object = None) -> None:
        self._bench.loop.later("shapes of the region", 0, self.look)

    def look(self) -> None:
        """See what the region holds now, while the page is shown."""
        if self._review.shown:
            self._why_not = None
            try:
                self._review.state.inside = self._inside()
            except NapariSamError as error:
                self._why_not = error
                self._review.state.inside = None

    def _inside(self) -> Inside | None:
        if self._shapes is None and not self.drawn.here():
            return None
        layer, viewer = self._shapes or self.drawn.layer, self._bench.viewer
        assert layer is not None
        shown, editing = self._bench.shown(), self._review.plane.editing()
        if editing.large:  # nothing is filled that is too large to be read
            where = tile_region(viewer, shown.image, shown.plane, layer)
            for area in () if where is None else where.areas:
                editing.check_size(*area.window)
        region = enclosed_region(viewer, shown.image, shown.plane, layer)
        labels, corner = editing.part((), region)
        mask = region.on(labels.shape, *corner)
        found = count_inside(labels, mask, shown.view.image.pixel_size)
        hidden = np.asarray(self._appearance.hidden)
        return replace(found, ids=tuple(i for i in found.ids if i not in hidden))

    def delete(self) -> None:
        """Delete the cells inside, in one step."""
        self._with_ids(self._many.delete)

    def accept(self) -> None:
        """Accept the cells inside, in one step."""
        self._with_ids(self._many.accept)

    def _with_ids(self, what: Callable[[list[int]], None]) -> None:
        self.look()
        inside = self._review.state.inside
        if self._why_not is not None:
            self._bench.fail(self._why_not)
        elif inside is None:
            told = f"There is no region on this {self._bench.word}. Press L and draw one."
            self._bench.result(told)
        elif not inside.ids:
            self._bench.result("No cell lies inside the region.")
        else:
            what(list(inside.ids))


def told(inside: Inside) -> str:
    """Say what a region holds.

    Examples
    --------
    >>> told(Inside((3, 4), 500, 120))
    '2 cells in 500 px², 24 % covered'
    """
    size = inside.pixel_size
    unit = "px" if size is None else size.unit.replace("um", "µm")
    area = f"{inside.area:,.0f}" if inside.area >= 100 else f"{inside.area:.3g}"
    covered = 100 * inside.covered / inside.pixels
    return f"{counted(len(inside), 'cell')} in {area} {unit}², {covered:.0f} % covered"
