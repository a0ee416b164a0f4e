"""What is found between two slices on which an object was shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import napari_sam as ns
from discs_seen import one_way
from fake_model import FakeModel
from napari_sam.stacks.carry import Carry
from napari_sam.stacks.following import Step
from napari_sam.stacks.gaps import meet

SHAPE = (18, 120, 140)


def radii_of(steps: dict[int, Step]) -> list[float]:
    return [float(np.sqrt(step.region.area / np.pi)) for step in steps.values()]


def test_between_a_tip_and_a_middle_the_way_from_the_middle_counts() -> None:
    """From a tip nobody finds the whole object; from its middle, the tip is found."""
    right = [6, 16, 21, 24, 25]
    lost, found = [6, 7, 7, 7], [25, 24, 21, 16]
    ways = [
        radii_of(meet(one_way(3, 1, lost), one_way(7, -1, found))),
        radii_of(meet(one_way(3, 1, found), one_way(7, -1, lost)))[::-1],
    ]
    for radii in ways:
        np.testing.assert_allclose(radii, right[1:-1], atol=2.5)


def test_between_equal_slices_the_nearer_one_counts() -> None:
    radii = radii_of(meet(one_way(0, 1, [20, 20, 20, 20]), one_way(4, -1, [20, 10, 10, 10])))
    assert radii == sorted(radii, reverse=True)
    assert abs(radii[1] - 15) < 1


def test_a_side_that_was_lost_leaves_the_other() -> None:
    """What neither of them shows has the shape between the slices that are known."""
    forth, back = one_way(0, 1, [14]), one_way(4, -1, [20, 18])
    forth.lost = True
    steps = meet(forth, back)
    assert steps[3].region is back.seen[0].region
    assert [round(radius) for radius in radii_of(steps)] == [15, 17, 18]
    assert steps[1].score < steps[3].score


def solid(first: int, row: int, column: int, radii: list[int]) -> Any:
    """Discs on some slices, bool."""
    rows, columns = np.indices(SHAPE[1:])
    made = np.zeros(SHAPE, bool)
    for z, radius in enumerate(radii, start=first):
        made[z] = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
    return made


def picture(*objects: Any, faint: bool = False) -> Any:
    rng = np.random.default_rng(0)
    image = rng.integers(5, 16, SHAPE).astype(np.uint8)
    image[HIDDEN] = 60 if faint else image[HIDDEN]
    for one in objects:
        image[one] = 200 + rng.integers(-8, 8, int(one.sum()))
    return image


#: A cell that fades on slices 9 to 11, so that it seems to end there.
CELL = solid(3, 60, 60, [8, 11, 13, 13, 11, 8]) | solid(12, 60, 60, [9, 10, 8])
HIDDEN = solid(9, 60, 60, [8, 8, 8])
NEIGHBOURS = {
    "none": np.zeros(SHAPE, bool),
    "beside": solid(8, 60, 76, [8, 12, 13, 13, 12, 8]) & ~(CELL | HIDDEN),
    "larger and on top": solid(9, 60, 66, [14, 18, 14]),
}


def followed(image: Any, others: Any = None) -> Carry:
    """Follow the cell from slice 5, and show it beyond the end that was found."""
    carry = Carry(image, FakeModel(), others=others)
    carry.show(5, CELL[5])
    list(carry.run())
    assert max(carry.steps) < 10
    carry.show(13, CELL[13])
    list(carry.run())
    return carry


@pytest.mark.parametrize("kind", NEIGHBOURS)
def test_shown_beyond_the_end_that_was_found_it_goes_on_and_takes_no_neighbour(kind: str) -> None:
    neighbour = NEIGHBOURS[kind]
    carry = followed(picture(CELL, neighbour, faint=kind == "beside"))
    masks = {z: step.region.on(SHAPE[1:]) for z, step in carry.steps.items()}
    np.testing.assert_array_equal(masks[13], CELL[13])  # what the person showed counts
    for z in (6, 7, 8):  # what was known before it ended stays so
        assert (masks[z] & CELL[z]).sum() > 0.8 * CELL[z].sum()
        assert (masks[z] & ~CELL[z]).sum() < 0.2 * CELL[z].sum()
    for z in (9, 10):
        assert (masks[z] & HIDDEN[z]).sum() > 0.7 * HIDDEN[z].sum()
        assert masks[z].sum() < 1.5 * HIDDEN[z].sum()
    assert carry.steps[10].score < carry.steps[8].score  # the least certain is offered first
    assert (masks[11] & HIDDEN[11]).sum() > 0.7 * HIDDEN[11].sum()


def test_what_is_told_at_once_is_found_as_what_is_told_one_after_the_other() -> None:
    image = picture(CELL, NEIGHBOURS["beside"], faint=True)
    later = followed(image).steps
    at_once = ns.propagate(image, {5: CELL[5], 13: CELL[13]}, FakeModel())
    for z in range(5, 14):
        np.testing.assert_array_equal(later[z].region.on(SHAPE[1:]), at_once.mask[z])


def test_pixels_of_others_are_not_taken_where_it_is_filled_by_shape() -> None:
    others = NEIGHBOURS["none"].astype(np.uint8)
    others[9:12, :, 62:90] = 4
    others[10] = 4
    carry = followed(picture(CELL), others)
    for z in (9, 11):
        mask = carry.steps[z].region.on(SHAPE[1:])
        assert mask.any()
        assert not (mask & (others[z] > 0)).any()
    assert not carry.steps[10].region.area
