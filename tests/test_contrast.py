"""Contrast that nothing can break."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_sam.contrast import PERCENTILES, contrast_limits, normalise
from napari_sam.errors import ImageError

REAL_TYPES = [
    np.bool_,
    np.uint8,
    np.int8,
    np.uint16,
    np.int16,
    np.uint32,
    np.int32,
    np.uint64,
    np.int64,
    np.float16,
    np.float32,
    np.float64,
]


def ramp(dtype: Any, shape: tuple[int, int] = (40, 50), top: float = 100) -> np.ndarray:
    """Image that gets brighter row by row."""
    return np.linspace(0, top, shape[0] * shape[1]).reshape(shape).astype(dtype)


@given(
    hnp.arrays(
        dtype=st.sampled_from(REAL_TYPES),
        shape=st.one_of(
            hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
            st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([3, 4])),
        ),
    )
)
def test_any_image_becomes_numbers_between_0_and_1(image: np.ndarray) -> None:
    scaled = normalise(image)
    assert scaled.dtype == np.float32
    assert scaled.shape[:2] == image.shape[:2]
    assert scaled.ndim == 2 or scaled.shape[2] == 3
    assert np.isfinite(scaled).all()
    assert scaled.min() >= 0
    assert scaled.max() <= 1


@given(
    hnp.arrays(
        dtype=st.sampled_from([np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.float32]),
        shape=hnp.array_shapes(min_dims=2, max_dims=2, max_side=10),
    )
)
def test_brighter_pixels_never_become_darker(image: np.ndarray) -> None:
    image = np.nan_to_num(image.astype(np.float64), posinf=0, neginf=0).astype(image.dtype)
    scaled = normalise(image).ravel()
    order = np.argsort(image.ravel(), kind="stable")
    assert (np.diff(scaled[order]) >= 0).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.uint32, np.float32])
def test_contrast_fills_the_range_whatever_the_type(dtype: Any) -> None:
    scaled = normalise(ramp(dtype))
    assert scaled.min() == 0
    assert scaled.max() == 1
    assert 0.4 < scaled.mean() < 0.6


def test_twelve_bits_in_sixteen_are_not_crushed() -> None:
    image = ramp(np.uint16, top=4095)
    assert normalise(image).std() == pytest.approx(normalise(ramp(np.uint8, top=255)).std(), 0.02)


def test_neighbouring_values_of_wide_integers_stay_apart() -> None:
    start = 2**31 - 200
    image = np.arange(start, start + 100, dtype=np.uint32).reshape(10, 10)
    assert len(np.unique(normalise(image))) > 95


@pytest.mark.parametrize("hot", [65535.0, np.inf, np.nan, -np.inf])
def test_one_hot_pixel_changes_nothing_else(hot: float) -> None:
    image = ramp(np.float32)
    hurt = image.copy()
    hurt[7, 9] = hot
    others = np.ones(image.shape, dtype=bool)
    others[7, 9] = False
    np.testing.assert_allclose(normalise(hurt)[others], normalise(image)[others], atol=0.02)


def test_not_a_number_is_black_and_infinity_white() -> None:
    image = ramp(np.float32)
    image[0, :3] = np.nan, np.inf, -np.inf
    assert normalise(image)[0, :3].tolist() == [0, 1, 0]


@pytest.mark.parametrize("dtype", REAL_TYPES)
@pytest.mark.parametrize("value", [0, 1])
def test_a_constant_image_becomes_black(dtype: Any, value: int) -> None:
    assert not normalise(np.full((8, 9), value, dtype=dtype)).any()


def test_an_image_of_nothing_but_nan_becomes_black() -> None:
    assert not normalise(np.full((8, 9), np.nan)).any()


def test_few_bright_pixels_on_an_even_background_stay_visible() -> None:
    image = np.zeros((100, 100), dtype=np.uint8)
    image[50, 50:53] = 200  # fewer than the upper percentile leaves out
    assert normalise(image)[50, 51] == 1


def test_bool_images_keep_both_values() -> None:
    image = np.zeros((10, 10), dtype=bool)
    image[:5] = True
    assert np.array_equal(normalise(image), image.astype(np.float32))


def test_given_limits_are_kept_to() -> None:
    scaled = normalise(np.array([[0, 10, 20, 30, 40]], dtype=np.uint8), limits=(10, 30))
    assert scaled.tolist() == [[0, 0, 0.5, 1, 1]]


@pytest.mark.parametrize("limits", [(5, 5), (9, 3), (0, np.inf), (np.nan, 1)])
def test_impossible_limits_are_refused(limits: tuple[float, float]) -> None:
    with pytest.raises(ImageError, match="finite and increasing"):
        normalise(ramp(np.uint8), limits=limits)


def test_colours_are_scaled_together_and_alpha_is_dropped() -> None:
    image = np.zeros((30, 30, 4), dtype=np.uint8)
    image[..., 0] = np.arange(30) * 8  # red reaches 232, green half of it, blue stays 0
    image[..., 1] = np.arange(30) * 4
    image[..., 3] = 255
    scaled = normalise(image)
    assert scaled.shape == (30, 30, 3)
    assert scaled[..., 0].max() == 1
    assert 0.4 < scaled[..., 1].max() < 0.6
    assert scaled[..., 2].max() == 0


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((2, 3, 4, 5)), "one plane"),
        (np.zeros((7, 8, 2)), "one plane"),
        (np.zeros(5), "one plane"),
        (np.zeros((0, 5)), "no pixels"),
        (np.zeros((4, 4), dtype=complex), "complex"),
        (np.array([["a", "b"]]), "numbers"),
        (np.array([[None, 1]], dtype=object), "numbers"),
    ],
)
def test_what_is_no_plane_is_refused(image: Any, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        normalise(image)


def test_limits_of_a_large_image_are_those_of_all_its_pixels() -> None:
    rng = np.random.default_rng(0)
    image = rng.exponential(20, (1500, 1500)).astype(np.float32)
    low, high = contrast_limits(image)
    expected = np.percentile(image, PERCENTILES)
    np.testing.assert_allclose((low, high), expected, atol=1)


def test_the_largest_numbers_there_are_have_limits() -> None:
    largest = np.finfo(np.float64).max
    image = np.array([[-largest, 0, largest, 1]])
    low, high = contrast_limits(image)
    assert np.isfinite(high - low)
    np.testing.assert_allclose(normalise(image), [[0, 0.5, 1, 0.5]], atol=0.01)


@pytest.mark.parametrize("image", [None, "image", [[1, 2], [3]], np.zeros((0, 4)), [[1j]]])
def test_what_is_no_image_has_no_limits(image: Any) -> None:
    with pytest.raises(ImageError):
        contrast_limits(image)


def test_numbers_that_no_double_holds_are_infinite() -> None:
    image = ramp(np.longdouble)
    image[0, 0] = np.finfo(np.longdouble).max
    assert normalise(image)[0, 0] == 1
