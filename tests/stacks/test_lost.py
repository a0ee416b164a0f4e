"""An object over slices that were lost: black, of one value, not a number, saturated, blurred."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import ndimage as ndi

import napari_sam as ns
from elephant import Elephant
from fake_model import FakeModel
from napari_sam.stacks.bridging import UNSEEN
from napari_sam.stacks.carry import Carry

DEPTH, SHAPE = 18, (120, 140)
FIRST, LAST = 4, 13
SHOWN = 7
Lose = Callable[[np.ndarray], Any]
LOST: dict[str, Lose] = {
    "black": lambda plane: 0,
    "constant": lambda plane: 37,
    "not a number": lambda plane: np.nan,
    "saturated": lambda plane: 255,
    "blurred": lambda plane: ndi.gaussian_filter(plane, 12),
    "a closed shutter": lambda plane: np.random.default_rng(5).normal(10, 3, plane.shape),
}


def disc(z: int, row: int = 60, radius: int = 14) -> np.ndarray:
    """An object that moves a little from slice to slice."""
    down, along = np.indices(SHAPE)
    return (down - row) ** 2 + (along - 50 - 2 * z) ** 2 <= radius**2


TRUE = np.array([disc(z) & (FIRST <= z <= LAST) for z in range(DEPTH)])


def stack(true: np.ndarray = TRUE) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 3, true.shape)
    return np.asarray(np.where(true, 200.0, 10.0) + noise)


def spoilt(lose: Lose, *at: int) -> np.ndarray:
    image = stack()
    for z in at:
        image[z] = lose(image[z])
    return image


def slices_of(found: ns.Propagation) -> list[int]:
    return [int(z) for z in found.slices]


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.count_nonzero(a & b) / np.count_nonzero(a | b))


WHOLE = slices_of(ns.propagate(stack(), {SHOWN: TRUE[SHOWN]}, FakeModel()))


@pytest.mark.parametrize("lose", LOST.values(), ids=LOST.keys())
@pytest.mark.parametrize("at", [(9,), (9, 10), (5,), (8,), (5, 10, 11)])
def test_an_object_goes_on_beyond_slices_that_were_lost(lose: Lose, at: tuple[int, ...]) -> None:
    found = ns.propagate(spoilt(lose, *at), {SHOWN: TRUE[SHOWN]}, FakeModel())
    assert slices_of(found) == WHOLE == list(range(FIRST, LAST + 1))
    for z in at:
        assert overlap(found.mask[z], TRUE[z]) > 0.8
        assert found.scores[z] == UNSEEN
    assert np.nanmin(np.delete(found.scores, at)) > UNSEEN  # the lost ones are offered first


@pytest.mark.parametrize("lose", LOST.values(), ids=LOST.keys())
def test_over_time_too(lose: Lose) -> None:
    how = {"model": FakeModel(), "over_time": True}
    found = ns.propagate(spoilt(lose, 9, 10), {SHOWN: TRUE[SHOWN]}, **how)
    assert set(range(SHOWN, LAST + 1)) <= set(slices_of(found))
    assert found.scores[9] == found.scores[10] == UNSEEN
    assert overlap(found.mask[10], TRUE[10]) > 0.8


@pytest.mark.parametrize("at", [(LAST + 1,), (LAST + 1, LAST + 2), (FIRST - 1,), (0, 17)])
def test_an_object_ends_where_it_ends_and_not_on_a_lost_slice(at: tuple[int, ...]) -> None:
    found = ns.propagate(spoilt(LOST["black"], *at), {SHOWN: TRUE[SHOWN]}, FakeModel())
    assert slices_of(found) == WHOLE


def test_an_object_is_not_looked_for_beyond_more_than_two() -> None:
    found = ns.propagate(spoilt(LOST["black"], 9, 10, 11), {SHOWN: TRUE[SHOWN]}, FakeModel())
    assert not found.mask[12:].any()


def test_another_one_on_top_is_no_part_of_it_where_only_the_object_is_gone() -> None:
    """The slices between two objects were not lost: others are seen on them."""
    true = TRUE.copy()
    true[9:11] = False
    beside = np.array([disc(z, row=20, radius=9) for z in range(DEPTH)])
    found = ns.propagate(stack(true | beside), {SHOWN: TRUE[SHOWN]}, FakeModel())
    assert slices_of(found) == list(range(FIRST, 9))


def test_between_two_shown_slices_a_lost_one_is_offered_first() -> None:
    shown = {5: TRUE[5], 11: TRUE[11]}
    found = ns.propagate(spoilt(LOST["black"], 8, 10), shown, FakeModel())
    assert slices_of(found) == WHOLE
    assert found.scores[8] == found.scores[10] == UNSEEN
    assert min(overlap(found.mask[z], TRUE[z]) for z in (8, 10)) > 0.8


def test_pixels_of_others_are_left_to_them_on_a_lost_slice() -> None:
    others = np.zeros(TRUE.shape, np.int32)
    others[9, :60], others[10] = 5, 6
    found = ns.propagate(
        spoilt(LOST["black"], 9, 10), {SHOWN: TRUE[SHOWN]}, FakeModel(), others=others
    )
    assert found.mask[9].any()
    assert not (found.mask & (others > 0)).any()
    assert np.isnan(found.scores[10])
    assert found.mask[12].any()


def test_a_correction_on_a_lost_slice_is_taken_and_what_lies_beyond_stays() -> None:
    carry = Carry(spoilt(LOST["black"], 9), FakeModel())
    carry.show(SHOWN, TRUE[SHOWN])
    list(carry.run())
    carry.show(9, TRUE[9])
    carry.forget(9)
    list(carry.run())
    assert list(carry.steps) == WHOLE
    carry.show(9, TRUE[9])
    assert carry.steps[9].score == 1
    assert (carry.steps[9].region.on(SHAPE) == TRUE[9]).all()


@pytest.mark.parametrize("at", [(9,), (9, 10)])
def test_a_model_with_a_memory_is_not_asked_about_a_lost_slice(at: tuple[int, ...]) -> None:
    model = Elephant()
    found = ns.propagate(spoilt(LOST["black"], *at), {SHOWN: TRUE[SHOWN]}, model)
    assert slices_of(found) == list(range(FIRST, LAST + 1))
    assert all(found.scores[z] == UNSEEN for z in at)
    assert overlap(found.mask[9], TRUE[9]) > 0.8
    assert all(np.ptp(plane) > 0 for plane in model.encoded)
    shown = {5: TRUE[5], at[-1] + 1: TRUE[at[-1] + 1]}
    found = ns.propagate(spoilt(LOST["black"], *at), shown, model)
    assert slices_of(found) == list(range(FIRST, LAST + 1))
    assert all(found.scores[z] == UNSEEN for z in at)
