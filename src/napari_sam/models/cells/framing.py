"""Where the marks of a prompt lie: what a window has to hold."""

from __future__ import annotations

import numpy as np

from napari_sam.prompts import Prompt, Window
from napari_sam.regions import edges

__all__ = ["contains", "hull"]


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
