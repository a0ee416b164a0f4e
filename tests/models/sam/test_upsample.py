"""Upsampled crops equal the reference's two interpolations of the whole plane."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam.models.sam.upsample import Upsampler
from tiny_sam import tiny_network

_NETWORK = tiny_network()


def _reference(low: torch.Tensor, used: tuple[int, int], shape: tuple[int, int]) -> np.ndarray:
    return _NETWORK.postprocess_masks(low[None, None], used, shape)[0, 0].numpy()


def _case(shape, seed):
    scale = 128 / max(shape)
    used = (int(shape[0] * scale + 0.5), int(shape[1] * scale + 0.5))
    rng = np.random.default_rng(seed)
    low = rng.normal(size=(32, 32)).astype(np.float32) - 6
    top, left = rng.integers(0, 28, 2)
    low[top : top + 5, left : left + 9] += 9
    return used, torch.from_numpy(low)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(16, 400), st.integers(16, 400)),
    seed=st.integers(0, 1000),
    above=st.sampled_from([-1.0, 0.0, 0.5]),
)
def test_crop_holds_every_pixel_above_and_equals_the_reference(shape, seed, above):
    used, low = _case(shape, seed)
    expected = _reference(low, used, shape)
    upsampler = Upsampler((32, 32), 128, used, shape)
    thresholds = [above, above + 1.0, above - 0.5]
    crop = upsampler.crop(low, thresholds)
    found = np.zeros((3, *shape), dtype=bool)
    if crop is not None:
        _, height, width = crop.masks.shape
        found[:, crop.top : crop.top + height, crop.left : crop.left + width] = crop.masks
    for mask, threshold in zip(found, thresholds, strict=True):
        differs = mask != (expected > threshold)
        # Only where the reference itself is as good as undecided.
        assert np.abs(expected[differs] - threshold).max(initial=0) < 1e-5
    np.testing.assert_array_equal(upsampler.masks(low[None], above)[0], found[0])
    np.testing.assert_allclose(upsampler.whole(low).numpy(), expected, atol=1e-5)


def test_crop_is_much_smaller_than_the_plane_for_a_small_object():
    low = torch.full((32, 32), -5.0)
    low[10:12, 20:22] = 5
    crop = Upsampler((32, 32), 128, (128, 128), (512, 512)).crop(low, [0.0])
    assert crop is not None
    assert crop.masks.size < 100 * 100


def test_whole_plane_and_empty_masks():
    used, low = _case((300, 200), 1)
    upsampler = Upsampler((32, 32), 128, used, (300, 200))
    np.testing.assert_allclose(
        upsampler.whole(low).numpy(), _reference(low, used, (300, 200)), atol=1e-5
    )
    nothing = torch.full((32, 32), -3.0)
    assert upsampler.crop(nothing, [0.0]) is None
    assert not upsampler.masks(nothing[None]).any()


def test_what_lies_in_the_padding_is_no_part_of_the_plane():
    low = torch.full((32, 32), -5.0)
    low[:, 28:] = 5  # the plane takes up columns 0..15 only
    upsampler = Upsampler((32, 32), 128, (128, 64), (200, 100))
    assert not upsampler.masks(low[None]).any()


@settings(max_examples=30, deadline=None)
@given(
    shape=st.tuples(st.integers(16, 400), st.integers(16, 400)),
    sizes=st.lists(st.integers(0, 28), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
)
def test_masks_made_together_equal_masks_made_alone(shape, sizes, seed):
    used, _ = _case(shape, 0)
    rng = np.random.default_rng(seed)
    low = rng.normal(size=(len(sizes), 32, 32)).astype(np.float32) - 8
    for logits, size in zip(low, sizes, strict=True):  # nothing, much, or little: alike or not
        top, left = rng.integers(0, 32 - size, 2)
        logits[top : top + size, left : left + size] += 12
    upsampler = Upsampler((32, 32), 128, used, shape)
    together = upsampler.masks(torch.from_numpy(low))
    for mask, logits in zip(together, low, strict=True):
        expected = _reference(torch.from_numpy(logits), used, shape)
        differs = mask != (expected > 0)
        assert np.abs(expected[differs]).max(initial=0) < 1e-5
