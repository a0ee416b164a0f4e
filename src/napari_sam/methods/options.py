"""What a person can change about found cells without running the network again."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from napari_sam.errors import ParameterError
from napari_sam.methods.instances import FOREGROUND, MERGING, MIN_SCORE, SMOOTHING

MAX_SMOOTHING = 10.0
_BIAS = 3.0  # log-odds by which either end of the sensitivity shifts the foreground
_MERGING = 0.4  # by which either end of splitting moves the pass that parts two objects


@dataclass(frozen=True)
class CellOptions:
    """How objects are cut out of a plane's maps; all of it acts at once.

    Parameters
    ----------
    sensitivity : float
        0 to 1. Higher finds fainter objects and draws outlines further out: it adds to the
        network's log-odds that a pixel is inside an object, for the outlines and the scores.
    splitting : float
        0 to 1. Higher cuts touching objects apart more readily, lower joins their parts.
    smoothing : float
        Sigma, in map pixels (about a sixteenth of a typical object), of the Gaussian over the
        map that objects are told apart by. Higher ignores finer structure.
    min_area, max_area : int, optional
        In pixels; smaller and larger objects are dropped. By default those below a twentieth
        of a typical object, and none.
    min_score : float
        0 to 1; objects that score lower are dropped. Those cut off by the plane's border may
        score a little lower.

    Raises
    ------
    ParameterError
    """

    sensitivity: float = 0.5
    splitting: float = 0.5
    smoothing: float = SMOOTHING
    min_area: int | None = None
    max_area: int | None = None
    min_score: float = MIN_SCORE

    def __post_init__(self) -> None:
        for name, high in (
            ("sensitivity", 1.0),
            ("splitting", 1.0),
            ("smoothing", MAX_SMOOTHING),
            ("min_score", 1.0),
        ):
            value = getattr(self, name)
            if not _is_number(value) or not 0 <= value <= high:
                raise ParameterError(f"{name} must be a number from 0 to {high:g}, got {value!r}.")
        for name, least in (("min_area", 0), ("max_area", 1)):
            value = getattr(self, name)
            if value is None:
                continue
            if not _is_number(value) or value != round(value) or value < least:
                raise ParameterError(
                    f"{name} must be a whole number of pixels of {least} or more, or None, "
                    f"got {value!r}."
                )
        if None not in (self.min_area, self.max_area) and self.min_area > self.max_area:  # type: ignore[operator]
            raise ParameterError(
                f"min_area={self.min_area} is above max_area={self.max_area}: no object fits."
            )

    @property
    def odds(self) -> float:
        """Factor on the odds that a pixel is inside an object."""
        return math.exp(2 * _BIAS * (self.sensitivity - 0.5))

    @property
    def foreground(self) -> float:
        """Probability in the maps above which a pixel belongs to an object."""
        return FOREGROUND / (FOREGROUND + (1 - FOREGROUND) * self.odds)

    @property
    def merging(self) -> float:
        """Height of a pass, relative to the lower peak, from which two floods are one object."""
        return MERGING + 2 * _MERGING * (self.splitting - 0.5)

    def least_area(self, diameter: float) -> int:
        """Return `min_area`, or what stands in for it among objects of this diameter."""
        if self.min_area is not None:
            return int(self.min_area)
        return max(4, int(np.pi / 4 * diameter**2 / 20))


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float | np.integer | np.floating)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )


DEFAULTS = CellOptions()
