"""Tiles of a plane at its scales: places, pixels and masks go there and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from images_watched import Watched, pyramid
from napari_sam.contrast import contrast_limits
from napari_sam.engine.tile_prompts import prompt_in
from napari_sam.errors import ImageError
from napari_sam.images import (
    Block,
    Image,
    Plane,
    Tile,
    coarsest_within,
    is_large,
    patches_of,
    sample_of,
    scales_of,
    tile_around,
)
from napari_sam.prompts import Prompt

PIXELS = np.random.default_rng(0).integers(0, 255, (261, 388)).astype(np.uint8)


def block_of(*levels: np.ndarray, axes: str = "YX", at: int = 0) -> Block:
    image = Image(list(levels) if len(levels) > 1 else levels[0], axes)
    return list(image.blocks())[at]


@given(st.integers(0, 260), st.integers(0, 387))
def test_a_stroke_of_a_plane_is_one_of_its_tile(row, column):
    plane = block_of(*pyramid(PIXELS, 2))
    tile = tile_around(plane, scales_of(plane.image, plane.plane)[0], (row, column), 64)
    line = np.array([(row, column), (row + 2, column - 1)])
    far = line + 300
    prompt = Prompt(strokes=[line, far], stroke_labels=[1, 0])
    seen = prompt_in(tile, prompt)
    assert seen.stroke_labels.tolist() == [1]  # what is not meant beyond the tile says nothing
    assert (tile.to_plane(seen.strokes[0])[0] == line[0]).all()


@st.composite
def tiles(draw: st.DrawFn) -> Tile:
    block = block_of(*pyramid(PIXELS, draw(st.integers(1, 3))))
    scale = draw(st.sampled_from(scales_of(block.image, block.plane)))
    spans = []
    for side in scale.shape:
        first = draw(st.integers(0, side - 1))
        spans.append((first, draw(st.integers(first + 1, side))))
    return Tile(block, scale, spans[0], spans[1])


places = st.lists(st.tuples(st.floats(-0.5, 260.5), st.floats(-0.5, 387.5)), min_size=1, max_size=4)


@given(tiles(), places)
@settings(deadline=None)
def test_places_go_to_a_tile_and_back(tile: Tile, given_places: list[tuple[float, float]]) -> None:
    there = tile.from_plane(given_places)
    np.testing.assert_allclose(tile.to_plane(there), given_places, atol=1e-9)


@given(tiles())
@settings(deadline=None)
def test_a_tile_holds_what_lies_within_its_edges(tile: Tile) -> None:
    assert tile.holds(tile.edges)
    r0, c0, r1, c1 = tile.edges
    np.testing.assert_allclose(tile.from_plane([(r0, c0)]), [(-0.5, -0.5)], atol=1e-9)
    assert tile.holds((r0 + 1, c0 + 1, r1 - 1, c1 - 1), 1.0)
    if any(tile.cut):
        assert not tile.holds(tile.edges, 1.0)


@given(tiles())
@settings(max_examples=50, deadline=None)
def test_a_tile_is_the_mean_of_the_pixels_that_it_covers(tile: Tile) -> None:
    found = tile.read()
    assert found.shape == tile.shape
    assert found.dtype == np.uint8
    level = tile.block.image.levels[tile.scale.level]
    n = tile.scale.pooled
    for row, column in ((0, 0), (tile.shape[0] - 1, tile.shape[1] - 1)):
        r, c = (row + tile.rows[0]) * n, (column + tile.columns[0]) * n
        assert abs(float(found[row, column]) - level[r : r + n, c : c + n].mean()) <= 0.51


@given(tiles(), st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_masks_of_full_resolution_keep_every_pixel(tile: Tile, seed: int) -> None:
    mask = np.random.default_rng(seed).random(tile.shape) < 0.3
    region = tile.region(mask)
    plane = region.on(tile.block.plane.shape)
    if tile.scale.step == (1, 1):
        expected = np.zeros(tile.block.plane.shape, bool)
        expected[slice(*tile.rows), slice(*tile.columns)] = mask
        np.testing.assert_array_equal(plane, expected)
    r0, c0, r1, c1 = region.box
    edges = tile.edges
    reach = 0.5 * tile.scale.longest + 0.5  # an outline may run between a pixel and the next
    assert not region.area or (r0 >= edges[0] - reach and c0 >= edges[1] - reach)
    assert not region.area or (r1 - 1 <= edges[2] + reach and c1 - 1 <= edges[3] + reach)


@pytest.mark.parametrize("radius", [12, 40])
def test_a_mask_of_a_coarser_scale_is_the_same_disc(radius: int) -> None:
    """Outlines drawn between coarse pixels stay within a part of one of them."""
    block = block_of(*pyramid(PIXELS, 2))
    y, x = np.mgrid[:261, :388]
    disc = (y - 120.3) ** 2 + (x - 200.8) ** 2 <= radius**2
    for scale in scales_of(block.image, block.plane)[:3]:
        tile = Tile(block, scale, (0, scale.shape[0]), (0, scale.shape[1]))
        n = round(scale.longest)
        cut = disc[: 261 // n * n, : 388 // n * n].reshape(261 // n, n, 388 // n, n)
        small = np.zeros(tile.shape, bool)
        small[: 261 // n, : 388 // n] = cut.mean(axis=(1, 3)) >= 0.5
        back = tile.region(small).on(disc.shape)
        overlap = (back & disc).sum() / (back | disc).sum()
        assert overlap > 1 - 1.2 * n / radius


def test_an_object_at_the_border_reaches_the_border_at_every_scale() -> None:
    block = block_of(np.zeros((256, 384), np.uint8))
    for scale in scales_of(block.image, block.plane):
        tile = Tile(block, scale, (0, scale.shape[0]), (0, scale.shape[1]))
        full = tile.region(np.ones(tile.shape, bool))
        assert full.box == (0, 0, 256, 384)
        assert full.mask.all()


@given(st.integers(33, 500), st.integers(33, 500))
@settings(deadline=None)
def test_scales_cover_the_plane_from_fine_to_coarse(height: int, width: int) -> None:
    image = Image([np.zeros((height, width)), np.zeros((height // 3 + 1, width // 3 + 1))], "YX")
    plane = next(image.planes())
    scales = scales_of(image, plane)
    assert scales[0].step == (1, 1)
    steps = [scale.longest for scale in scales]
    assert steps == sorted(steps)
    for scale in scales:
        for side, count, step in zip((height, width), scale.shape, scale.step, strict=True):
            assert (count - 1) * step < side <= count * step + step
        assert coarsest_within(scales, scale.longest) is scale
    assert coarsest_within(scales, 0.5) is scales[0]


def test_only_the_tile_is_read() -> None:
    levels = [Watched(level) for level in pyramid(PIXELS, 2)]
    block = block_of(*levels)  # type: ignore[arg-type]
    tile = tile_around(block, scales_of(block.image, block.plane)[0], (129.5, 189.5), 50)
    np.testing.assert_array_equal(tile.read(), PIXELS[105:155, 165:215])
    assert (levels[0].read, levels[1].read) == (2500, 0)


def test_a_tile_of_a_stack_seen_from_the_side() -> None:
    stack = np.random.default_rng(1).integers(0, 255, (40, 50, 60)).astype(np.uint8)
    image = Image(stack, "ZYX")
    plane = Plane((2, 0), (None, 7, None), (60, 40))  # columns downwards, slices along
    block = Block(image, plane)
    tile = tile_around(block, scales_of(image, plane)[0], (29.5, 19.5), 10)
    np.testing.assert_array_equal(tile.read(), plane.take(stack)[25:35, 15:25])


def test_a_pyramid_that_is_coarser_along_slices_too() -> None:
    fine = np.zeros((6, 64, 64), np.uint8)
    coarse = np.arange(3, dtype=np.uint8)[:, None, None] * np.ones((3, 32, 32), np.uint8)
    image = Image([fine, coarse], "ZYX")
    block = list(image.blocks())[5]
    scale = scales_of(image, block.plane)[1]
    assert (Tile(block, scale, (0, 32), (0, 32)).read() == 2).all()


def test_what_cannot_be_read_is_said() -> None:
    class Broken(Watched):
        def __getitem__(self, key: object) -> np.ndarray:
            raise OSError("no such chunk")

    block = block_of(Broken(PIXELS))  # type: ignore[arg-type]
    with pytest.raises(ImageError, match="no such chunk"):
        tile_around(block, scales_of(block.image, block.plane)[0], (9, 9), 8).read()


# -- samples --------------------------------------------------------------------------------------


def test_a_small_plane_is_its_own_sample() -> None:
    block = block_of(PIXELS)
    assert not is_large(block)
    np.testing.assert_array_equal(sample_of(block), PIXELS)


@pytest.mark.parametrize("levels", [1, 4])
def test_limits_of_a_large_plane_are_told_from_little_of_it(levels: int) -> None:
    rng = np.random.default_rng(3)
    pixels = rng.normal(200, 30, (2400, 3000)).clip(0).astype(np.uint16)
    y, x = np.mgrid[:15, :15]
    spot = ((y - 7) ** 2 + (x - 7) ** 2 <= 49) * 1500
    for row, column in rng.integers(0, 2380, (900, 2)):
        pixels[row : row + 15, column : column + 15] += spot.astype(np.uint16)
    watched = [Watched(level) for level in pyramid(pixels, levels)]
    block = block_of(*watched)  # type: ignore[arg-type]
    assert is_large(block)
    low, high = contrast_limits(sample_of(block))
    true_low, true_high = contrast_limits(pixels)
    assert abs(low - true_low) < 0.05 * (true_high - true_low)
    assert abs(high - true_high) < 0.25 * (true_high - true_low)
    assert watched[0].read < 0.2 * pixels.size


def test_the_only_bright_place_of_a_pyramid_is_among_the_samples() -> None:
    pixels = np.full((2304, 2304), 100, np.uint16)
    pixels[1500:1560, 300:360] = 4000
    watched = [Watched(level) for level in pyramid(pixels, 4)]
    assert sample_of(block_of(*watched)).max() == 4000  # type: ignore[arg-type]


def test_the_only_bright_place_among_zeros_is_among_the_samples() -> None:
    """Without a pyramid, and too small for the first look."""
    pixels = np.zeros((9000, 9000), np.uint8)
    pixels[4000:4400, 2000:2400] = np.random.default_rng(0).integers(50, 250, (400, 400))
    watched = Watched(pixels)
    block = block_of(watched)  # type: ignore[arg-type]
    assert sample_of(block).max() > 200
    assert patches_of(block, 256, 3)[0].max() > 200
    assert watched.read < pixels.size


def test_a_coloured_place_on_a_grey_slide_is_among_the_samples() -> None:
    pixels = np.full((2304, 2304, 3), 240, np.uint8)
    pixels[1500:1560, 300:360] = 200, 40, 120
    watched = [Watched(pixels[::step, ::step]) for step in (1, 2, 4, 8)]
    block = next(Image(watched, "YXS", rgb=True).blocks())  # type: ignore[arg-type]
    assert sample_of(block).min() == 40
    assert patches_of(block, 64, 1)[0].min() == 40
    assert watched[0].read < 0.5 * pixels.size


@given(st.integers(1, 9), st.integers(0, 200_000))
@settings(max_examples=10, deadline=None)
def test_planes_of_odd_shapes_are_sampled(height: int, more: int) -> None:
    width = (1 << 22) // height + 1 + more
    pixels = np.broadcast_to(np.arange(width, dtype=np.uint32), (height, width))
    block = block_of(Watched(pixels), Watched(pixels[:, ::4]))  # type: ignore[arg-type]
    assert is_large(block)
    sample = sample_of(block)
    assert sample.min() < 0.2 * width
    assert sample.max() > 0.8 * width
