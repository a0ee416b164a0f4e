"""What napari makes and compiles at its first use is made before a person waits for it.

Else the window would stand still at the first object that is kept, and for a second or two at the
first colours of a table.
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

_COLOURS = "colours"


class Warming:
    """Maps labels by a table of colours, once, in a thread of its own; makes layers in the window.

    No layer is made in the thread: what layers share, such as the registry of units, is made at
    first use and must not be met half made by the window.

    Parameters
    ----------
    loop : Loop
    threaded : bool
        False does nothing: without a thread it would only be sooner, and not beside anything.
    """

    # Of this process: in another window, layers to warm it take far longer than they save.
    _layers_made = False

    def __init__(self, loop: Loop, threaded: bool) -> None:
        self._threaded = threaded
        self._jobs = Jobs(loop, (_COLOURS,), name="napari-sam warming")

    def colours(self) -> None:
        """Get ready for labels in colours of a table."""
        if not self._threaded:
            return
        self._threaded = False

        def work(progress: Progress) -> None:
            if _runs_beside_others():
                map_colours()

        # What fails here fails, or works, again when labels are really drawn.
        self._jobs.submit(_COLOURS, work, lambda done: None, lambda error: None)

    def layers(self, ours: OurLayers, image: Image, paint: Callable[[], object]) -> None:
        """Get the first window ready for our layers; see `make_layers`."""
        if not Warming._layers_made:
            Warming._layers_made = True
            make_layers(ours, image, paint)

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
        # of the type that cells are kept in: others are drawn by other code
        Labels(np.zeros((1,) * image.ndim, np.int32), opacity=0, **place),
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


def map_colours() -> None:
    """Map labels by a table of colours."""
    from napari.utils.colormaps import DirectLabelColormap

    table = {None: "gray", 0: "transparent", 1: "white"}
    DirectLabelColormap(color_dict=table).map(np.zeros((2, 2), np.int32))


def _runs_beside_others() -> bool:
    """Whether the compiled code may run in two threads at once.

    It runs on Numba's threads, of which one kind, macOS's for example, ends the whole process then
    (https://numba.readthedocs.io/en/stable/user/threading-layer.html).
    """
    try:
        from numba import threading_layer  # type: ignore[attr-defined]

        return threading_layer() in ("omp", "tbb")
    except (ImportError, ValueError):  # napari goes without it, or nothing has run yet
        return False
