"""Steps of the labels that are reviewed, taken back and done again."""

from __future__ import annotations

from napari_sam.labels.document import MovedStep
from napari_sam.ui.labels_layer.accepting import left
from napari_sam.ui.tools.review_many import Many


class History:
    """Goes back and forth through what happened to the labels, and tells of it.

    Parameters
    ----------
    many : Many
        Does what a step did to however many cells.
    """

    def __init__(self, many: Many) -> None:
        self._many = many

    def undo(self) -> None:
        """Take the last step back."""
        self._many.run(
            lambda editing: editing.document.undoing(),
            "Taking the last step back.",
            lambda moved: _said("Took back: ", "undo", moved),
        )

    def redo(self) -> None:
        """Do again what was taken back last."""
        self._many.run(
            lambda editing: editing.document.redoing(),
            "Doing the last step again.",
            lambda moved: _said("Done again: ", "redo", moved),
        )


def _said(said: str, way: str, moved: MovedStep | None) -> str:
    if moved is None:
        return f"There is nothing more to {way}."
    told = moved.change.told
    return f"{said}{told[:1].lower()}{told[1:]}{left(moved)}"
