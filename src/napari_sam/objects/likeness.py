"""How alike objects are to a few examples, among all the objects that there are."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from napari_sam.objects.describe import Looks
from napari_sam.objects.places import Places

__all__ = ["Likeness"]

#: How many objects of all that there are count with those that are not meant: a few say little.
USUAL = 2
#: How often the means of both populations are taken anew from what is likely in them.
MEANS = 3
#: Where nobody says what is not meant: by how much better two populations explain all objects than
#: one, in nats, which is nothing (about so much is found where there is but one, as the way between
#: two is chosen for it), and when there are two for sure.
CHANCE, EVIDENT = 10.0, 20.0
#: How surely what a person said of an object is true of it, logarithm of the odds; and as how far
#: apart, in how much objects of a population differ, another one is still much like it.
SAID, NEAR = 2.0, 3.0
_ROUNDS = 50
_ITSELF = 1e-9  # nearness that an object lacks to itself at most
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
    parted : float
        How sure it is that there are others, 0 to 1. At 0 all are alike enough, and only the order
        says which are more so: no similarity is below one half then.
    answered : (m, M + k) float
        Where the objects lie of which a person said something.
    amends : (m,) float
        What is added to the logarithm of the odds at each of them, and the less the farther off.
    said : (m,) bool
        Whether it was yes: no answer is contradicted, not even by another one close by.
    """

    places: Places
    way: Floats
    other: float
    like: float
    variance: float
    share: float
    parted: float = 1.0
    answered: Floats = field(default_factory=lambda: np.zeros((0, 1)))
    amends: Floats = field(default_factory=lambda: np.zeros(0))
    said: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))

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
        The direction leads from the mean of what is not meant, or of all objects where nothing
        is said of that, to the mean of the examples. Along it two normal distributions of one
        variance are fitted to all objects by expectation maximisation, the examples given [1]_;
        the similarity is the probability of belonging to that of the examples. With it the means
        are taken anew, and the direction [2]_. All measures are in units of how much they differ
        within a population, which is why no covariance is asked of so few. All objects may well be
        of one population: two are only believed when they explain the objects better, or a person
        says what is not meant. What is said then is true of the objects that it is said of: where
        the distributions say otherwise, the odds are amended there and close by.

        References
        ----------
        .. [1] Nigam et al., Text classification from labeled and unlabeled documents using EM,
           Machine Learning 39:103, 2000.
        .. [2] Basu, Banerjee and Mooney, Semi-supervised clustering by seeding, ICML 2002.
        """
        known = [yes] if no is None or not len(no) else [yes, no]
        population = Looks.joined([every, *known])
        places = Places.among(population)
        at = places.of(population)
        fixed = np.full(len(population), np.nan)
        fixed[len(every) : len(every) + len(yes)] = 1.0
        fixed[len(every) + len(yes) :] = 0.0
        against = at.mean(axis=0)
        if len(known) > 1:
            unlike = at[fixed == 0]
            against = (unlike.sum(axis=0) + USUAL * against) / (len(unlike) + USUAL)
        found = cls(places, *_along(at, at[fixed == 1].mean(axis=0) - against, fixed))
        for _ in range(MEANS):
            belongs = np.where(np.isnan(fixed), found._belongs(at @ found.way), fixed)
            inside, outside = belongs.sum(), (1 - belongs).sum()
            if min(inside, outside) < 1:
                break
            way = belongs @ at / inside - (1 - belongs) @ at / outside
            found = cls(places, *_along(at, way, fixed))
        if len(known) > 1:
            return found._amended(at[fixed == 1], at[fixed == 0])
        evidence = len(at) * found._evidence(at @ found.way)
        beyond = (evidence - CHANCE) / (EVIDENT - CHANCE)
        return replace(found, parted=float(np.clip(beyond, 0, 1)))

    def similarity(self, looks: Looks) -> Floats:
        """Return how likely each object is like the examples, (n,), 0 to 1."""
        at = self.places.of(looks)
        odds = self._odds(at @ self.way)
        if len(self.said):
            near = _nearness(at, self.answered)
            odds = odds + near @ self.amends
            nearest = near.argmax(axis=1)
            itself = near.max(axis=1) > 1 - _ITSELF
            told = np.where(self.said[nearest], odds.clip(SAID), odds.clip(None, -SAID))
            odds = np.where(itself, told, odds)
        return np.asarray(1 - (1 - _logistic(odds)) * (1 + self.parted) / 2)

    def _belongs(self, at: Floats) -> Floats:
        """Return how likely places along the way belong to those that are alike."""
        return _logistic(self._odds(at))

    def _odds(self, at: Floats) -> Floats:
        """Return the logarithm of the odds of it."""
        odds = ((at - self.other) ** 2 - (at - self.like) ** 2) / (2 * self.variance)
        return np.asarray(odds + np.log(self.share / (1 - self.share)))

    def _amended(self, yes: Floats, no: Floats) -> Likeness:
        """Let what a person said be true of those objects, and so of what is much like them."""
        answered = np.concatenate([yes, no])
        odds = self._odds(answered @ self.way)
        said = np.arange(len(odds)) < len(yes)
        wanted = np.where(said, odds.clip(SAID), odds.clip(None, -SAID))
        near = _nearness(answered, answered) + 1e-2 * np.eye(len(odds))
        amends: Floats = np.asarray(np.linalg.solve(near, wanted - odds), np.float64)
        return replace(self, answered=answered, amends=amends, said=said)

    def _evidence(self, at: Floats) -> float:
        """Return by how much better two normal distributions explain places than one, in nats."""
        parts = (self.share, self.like), (1 - self.share, self.other)
        density = sum(w * np.exp(-((at - mean) ** 2) / (2 * self.variance)) for w, mean in parts)
        two = np.log(np.asarray(density) + 1e-30).mean() - np.log(self.variance) / 2
        return float(two + (1 + np.log(at.var() + 1e-9)) / 2)


def _along(at: Floats, way: Floats, fixed: Floats) -> tuple[Floats, float, float, float, float]:
    """Fit two populations along a way between them; its length says nothing."""
    way = way / max(float(np.linalg.norm(way)), 1e-9)
    return way, *_two_normals(at @ way, fixed)


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


def _nearness(some: Floats, others: Floats) -> Floats:
    """Return how near places lie to others, 0 to 1, (n, m)."""
    squares = ((some[:, None] - others[None]) ** 2).sum(-1)
    return np.asarray(np.exp(-squares / (2 * NEAR**2)))


def _logistic(odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -50, 50))))
