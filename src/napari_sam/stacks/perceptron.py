"""A small neural network: what several signs together say about a yes or no.

It is a `napari_sam.stacks.logistic.Logistic` with a hidden layer, for where the same sign speaks
for one thing beside some signs and against it beside others.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_ROWS = 8192  # at a time: the hidden units of all pairs of a deep stack would fill the memory


@dataclass(frozen=True, eq=False)
class Perceptron:
    """Log-odds as a weighted sum of hidden units, each a squashed weighted sum of signs.

    Parameters
    ----------
    most : (k,) float
        Signs count up to here: nothing was learnt of larger ones.
    weights : (h, k) float
        One row per hidden unit.
    biases : (h,) float
    outward : (h,) float
        What each unit contributes.
    bias : float

    Examples
    --------
    Either of two signs, but not both:

    >>> one = Perceptron.of([9, 9], [[9, 9], [-9, -9]], [-4, 13], [5, 5], -5)
    >>> (one.log_odds(np.array([[0, 0], [0, 1], [1, 0], [1, 1]])) > 0).tolist()
    [False, True, True, False]
    """

    most: Floats
    weights: Floats
    biases: Floats
    outward: Floats
    bias: float

    @classmethod
    def of(cls, most: Any, weights: Any, biases: Any, outward: Any, bias: float) -> Perceptron:
        """Make one of numbers in lists."""
        given = {"most": most, "weights": weights, "biases": biases, "outward": outward}
        arrays = {name: np.asarray(numbers, np.float64) for name, numbers in given.items()}
        return cls(**arrays, bias=float(bias))

    @classmethod
    def load(cls, name: str) -> Perceptron:
        """Read one of those that come with the package."""
        text = files(__package__).joinpath(name).read_text(encoding="utf-8")
        return cls.of(**json.loads(text))

    def to_json(self) -> str:
        """Write its numbers down, with five digits."""
        lines = [
            f' "{name}": {json.dumps(_rounded(numbers))}' for name, numbers in asdict(self).items()
        ]
        return "{\n" + ",\n".join(lines) + "\n}\n"

    def log_odds(self, signs: npt.NDArray[np.floating[Any]]) -> Floats:
        """Return the log-odds of every row of signs (n, k)."""
        odds = np.empty(len(signs))
        for at in range(0, len(signs), _ROWS):
            some = np.minimum(signs[at : at + _ROWS], self.most)
            odds[at : at + _ROWS] = np.tanh(some @ self.weights.T + self.biases) @ self.outward
        return odds + self.bias


def _rounded(numbers: Any) -> Any:
    if np.ndim(numbers):
        return [_rounded(number) for number in numbers]
    return float(f"{numbers:.5g}")
