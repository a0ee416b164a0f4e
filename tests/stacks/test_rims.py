"""Dim rims of objects in space are no part of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_sam.stacks.volumes import SliceObjects, link_slices

SHAPE = (16, 60, 90)
CENTRES = ((8, 30, 25), (8, 30, 65))


def balls(radius: float) -> np.ndarray:
    grid = np.indices(SHAPE)
    labels = np.zeros(SHAPE, np.int32)
    for number, centre in enumerate(CENTRES, 1):
        away = (grid - np.reshape(centre, (3, 1, 1, 1))) ** 2
        labels[away.sum(0) < radius**2] = number
    return labels


TRUE, WIDE = balls(5), balls(7.5)


def hazy(seed: int = 0) -> np.ndarray:
    """Balls with a glow around them, on noise."""
    glow = ndi.gaussian_filter((WIDE > 0).astype(float), 2)
    image = 20 + 100 * (TRUE > 0) + 14 * glow
    return image + np.random.default_rng(seed).normal(0, 3, SHAPE)


def slices(labels: np.ndarray) -> list[SliceObjects]:
    return [SliceObjects(plane, {1: 0.8, 2: 0.8}) for plane in labels]


def joined(labels: np.ndarray, image: np.ndarray | None, rims: bool = False) -> np.ndarray:
    return link_slices(slices(labels), labels.shape, image=image, rims=rims).labels


def iou(found: np.ndarray, true: np.ndarray) -> float:
    both = np.count_nonzero((found > 0) & (true > 0))
    return both / np.count_nonzero((found > 0) | (true > 0))


def test_a_glow_around_objects_is_none_of_them_on_any_side() -> None:
    found = joined(WIDE, hazy())
    assert iou(WIDE, TRUE) < 0.35
    assert iou(found, TRUE) > 0.5  # the rest is the glow right beside, and as bright
    assert (found > 0)[TRUE > 0].all()
    there = [np.flatnonzero((labels > 0).any((1, 2))) for labels in (found, TRUE)]
    assert abs(there[0][0] - there[1][0]) <= 1
    assert abs(there[0][-1] - there[1][-1]) <= 1


def test_the_table_tells_of_what_is_left() -> None:
    found = link_slices(slices(WIDE), SHAPE, image=hazy(), rims=False)
    for row in found.table.itertuples():
        mask = found.labels == row.label
        there = np.flatnonzero(mask.any((1, 2)))
        assert row.voxels == np.count_nonzero(mask)
        assert row.slices == len(there)
        assert there[0] == row.z0 <= row.weakest <= there[-1] == row.z1 - 1


def test_objects_keep_their_rims_unless_asked_otherwise() -> None:
    assert (joined(WIDE, hazy(), rims=True) == WIDE).all()
    assert (joined(WIDE, None) == WIDE).all()  # without an image nobody knows of any


def test_nothing_is_taken_from_dark_objects_and_from_cells_with_bright_membranes() -> None:
    assert (joined(WIDE, 255 - hazy()) == WIDE).all()
    border = (WIDE > 0) & ~ndi.binary_erosion(WIDE > 0, np.ones((1, 5, 5)))
    beside = ndi.binary_dilation(border, np.ones((1, 3, 3)))
    membranes = 20 + 100.0 * beside + np.random.default_rng(0).normal(0, 3, SHAPE)
    assert (joined(WIDE, membranes) == WIDE).all()


def test_nothing_is_taken_where_the_image_shows_nothing() -> None:
    noise = np.random.default_rng(1).normal(100, 20, SHAPE)
    assert (joined(WIDE, noise) == WIDE).all()
    assert (joined(WIDE, np.full(SHAPE, 7.0)) == WIDE).all()


def test_dark_walls_between_packed_cells_are_no_ground() -> None:
    """Cells with bright insides that fill the space: half of every wall is theirs."""
    labels = np.zeros((6, 60, 90), np.int32)
    for number in range(15):
        row, column = divmod(number, 5)
        labels[:, 20 * row : 20 * row + 18, 18 * column : 18 * column + 16] = number + 1
    walls = ~ndi.binary_erosion(labels > 0, np.ones((1, 5, 5)))
    image = 150 - 110.0 * walls + np.random.default_rng(0).normal(0, 3, labels.shape)
    found = [SliceObjects(plane, dict.fromkeys(range(1, 16), 0.8)) for plane in labels]
    all_of_them = link_slices(found, labels.shape, image=image, rims=False).labels
    assert np.count_nonzero(all_of_them) == np.count_nonzero(labels)
    alone = np.where(labels == 8, 1, 0)
    ground = np.where(alone > 0, image, 40.0)  # by itself it has ground around it
    assert np.count_nonzero(joined(alone, ground)) < np.count_nonzero(alone)


@pytest.mark.parametrize("value", [0.0, 20.0, 255.0])
def test_a_lost_slice_within_an_object_stays_whole(value: float) -> None:
    image = hazy()
    image[8] = value
    found = joined(WIDE, image)
    assert (found[8] == WIDE[8]).all()
    assert iou(found[7], TRUE[7]) > iou(WIDE[7], TRUE[7]) + 0.1


def test_a_slice_that_faded_stays_of_the_object() -> None:
    image = hazy()
    image[8] *= 0.3
    assert ((joined(WIDE, image)[8] > 0) >= (TRUE[8] > 0)).all()


def test_a_dark_spot_within_an_object_is_no_hole() -> None:
    image = hazy()
    image[7:10, 29:32, 24:27] = 20
    assert (joined(WIDE, image)[TRUE > 0] > 0).mean() > 0.97


def test_a_bright_piece_stays_however_small_it_is_beside_another() -> None:
    labels, image = WIDE.copy(), hazy()
    piece = np.zeros(SHAPE, bool)
    piece[7:10, 30:33, 45:48] = True  # a process of the first object, seen end on
    labels[piece], image[piece] = 1, 120
    found = joined(labels, image)
    assert (found[piece] == found[8, 30, 25]).all()
    assert iou(found, (TRUE > 0) | piece) > 0.5


def test_ids_larger_than_a_float_can_tell_apart() -> None:
    high = np.where(WIDE > 0, WIDE + np.int64(2**60), 0)
    into = np.zeros(SHAPE, np.int64)
    found = link_slices(slices(high), SHAPE, image=hazy(), rims=False, out=into).labels
    assert (found == joined(WIDE, hazy())).all()


def test_objects_that_fill_the_stack_stay() -> None:
    labels = np.ones((6, 40, 40), np.int32)
    labels[:, :, 20:] = 2
    image = np.where(labels == 1, 50.0, 200.0)
    assert (joined(labels, image) == labels).all()


@settings(max_examples=25, deadline=None)
@given(st.floats(0.01, 50), st.floats(-500, 500), st.integers(0, 5))
def test_the_scale_of_brightness_does_not_matter(factor: float, offset: float, seed: int) -> None:
    image = hazy(seed)
    one, other = joined(WIDE, image), joined(WIDE, image * factor + offset)
    assert np.mean(one != other) < 1e-3  # a pixel on the very edge may fall either way
    assert ((one == WIDE) | (one == 0)).all()  # nothing is added, nothing changes hands
