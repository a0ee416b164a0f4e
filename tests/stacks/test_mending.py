"""Pieces of a cell on one frame."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sam.stacks.mending import mend_pieces


def cells(*spans: tuple[int, int]) -> np.ndarray:
    """Return a frame with cells between columns."""
    frame = np.zeros((20, 40), np.int32)
    for number, (low, high) in enumerate(spans, 1):
        frame[4:16, low:high] = number
    return frame


def test_a_cell_in_pieces_on_one_frame_is_one_again() -> None:
    movie = np.stack([cells((5, 25), (30, 38)), cells((6, 14), (15, 26), (31, 39)), cells((7, 27))])
    assert mend_pieces(movie) == 1
    assert np.unique(movie[1]).tolist() == [0, 1, 3]
    assert (movie[1][:, 15:26] == movie[1][:, 13:14]).all()


def test_daughters_stay_two() -> None:
    movie = np.stack([cells((5, 25)), cells((4, 14), (16, 26)), cells((2, 13), (17, 28))])
    before = movie.copy()
    assert mend_pieces(movie) == 0
    np.testing.assert_array_equal(movie, before)


def test_a_speck_beside_a_cell_is_no_piece_of_it() -> None:
    movie = np.stack([cells((5, 25)), cells((5, 23), (24, 25)), cells((5, 25))])
    assert mend_pieces(movie) == 0


@pytest.mark.parametrize("frames", [1, 2])
def test_short_movies_have_nothing_on_both_sides(frames: int) -> None:
    assert mend_pieces(np.stack([cells((5, 25))] * frames)) == 0
