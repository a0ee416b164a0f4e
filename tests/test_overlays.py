"""Overlays: outlines where the objects are, colours that tell them apart."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sam.errors import LabelsError
from napari_sam.overlays import colours, draw_overlay


def test_outlines_lie_on_the_objects_and_nowhere_else() -> None:
    labels = np.zeros((1000, 1000), dtype=np.int32)
    labels[100:200, 300:400] = 5
    image = np.zeros(labels.shape, dtype=np.uint8)
    picture = draw_overlay(image, labels)
    assert picture.shape == (1000, 1000, 3)
    coloured = picture.any(axis=-1)
    assert coloured[100, 300:400].all()
    assert coloured[100:200, 399].all()
    assert not coloured[labels == 0].any()
    assert not coloured[101:199, 301:399].any()


def test_small_images_are_enlarged() -> None:
    labels = np.zeros((100, 80), dtype=np.uint8)
    labels[10:20, 10:20] = 1
    picture = draw_overlay(np.zeros((100, 80, 3)), labels)
    assert picture.shape == (400, 320, 3)
    outlined = picture[60, :, :].any(axis=-1)  # a row through the object
    assert np.flatnonzero(outlined).tolist() == [40, 41, 78, 79]  # two lines, inside the object


def test_neighbouring_ids_have_different_colours() -> None:
    table = colours(50).astype(int)
    assert not table[0].any()
    assert (np.abs(np.diff(table[1:], axis=0)).sum(axis=1) > 100).all()


def test_an_image_without_objects_is_shown_as_it_is() -> None:
    image = np.linspace(0, 255, 900 * 900).reshape(900, 900).astype(np.uint8)
    picture = draw_overlay(image, np.zeros(image.shape, dtype=np.uint8))
    assert (picture[..., 0] == picture[..., 1]).all()
    assert picture.min() == 0
    assert picture.max() == 255


def test_ids_that_start_above_zero_everywhere_are_drawn() -> None:
    labels = np.full((900, 900), 70000, dtype=np.int32)
    labels[:, 450:] = 90000
    picture = draw_overlay(np.zeros(labels.shape), labels)
    left, right = picture[400, 449], picture[400, 450]
    assert left.any()
    assert right.any()
    assert (left != right).any()


def test_labels_of_another_shape_are_refused() -> None:
    with pytest.raises(LabelsError, match="shape"):
        draw_overlay(np.zeros((5, 6)), np.zeros((6, 5), dtype=int))
