"""Time real clicks in a real napari window; run by ``latency.py --window``."""

from __future__ import annotations

import time
from collections.abc import Iterable

import numpy as np

from real_window import Window

_GAP = 0.7  # seconds between two cells, in which a mask is cleared


def measure_window(
    image: np.ndarray, places: Iterable[tuple[float, float]]
) -> tuple[float, list[float]]:
    """Click in a window and wait for the preview.

    Returns
    -------
    encode : float
        Seconds from opening the panel until the image is ready for clicks, the model's loading
        included.
    clicks : list of float
        Seconds from the press of the button until the canvas is painted with the mask. The first
        click, for which napari makes two layers, is left out.
    """
    start = time.perf_counter()
    window = Window(image)
    state = window.state
    window.wait(lambda: state.chip.kind == "ready")
    encode = time.perf_counter() - start
    window.rest()
    state.events.answer.connect(window.heard)
    clicks = []
    for place in places:
        began = time.perf_counter()
        window.click(place)
        clicks.append(window.seconds(began, lambda: state.answer is not None))
        window.rest(_GAP / 2)
        window.panel.session.proposal.clear()
        window.rest(_GAP / 2)
    window.close()
    return encode, clicks[1:]
