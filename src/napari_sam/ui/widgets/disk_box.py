"""What is kept on disk of slices that were read: a choice, its size, and a way to clear it."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from napari_sam.counts import counted
from napari_sam.ui.disk_cache import DiskCache
from napari_sam.ui.widgets.controls import Button, enable
from napari_sam.ui.widgets.layouts import tight

_KEEP = (
    "Segment Anything needs seconds to read a slice. Kept on disk, it is there at once the next "
    "time, after a restart too. The model 'cells' is quick and needs none of this."
)
_CLEAR = "Delete what is kept of slices that were read. Images and labels are not touched."


class DiskBox(QWidget):
    """One line of the panel."""

    def __init__(self, kept: DiskCache) -> None:
        super().__init__()
        self._kept = kept
        line = tight(QHBoxLayout(self), None)
        self.keep = QCheckBox()
        self.keep.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.keep.toggled.connect(self._toggled)
        self.clear = Button("Clear", _CLEAR, self._clear)
        line.addWidget(self.keep, 1)
        line.addWidget(self.clear)
        self.refresh()

    def refresh(self) -> None:
        """Show what is there now."""
        self.keep.setChecked(self._kept.on)
        store = self._kept.store
        count, size = len(store), store.nbytes / 1e6
        self.keep.setText(f"Keep read slices on disk ({size:,.0f} MB)")
        self.keep.setToolTip(
            f"{_KEEP}\n\nNow: {counted(count, 'slice')}, {size:,.1f} of at most "
            f"{store.max_bytes / 1e6:,.0f} MB, in {store.folder}"
        )
        enable(self.clear, _CLEAR, "" if count else "nothing is kept yet.")

    def enterEvent(self, event: Any) -> None:
        self.refresh()  # other windows and the command line may have changed it
        super().enterEvent(event)

    def _toggled(self, on: bool) -> None:
        if on != self._kept.on:
            self._kept.set_on(on)

    def _clear(self) -> None:
        self._kept.clear()
        self.refresh()
