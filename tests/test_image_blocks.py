"""Lazy images: what is known of the pixels, and the blocks they are worked on in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from images_watched import Watched
from napari_sam.errors import ImageError
from napari_sam.images import Image, Plane, is_rgb, planes
from napari_sam.pixel_size import PixelSize


def numbered(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.uint32).reshape(shape)


def test_only_the_plane_that_is_asked_for_is_read():
    data = Watched(numbered(6, 30, 40))
    image = Image(data, "ZYX")
    blocks = list(image.blocks())
    assert (len(blocks), data.read) == (6, 0)
    np.testing.assert_array_equal(blocks[4].read(), data.data[4])
    assert data.read == 30 * 40


@pytest.mark.parametrize("kind", ["numpy", "dask", "zarr"])
def test_arrays_of_every_kind_give_the_same_blocks(kind):
    data = numbered(2, 3, 30, 40)
    held: Any = data
    if kind == "dask":
        held = pytest.importorskip("dask.array").from_array(data, chunks=(1, 1, 30, 20))
    if kind == "zarr":
        held = pytest.importorskip("zarr").array(data, chunks=(1, 1, 30, 20))
    image = Image.of(held)
    assert (image.axes, image.shape, image.dtype) == ("QQYX", data.shape, data.dtype)
    for block, plane in zip(image.blocks(), data.reshape(6, 30, 40), strict=True):
        assert isinstance(block.read(), np.ndarray)
        np.testing.assert_array_equal(block.read(), plane)


def test_a_pyramid_is_read_at_its_finest_level():
    fine = numbered(2, 32, 48)
    image = Image([fine, fine[:, ::2, ::2]], "TYX")
    assert [level.shape for level in image.levels] == [(2, 32, 48), (2, 16, 24)]
    assert image.shape == fine.shape
    np.testing.assert_array_equal(next(iter(image.blocks())).read(), fine[0])


def test_rows_and_columns_may_be_any_axes():
    data = numbered(7, 20, 5, 3)  # columns, rows, slices, colour
    image = Image(data, "XYZS", rgb=True)
    blocks = list(image.blocks())
    assert [block.plane.position for block in blocks] == [(at,) for at in range(5)]
    np.testing.assert_array_equal(blocks[2].read(), data[:, :, 2].swapaxes(0, 1))


@given(st.lists(st.integers(1, 6), min_size=2, max_size=5))
def test_an_array_has_the_planes_that_it_always_had(shape):
    image = Image.of(np.zeros(shape), rgb=is_rgb(tuple(shape)))
    assert list(image.planes()) == list(planes(tuple(shape)))


def test_a_scope_is_one_plane_or_some():
    image = Image(numbered(4, 10, 12), "ZYX", PixelSize(2, 3), (5.0, 9.0))
    second = Plane((1, 2), (1, None, None), (10, 12))
    (block,) = image.blocks(second)
    assert (block.plane, block.limits, block.pixel_size) == (second, (5.0, 9.0), PixelSize(2, 3))
    some = list(image.planes())[::2]
    assert [block.plane for block in image.blocks(some)] == some
    across = Plane((0, 2), (None, 3, None), (4, 12))
    np.testing.assert_array_equal(next(image.blocks(across)).read(), image.pixels[:, 3])


@pytest.mark.parametrize(
    "plane",
    [
        Plane((1, 2), (4, None, None), (10, 12)),
        Plane((1, 2), (-1, None, None), (10, 12)),
        Plane((1, 2), (0, None, None), (10, 13)),
        Plane((0, 1), (None, None), (10, 12)),
    ],
)
def test_a_plane_of_another_image_is_refused(plane):
    with pytest.raises(ImageError, match="does not lie"):
        list(Image(numbered(4, 10, 12), "ZYX").blocks(plane))


@pytest.mark.parametrize(
    ("shape", "axes", "rgb"),
    [
        ((10, 12), "ZYX", False),
        ((4, 10, 12), "YYX", False),
        ((4, 10, 12), "ZCX", False),
        ((10, 12, 3), "YXS", False),
        ((10, 12, 3), "YXQ", True),
        ((3, 10, 12), "SYX", False),
        ((0, 10, 12), "ZYX", False),
    ],
)
def test_axes_that_do_not_describe_the_pixels_are_refused(shape, axes, rgb):
    with pytest.raises(ImageError):
        Image(np.zeros(shape), axes, rgb=rgb)


def test_what_an_image_knows_is_kept_and_colour_is_guessed_of_arrays_alone():
    known = Image(np.zeros((20, 30, 3)), "YXZ", PixelSize(1, 1), (0, 7))
    assert Image.of(known).limits == (0, 7)
    assert Image.of(known, limits=(0, 9)).limits == (0, 9)
    assert not Image.of(known).rgb
    assert is_rgb(known.finest.shape)
    assert Image.of(known.finest).rgb
    with pytest.raises(ImageError, match="at least two axes"):
        Image.of(np.zeros(5))
