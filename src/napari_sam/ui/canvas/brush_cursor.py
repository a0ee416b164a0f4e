"""The circle of the brush under the mouse, as napari shows that of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_sam.images import Plane
from napari_sam.ui.layers.listening import Listening
from napari_sam.ui.layers.planes import pixel_side

if TYPE_CHECKING:
    from napari.layers import Image


class BrushCursor:
    """Shows how far the brush reaches, whichever layer is active."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._size = 0.0
        self._listening = Listening()

    def show(self, image: Image, plane: Plane, size: int) -> None:
        """Show a circle of so many pixels of a plane of an image."""
        self._size = size * pixel_side(self._viewer, image, plane)
        if not self._listening.active:
            # napari takes over the cursor of each layer that becomes active
            self._listening.to(self._viewer.layers.selection.events.active, self._draw)
        self._draw()

    def hide(self) -> None:
        """Give the cursor back to the active layer."""
        if self._listening.active:
            self._listening.stop()
            active = self._viewer.layers.selection.active
            self._viewer.cursor.style = "standard" if active is None else active.cursor

    def _draw(self, event: Any = None) -> None:
        self._viewer.cursor.size = self._size
        self._viewer.cursor.style = "circle"
