"""What a lesson made of cells that the model was not shown: figures, and some of the cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget
from scipy import ndimage as ndi

from napari_sam.ui.widgets.layouts import tight

if TYPE_CHECKING:
    from napari_sam.models.lesson import Lesson
    from napari_sam.training.shown_samples import ShownSample

SIDE, COUNT = 70, 4
_YOURS, _BEFORE, _AFTER = (255, 255, 255), (230, 159, 0), (0, 200, 180)
_PICTURES = (
    "Cells that the model was not shown. White: your outline. Orange: what the model found by "
    "itself before. Teal: what it finds now."
)
_TIPS = (
    "On cells that the model was not shown.",
    "How many of these cells Find all finds, each with most of its area.",
    "What Find all finds beside your cells; anywhere, if all cells of these slices are marked.",
    "How well the mask at one click fits your outline.",
    "How well cells of other kinds are seen, in generated images.",
)


class BeforeAfter(QWidget):
    """A small table, and below it the same cells before and after."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = tight(QGridLayout(self))
        self._grid.setColumnStretch(0, 1)
        self.cells: list[list[QLabel]] = []
        for row, words in enumerate(("", *_rows_of(None))):
            texts = ("", "before", "now") if row == 0 else words
            self.cells.append([])
            tip = _TIPS[row]
            for column, text in enumerate(texts):
                label = QLabel(text)
                label.setToolTip(tip)
                if column:
                    label.setAlignment(Qt.AlignmentFlag.AlignRight)
                self._grid.addWidget(label, row, column)
                self.cells[-1].append(label)
        self.pictures = QLabel()
        self.pictures.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.pictures.setToolTip(_PICTURES)
        self._grid.addWidget(self.pictures, len(self.cells), 0, 1, 3)

    def show_lesson(self, lesson: Lesson, samples: list[ShownSample]) -> None:
        """Show what came of a lesson."""
        for labels, texts in zip(self.cells[1:], _rows_of(lesson), strict=True):
            for label, text in zip(labels, texts, strict=True):
                label.setText(text)
        self.pictures.setPixmap(QPixmap.fromImage(_strip(samples[:COUNT])))


def _rows_of(lesson: Lesson | None) -> list[tuple[str, str, str]]:
    """Say what the comparison says: what, before, now."""
    if lesson is None:
        return [("", "", "")] * 4
    count = lesson.held_back
    found = [round(count * figures.get("found", 0.0)) for figures in (lesson.before, lesson.after)]
    click = [100 * figures.get("click", 0.0) for figures in (lesson.before, lesson.after)]
    return [
        (f"found by itself, of {count}", f"{found[0]}", f"{found[1]}"),
        ("found where no cell is", *_wrong(lesson)),
        ("outline at one click", f"{click[0]:.0f} %", f"{click[1]:.0f} %"),
        ("other kinds of images", *_elsewhere(lesson)),
    ]


def _wrong(lesson: Lesson) -> tuple[str, str]:
    """Return how much was found where no cell is, before and now."""
    before, after = lesson.before.get("wrong"), lesson.after.get("wrong")
    return ("", "") if before is None or after is None else (f"{before:.0f}", f"{after:.0f}")


def _elsewhere(lesson: Lesson) -> tuple[str, str]:
    """Return how well generated images of other kinds are seen, before and now."""
    before, after = lesson.elsewhere_before, lesson.elsewhere_after
    if not before or not after:
        return "", ""
    means = [100 * float(np.mean(list(figures.values()))) for figures in (before, after)]
    return f"{means[0]:.0f} %", f"{means[1]:.0f} %"


def _strip(samples: list[ShownSample]) -> QImage:
    """Draw cells side by side, before above and now below."""
    gap = 4
    wide = len(samples) * (SIDE + gap) - gap if samples else 1
    canvas = np.zeros((2 * SIDE + gap, wide, 4), np.uint8)
    for number, one in enumerate(samples):
        left = number * (SIDE + gap)
        for row, (mask, colour) in enumerate(((one.before, _BEFORE), (one.after, _AFTER))):
            top = row * (SIDE + gap)
            drawn = _drawn(one, mask, colour)
            canvas[top : top + SIDE, left : left + SIDE] = drawn
    height, width = canvas.shape[:2]
    image = QImage(canvas.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
    return image.copy()  # the pixels above belong to an array that goes


def _drawn(
    one: ShownSample, found: npt.NDArray[np.bool_], colour: tuple[int, int, int]
) -> npt.NDArray[np.uint8]:
    """Draw a cell with the person's outline and what was found, (SIDE, SIDE, 4)."""
    height, width = one.truth.shape
    side = max(height, width)
    at = ((np.arange(SIDE) + 0.5) * side / SIDE).astype(int)
    rows, columns = at[at < height], at[at < width]
    grid = np.ix_(rows, columns)
    picture = one.picture[grid].copy()
    for mask, paint in ((one.truth, _YOURS), (found, colour)):
        inside = np.pad(mask[grid], 1)
        edge = inside & ~ndi.binary_erosion(inside)
        picture[edge[1:-1, 1:-1]] = paint
    framed = np.zeros((SIDE, SIDE, 4), np.uint8)
    top, left = (SIDE - len(rows)) // 2, (SIDE - len(columns)) // 2
    framed[top : top + len(rows), left : left + len(columns)] = np.dstack(
        [picture, np.full(picture.shape[:2], 255, np.uint8)]
    )
    return framed
