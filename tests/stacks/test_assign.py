"""Pairs that together gain most, and small models of several signs."""

from __future__ import annotations

import itertools
import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam.stacks.assign import best_pairs
from napari_sam.stacks.logistic import Logistic, fit, probability
from napari_sam.stacks.perceptron import Perceptron

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


def test_a_perceptron_is_written_down_and_read_again() -> None:
    rng = np.random.default_rng(0)
    sizes = (3,), (5, 3), (5,), (5,)
    true = Perceptron.of(*(rng.normal(size=size) for size in sizes), 0.5)
    read = Perceptron.of(**json.loads(true.to_json()))
    signs = rng.normal(size=(20_000, 3))
    assert np.allclose(read.log_odds(signs), true.log_odds(signs), atol=1e-3)


def test_signs_beyond_those_that_were_learnt_say_no_more() -> None:
    one = Perceptron.of([2.0], [[1.0]], [0.0], [1.0], 0.0)
    far, further, limit = one.log_odds(np.array([[50.0], [1e9], [2.0]]))
    assert far == further == limit > one.log_odds(np.array([[1.0]]))[0]


def test_a_perceptron_says_of_many_rows_what_it_says_of_each() -> None:
    rng = np.random.default_rng(0)
    one = Perceptron.of(*(rng.normal(size=size) for size in ((3,), (5, 3), (5,), (5,))), 0.5)
    signs = rng.normal(size=(20_000, 3))
    few = np.array([0, 8191, 8192, 19_999])
    assert np.allclose(one.log_odds(signs)[few], one.log_odds(signs[few]))
    assert one.log_odds(signs[:0]).shape == (0,)
