"""What was taken back and can be done again: steps of labels and marks, in one order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from napari_sam.labels.change import Change
from napari_sam.ui.labels_layer.documents import Documents
from napari_sam.ui.labels_layer.layer_document import LayerDocument
from napari_sam.ui.workbench import Workbench

#: Makes a mark again; False when it has to be asked once more, because it cannot be made yet.
DoAgain = Callable[[], bool]


class TakenBack(NamedTuple):
    """A step of some labels that was taken back."""

    document: LayerDocument
    change: Change


class Undone:
    """Knows what was taken back last, whichever page, or napari, did it.

    A step that is made empties it. A new mark does so too, but leaves the documents alone: what
    was taken back of labels can still be done again in *Review*, until something is kept.

    Parameters
    ----------
    bench : Workbench
    documents : Documents
    """

    def __init__(self, bench: Workbench, documents: Documents) -> None:
        self._bench = bench
        self._left: list[TakenBack | DoAgain] = []
        documents.happened.connect(self._happened)

    def last(self) -> TakenBack | DoAgain | None:
        """Return what is to be done again next; None when there is nothing."""
        self.look()
        return self._left[-1] if self._left else None

    def last_in(self, labels: Any) -> bool:
        """Whether that is a step of these labels."""
        last = self.last()
        return isinstance(last, TakenBack) and last.document.layer is labels

    def _holds(self, one: TakenBack | DoAgain) -> bool:
        if not isinstance(one, TakenBack):
            return True
        document = one.document
        there = document.fits and document.layer in self._bench.viewer.layers
        return there and one.change in document.undone

    def add(self, again: DoAgain) -> None:
        """Take note of a mark that was taken back."""
        self._left.append(again)

    def done(self, again: DoAgain) -> None:
        """A mark has been made again."""
        if again in self._left:
            self._left.remove(again)

    def forget(self) -> None:
        """Something new was done."""
        self._left.clear()

    def forget_marks(self) -> None:
        """Marks were dropped: those that belonged with them come back no more."""
        self._left = [one for one in self._left if isinstance(one, TakenBack)]

    def look(self) -> None:
        """Let go of what can be done again no more, as its labels went or are other ones."""
        self._left = [one for one in self._left if self._holds(one)]

    def _happened(self, document: LayerDocument, event: str, change: Change | None) -> None:
        if event in ("apply", "fill", "retract"):
            self._left.clear()
        elif event == "undo" and change in document.undone[-1:]:
            assert change is not None
            self._left.append(TakenBack(document, change))
        elif event == "redo":
            self._left = [one for one in self._left if not _is(one, change)]
        elif event == "adopt":
            self._left += [TakenBack(document, one) for one in document.undone]
        self.look()


def _is(one: TakenBack | DoAgain, change: Change | None) -> bool:
    return isinstance(one, TakenBack) and one.change is change
