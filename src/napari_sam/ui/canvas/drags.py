"""Mouse on the canvas: a button that is held and moved draws, where somebody wants that."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from skimage.measure import approximate_polygon

from napari_sam.ui.canvas.clicks import DRAG, LEFT, RIGHT

Place = tuple[float, float]
_ROUGH = 0.4  # pixels by which what is drawn may be made simpler
_SMALLEST = 2.0  # pixels of an outline's sides


class Drawer(Protocol):
    """What draws: told of the way that the mouse takes."""

    def begin(self, place: Place, button: int) -> bool:
        """A button goes down; tells whether what follows is drawn."""
        ...

    def move(self, path: list[Place]) -> None:
        """The mouse moves; its way so far."""
        ...

    def end(self, path: list[Place], moved: bool) -> None:
        """The button goes up; whether the mouse had moved far enough for a drag."""
        ...


class DragPath:
    """Where the mouse goes while a button is down, in pixels of the plane.

    Parameters
    ----------
    start : Place
    event : mouse event
        Of the button going down; later events are the same object, and tell where the mouse is.
    place : callable
        Returns the pixel under the cursor, or None.
    """

    def __init__(self, start: Place, event: Any, place: Callable[[], Place | None]) -> None:
        self.places = [start]
        self._event, self._place = event, place
        self._origin = np.asarray(event.pos, dtype=float)
        self._moved = False

    def extend(self) -> bool:
        """Add where the mouse is now; False when it is where it was, or beside the plane."""
        here = self._place()
        if here is None or here == self.places[-1]:
            return False
        self.places.append(here)
        return True

    def has_moved(self) -> bool:
        """Whether it has ever been so far from where it went down that this is no click."""
        away = float(np.linalg.norm(np.asarray(self._event.pos) - self._origin))
        self._moved = self._moved or away >= DRAG
        return self._moved


class Drags:
    """Hands drags to a pen, and keeps the camera still meanwhile.

    Parameters
    ----------
    viewer : napari viewer or ViewerModel
    place : callable
        Returns the pixel (row, column) of the plane under the cursor, or None.
    pen : Drawer
    """

    def __init__(self, viewer: Any, place: Callable[[], Place | None], pen: Drawer) -> None:
        self._viewer, self._place, self._pen = viewer, place, pen
        self._callback = self._drag  # bound once: napari finds callbacks by identity
        self._on = False

    def turn_on(self) -> None:
        if not self._on:
            self._on = True
            self._viewer.mouse_drag_callbacks.append(self._callback)

    def turn_off(self) -> None:
        if self._on:
            self._on = False
            self._viewer.mouse_drag_callbacks.remove(self._callback)

    def _drag(self, viewer: Any, event: Any) -> Generator[None, None, None]:
        active = viewer.layers.selection.active
        if event.modifiers or event.button not in (LEFT, RIGHT):
            return
        if active is not None and str(active.mode) != "pan_zoom":
            return
        start = self._place()
        if start is None or not self._pen.begin(start, event.button):
            return
        event.handled = True  # so that the camera does not pan
        path = DragPath(start, event, self._place)
        yield
        while event.type == "mouse_move":
            event.handled = True
            path.extend()
            if path.has_moved():
                self._pen.move(path.places)
            yield
        path.extend()
        self._pen.end(path.places, path.has_moved())


def line_of(path: list[Place]) -> npt.NDArray[np.float64]:
    """Return the corners (N, 2) of the line that a drag has drawn."""
    return np.asarray(approximate_polygon(np.array(path, float), _ROUGH))


def outline_of(path: list[Place]) -> npt.NDArray[np.float64] | None:
    """Return the corners (N, 2) of the outline that a drag has drawn; None where it is too small.

    Examples
    --------
    >>> outline_of([(0.0, 0.0), (0.0, 5.0), (0.1, 9.0), (9.0, 9.0), (9.0, 0.0)]).tolist()
    [[0.0, 0.0], [0.1, 9.0], [9.0, 9.0], [9.0, 0.0]]
    >>> outline_of([(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]) is None
    True
    """
    around = line_of([*path, path[0]])[:-1]
    if len(around) < 3 or np.ptp(around, axis=0).min() < _SMALLEST:
        return None
    return around
