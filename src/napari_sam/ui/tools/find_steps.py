"""What was found is taken back, and found again, by the keys of the window."""

from __future__ import annotations

from napari_sam.ui.canvas.keys import Action
from napari_sam.ui.labels_layer.undone import TakenBack
from napari_sam.ui.tools.example_boxes import ExampleBoxes
from napari_sam.ui.tools.tool import Parts


class FindSteps:
    """Goes back and forth, whichever layer is active: after a search it is still the image.

    Parameters
    ----------
    parts : Parts
    boxes : ExampleBoxes
        Whose own layer has an undo of its own.
    """

    def __init__(self, parts: Parts, boxes: ExampleBoxes) -> None:
        self._bench, self._accepting, self._boxes = parts.bench, parts.accepting, boxes
        self._slowly = parts.documents.slowly

    def keys(self) -> dict[str, Action]:
        """Return the keys by which a page goes back and forth."""
        return {"Control-Z": self.undo, "Control-Shift-Z": self.redo}

    def undo(self) -> None:
        """Take the last step back: of a layer that has steps of its own, else what was found."""
        active = self._bench.viewer.layers.selection.active
        if active is not None and active is self._boxes.own:
            self._boxes.undo()
        elif hasattr(active, "undo") and not self._accepting.last_in(active):
            active.undo()
        else:
            self._accepting.undo(lambda change: None)

    def redo(self) -> None:
        """Do again what was taken back last."""
        if self._slowly.after(self.redo):
            return
        active, last = self._bench.viewer.layers.selection.active, self._accepting.undone.last()
        if isinstance(last, TakenBack):
            self._accepting.redo(last.document, lambda change: None)
        elif hasattr(active, "redo"):
            active.redo()
        else:
            self._bench.result("There is nothing to do again.")
