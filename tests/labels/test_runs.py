"""Runs describe a change exactly, and are written whole or not at all."""

from __future__ import annotations

from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sam.errors import LabelsError
from napari_sam.labels.runs import Runs, stands, write

DTYPES = ["u1", "i1", "<u2", ">u2", "<i2", ">i2", "<i4", ">i4", "<u4", ">u4", "<i8", ">i8", "<u8"]
shapes = hnp.array_shapes(min_dims=2, max_dims=4, max_side=6)


@st.composite
def two_states(draw: Any) -> tuple[np.ndarray, np.ndarray]:
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(shapes)
    high = int(np.iinfo(dtype).max)
    ids = st.sampled_from([0, 1, 2, high])
    one = draw(hnp.arrays(dtype, shape, elements=ids))
    other = draw(hnp.arrays(dtype, shape, elements=ids))
    return one, other


@given(two_states())
def test_a_change_leads_from_one_state_to_the_other_and_back(states):
    before, after = states
    runs = Runs.between(before.shape, (0,) * before.ndim, before, after)
    assert runs.size == np.count_nonzero(before != after)
    pixels = before.copy()
    assert write(pixels, runs) == 0
    np.testing.assert_array_equal(pixels, after)
    assert pixels.dtype == before.dtype
    assert stands(pixels, runs)
    write(pixels, runs.reversed)
    np.testing.assert_array_equal(pixels, before)


@given(two_states(), st.randoms(use_true_random=False))
def test_pixels_in_any_order_are_the_same_change(states, random):
    before, after = states
    places = np.argwhere(before != after)
    order = list(range(len(places)))
    random.shuffle(order)
    indices = tuple(places[order].T) if len(places) else tuple([] for _ in before.shape)
    runs = Runs.at(before.shape, indices, before[indices], after[indices])
    whole = Runs.between(before.shape, (0,) * before.ndim, before, after)
    for name in ("start", "length", "before", "after"):
        np.testing.assert_array_equal(getattr(runs, name), getattr(whole, name))


@given(two_states())
def test_blocks_hold_every_pixel_once(states):
    before, after = states
    runs = Runs.between(before.shape, (0,) * before.ndim, before, after)
    seen = np.zeros(before.shape, int)
    for block in runs.blocks():
        region = seen[block.where]
        np.add.at(region, (block.rows, block.columns), 1)
    np.testing.assert_array_equal(seen, before != after)
    if len(runs):
        box = tuple(slice(first, stop) for first, stop in runs.box())
        inside = np.zeros(before.shape, bool)
        inside[box] = True
        assert not (before != after)[~inside].any()
        for axis in range(before.ndim):  # the smallest such box
            others = tuple(a for a in range(before.ndim) if a != axis)
            held = np.flatnonzero((before != after).any(axis=others))
            assert runs.box()[axis] == (held[0], held[-1] + 1)


@given(two_states(), st.integers(1, 4), st.integers(1, 3))
def test_windows_are_written_one_by_one_and_hold_every_pixel_once(states, most, tile):
    before, after = states
    whole = Runs.between(before.shape, (0,) * before.ndim, before, after)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_sam.labels.runs._AT_ONCE", most)
        patch.setattr("napari_sam.labels.runs._TILE", tile)
        seen = np.zeros(before.shape, int)
        for block in whole.windows():
            region = seen[block.where]
            np.add.at(region, (block.rows, block.columns), 1)
        np.testing.assert_array_equal(seen, before != after)
        pixels = before.copy()
        assert write(pixels, whole) == 0
        np.testing.assert_array_equal(pixels, after)
        assert stands(pixels, whole)


def test_a_cell_costs_its_rows_and_not_its_pixels():
    labels = np.zeros((200, 2048, 2048), np.int8)
    grid = np.indices((41, 41)) - 20
    disc = ((grid**2).sum(axis=0) <= 400)[None].astype(np.int8)
    runs = Runs.between(labels.shape, (120, 1000, 1000), np.zeros_like(disc), disc)
    assert len(runs) == 41
    assert runs.size == disc.sum()


class Failing:
    """Labels on a disk that is full after some writes."""

    def __init__(self, pixels: np.ndarray, writes: int) -> None:
        self.pixels, self.left = pixels, writes
        self.shape, self.dtype = pixels.shape, pixels.dtype

    def __getitem__(self, where: Any) -> np.ndarray:
        return self.pixels[where].copy()

    def __setitem__(self, where: Any, values: Any) -> None:
        if self.left == 0:
            self.left = -1  # what is freed by then is enough to put back what was there
            raise OSError("disk full")
        self.left -= 1
        self.pixels[where] = values


@pytest.mark.parametrize("tile", [1, 2048])
@pytest.mark.parametrize("writes", [0, 1, 3])
def test_a_write_that_fails_half_way_leaves_nothing(writes, tile, monkeypatch):
    monkeypatch.setattr("napari_sam.labels.runs._AT_ONCE", tile)
    monkeypatch.setattr("napari_sam.labels.runs._TILE", tile)
    before = np.zeros((6, 4, 4), np.int32)
    before[:, 0] = 3
    after = before.copy()
    after[:, :2, :2] = 9
    runs = Runs.between(before.shape, (0, 0, 0), before, after)
    disk = Failing(before.copy(), writes)
    with pytest.raises(OSError, match="disk full"):
        write(disk, runs)
    np.testing.assert_array_equal(disk.pixels, before)


def test_pixels_that_changed_meanwhile_stop_a_change_and_are_left_alone_by_undo():
    before = np.zeros((4, 5), np.int32)
    after = before.copy()
    after[1:3, 1:4] = 7
    runs = Runs.between(before.shape, (0, 0), before, after)
    touched = before.copy()
    touched[2, 2] = 5
    with pytest.raises(LabelsError, match="meanwhile"):
        write(touched, runs)
    assert (touched > 0).sum() == 1
    touched = after.copy()
    touched[2, 2] = 5
    assert write(touched, runs.reversed, strictly=False) == 1
    assert touched[2, 2] == 5
    assert (touched > 0).sum() == 1


def test_labels_of_another_shape_are_refused():
    runs = Runs.at((4, 5), ([1], [1]), 0, 3)
    with pytest.raises(LabelsError, match="shape"):
        write(np.zeros((5, 4), int), runs)
    with pytest.raises(LabelsError, match="no place"):
        Runs.between((4, 5), (0,), np.zeros(3), np.ones(3))


def test_parts_join_to_one_change():
    parts = [Runs.at((4, 5), ([row], [2]), 0, row + 1) for row in (3, 0, 2)]
    runs = Runs.joined(parts)
    pixels = np.zeros((4, 5), int)
    write(pixels, runs)
    assert pixels[:, 2].tolist() == [1, 0, 3, 4]
    assert runs.ids == (1, 3, 4)
