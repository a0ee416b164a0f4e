"""Slices between drawn ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam.errors import LabelsError, ParameterError
from napari_sam.stacks.interpolate import between, interpolate

SHAPE = (40, 48)


def disc(row: float, column: float, radius: float) -> np.ndarray:
    grid = np.indices(SHAPE)
    return (grid[0] - row) ** 2 + (grid[1] - column) ** 2 <= radius**2


discs = st.builds(disc, st.integers(8, 31), st.integers(8, 39), st.integers(1, 8))
fractions = st.floats(0.02, 0.98)


@given(first=discs, second=discs, fraction=fractions)
@settings(max_examples=60, deadline=None)
def test_shapes_lie_between(first: np.ndarray, second: np.ndarray, fraction: float) -> None:
    found = between(first, second, fraction)
    assert found.any()
    low, high = sorted((int(first.sum()), int(second.sum())))
    assert 0.75 * low - 4 <= found.sum() <= 1.25 * high + 4
    place = np.argwhere(found).mean(axis=0)
    a, b = (np.argwhere(mask).mean(axis=0) for mask in (first, second))
    assert np.linalg.norm(place - (a + fraction * (b - a))) < 1.5


@given(first=discs, second=discs, fraction=fractions)
@settings(max_examples=30, deadline=None)
def test_the_way_back_is_the_way_there(first, second, fraction) -> None:
    there, back = between(first, second, fraction), between(second, first, 1 - fraction)
    assert (there != back).sum() <= 4  # a border through the middle of a pixel


@given(mask=discs, fraction=fractions)
@settings(max_examples=20, deadline=None)
def test_from_a_shape_to_itself_nothing_changes(mask: np.ndarray, fraction: float) -> None:
    assert (between(mask, mask, fraction) == mask).all()


def test_the_ends_are_what_was_drawn() -> None:
    first, second = disc(10, 10, 4), disc(30, 30, 8)
    assert (between(first, second, 0) == first).all()
    assert (between(first, second, 1.0) == second).all()


@given(
    first=discs,
    second=discs,
    others=st.lists(discs, min_size=1, max_size=4),
    depth=st.integers(3, 7),
)
@settings(max_examples=40, deadline=None)
def test_neighbours_keep_every_pixel(first, second, others, depth) -> None:
    labels = np.zeros((depth, *SHAPE), np.uint16)
    for number, other in enumerate(others, 2):
        labels[1:-1, other] = number
    labels[0][first], labels[-1][second] = 1, 1
    before = labels.copy()
    found = interpolate(labels, 1)
    assert (labels == before).all()
    assert sorted(found) == list(range(1, depth - 1))
    for z, mask in found.items():
        assert not (mask & (labels[z] > 0)).any()


def test_only_gaps_are_filled_unless_slices_are_chosen() -> None:
    labels = np.zeros((7, *SHAPE), int)
    for z, radius in ((0, 4), (2, 4), (5, 8)):
        labels[z][disc(20, 20, radius)] = 3
    assert sorted(interpolate(labels, 3)) == [1, 3, 4]
    labels[2] = 0
    labels[2][disc(20, 34, 2)] = 3  # wrong, to be drawn again
    again = interpolate(labels, 3, slices=(0, 5))
    assert sorted(again) == [1, 2, 3, 4]
    assert again[2][20, 20]
    assert not again[2][20, 34]


def test_slices_are_read_one_by_one() -> None:
    class Lazy:
        shape, dtype, asked = (5, *SHAPE), np.dtype(np.uint8), []

        def __getitem__(self, z: int) -> np.ndarray:
            self.asked.append(z)
            return disc(20, 20, 5).astype(np.uint8) * (z in (0, 4))

    assert sorted(interpolate(Lazy(), 1)) == [1, 2, 3]
    assert all(isinstance(z, int) for z in Lazy.asked)


def test_what_cannot_be_interpolated_is_refused() -> None:
    labels = np.zeros((4, *SHAPE), int)
    labels[1][disc(20, 20, 5)] = 1
    with pytest.raises(LabelsError, match="on 1 slice:"):
        interpolate(labels, 1)
    with pytest.raises(LabelsError, match=r"not on the slices \[3\]"):
        interpolate(labels, 1, slices=(1, 3))
    for senseless in ("ab", 3, [0, "b"], [0.5, 2]):
        with pytest.raises(ParameterError, match=r"[Ss]lice"):
            interpolate(labels, 1, slices=senseless)
    with pytest.raises(ParameterError, match="between 0 and 3"):
        interpolate(labels, 1, slices=(1, 9))
    with pytest.raises(ParameterError, match="at least 1"):
        interpolate(labels, 0)
    with pytest.raises(ParameterError, match="fraction"):
        between(labels[1] > 0, labels[1] > 0, 2)
    with pytest.raises(LabelsError, match="empty"):
        between(labels[0] > 0, labels[1] > 0, 0.5)
