"""What is done to objects that shine: dimmed, outshone, in haze, or replaced by grain."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_sam.training.augment import augment_image, coarse, nothing_but_grain
from napari_sam.training.bodies import glowing, haze, outshine, relight


@pytest.fixture
def window():
    """Two discs of light 0.8 on a ground of 0.05, and their labels."""
    labels = np.zeros((48, 48), np.int32)
    y, x = np.ogrid[:48, :48]
    labels[(y - 14) ** 2 + (x - 14) ** 2 < 64] = 1
    labels[(y - 32) ** 2 + (x - 32) ** 2 < 64] = 2
    light = np.where(labels > 0, 0.8, 0.05).repeat(2, 0).repeat(2, 1)
    return light[..., None].astype(np.float32), labels


def levels(image, labels):
    grey = image[::2, ::2].mean(-1)
    return [float(np.median(grey[labels == number])) for number in range(3)]


def test_only_objects_on_a_dark_ground_glow(window):
    image, labels = window
    assert glowing(image, labels)
    assert not glowing(1 - image, labels)
    assert not glowing(image, np.zeros_like(labels))


def test_dimmed_objects_keep_their_ground_and_their_place(window):
    image, labels = window
    seen = set()
    for seed in range(12):
        ground, first, second = levels(relight(image, labels, np.random.default_rng(seed)), labels)
        assert ground == pytest.approx(0.05, abs=1e-3)
        for level in (first, second):
            assert 0.05 + 0.09 * 0.75 <= level <= 0.801
        seen.add(round(first, 2))
    assert len(seen) > 3


def test_spots_outshine_the_objects_but_lie_in_them_mostly(window):
    image, labels = window
    brighter = dimmer = 0
    for seed in range(12):
        changed = outshine(image, labels, np.random.default_rng(seed))
        assert changed.shape == image.shape
        assert np.isfinite(changed).all()
        dimmer += min(levels(changed, labels)[1:]) < 0.55
        brighter += changed.max() > 0.8
    assert dimmer > 6
    assert brighter > 6


def test_grain_of_any_size_has_about_the_same_strength():
    noise = np.random.default_rng(0).standard_normal((128, 128, 1)).astype(np.float32)
    for sigma in (0.6, 1.5, 4.0):
        assert 0.7 < coarse(noise, sigma).std() < 1.3


def test_an_empty_frame_is_an_image():
    for seed in range(20):
        frame = nothing_but_grain(32, np.random.default_rng(seed))
        assert frame.shape == (32, 32, 1)
        assert frame.dtype == np.float32
        assert 0 <= frame.min() <= frame.max() <= 1
        assert frame.std() > 0


def test_changed_looks_stay_images_with_and_without_labels(window):
    image, labels = window
    for seed in range(40):
        for known in (labels, None):
            looks = augment_image(image, np.random.default_rng(seed), known)
            assert looks.shape == (96, 96, 3)
            assert np.isfinite(looks).all()
            assert -0.1 <= looks.min() <= looks.max() <= 1.2


def test_haze_leaves_objects_where_they_are_and_adds_no_outline():
    labels = np.zeros((96, 96), np.int32)
    rows, cols = np.ogrid[:96, :96]
    for number, (row, col) in enumerate([(24, 24), (30, 70), (70, 40)], 1):
        labels[(rows - row) ** 2 + (cols - col) ** 2 < 100] = number
    image = (labels > 0).repeat(2, 0).repeat(2, 1)[..., None].astype(np.float32) * 0.5
    outside = ~ndi.binary_dilation(image[..., 0] > 0, iterations=3)
    added = []
    for seed in range(8):
        hazy = haze(image, labels, np.random.default_rng(seed))
        assert hazy.shape == image.shape
        assert hazy.dtype == np.float32
        ghosts = hazy[..., 0][outside]
        added.append(float(ghosts.max()))
        steepest = np.abs(np.diff(hazy[..., 0], axis=0))[outside[1:] & outside[:-1]].max()
        assert steepest < 0.2 * np.abs(np.diff(hazy[..., 0], axis=0)).max(), "no outline of its own"
    assert max(added) > 0.1, "light where there was none"
