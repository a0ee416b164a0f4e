"""Three thumbnails of the candidates, one of which is chosen."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QWidget
from scipy import ndimage as ndi

from napari_sam.ui.state import Answer
from napari_sam.ui.widgets.layouts import tight

COUNT = 3
SIDE = 84
_OUTLINE = (255, 212, 0)
_TIP = "Another outline of the same cell. Key {key}."
# An empty place keeps its frame, so that it is seen that something will come there.
_STYLE = (
    "QToolButton { border: 1px solid rgba(128, 128, 128, 110); border-radius: 4px; "
    "background: transparent; }"
    "QToolButton:checked { border: 2px solid #ffd400; }"
)
_WHY_NOT = "\n\nNot now: mark a cell first."
_ALONE = "\n\nNot now: all outlines of this cell look alike."


class CandidateStrip(QWidget):
    """Shows an `Answer` and reports which candidate was picked."""

    picked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        row = tight(QHBoxLayout(self))
        self._group = QButtonGroup(self)
        self.buttons: list[QToolButton] = []
        for index in range(COUNT):
            button = QToolButton()
            button.setCheckable(True)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.setIconSize(QSize(SIDE, SIDE))
            button.setFixedSize(SIDE + 8, SIDE + 26)
            button.setStyleSheet(_STYLE)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self._group.addButton(button, index)
            self.buttons.append(button)
            row.addWidget(button)
        self._group.idClicked.connect(self.picked.emit)
        self.show_answer(None, 0)

    def show_answer(self, answer: Answer | None, choice: int) -> None:
        """Show the candidates of an answer, or empty places."""
        why = _WHY_NOT if answer is None else _ALONE
        for index, button in enumerate(self.buttons):
            there = answer is not None and index < answer.choices
            button.setEnabled(there)
            button.setToolTip(_TIP.format(key=index + 1) + ("" if there else why))
            if there:
                assert answer is not None
                button.setIcon(QIcon(QPixmap.fromImage(_picture(answer, index))))
                button.setText(f"{index + 1}:  {100 * answer.score(index):.0f} %")
            else:
                button.setIcon(QIcon())
                button.setText(f"{index + 1}")
        self.show_choice(choice if answer is not None else None)

    def show_choice(self, choice: int | None) -> None:
        """Press one button, or none."""
        self._group.setExclusive(choice is not None)
        for index, button in enumerate(self.buttons):
            button.setChecked(index == choice)
        self._group.setExclusive(True)


def _picture(answer: Answer, choice: int) -> QImage:
    """Draw the outlines of the masks onto the crop, as large as the thumbnail."""
    shot = answer.picture
    crop = shot.pixels if shot.pixels.ndim == 3 else np.stack([shot.pixels] * 3, axis=-1)
    height, width = crop.shape[:2]
    # Nearest neighbours: the person sees the pixels the model saw.
    side = max(height, width)
    at = ((np.arange(SIDE) + 0.5) * side / SIDE).astype(int)
    rows, columns = at[at < height], at[at < width]
    picture = (crop[np.ix_(rows, columns)] * 255).astype(np.uint8)
    on_plane = shot.rows(rows), shot.columns(columns)
    for region in answer.regions(choice):
        inside = region.at(*on_plane)
        edge = inside & ~ndi.binary_erosion(inside, iterations=2)
        picture[edge] = _OUTLINE
    framed = np.zeros((SIDE, SIDE, 3), np.uint8)
    top, left = (SIDE - len(rows)) // 2, (SIDE - len(columns)) // 2
    framed[top : top + len(rows), left : left + len(columns)] = picture
    image = QImage(framed.data, SIDE, SIDE, 3 * SIDE, QImage.Format.Format_RGB888)
    return image.copy()  # the pixels above belong to an array that goes
