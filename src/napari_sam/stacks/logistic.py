"""A logistic model: what several signs together say about a yes or no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Logistic:
    """Log-odds as a weighted sum.

    Parameters
    ----------
    weights : tuple of float
        One per sign.
    bias : float

    Examples
    --------
    >>> Logistic((2.0, -1.0), 0.5).log_odds(np.array([[1.0, 3.0]])).tolist()
    [-0.5]
    """

    weights: tuple[float, ...]
    bias: float

    def log_odds(self, signs: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
        """Return the log-odds of every row of signs (n, len(weights))."""
        return np.asarray(signs @ np.array(self.weights) + self.bias, np.float64)


def probability(log_odds: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Return the probability that log-odds stand for."""
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -40, 40))), np.float64)


def fit(
    signs: npt.NDArray[np.floating[Any]],
    truth: npt.NDArray[np.bool_],
    ridge: float = 1.0,
) -> Logistic:
    """Fit by Newton's method, with a small penalty on the weights of standardised signs.

    Parameters
    ----------
    signs : (n, k) float
    truth : (n,) bool
    ridge : float
        Penalty; keeps weights finite where the signs decide without exception.
    """
    mean, spread = signs.mean(axis=0), signs.std(axis=0) + 1e-9
    x = np.concatenate([(signs - mean) / spread, np.ones((len(signs), 1))], axis=1)
    penalty = np.diag([ridge] * signs.shape[1] + [1e-6])
    w = np.zeros(x.shape[1])
    for _ in range(50):
        p = probability(x @ w)
        slope = x.T @ (p - truth) + penalty @ w
        curve = (x * (p * (1 - p))[:, None]).T @ x + penalty
        step = np.linalg.solve(curve, slope)
        w -= step
        if np.abs(step).max() < 1e-8:
            break
    weights = w[:-1] / spread
    return Logistic(tuple(float(v) for v in weights), float(w[-1] - weights @ mean))
