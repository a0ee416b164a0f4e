"""Where a prompt is answered: a window that holds its marks, and the object at one size."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from napari_sam.models.cells.reading import OBJECT, clip_zoom
from napari_sam.models.cells.windows import square
from napari_sam.prompts import Prompt, Window
from napari_sam.regions import edges

__all__ = ["WINDOW", "contains", "hull", "window_of"]

WINDOW = 192  # pixels of a window's side
BOX = 48.0  # window pixels across the box of an object
REACH = 0.8  # share of a window that a box or the person's clicks may take up


def window_of(
    prompt: Prompt,
    shape: tuple[int, int],
    size_at: Callable[[npt.NDArray[np.float64]], float],
) -> Window:
    """Choose where to look for an object and how large it should appear.

    Parameters
    ----------
    prompt : Prompt
    shape : (H, W)
        Of the plane.
    size_at : callable
        Returns how many pixels are across the object of some clicks (N, 2).

    Returns
    -------
    (r0, c0, r1, c1)
        In plane pixels: the one that the prompt names, if that holds all its marks.
    """
    held = hull(prompt)
    if prompt.window is not None and (held is None or contains(prompt.window, held)):
        return prompt.window
    r0, c0, r1, c1 = held or (0.0, 0.0, float(shape[0]), float(shape[1]))  # logits cover the plane
    tall, wide = max(r1 - r0, 1.0), max(c1 - c0, 1.0)
    if prompt.box is not None or prompt.mask is not None or prompt.logits is not None:
        zoom = BOX / math.sqrt(tall * wide)
    else:
        zoom = OBJECT / size_at(prompt.foreground)
    # Whatever the zoom, all that the person marked on the object stays in the window.
    zoom = min(zoom, REACH * WINDOW / max(tall, wide))
    return square(((r0 + r1) / 2, (c0 + c1) / 2), clip_zoom(zoom), WINDOW)


def hull(prompt: Prompt) -> Window | None:
    """Return the smallest region that holds all marks on the object."""
    corners = [prompt.foreground.reshape(-1, 2)]
    if prompt.box is not None:
        corners.append(np.reshape(prompt.box, (2, 2)))
    elif prompt.mask is not None:
        corners.append(np.reshape(edges(prompt.mask), (2, 2)))
    marks = np.concatenate(corners)
    if len(marks) == 0:
        return None
    low, high = marks.min(axis=0), marks.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def contains(outer: Window, inner: Window) -> bool:
    """Whether one region lies inside another."""
    return (
        outer[0] <= inner[0]
        and outer[1] <= inner[1]
        and inner[2] <= outer[2]
        and inner[3] <= outer[3]
    )
