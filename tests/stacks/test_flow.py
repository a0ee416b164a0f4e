"""An object moves with the picture around it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_sam.stacks.flow import carry_mask, flow


def texture(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    """A smooth random picture, 0 to 1."""
    rough = np.random.default_rng(seed).random(shape)
    smooth = ndi.gaussian_filter(rough, 3)
    return ((smooth - smooth.min()) / np.ptp(smooth)).astype(np.float32)


def disc(shape: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
    rows, columns = np.indices(shape)
    return np.hypot(rows - centre[0], columns - centre[1]) < radius


@given(
    down=st.floats(-4, 4),
    along=st.floats(-4, 4),
    radius=st.floats(6, 25),
    row=st.integers(30, 90),
    column=st.integers(30, 110),
)
@settings(max_examples=30, deadline=None)
def test_a_mask_goes_where_the_picture_goes(
    down: float, along: float, radius: float, row: int, column: int
) -> None:
    before = texture((120, 140))
    after = ndi.shift(before, (down, along), order=1, mode="nearest")
    mask = disc(before.shape, (row, column), radius)
    true = disc(before.shape, (row + down, column + along), radius)
    found = carry_mask(mask, before, after).cover > 0.5
    shared = np.count_nonzero(found & true) / np.count_nonzero(found | true)
    unmoved = np.count_nonzero(mask & true) / np.count_nonzero(mask | true)
    assert shared > min(0.8, unmoved)


def test_what_is_there_instead_of_the_object_does_not_look_alike() -> None:
    before, mask = texture((100, 100)), disc((100, 100), (50, 50), 16)
    after = ndi.shift(before, (1.5, -2), order=1, mode="nearest")
    other = np.where(disc(before.shape, (51.5, 48), 18), texture(before.shape, seed=1), after)
    assert carry_mask(mask, before, after).alike > 0.97
    assert carry_mask(mask, 1 - before, 1 - after).alike > 0.97
    assert carry_mask(mask, before, other.astype(np.float32)).alike < 0.8
    assert carry_mask(mask, before, np.full_like(before, 0.5)).alike == 0


def test_an_object_that_grows_is_followed() -> None:
    rows, columns = np.indices((100, 100), dtype=np.float32)
    apart = np.hypot(rows - 50, columns - 50)
    before, after = (np.clip(radius + 2 - apart, 0, 4) / 4 for radius in (16.0, 19.0))
    found = carry_mask(apart < 16, before, after).cover > 0.5
    true = apart < 19
    assert np.count_nonzero(found & true) / np.count_nonzero(found | true) > 0.9


@pytest.mark.parametrize("shape", [(1, 60), (60, 1), (2, 2), (3, 200), (40, 40)])
def test_planes_of_any_shape_and_without_structure_keep_the_mask(shape: tuple[int, int]) -> None:
    mask = np.zeros(shape, bool)
    mask[shape[0] // 2, shape[1] // 2] = True
    flat = np.full(shape, 0.5)
    assert np.array_equal(carry_mask(mask, flat, flat).cover > 0.5, mask)
    assert not carry_mask(np.zeros(shape, bool), flat, flat).cover.any()


def test_a_shift_is_found_everywhere() -> None:
    before = texture((80, 96))
    after = np.roll(before, (3, -2), axis=(0, 1))
    inside = (slice(16, -16), slice(16, -16))
    down, along = flow(before, after)
    assert abs(float(np.median(down[inside])) - 3) < 0.3
    assert abs(float(np.median(along[inside])) + 2) < 0.3
