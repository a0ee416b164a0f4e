"""Layers leave the canvas in its own OpenGL context.

napari frees what a removed layer had drawn at once, in whatever context is current: that in which
Qt puts the window together, as a rule. The canvas then still reads from memory that is gone when it
is drawn the next time, and Mesa's software renderer ends the whole process.
"""

from __future__ import annotations

from typing import Any


class OwnContext:
    """Makes the context of a viewer's canvas current before a layer is removed.

    Parameters
    ----------
    viewer : napari.Viewer or ViewerModel
        One without a window has no canvas.
    """

    def __init__(self, viewer: Any) -> None:
        self._layers = viewer.layers
        window = getattr(viewer, "window", None)
        canvas = getattr(getattr(window, "_qt_viewer", None), "canvas", None)
        self._canvas = getattr(canvas, "_scene_canvas", None)
        self._layers.events.removing.connect(self._make_current)

    def _make_current(self, event: Any = None) -> None:
        if self._canvas is not None:
            self._canvas.set_current()

    def close(self) -> None:
        """Leave the canvas alone."""
        self._layers.events.removing.disconnect(self._make_current)
