"""Maps to labels: touching objects apart, nothing lost, scores that mean something."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sam.automatic.instances import labels_from_maps


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
    _, scores = labels_from_maps(foreground, centre, boundary)
    assert scores[0] > 0.95 > scores[1]


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
