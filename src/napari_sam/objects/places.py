"""Where objects lie by what they look like: a few numbers each, comparable with one another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_sam.objects.describe import Looks

__all__ = ["Places"]

#: Directions in which the encoder's features differ most among all objects, that count.
DIRECTIONS = 12
#: What the features count beside the measures.
SHARE = 0.6
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Places:
    """The measures of objects, and the directions in which their features differ most.

    Parameters
    ----------
    centre, scale : (D,) float
        Median and spread of each feature.
    axes : (D, k) float
        Directions of the features that count, their weight included.
    """

    centre: Floats
    scale: Floats
    axes: Floats

    @classmethod
    def among(cls, every: Looks) -> Places:
        """Learn from all objects that there are, one at least, which directions count."""
        return cls(*_directions(every.features))

    def of(self, looks: Looks) -> Floats:
        """Return where objects lie, (n, M + k)."""
        features = np.clip((looks.features - self.centre) / self.scale, -5, 5) @ self.axes
        return np.concatenate([looks.measures.astype(float), features], axis=1)


def _directions(features: npt.NDArray[np.float32]) -> tuple[Floats, Floats, Floats]:
    """Find the directions in which features (n, D) differ most; robust centre and spread."""
    low, middle, high = np.percentile(features.astype(float), (16, 50, 84), axis=0)
    spread = (high - low) / 2
    # What hardly ever differs says nothing, and would be noise if it were enlarged.
    spread = np.maximum(spread, 1e-3 * np.maximum(features.std(axis=0), 1e-6) + 1e-6)
    spread = np.where(spread < 1e-5, np.inf, spread)
    scaled = np.clip((features - middle) / spread, -5, 5)
    _, sizes, axes = np.linalg.svd(scaled - scaled.mean(axis=0), full_matrices=False)
    axes, sizes = axes[:DIRECTIONS].T, sizes[:DIRECTIONS]
    variance = float((sizes**2).sum()) / max(len(features), 1)
    # Together they vary as much as one measure each, times their share.
    weight = SHARE * np.sqrt(9 / variance) if variance > 0 else 0.0
    return middle, spread, axes * weight
