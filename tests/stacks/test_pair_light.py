"""How brightness goes along z where two regions overlap."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sam.stacks.pair_light import MOST_DARKER, light_along, seen_between
from napari_sam.stacks.slice_regions import SliceRegions

SIDE = 24
BETWEEN, VALLEY, WALL = range(3)


def lit(*brightness: float, noise: float = 10.0, seed: int = 0) -> list[SliceRegions]:
    """One square region on each of some slices, so bright in the mean."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((SIDE, SIDE), np.int32)
    labels[6:18, 6:18] = 3
    slices = []
    for light in brightness:
        picture = rng.normal(0, noise, labels.shape) + np.where(labels > 0, light, 0)
        slices.append(SliceRegions.of(0, labels, picture))
    return slices


def signs(slices: list[SliceRegions], earlier: int, later: int) -> np.ndarray:
    """Of the one pair of two slices, all others around them being known."""
    beyond = (
        slices[earlier - 1] if earlier else None,
        slices[later + 1] if later + 1 < len(slices) else None,
    )
    seen = seen_between(slices[earlier], slices[later], slices[earlier + 1 : later])
    one = np.zeros(1, np.int64)
    return light_along(slices[earlier], slices[later], seen, beyond, (one, one))[0]


def test_one_object_of_even_light_shows_neither_valley_nor_wall() -> None:
    slices = lit(100, 100, 100, 100)
    assert np.abs(signs(slices, 1, 2)).max() < 0.5


def test_light_that_gets_less_and_then_more_again_is_a_valley() -> None:
    slices = lit(150, 90, 90, 150)
    between, valley, wall = signs(slices, 1, 2)
    assert between == 0  # of neighbours nothing lies between
    assert valley > 2 > 0.5 > wall
    assert signs(slices, 0, 3)[BETWEEN] > 2


def test_what_is_brighter_than_both_sides_of_it_is_a_wall() -> None:
    between, valley, wall = signs(lit(60, 100, 100, 60), 1, 2)
    assert wall > 2 > 0.5 > valley
    between, valley, wall = signs(lit(60, 60, 120, 60, 60), 1, 3)
    assert between < 0
    assert wall == MOST_DARKER


def test_light_that_fades_along_z_is_neither() -> None:
    for light in ((140, 120, 100, 80), (80, 100, 120, 140)):
        assert np.abs(signs(lit(*light), 1, 2)[[VALLEY, WALL]]).max() < 0.5


@pytest.mark.parametrize("noise", [5.0, 20.0])
def test_light_is_measured_by_how_much_it_varies_inside_the_regions(noise: float) -> None:
    slices = lit(100 + 4 * noise, 100, 100, 100 + 4 * noise, noise=noise)
    half = lit(100 + noise / 8, 100, 100, 100 + noise / 8, noise=noise)
    assert signs(half, 1, 2)[VALLEY] < 1 < signs(slices, 1, 2)[VALLEY]


def test_lost_slices_and_those_without_a_picture_say_nothing() -> None:
    slices = lit(100, 100, 100, 100, 100)
    labels = slices[0].labels
    for dark in (np.zeros(labels.shape), np.random.default_rng(0).normal(0, 1e-3, labels.shape)):
        lost = SliceRegions.of(0, labels, dark)
        changed = [slices[0], lost, *slices[2:]]
        np.testing.assert_array_equal(signs(changed, 0, 2), signs([slices[0], *slices[2:]], 0, 1))
        changed = [lost, *slices[1:]]
        np.testing.assert_array_equal(signs(changed, 1, 2), signs(slices[1:], 0, 1))
    unknown = [SliceRegions.of(0, labels, None), *slices[1:]]
    assert not signs(unknown, 0, 1).any()


def test_regions_that_do_not_meet_give_no_signs() -> None:
    slices = lit(100, 100)
    none = np.empty(0, np.int64)
    assert light_along(slices[0], slices[1], [], (None, None), (none, none)).shape == (0, 3)
