"""Two buttons of the Click page: save what was done, and do it again."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QApplication, QFileDialog, QHBoxLayout, QWidget

from napari_sam.labels.session import ENDING
from napari_sam.ui.tools.again import Again
from napari_sam.ui.widgets.controls import Button
from napari_sam.ui.widgets.layouts import tight

_SAVE = (
    "Save clicks, drawings, searches, options and model beside the labels, as plain JSON, and copy "
    "the command that does the same to other images."
)
_AGAIN = "Do a saved session again, on this image and by the chosen model, into new labels."
_FILES = f"Sessions (*{ENDING});;All files (*)"


class AgainRow(QWidget):
    """Asks for files where it has to, and passes them on."""

    def __init__(self, again: Again) -> None:
        super().__init__()
        self._again = again
        row = tight(QHBoxLayout(self))
        self.save = Button("Save steps", _SAVE, self._save)
        self.replay = Button("Do again…", _AGAIN, self._replay)
        row.addWidget(self.save, 1)
        row.addWidget(self.replay, 1)

    def _save(self) -> None:
        if self._again.session() is None:
            return
        place = self._again.place()
        if place is None:
            chosen, _ = QFileDialog.getSaveFileName(self, "Save steps", f"steps{ENDING}", _FILES)
            place = Path(chosen) if chosen else None
        if place is not None:
            self._again.save(place, QApplication.clipboard().setText)

    def _replay(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Do steps again", "", _FILES)
        if chosen:
            self._again.replay(Path(chosen))
