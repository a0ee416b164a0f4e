"""Mouse on the canvas while cells are reviewed: what was clicked or drawn, and what it means."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Literal

from napari_sam.ui.canvas.clicks import LEFT, RIGHT
from napari_sam.ui.canvas.drags import DragPath, Place

ReviewAction = Literal["select", "delete", "merge", "split", "add"]
_MODIFIERS: dict[str, ReviewAction] = {"Control": "delete", "Alt": "merge", "Shift": "split"}


class Gestures:
    """Reports clicks, and drags of the tools that need them; anything else stays napari's.

    Parameters
    ----------
    viewer : napari viewer or ViewerModel
    place : callable
        Returns the pixel (row, column) of the plane under the cursor, or None.
    action : callable
        Returns the action that is chosen; a modifier stands for another one.
    clicked : callable
        ``clicked(action, place, button)``.
    dragging : callable
        ``dragging(action, path)`` while the mouse moves; says whether it wants the drag.
    dragged : callable
        ``dragged(action, path)`` at its end.
    """

    def __init__(
        self,
        viewer: Any,
        place: Callable[[], Place | None],
        action: Callable[[], ReviewAction],
        clicked: Callable[[ReviewAction, Place, int], None],
        dragging: Callable[[ReviewAction, list[Place]], bool],
        dragged: Callable[[ReviewAction, list[Place]], None],
    ) -> None:
        self._viewer = viewer
        self._place, self._action = place, action
        self._clicked, self._dragging, self._dragged = clicked, dragging, dragged
        self._callback = self._drag  # bound once: napari finds callbacks by identity
        self._zooms: list[Any] = []
        self._on = False

    def turn_on(self) -> None:
        """Listen; napari's zoom box on Alt+drag pauses meanwhile."""
        if not self._on:
            self._on = True
            callbacks = self._viewer.mouse_drag_callbacks
            self._zooms = [c for c in callbacks if getattr(c, "__name__", "") == "drag_to_zoom"]
            for callback in self._zooms:
                callbacks.remove(callback)
            callbacks.append(self._callback)

    def turn_off(self) -> None:
        if self._on:
            self._on = False
            callbacks = self._viewer.mouse_drag_callbacks
            callbacks.remove(self._callback)
            callbacks[:0] = self._zooms
            self._zooms = []

    def _meant(self, event: Any) -> ReviewAction | None:
        if not event.modifiers:
            return self._action()
        # Keys of the canvas are equal to their names, but are no strings.
        meant = [action for name, action in _MODIFIERS.items() if name in event.modifiers]
        return meant[0] if len(meant) == len(event.modifiers) == 1 else None

    def _drag(self, viewer: Any, event: Any) -> Generator[None, None, None]:
        active = viewer.layers.selection.active
        action = self._meant(event)
        start = self._place()
        if (
            action is None
            or start is None
            or event.button not in (LEFT, RIGHT)
            or (event.button == RIGHT and action not in ("add", "select"))
            or (active is not None and str(active.mode) != "pan_zoom")
        ):
            return
        button, path = event.button, DragPath(start, event, self._place)
        mine = action in ("merge", "split") and self._dragging(action, path.places)
        if mine:
            event.handled = True  # so that the camera does not pan
        yield
        while event.type == "mouse_move":
            moved = path.has_moved()
            if mine:
                event.handled = True
                if moved and path.extend():
                    self._dragging(action, path.places)
            yield
        if not path.has_moved():
            self._clicked(action, start, button)
        elif mine:
            path.extend()
            self._dragged(action, path.places)
