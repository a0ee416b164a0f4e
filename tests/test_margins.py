"""Margins of one value, which say nothing about what was recorded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_sam.contrast import contrast_limits, is_noise
from napari_sam.margins import recorded


def blobs(seed: int = 0, shape: tuple[int, int] = (120, 150), level: float = 100) -> np.ndarray:
    """Return bright blobs on a noisy ground that lies far above 0."""
    rng = np.random.default_rng(seed)
    spots = np.zeros(shape)
    spots[tuple(rng.integers(0, side, 12) for side in shape)] = 1
    spots = ndi.gaussian_filter(spots, 5)
    return level + 5 * rng.normal(size=shape) + 150 * spots / spots.max()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("value", [0, 60, 255])
@pytest.mark.parametrize("widths", [((30, 40), (50, 20)), ((0, 60), (0, 0)), ((0, 0), (70, 0))])
def test_limits_do_not_hang_on_margins(
    kind: type, value: int, widths: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    image = np.clip(blobs(), 0, 254).astype(kind)
    padded = np.pad(image, widths, constant_values=value)
    low, high = contrast_limits(image)
    assert contrast_limits(padded) == pytest.approx((low, high), abs=0.08 * (high - low))


def test_limits_of_colour_images_do_not_hang_on_margins() -> None:
    image = np.stack([np.clip(blobs(seed), 0, 254) for seed in range(3)], axis=2).astype(np.uint8)
    padded = np.pad(image, ((40, 0), (0, 60), (0, 0)))
    low, high = contrast_limits(image)
    assert contrast_limits(padded) == pytest.approx((low, high), abs=0.08 * (high - low))


@pytest.mark.parametrize("degrees", [10, 30, 45, 80])
def test_limits_do_not_hang_on_turning(degrees: float) -> None:
    image = blobs(shape=(200, 260))
    turned = ndi.rotate(image, degrees, order=1, cval=0)
    low, high = contrast_limits(image)
    # Turning makes noise smaller, and with it how far apart the limits lie.
    assert contrast_limits(turned) == pytest.approx((low, high), abs=0.15 * (high - low))


def test_what_nobody_recorded_is_no_noise() -> None:
    """A frame with nothing on it stays one when it is registered to another."""
    noise = np.random.default_rng(1).normal(100, 5, (200, 200))
    assert is_noise(noise)
    assert is_noise(np.pad(noise, ((0, 30), (25, 0))))


@given(
    widths=st.tuples(*[st.tuples(st.integers(0, 60), st.integers(0, 60))] * 2),
    value=st.integers(0, 255),
)
def test_the_part_lies_where_it_was(
    widths: tuple[tuple[int, int], tuple[int, int]], value: int
) -> None:
    image = blobs().clip(0, 255).astype(np.uint8)
    part, inside = recorded(np.pad(image, widths, constant_values=value))
    assert inside is None or inside.mean() > 0.98  # pixels that look like the margin by chance
    least = tuple(side - 2 * 2 for side in image.shape)
    assert all(low <= side for low, side in zip(least, part.shape, strict=True))
    assert part.size <= image.size or part.shape == np.pad(image, widths).shape


def test_a_ground_of_one_value_is_no_margin() -> None:
    """Of an image whose background was subtracted, the ground is 0 and counts."""
    image = np.maximum(blobs() - 130, 0)
    assert (image == 0).mean() > 0.5
    part, inside = recorded(image)
    assert part is image
    assert inside is None


def test_a_round_colony_on_a_ground_of_one_value_keeps_its_ground() -> None:
    rows, columns = np.mgrid[:200, :200]
    image = np.zeros((200, 200))
    for down in range(0, 200, 12):
        for along in range(0, 200, 12):
            if np.hypot(down - 100, along - 100) < 70:
                image[np.hypot(rows - down, columns - along) < 5] = 100 + down
    part, inside = recorded(image)
    assert part is image
    assert inside is None


def test_an_image_of_one_value_is_whole() -> None:
    image = np.full((50, 60), 7)
    part, inside = recorded(image)
    assert part is image
    assert inside is None


def test_flat_blocks_in_corners_are_no_margin() -> None:
    """Such as compression makes of dark corners, with more pixels of the value here and there."""
    image = blobs(shape=(256, 256)).astype(np.uint8)
    image[:12, :12] = image[-12:, -12:] = 80
    image[np.random.default_rng(2).random(image.shape) < 0.008] = 80
    assert (image == 80).mean() > 0.01
    part, inside = recorded(image)
    assert part is image
    assert inside is None
