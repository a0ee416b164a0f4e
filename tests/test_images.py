"""Planes of n-dimensional data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import napari_sam as ns
from napari_sam import images
from napari_sam.errors import ImageError
from napari_sam.images import Image, Plane, content_hash


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
    image = np.arange(2000).reshape(40, 50).astype(np.uint8)
    changed = image.copy()
    changed[3, 3] += 1
    variants = [image, changed, image.reshape(50, 40), image.astype(np.uint16), image[:, ::-1]]
    assert len({content_hash(variant) for variant in variants}) == len(variants)
    assert content_hash(image) == content_hash(np.asfortranarray(image))


@pytest.mark.parametrize(
    ("plane", "blank"),
    [
        (np.zeros((3, 4), bool), True),
        (np.full((3, 4), -7, np.int16), True),
        (np.full((3, 4), np.nan), True),
        (np.array([[np.nan, 2.0], [2.0, np.inf]]), True),
        (np.array([[np.nan, 2.0], [2.5, np.inf]]), False),
        (np.broadcast_to(np.array([1, 2, 3], np.uint8), (4, 5, 3)), True),
        (np.eye(4, dtype=np.uint8), False),
    ],
)
def test_a_plane_without_anything_to_see_is_blank(plane, blank):
    assert images.is_blank(plane) == blank


def test_an_array_that_does_not_know_how_large_it_is_says_what_to_do():
    da = pytest.importorskip("dask.array")
    pixels = da.from_array(np.arange(1600.0).reshape(40, 40), chunks=20)
    some = pixels[da.ones(40, chunks=20) > 0]
    for use in (
        lambda: Image.of(some),
        lambda: Image(some, "YX"),
        lambda: ns.Prompter(some, ns.load_model("cells")),
        lambda: ns.propagate(da.stack([some] * 3), {0: ns.Prompt(points=[(3, 3)])}),
    ):
        with pytest.raises(ImageError, match="compute_chunk_sizes"):
            use()
    assert Image.of(some.compute_chunk_sizes()).shape == (40, 40)


def test_pixels_are_an_array():
    with pytest.raises(ImageError, match="must be an array"):
        Image(None, "YX")


@pytest.mark.parametrize("shape", [(64, 48, 1), (64, 48, 2), (7, 64, 48, 2)])
def test_channels_at_the_end_are_not_taken_for_columns(shape):
    image = np.zeros(shape, np.uint8)
    with pytest.raises(ImageError, match=r"channels.*numpy\.moveaxis.*rgb=False"):
        ns.segment_cells(image)
    assert Image.of(np.moveaxis(image, -1, 0)).shape[-2:] == (64, 48)
    assert Image.of(image, rgb=False).shape == shape
