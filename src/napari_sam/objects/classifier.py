"""Tells classes of objects apart after a few examples of each: multinomial logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from napari_sam.classes import need_two
from napari_sam.objects.describe import Looks
from napari_sam.objects.places import Places

__all__ = ["Classifier"]

#: Strength of the penalty on the squared weights, in examples.
PENALTY = 1.0
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Classifier:
    """What tells the classes of a person apart.

    Parameters
    ----------
    names : tuple of str
        Of the classes, sorted.
    places : Places
        Where objects lie by what they look like.
    weights : (M + 1, C) float
        Of each number of a place, the last one of a constant.
    """

    names: tuple[str, ...]
    places: Places
    weights: Floats

    @classmethod
    def fit(cls, every: Looks, examples: Looks, classes: Sequence[str]) -> Classifier:
        """Learn from examples of each class.

        Parameters
        ----------
        every : Looks
            All objects that there are.
        examples : Looks
            n of them, with a known class.
        classes : sequence of n str

        Raises
        ------
        ParameterError
            When there are not two classes.

        Notes
        -----
        Multinomial logistic regression with a penalty on the squared weights, every class
        counted alike however many examples it has [1]_.

        References
        ----------
        .. [1] Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2009, 4.4.
        """
        names, which = np.unique(np.asarray(classes, dtype=str), return_inverse=True)
        need_two(names)
        places = Places.among(every)
        weights = _fitted(places.of(examples), which, len(names))
        return cls(tuple(map(str, names)), places, weights)

    def probabilities(self, looks: Looks) -> Floats:
        """Return how likely each object is of each class, (n, C); rows add up to 1."""
        return _softmax(self.places.of(looks) @ self.weights[:-1] + self.weights[-1])


def _fitted(at: Floats, which: npt.NDArray[np.intp], count: int) -> Floats:
    """Return the weights (M + 1, C) that make known classes (n,) of places (n, M) likely."""
    known = np.eye(count)[which]
    share = known / known.sum(axis=0) * (len(at) / count)  # every class counts alike
    each = share.sum(axis=1, keepdims=True)

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(-1, count)
        likely = _softmax(at @ weights[:-1] + weights[-1])
        missed = -float((share * np.log(likely + 1e-12)).sum())
        apart = each * (likely - known)
        slope = np.concatenate([at.T @ apart + PENALTY * weights[:-1], apart.sum(axis=0)[None]])
        return missed + PENALTY / 2 * float((weights[:-1] ** 2).sum()), slope.ravel()

    start = np.zeros((at.shape[1] + 1) * count)
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B").x.reshape(-1, count))


def _softmax(odds: Floats) -> Floats:
    raised = np.exp(odds - odds.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
