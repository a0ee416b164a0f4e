"""Maps to labels: touching objects apart, nothing lost, scores that mean something."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_sam.methods.instances import Floods, labels_from_maps, merge, score
from napari_sam.methods.smoothing import smooth


def maps_of(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Perfect maps of a label image."""
    from napari_sam.training.crops import object_depth

    depth = object_depth(labels)
    peak = np.ones(labels.max() + 1, np.float32)
    np.maximum.at(peak, labels.ravel(), depth.ravel())
    boundary = np.exp(-0.5 * (np.clip(depth - 1, 0, None) / 1.0) ** 2) * (labels > 0)
    return (labels > 0).astype(np.float32), depth / peak[labels], boundary


def disks(*circles: tuple[int, int, int], shape: tuple[int, int] = (96, 96)) -> np.ndarray:
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.int32)
    for number, (row, col, radius) in enumerate(circles, 1):
        labels[((rows - row) ** 2 + (cols - col) ** 2 <= radius**2) & (labels == 0)] = number
    return labels


def test_touching_objects_are_separated():
    truth = disks((30, 30, 14), (30, 56, 14), (70, 40, 10))
    labels, scores = labels_from_maps(*maps_of(truth))
    assert labels.max() == 3
    assert labels.dtype == np.int32
    assert scores.shape == (3,)
    for number in (1, 2, 3):
        found = np.bincount(labels[truth == number]).argmax()
        overlap = np.count_nonzero((labels == found) & (truth == number))
        assert overlap / np.count_nonzero((labels == found) | (truth == number)) > 0.9


def test_foreground_without_a_centre_is_kept():
    foreground = np.zeros((40, 40), np.float32)
    foreground[10:20, 10:20] = 0.9
    flat = np.zeros_like(foreground)
    labels, scores = labels_from_maps(foreground, flat, foreground, min_score=0)
    assert labels.max() == 1
    assert np.count_nonzero(labels) == 100
    assert scores[0] < 0.1
    labels, scores = labels_from_maps(foreground, flat, foreground)
    assert not labels.any()
    assert len(scores) == 0


def test_certain_objects_score_higher():
    foreground, centre, boundary = maps_of(disks((25, 25, 12), (65, 65, 12)))
    foreground[45:] *= 0.8
    centre[45:] *= 0.7
    _, scores = labels_from_maps(foreground, centre, boundary, min_score=0)
    assert scores[0] > 0.95 > 0.6 > scores[1]


def test_small_objects_are_dropped_and_ids_stay_gapless():
    truth = disks((10, 10, 2), (40, 40, 10), (70, 70, 12))
    labels, scores = labels_from_maps(*maps_of(truth), min_area=50)
    assert np.unique(labels).tolist() == [0, 1, 2]
    assert len(scores) == 2


def test_nothing_there():
    labels, scores = labels_from_maps(*np.zeros((3, 20, 30), np.float32))
    assert labels.shape == (20, 30)
    assert not labels.any()
    assert len(scores) == 0


def test_maps_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="three planes of one shape"):
        labels_from_maps(np.zeros((4, 4)), np.zeros((4, 5)), np.zeros((4, 4)))


def test_a_long_uneven_object_stays_whole():
    rows, cols = np.ogrid[:30, :120]
    inside = ((np.abs(rows - 15) <= 4) & (cols > 5) & (cols < 115)).astype(np.float32)
    ridge = np.clip(1 - np.abs(rows - 15) / 5, 0, 1) * (0.35 + 0.08 * np.sin(cols / 4))
    labels, _ = labels_from_maps(inside, ridge * inside, np.zeros_like(ridge), min_score=0)
    assert labels.max() == 1


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    sigma=st.one_of(st.floats(0, 8), st.floats(0, 1e-12)),
)
@settings(max_examples=60, deadline=None)
def test_smoothing_is_the_gaussian_of_scipy(shape, sigma):
    values = np.random.default_rng(0).random(shape, np.float32)
    expected = ndi.gaussian_filter(values, sigma, truncate=3)
    np.testing.assert_array_equal(smooth(values, sigma), expected)


def plainly_merged(labels: np.ndarray, height: np.ndarray, ratio: float) -> np.ndarray:
    """Join floods pixel by pixel, as the definition says."""
    passes: dict[tuple[int, int], float] = {}
    for row, column in np.ndindex(*labels.shape):
        for r, c in ((row + 1, column), (row, column + 1)):
            if r == labels.shape[0] or c == labels.shape[1]:
                continue
            pair = tuple(sorted((int(labels[row, column]), int(labels[r, c]))))
            if pair[0] > 0 and pair[0] < pair[1]:
                level = min(height[row, column], height[r, c])
                passes[pair] = max(level, passes.get(pair, -1))
    merged = labels.copy()
    pairs = sorted(passes)
    # One pixel may be the pass of several pairs: which comes first is for numpy's sort to say.
    for which in np.argsort(-np.array([passes[pair] for pair in pairs], np.float32)):
        pair, level = pairs[which], passes[pairs[which]]
        first, second = (merged[labels == flood][0] for flood in pair)
        peaks = [height[merged == one].max() for one in (first, second)]
        if level >= np.float32(ratio) * min(peaks):
            merged[merged == second] = first
    return merged


@given(
    seed=st.integers(0, 1000),
    shape=st.tuples(st.integers(1, 14), st.integers(1, 14)),
    ratio=st.floats(0.125, 1.0, width=32),
)
@settings(max_examples=60, deadline=None)
def test_floods_are_merged_and_scored_as_the_definitions_say(seed, shape, ratio):
    rng = np.random.default_rng(seed)
    coarse = rng.permutation(12).astype(np.int32).reshape(3, 4)
    labels = coarse.repeat(5, 0).repeat(4, 1)[: shape[0], : shape[1]]
    height, foreground = rng.random((2, *shape), np.float32)
    floods = Floods.of(labels, height)
    objects = merge(floods, ratio)
    merged = objects[labels]
    np.testing.assert_array_equal(merged, plainly_merged(labels, height, ratio))
    scores = score(floods, objects, foreground)
    for one in set(np.unique(merged)) - {0}:
        here = merged == one
        odds = 0.15 * foreground[here] / (1 - foreground[here])
        certain = (odds / (1 + odds)).mean() * min(height[here].max() / 0.6, 1)
        assert scores.values[one] == pytest.approx(certain, rel=1e-5)
        assert scores.areas[one] == here.sum()
        rows, columns = np.nonzero(here)
        at_border = np.isin(rows, (0, shape[0] - 1)) | np.isin(columns, (0, shape[1] - 1))
        assert scores.cut_off[one] == at_border.any()
