"""What a painter hands to the optics, and what the generator hands to the caller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_sam.training.synthetic.fields import Array
from napari_sam.training.synthetic.territory import Labels


class Sample(NamedTuple):
    """A synthetic image with its exact truth.

    Attributes
    ----------
    image : array
        (H, W) or (H, W, 3) for planes, (Z, Y, X) or (T, Y, X) otherwise.
    labels : int32 array
        Ids 1..n, 0 for background; same shape as the image without its colours.
    info : dict
        ``kind``, ``seed``, ``diameter`` (median, of the circle of equal area, in pixels),
        ``count``, and what the optics did.
    """

    image: NDArray[Any]
    labels: Labels
    info: dict[str, Any]


@dataclass
class Painting:
    """A noise-free plane, before an instrument looks at it.

    Attributes
    ----------
    signal : float32 array, (H, W) or (H, W, 3)
        About 0..1. Emitted light for ``"emission"``, otherwise transmitted or scattered light.
    labels : int32 array (H, W)
    optics : str
        Which instrument looks at it: ``"emission"``, ``"transmission"``, ``"electron"``,
        ``"colour"`` or ``"plain"``.
    scale : float
        Rough object diameter: bounds the blur, so that objects stay visible.
    """

    signal: Array
    labels: Labels
    optics: str
    scale: float
    info: dict[str, Any] = field(default_factory=dict)


Painter = Callable[[np.random.Generator, tuple[int, int]], Painting]


def tones(
    rng: np.random.Generator, count: int, mean: float, spread: float, background: float = 0.0
) -> Array:
    """Log-normal brightness per object, to be indexed by labels; entry 0 is the background."""
    table = mean * np.exp(rng.normal(0, spread, count + 1))
    table[0] = background
    return table.astype(np.float32)
