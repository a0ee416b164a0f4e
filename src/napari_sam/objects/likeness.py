"""How alike objects are to a few examples, among all the objects that there are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_sam.objects.describe import Looks
from napari_sam.objects.places import Places

__all__ = ["Likeness"]

#: How strongly few examples are distrusted: this over their number is added to the variances.
DISTRUST = 30.0
_ROUNDS = 50
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Likeness:
    """What tells objects like the examples from all others.

    Parameters
    ----------
    places : Places
        Where objects lie by what they look like.
    way : (M + k,) float
        Direction from other objects to the examples.
    other, like, variance, share : float
        Where objects lie along the way: the others, those alike, how much they scatter, and how
        large the share of those alike is.
    """

    places: Places
    way: Floats
    other: float
    like: float
    variance: float
    share: float

    @classmethod
    def fit(cls, every: Looks, yes: Looks, no: Looks | None = None) -> Likeness:
        """Learn from examples what to look for.

        Parameters
        ----------
        every : Looks
            All objects that there are.
        yes : Looks
            Examples; one at least.
        no : Looks, optional
            What is not meant.

        Notes
        -----
        The direction is the linear discriminant between the examples and what is not meant, or
        all objects where nothing is said of that [1]_. Along it two normal distributions of one
        variance are fitted to all objects by expectation maximisation, the examples given
        [2]_; the similarity is the probability of belonging to that of the examples.

        References
        ----------
        .. [1] Hariharan, Malik and Ramanan, Discriminative decorrelation for clustering and
           classification, ECCV 2012.
        .. [2] Nigam et al., Text classification from labeled and unlabeled documents using EM,
           Machine Learning 39:103, 2000.
        """
        known = [yes] if no is None or not len(no) else [yes, no]
        population = Looks.joined([every, *known])
        places = Places.among(population)
        at = places.of(population)
        mean = at.mean(axis=0)
        liked = places.of(yes)
        against = mean if len(known) == 1 else places.of(known[1]).mean(axis=0)
        distrust = max(1.0, DISTRUST / sum(map(len, known)))
        scatter = np.cov(at, rowvar=False, bias=True) + distrust * np.eye(len(mean))
        way = np.linalg.solve(scatter, liked.mean(axis=0) - against)
        fixed = np.full(len(population), np.nan)
        fixed[len(every) : len(every) + len(yes)] = 1.0
        fixed[len(every) + len(yes) :] = 0.0
        return cls(places, way, *_two_normals(at @ way, fixed))

    def similarity(self, looks: Looks) -> Floats:
        """Return how likely each object is like the examples, (n,), 0 to 1."""
        at = self.places.of(looks) @ self.way
        odds = ((at - self.other) ** 2 - (at - self.like) ** 2) / (2 * self.variance)
        return _logistic(odds + np.log(self.share / (1 - self.share)))


def _two_normals(at: Floats, fixed: Floats) -> tuple[float, float, float, float]:
    """Fit two normal distributions of one variance; the members of some points are given.

    Parameters
    ----------
    at : (n,) float
    fixed : (n,) float
        1 for points of the upper one, 0 for those of the lower one, NaN where it is not known.

    Returns
    -------
    lower, upper, variance, share of the upper
    """
    yes, no = fixed == 1, fixed == 0
    lower = float(at[no].mean()) if no.any() else float(np.quantile(at, 0.15))
    upper, share = float(at[yes].mean()), 0.5
    variance = float(at.var()) / 4 + 1e-9
    for _ in range(_ROUNDS):
        odds = ((at - lower) ** 2 - (at - upper) ** 2) / (2 * variance)
        belongs = _logistic(odds + np.log(share / (1 - share)))
        belongs[yes], belongs[no] = 1.0, 0.0
        upper = float(belongs @ at / belongs.sum())
        lower = float((1 - belongs) @ at / max(float((1 - belongs).sum()), 1e-9))
        apart = belongs * (at - upper) ** 2 + (1 - belongs) * (at - lower) ** 2
        variance = float(apart.mean()) + 1e-9
        share = float(belongs.sum() + 2) / (len(at) + 4)
    return lower, upper, variance, share


def _logistic(odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -50, 50))))
