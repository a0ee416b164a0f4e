"""The cell in hand on the Review page, as brush and eraser change it."""

from __future__ import annotations

from napari_sam.errors import NapariSamError
from napari_sam.images import Plane
from napari_sam.regions import Region
from napari_sam.ui.canvas.drags import Place
from napari_sam.ui.tools.review_appearance import Appearance
from napari_sam.ui.tools.reviewed import Reviewed
from napari_sam.ui.workbench import Workbench


class ReviewHand:
    """The object that is selected; each stroke is a step of its own.

    Parameters
    ----------
    bench : Workbench
    appearance : Appearance
    review : Review
    """

    def __init__(self, bench: Workbench, appearance: Appearance, review: Reviewed) -> None:
        self._bench, self._appearance, self._review = bench, appearance, review

    @property
    def number(self) -> int:
        """Which cell it is; 0 for none."""
        return self._review.state.selected or 0

    @property
    def outline(self) -> tuple[Plane, Region] | None:
        """The plane that is shown, and the pixels of the cell there."""
        if not self.number:
            return None
        try:
            editing = self._review.plane.editing()
            return editing.plane, editing.region_of(self.number)
        except NapariSamError:
            return None

    def number_at(self, place: Place) -> int:
        """Return which cell is seen at a place; 0 for none.

        Raises
        ------
        LabelsError, ViewError
            When the labels cannot be reviewed.
        """
        found = self._review.plane.editing().at(place)
        return 0 if found in self._appearance.hidden else found

    def take(self, place: Place) -> bool:
        """Take the cell at a place in hand; False when none is there."""
        number = self.number_at(place)
        self._review.select(number or None)
        return number > 0

    def put_down(self) -> None:
        """Leave the cell as it is."""
        self._review.select(None)

    def go_on(self, number: int) -> None:
        """A cell that is not on the slice is not in hand here: *Click* draws it on the next."""

    def show(self, region: Region) -> None:
        """Ring it as it would be."""
        self._appearance.ring(self._bench.plane(), region)

    def redraw(self, region: Region) -> None:
        """Give it another outline; it stays in hand, and clicks refine it no more."""
        number, overlap = self.number, self._bench.state.overlap
        self._review.proposals.stop_correcting()
        self._review.edit(lambda editing: editing.replace(number, region, overlap), number)
        self._review.plane.ring()
