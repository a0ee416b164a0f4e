"""How far two ways of computing the same numbers may lie apart."""

from __future__ import annotations

import math

import numpy as np

UNIT = float(np.finfo(np.float32).eps)


def rounding(values: object, *, terms: int, products: int) -> float:
    """Return the largest difference that rounding explains, on any processor.

    Processors add the terms of a sum in different orders and with or without fused operations.
    The rounding errors of a sum of `terms` products behave like a random walk, so they grow with
    the root of its length; one product after the other adds to them. Eight standard deviations
    are allowed, far less than any mistake makes.

    Parameters
    ----------
    values : array-like
        The numbers compared; errors are relative to the largest of them, and at least to 1, the
        size of the normalised activations that they come from.
    terms : int
        Length of the longest sum.
    products : int
        How many matrix products follow one another.
    """
    size = max(float(np.abs(np.asarray(values)).max(initial=0.0)), 1.0)
    return 8 * UNIT * math.sqrt(terms * products) * size
