"""Planes of n-dimensional data, and normalisation that nothing can break."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_sam import images
from napari_sam.errors import ImageError
from napari_sam.images import Plane, content_hash, contrast_limits, normalise

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


# Normalisation ------------------------------------------------------------------------------


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
    image = rng.normal(100, 20, (1500, 1500)).astype(np.float32)
    low, high = contrast_limits(image)
    expected = np.percentile(image, images.PERCENTILES)
    np.testing.assert_allclose((low, high), expected, atol=1)


# Planes -------------------------------------------------------------------------------------


@st.composite
def data_and_plane(draw: st.DrawFn) -> tuple[np.ndarray, Plane]:
    """Array whose values are all different, and some plane of it along any two axes."""
    shape = tuple(draw(st.lists(st.integers(1, 5), min_size=2, max_size=5)))
    axes = tuple(draw(st.permutations(range(len(shape))))[:2])
    index = tuple(
        None if axis in axes else draw(st.integers(0, length - 1))
        for axis, length in enumerate(shape)
    )
    data = np.arange(np.prod(shape)).reshape(shape)
    return data, Plane(axes, index, (shape[axes[0]], shape[axes[1]]))


@given(data_and_plane(), st.data())
def test_a_pixel_of_the_plane_is_the_same_pixel_of_the_data(
    made: tuple[np.ndarray, Plane], draw: st.DataObject
) -> None:
    data, plane = made
    taken = plane.take(data)
    assert taken.shape == plane.shape
    row = draw.draw(st.integers(0, plane.shape[0] - 1))
    column = draw.draw(st.integers(0, plane.shape[1] - 1))
    (where,) = plane.to_data([(row, column)])
    assert data[tuple(where.astype(int))] == taken[row, column]
    np.testing.assert_array_equal(plane.to_plane([where]), [(row, column)])
    assert plane.holds([where]).all()


@given(data_and_plane(), st.data())
def test_a_mask_is_written_where_it_was_read(
    made: tuple[np.ndarray, Plane], draw: st.DataObject
) -> None:
    data, plane = made
    mask = draw.draw(hnp.arrays(bool, plane.shape))
    written = np.zeros(data.shape, dtype=bool)
    written[plane.indices(mask)] = True
    np.testing.assert_array_equal(plane.take(written), mask)
    assert written.sum() == mask.sum()  # and nowhere else


def test_points_of_another_slice_are_not_held() -> None:
    plane = Plane((1, 2), (4, None, None), (10, 10))
    assert plane.holds([(4, 1, 1), (4.4, 1, 1), (5, 1, 1), (3, 1, 1)]).tolist() == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("axes", "index"),
    [
        ((0, 0), (None, 1)),
        ((0, 2), (None, None)),
        ((0, 1), (None, 3)),
        ((0, 1), (None, None, None)),
    ],
)
def test_axes_and_index_must_agree(axes: Any, index: Any) -> None:
    with pytest.raises(ImageError):
        Plane(axes, index, (5, 5))


@pytest.mark.parametrize(
    ("shape", "rgb", "count", "first"),
    [
        ((7, 8), None, 1, (None, None)),
        ((7, 8, 3), None, 1, (None, None)),
        ((5, 7, 8), None, 5, (0, None, None)),
        ((5, 7, 8, 4), None, 5, (0, None, None)),
        ((2, 5, 7, 8), None, 10, (0, 0, None, None)),
        ((9, 8, 3), False, 9, (0, None, None)),
    ],
)
def test_planes_of_stacks_and_colour_images(
    shape: tuple[int, ...], rgb: bool | None, count: int, first: tuple[Any, ...]
) -> None:
    found = list(images.planes(shape, rgb))
    assert len(found) == count
    assert found[0].index == first
    assert len(set(found)) == count


@pytest.mark.parametrize("shape", [(5,), (0, 4), (3, 0, 4), ()])
def test_no_planes_in_what_is_no_image(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match="at least two axes"):
        list(images.planes(shape))


def test_the_hash_tells_pixels_shape_and_type_apart() -> None:
    image = ramp(np.uint8)
    changed = image.copy()
    changed[3, 3] += 1
    variants = [image, changed, image.reshape(50, 40), image.astype(np.uint16), image[:, ::-1]]
    assert len({content_hash(variant) for variant in variants}) == len(variants)
    assert content_hash(image) == content_hash(np.asfortranarray(image))
