"""Steps of the labels that are reviewed, taken back and done again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from napari_sam.errors import NapariSamError
from napari_sam.labels.document import Document, Moved
from napari_sam.ui.labels_layer.accepting import left
from napari_sam.ui.tools.review_mouse import ReviewMouse
from napari_sam.ui.tools.review_plane import ReviewedPlane
from napari_sam.ui.workbench import Workbench


class Reviewed(Protocol):
    """Whose steps they are, as far as that is needed."""

    plane: ReviewedPlane
    mouse: ReviewMouse

    def refresh(self) -> None: ...


class History:
    """Goes back and forth through what happened to the labels, and tells of it.

    Parameters
    ----------
    bench : Workbench
    review : Review
    """

    def __init__(self, bench: Workbench, review: Reviewed) -> None:
        self._bench, self._review = bench, review

    def undo(self) -> None:
        """Take the last step back."""
        self._move("Took back: ", "undo", lambda document: document.undo())

    def redo(self) -> None:
        """Do again what was taken back last."""
        self._move("Done again: ", "redo", lambda document: document.redo())

    def _move(self, said: str, way: str, how: Callable[[Document], Moved | None]) -> None:
        review = self._review
        try:
            moved = how(review.plane.editing().document)
        except NapariSamError as error:
            self._bench.fail(error)
            return
        review.mouse.forget()
        review.refresh()
        if moved is None:
            self._bench.result(f"There is nothing more to {way}.")
            return
        told = moved.change.told
        self._bench.result(f"{said}{told[:1].lower()}{told[1:]}{left(moved)}")
