"""Has napari compile beside the window what it compiles when labels are drawn for the first time.

Else the window would stand still: about half a second at the first object that is kept, and a
second or two at the first colours of a table.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from napari_sam.engine.jobs import Jobs, Loop
from napari_sam.progress import Progress
from napari_sam.ui.layers.label_grid import transform_of
from napari_sam.ui.layers.ours import OurLayers

if TYPE_CHECKING:
    from napari.layers import Image

_log = logging.getLogger(__name__)

_LABELS, _COLOURS = "labels", "colours"


class Warming:
    """Draws labels that nobody sees, in a thread of its own; each kind once.

    Parameters
    ----------
    loop : Loop
    threaded : bool
        False does nothing: without a thread it would only be sooner, and not beside anything.
    """

    def __init__(self, loop: Loop, threaded: bool) -> None:
        self._threaded = threaded
        self._jobs = Jobs(loop, (_LABELS, _COLOURS), name="napari-sam warming")
        self._warm: set[str] = set()

    def labels(self) -> None:
        """Get ready for labels in napari's own colours."""
        self._do(_LABELS, draw_labels)

    def colours(self) -> None:
        """Get ready for labels in colours of a table."""
        self._do(_COLOURS, draw_colours)

    def _do(self, kind: str, draw: Callable[[], None]) -> None:
        if kind in self._warm or not self._threaded:
            return
        self._warm.add(kind)

        def work(progress: Progress) -> None:
            draw()

        # What fails here fails, or works, again when labels are really drawn.
        self._jobs.submit(kind, work, lambda done: None, lambda error: None)

    def close(self) -> None:
        """End the thread."""
        self._jobs.close()


def make_layers(ours: OurLayers, image: Image, paint: Callable[[], object]) -> None:
    """Have the window make once what it makes for layers like our marks and outlines.

    They cannot be seen, and are gone before the window is painted the next time. Done while a
    person opens an image, when the window is busy anyway, this is not left to the first click.

    Parameters
    ----------
    ours : OurLayers
    image : Image layer
        They lie on its grid: of layers in other units napari warns.
    paint : callable
        Paints the canvas, such as for a screenshot.
    """
    from napari.layers import Labels, Points

    place = transform_of(image)
    layers = (
        Labels(np.zeros((1,) * image.ndim, np.uint8), opacity=0, **place),
        Points(np.zeros((1, image.ndim)), size=1, opacity=0, **place),
    )
    try:
        for layer in layers:
            ours.add(layer)
        paint()
    except Exception:  # noqa: BLE001 -- of any driver; the first click will only be slower
        _log.debug("The window could not be painted", exc_info=True)
    finally:
        for layer in layers:
            ours.remove(layer)


def draw_labels() -> None:
    """Map labels as the labels are that cells are kept in."""
    from napari.layers import Labels

    Labels(np.zeros((2, 2), np.int32))


def draw_colours() -> None:
    """Map them by a table of colours."""
    from napari.layers import Labels
    from napari.utils.colormaps import DirectLabelColormap

    table = {None: "gray", 0: "transparent", 1: "white"}
    Labels(np.zeros((2, 2), np.int32), colormap=DirectLabelColormap(color_dict=table))
