"""Filled polygons: what scikit-image fills, in a fraction of the time."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from skimage.draw import polygon

from napari_sam.polygons import covers, fill

CORNERS = st.lists(st.tuples(st.integers(-20, 60), st.integers(-20, 60)), min_size=3, max_size=9)


def on_edge(corners: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Tell which pixels lie on an edge, where rounding decides."""
    places = np.stack(np.indices(shape), axis=-1).astype(float)
    near = np.zeros(shape, bool)
    for start, stop in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        along = stop - start
        length = max(float(along @ along), 1e-12)
        share = np.clip((places - start) @ along / length, 0, 1)
        near |= np.linalg.norm(places - start - share[..., None] * along, axis=-1) < 1e-9
    return near


@given(CORNERS, st.tuples(st.integers(1, 30), st.integers(1, 30)))
def test_the_inside_is_filled_and_the_edge_belongs_to_it(corners, shape) -> None:
    corners = np.array(corners, float) / 2
    expected = np.zeros(shape, bool)
    expected[polygon(corners[:, 0], corners[:, 1], shape)] = True
    edge = on_edge(corners, shape)
    filled = fill(corners, shape)
    np.testing.assert_array_equal(filled[~edge], expected[~edge])
    # a corner on a pixel always counts; elsewhere an edge may miss a pixel by rounding
    for row, column in corners:
        if row.is_integer() and column.is_integer() and 0 <= row < shape[0]:
            assert not 0 <= column < shape[1] or filled[int(row), int(column)]


def test_far_corners_and_many_take_no_time_of_note() -> None:
    far = np.array([(-1e9, -1e9), (-1e9, 1e9), (1e9, 1e9), (1e9, -1e9)])
    assert fill(far, (6, 7)).all()
    turns = np.linspace(0, 2 * np.pi, 10_000)
    ring = 300 + 290 * np.stack([np.sin(turns), np.cos(turns)], axis=1)
    assert abs(fill(ring, (600, 600)).sum() - np.pi * 290**2) < 2 * np.pi * 290


@given(CORNERS, st.tuples(st.integers(1, 30), st.integers(1, 30)))
def test_what_covers_a_pixel_is_what_fills_one(corners, shape) -> None:
    corners = np.array(corners, float) / 2
    assert covers(corners, shape) == fill(corners, shape).any()
