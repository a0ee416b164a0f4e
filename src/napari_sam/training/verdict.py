"""Whether a taught model is better, told from the objects that were held back, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from napari_sam.models.lesson import BETTER, NOT_BETTER, TOO_FEW
from napari_sam.training.held_back import Judged

__all__ = ["Verdict"]

#: Objects below which nothing is told.
FEWEST = 3
#: How much objects differ in what is gained on them, and how many objects that is worth: three
#: that happen to agree are no proof.
SPREAD, PRIOR = 0.1, 2
#: How sure a difference has to be, one-sided; and what is no gain, surely less than this.
SURE, NOTHING = 0.9, 0.03


@dataclass(frozen=True)
class Verdict:
    """What is gained on objects that were held back.

    Parameters
    ----------
    gain : float
        Mean difference of an object's match and click IoU, after less before.
    error : float
        Standard error of the mean.
    count : int
        Objects.
    """

    gain: float
    error: float
    count: int

    @classmethod
    def of(cls, before: Sequence[Judged], after: Sequence[Judged]) -> Verdict:
        """Compare what two models make of the same objects, in the same order."""
        gained = np.array([b.worth - a.worth for a, b in zip(before, after, strict=True)])
        return cls.of_gains(gained)

    @classmethod
    def of_gains(cls, gained: Sequence[float] | np.ndarray) -> Verdict:
        """Judge differences.

        Examples
        --------
        >>> Verdict.of_gains([0.3, 0.1, 0.2, 0.25, 0.1]).word
        'better'
        >>> Verdict.of_gains([0.3, -0.2, 0.1, -0.1, 0.1]).word
        'too few to tell'
        >>> Verdict.of_gains([-0.1, 0.0, -0.2, -0.1]).word
        'not better'
        >>> Verdict.of_gains([0.001] * 20).word
        'not better'
        """
        count = len(gained)
        if not count:
            return cls(0.0, float("inf"), 0)
        mean = float(np.mean(gained))
        squares = float(((np.asarray(gained) - mean) ** 2).sum()) + PRIOR * SPREAD**2
        return cls(mean, float(np.sqrt(squares / (count - 1 + PRIOR) / count)), count)

    @property
    def margin(self) -> float:
        """Return by how much the gain may be smaller or larger, as surely as has to be."""
        if self.count < FEWEST:
            return float("inf")
        return float(stats.t.ppf(SURE, self.count - 1 + PRIOR)) * self.error

    @property
    def word(self) -> str:
        """Say it: better, not better, or too few to tell."""
        if self.gain > self.margin:
            return BETTER
        none = self.gain <= 0 or self.gain + self.margin < NOTHING
        return NOT_BETTER if self.count >= FEWEST and none else TOO_FEW
