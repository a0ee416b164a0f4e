"""The sign beside the model that says what it can do right now."""

from __future__ import annotations

from qtpy.QtWidgets import QLabel

from napari_sam.ui.state import Chip

# A mark for each kind, so that nobody needs the colour; readable on dark and light.
_LOOKS = {
    "empty": ("○", "#8a8f98"),
    "wait": ("◔", "#c98a00"),
    "ready": ("●", "#12a594"),
    "missing": ("↓", "#c98a00"),
    "problem": ("!", "#d9534f"),
}


class ChipLabel(QLabel):
    """Shows a `Chip`."""

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip("Whether the model has read the slice that is shown.")
        self.show_chip(Chip("empty", "no image"))

    def show_chip(self, chip: Chip) -> None:
        mark, colour = _LOOKS[chip.kind]
        self.setText(f"{mark} {chip.text}")
        self.setStyleSheet(
            f"QLabel {{ color: {colour}; border: 1px solid {colour}; border-radius: 8px; "
            "padding: 1px 7px; background: transparent; }"
        )
        # It may be painted before the layout makes room for a longer text.
        self.resize(self.sizeHint().width(), self.height())
