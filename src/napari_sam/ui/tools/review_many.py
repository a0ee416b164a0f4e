"""Many cells at once on the Review page: deleted or accepted in one step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari_sam.errors import NapariSamError
from napari_sam.labels.steps import Steps
from napari_sam.ui.labels_layer.editing import Editing
from napari_sam.ui.labels_layer.slowly import Slowly
from napari_sam.ui.tools.review_mouse import ReviewMouse
from napari_sam.ui.tools.reviewed import Reviewed
from napari_sam.ui.workbench import Workbench


class Many:
    """Deletes and accepts cells however many they are; the window answers meanwhile.

    Parameters
    ----------
    bench : Workbench
    review : Review
    mouse : ReviewMouse
        Forgets the first of two clicks.
    slowly : Slowly
        Does it.
    """

    def __init__(
        self, bench: Workbench, review: Reviewed, mouse: ReviewMouse, slowly: Slowly
    ) -> None:
        self._bench, self._review = bench, review
        self._mouse, self._slowly = mouse, slowly

    def delete(self, ids: list[int]) -> None:
        """Delete cells, in one step."""
        if ids:
            told = f"Deleting {len(ids)} cells. You can look around meanwhile."
            self.run(lambda editing: editing.deleting(ids), told, lambda said: said)

    def accept(self, ids: list[int]) -> None:
        """Accept cells, in one step."""
        if ids:
            self._review.edit(lambda editing: editing.accept(ids))

    def run(
        self, work: Callable[[Editing], Steps[Any]], told: str, saying: Callable[[Any], str]
    ) -> None:
        """Do what may take long, and say afterwards what came of it."""

        def done(found: Any) -> None:
            self._mouse.forget()
            self._review.refresh()
            self._bench.result(saying(found))

        self._mouse.forget()
        try:
            self._slowly.run(work(self._review.plane.editing()), told, done)
        except NapariSamError as error:
            self._bench.fail(error)
