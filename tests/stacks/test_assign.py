"""Pairs that together gain most, and small models of several signs."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam.stacks.assign import best_pairs
from napari_sam.stacks.logistic import Logistic, fit, probability

pairs = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(-5, 20)), max_size=9)


@settings(max_examples=80, deadline=None)
@given(candidates=pairs)
def test_no_other_choice_gains_more(candidates: list[tuple[int, int, int]]) -> None:
    rows, columns, gains = np.array(candidates, float).reshape(-1, 3).T
    chosen = best_pairs(rows.astype(int), columns.astype(int), gains)
    assert len(set(rows[chosen])) == len(set(columns[chosen])) == len(chosen)
    best = 0.0
    for size in range(1, len(candidates) + 1):
        for some in itertools.combinations(range(len(candidates)), size):
            if len(set(rows[list(some)])) == len(set(columns[list(some)])) == size:
                best = max(best, gains[list(some)].sum())
    assert gains[chosen].sum() == best


def test_a_logistic_model_is_found_again() -> None:
    rng = np.random.default_rng(0)
    true = Logistic((2.0, -1.0), 0.5)
    signs = rng.normal(size=(20_000, 2))
    truth = rng.random(len(signs)) < probability(true.log_odds(signs))
    found = fit(signs, truth)
    assert np.allclose(found.weights, true.weights, atol=0.15)
    assert abs(found.bias - true.bias) < 0.15
