"""Steps on the Review page that may take long: many cells at once, and steps back and forth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari_sam.errors import NapariSamError
from napari_sam.labels.change import MovedStep
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
            self._run(lambda editing: editing.deleting(ids), told, lambda said: said)

    def accept(self, ids: list[int]) -> None:
        """Accept cells, in one step."""
        if ids:
            self._review.edit(lambda editing: editing.accept(ids))

    def undo(self) -> None:
        """Take the last step back, whatever it did to however many cells."""
        self._run(
            lambda editing: editing.document.undoing(),
            "Taking the last step back.",
            lambda moved: _said("Took back: ", "undo", moved),
        )

    def redo(self) -> None:
        """Do again what was taken back last."""
        if self._slowly.after(self.redo):
            return
        self._run(
            lambda editing: editing.document.redoing(),
            "Doing the last step again.",
            lambda moved: _said("Done again: ", "redo", moved),
        )

    def _run(
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


def _said(said: str, way: str, moved: MovedStep | None) -> str:
    return f"There is nothing more to {way}." if moved is None else f"{said}{moved.told}"
