"""micro-sam's post-processing: the same objects as its own library cuts out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_sam.methods.distances import labels_from_distances, mirrored


def maps_of(seed: int, noise: float, shape=(120, 150)) -> tuple[np.ndarray, ...]:
    """Maps as the decoder makes them, of touching discs, more or less certain."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(shape)
    labels, nearest = np.zeros(shape, int), np.full(shape, np.inf)
    for number in range(1, 13):
        row, column, radius = rng.uniform((0, 0, 8), (*shape, 20))
        away = np.hypot(rows - row, columns - column) / radius
        labels[(away < 1) & (away < nearest)] = number
        nearest = np.minimum(nearest, away)
    centre, boundary = np.ones(shape), np.ones(shape)
    for number in np.unique(labels[labels > 0]):
        mask = labels == number
        depth = ndi.distance_transform_edt(mask)
        boundary[mask] = 1 - depth[mask] / depth.max()
        middle = np.argwhere(mask).mean(axis=0)
        away = np.hypot(rows - middle[0], columns - middle[1])
        centre[mask] = away[mask] / away[mask].max()
    found = ((labels > 0).astype(float), centre, boundary)
    return tuple(np.clip(m + rng.normal(0, noise, shape), 0, 1).astype(np.float32) for m in found)


def of_the_library(foreground, centre, boundary, *, sigma, smoothing, thresholds):
    """The steps of ``micro_sam``, by the library that it makes them with."""
    bic = pytest.importorskip("bioimage_cpp")
    if smoothing > 0:
        foreground = bic.filters.gaussian_smoothing(foreground, smoothing)
    if sigma > 0:
        centre = bic.filters.gaussian_smoothing(centre, sigma)
        boundary = bic.filters.gaussian_smoothing(boundary, sigma)
    inside = foreground > thresholds[2]
    seeds = (centre < thresholds[0]) & (boundary < thresholds[1]) & inside
    markers = bic.segmentation.label(seeds)
    return bic.segmentation.watershed(boundary, markers=markers, mask=inside)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    noise=st.sampled_from([0.0, 0.1, 0.3]),
    sigma=st.sampled_from([0.0, 1.0, 1.6, 3.0]),
    smoothing=st.sampled_from([0.0, 1.0, 2.0]),
    thresholds=st.tuples(*[st.sampled_from([0.3, 0.5, 0.7])] * 3),
)
def test_objects_are_those_of_its_own_library(seed, noise, sigma, smoothing, thresholds):
    maps = maps_of(seed, noise)
    expected = of_the_library(*maps, sigma=sigma, smoothing=smoothing, thresholds=thresholds)
    found = labels_from_distances(
        *maps,
        centre_distance_threshold=thresholds[0],
        boundary_distance_threshold=thresholds[1],
        foreground_threshold=thresholds[2],
        foreground_smoothing=smoothing,
        distance_smoothing=sigma,
    )
    assert found.max() == expected.max()
    differs = found != expected
    # Both flood in whole levels, and in which order one level is flooded nobody prescribes: what
    # is cut differently are pixels that two floods reach at the same level. Maps without noise or
    # smoothing are such levels all over.
    ours, theirs = found[differs], expected[differs]
    assert ((ours > 0) & (theirs > 0)).all()
    if noise or sigma:
        assert differs.mean() < (0.001 if sigma else 0.02)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0, 1.6, 4.0])
def test_the_gaussian_is_that_of_its_library(sigma):
    bic = pytest.importorskip("bioimage_cpp")
    values = np.random.default_rng(0).random((40, 57)).astype(np.float32)
    expected = bic.filters.gaussian_smoothing(values, sigma)
    np.testing.assert_allclose(mirrored(values, sigma), expected, atol=1e-6)


def test_touching_discs_are_parted_and_small_ones_left_out():
    maps = maps_of(3, 0.0)
    found = labels_from_distances(*maps)
    sizes = np.bincount(found.ravel())[1:]
    assert found.max() > 5
    least = int(np.sort(sizes)[2])
    assert labels_from_distances(*maps, min_size=least).max() == (sizes >= least).sum()


def test_nothing_is_found_on_nothing():
    nothing = np.zeros((20, 30), np.float32)
    assert labels_from_distances(nothing, nothing, nothing).max() == 0
    assert labels_from_distances(nothing + 1, nothing + 1, nothing).max() == 0


def test_planes_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="three planes of one shape"):
        labels_from_distances(np.zeros((3, 3)), np.zeros((3, 4)), np.zeros((3, 3)))
