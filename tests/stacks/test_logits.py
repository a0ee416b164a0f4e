"""Logits of an answer, spread over the pixels of a plane."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_sam.stacks.logits import OUTSIDE, spread


@given(
    low=st.tuples(st.floats(-30, 30), st.floats(-30, 30)),
    size=st.tuples(st.floats(2, 90), st.floats(2, 90)),
    shape=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    seed=st.integers(0, 2**32 - 1),
)
def test_pixels_lie_between_those_of_the_answer(low, size, shape, seed) -> None:
    """As scipy interpolates; nothing is told where the answer does not reach."""
    logits = np.random.default_rng(seed).normal(0, 5, (12, 16))
    edges = low[0], low[1], low[0] + size[0], low[1] + size[1]
    found = spread(logits.astype(np.float32), edges, shape)
    at = [
        (np.arange(count) - first) / across * side - 0.5
        for count, first, across, side in zip(shape, low, size, logits.shape, strict=True)
    ]
    places = np.meshgrid(*at, indexing="ij")
    wanted = ndi.map_coordinates(logits, places, order=1, mode="nearest")
    beyond = [
        np.maximum(-0.5 - one, one - side + 0.5) for one, side in zip(at, logits.shape, strict=True)
    ]
    away = np.maximum.outer(*beyond)
    assert found.shape == shape
    assert (found[away > 1e-3] == OUTSIDE).all()
    assert np.abs(found - wanted)[away < -1e-3].max(initial=0) < 0.01


def test_any_array_of_logits_is_spread_and_left_as_it_is() -> None:
    logits = np.arange(12.0).reshape(3, 4)[::-1]
    logits.flags.writeable = False
    found = spread(logits, (-0.5, -0.5, 2.5, 3.5), (3, 4))
    assert found.dtype == np.float32
    assert np.abs(found - logits).max() < 1e-5
    assert logits[0, 0] == 8
