"""Mouse on the canvas: a press and release in place is a click, anything else stays napari's."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import numpy as np

DRAG = 5.0  # canvas pixels, the distance from which napari itself speaks of a drag
LEFT, RIGHT = 1, 2


class Clicks:
    """Reports clicks and movements while they are not meant for a tool of the active layer.

    Parameters
    ----------
    viewer : napari viewer or ViewerModel
    clicked : callable
        Called with the button, 1 left or 2 right.
    moved : callable
        Called when the mouse moves without a button pressed.
    boxing : callable
        Whether drags draw our own boxes now: clicks between them are reported all the same.
    pressed : callable
        Called with the button when it goes down for a tool of the active layer.
    shifted : callable, optional
        Called with the button of a click while Shift is held; without it such a click is
        napari's.
    """

    def __init__(
        self,
        viewer: Any,
        clicked: Callable[[int], None],
        moved: Callable[[], None],
        boxing: Callable[[], bool],
        pressed: Callable[[int], None],
        shifted: Callable[[int], None] | None = None,
    ) -> None:
        self._viewer = viewer
        self._clicked = clicked
        self._shifted = shifted
        self._moved = moved
        self._boxing = boxing
        self._pressed = pressed
        # Bound once: napari finds and removes callbacks by identity.
        self._drag_callback = self._drag
        self._move_callback = self._move
        self._on = False

    def turn_on(self) -> None:
        if not self._on:
            self._on = True
            self._viewer.mouse_drag_callbacks.append(self._drag_callback)
            self._viewer.mouse_move_callbacks.append(self._move_callback)

    def turn_off(self) -> None:
        if self._on:
            self._on = False
            self._viewer.mouse_drag_callbacks.remove(self._drag_callback)
            self._viewer.mouse_move_callbacks.remove(self._move_callback)

    def _drag(self, viewer: Any, event: Any) -> Generator[None, None, None]:
        active = viewer.layers.selection.active
        button, start = event.button, np.asarray(event.pos, dtype=float)
        clicked = self._meant(event)
        if button not in (LEFT, RIGHT) or clicked is None:
            return
        if not (active is None or str(active.mode) == "pan_zoom" or self._boxing()):
            self._pressed(button)
            return
        yield
        while event.type == "mouse_move":
            if np.linalg.norm(np.asarray(event.pos) - start) >= DRAG:
                return
            yield
        if np.linalg.norm(np.asarray(event.pos) - start) < DRAG:
            clicked(button)

    def _meant(self, event: Any) -> Callable[[int], None] | None:
        """Who is told of a click, by the keys that are held with it."""
        if not event.modifiers:
            return self._clicked
        # Keys of the canvas are equal to their names, but are no strings.
        alone = len(event.modifiers) == 1 and "Shift" in event.modifiers
        return self._shifted if alone else None

    def _move(self, viewer: Any, event: Any) -> None:
        if not event.is_dragging:
            self._moved()
