"""An object that is followed through slices has no rim on those where nobody showed it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from fake_model import FakeModel
from napari_sam.contrast import normalise
from napari_sam.models.model import Embedding
from napari_sam.regions import Region
from napari_sam.stacks.carry import Carry
from napari_sam.stacks.crops import Slices
from napari_sam.stacks.following import Step
from napari_sam.stacks.paring import Paring
from napari_sam.stacks.rims import ShownLight, end_of

SHAPE, CENTRE = (17, 120, 130), (8, 60, 65)


def ball(radius: float) -> np.ndarray:
    away = [(axis - middle) ** 2 for axis, middle in zip(np.indices(SHAPE), CENTRE, strict=True)]
    return away[0] * 9 + away[1] + away[2] < radius**2


TRUE, WIDE = ball(20), ball(24)
HAZY = (20 + 12 * WIDE + 90 * TRUE).astype(np.uint8)


class Taken(FakeModel):
    """Takes all that is brighter than the ground for the object."""

    def encode(self, plane: Any, **how: Any) -> Embedding:
        found = super().encode(plane, **how)
        return replace(found, features=normalise(plane, (20, 120)) > 0.05)


def iou(found: np.ndarray, true: np.ndarray) -> float:
    return np.count_nonzero(found & true) / np.count_nonzero(found | true)


def carried(**how: Any) -> dict[int, Step]:
    carry = Carry(HAZY, Taken(), limits=(20, 120), **how)
    carry.show(8, WIDE[8])
    list(carry.run())
    return carry.steps


def test_slices_on_which_it_was_not_shown_lose_the_rim() -> None:
    steps = carried(step=20.0)
    assert len(steps) > 8
    for index, step in steps.items():
        mask = step.region.on(SHAPE[1:])
        if index == 8:  # as it was shown
            assert (mask == WIDE[8]).all()
        elif TRUE[index].any():
            assert iou(mask, TRUE[index]) > iou(WIDE[index], TRUE[index])
    assert iou(steps[7].region.on(SHAPE[1:]), TRUE[7]) > 0.85


def test_the_steps_that_come_are_those_that_are_kept() -> None:
    carry = Carry(HAZY, Taken(), limits=(20, 120), step=20.0)
    carry.show(8, WIDE[8])
    for step in carry.run():
        assert carry.steps[step.index] is step


def test_frames_have_no_rims() -> None:
    steps = carried(over_time=True)
    for index in (6, 7, 9, 10):
        assert iou(steps[index].region.on(SHAPE[1:]), WIDE[index]) > 0.9


def test_nothing_is_taken_from_an_object_without_a_rim() -> None:
    for image in (TRUE * 200.0, TRUE * -200.0, np.random.default_rng(0).normal(9, 1, SHAPE)):
        paring = Paring(Slices(image), {8: Step(8, Region.of(TRUE[8]), 1.0)})
        step = Step(6, Region.of(TRUE[6]), 0.8)
        assert (paring.pare(step, (None, 8)).region.on(SHAPE[1:]) == TRUE[6]).all()


def test_what_is_hardly_darker_than_an_uneven_object_is_no_ground() -> None:
    """As membranes of electron microscopy are not."""
    rng = np.random.default_rng(0)
    around, beyond = rng.normal(100, 12, 300), rng.normal(105, 12, 300)
    assert end_of([ShownLight(rng.normal(125, 16, 300), around, beyond)]) == -np.inf
    assert 100 < end_of([ShownLight(rng.normal(200, 16, 300), around, beyond)]) < 130


def test_a_wall_between_bright_cells_is_no_ground() -> None:
    wall = ball(27) & ~WIDE
    image = np.where(wall, 20.0, 120.0) + np.random.default_rng(0).normal(0, 3, SHAPE)
    paring = Paring(Slices(image), {8: Step(8, Region.of(ball(26)[8]), 1.0)})
    step = Step(7, Region.of(ball(26)[7]), 0.8)
    assert paring.pare(step, (None, 8)) is step
    image[~ball(27)] = 20  # no cell beyond
    pared = Paring(Slices(image), {8: Step(8, Region.of(ball(26)[8]), 1.0)}).pare(step, (None, 8))
    assert pared.region.area < step.region.area


def test_only_what_lies_beside_a_shown_slice_depends_on_it() -> None:
    shown = {z: Step(z, Region.of(WIDE[z]), 1.0) for z in (6, 10)}
    paring = Paring(Slices(HAZY), shown)
    steps = {z: Step(z, Region.of(WIDE[z]), 0.8) for z in (5, 8)}
    before = paring.pare(steps[5], (None, 6)), paring.pare(steps[8], (6, 10))
    assert before[0].region.area < steps[5].region.area
    assert before[0].score == 0.8
    sliver = WIDE[10] & ~ball(23)[10]  # of the rim itself
    shown[10] = Step(10, Region.of(sliver), 1.0)
    assert paring.pare(steps[5], (None, 6)) is before[0]
    assert paring.pare(steps[8], (6, 10)).region.area > before[1].region.area


def test_a_dark_inside_is_no_rim_though_the_object_was_shown_where_it_is_bright() -> None:
    image = np.full(SHAPE, 20.0)
    image[TRUE & ~ball(13)] = 120  # a bright wall, and a lid of it
    image[6:, 57:64] = 20  # open on two sides, so that the inside is no hole
    lid = Step(3, Region.of(TRUE[3]), 1.0)
    left = Paring(Slices(image), {3: lid}).pare(Step(8, Region.of(TRUE[8]), 0.8), (3, None))
    assert (left.region.on(SHAPE[1:]) == TRUE[8]).all()


class Counted:
    """A stack that counts how often it is read."""

    def __init__(self) -> None:
        self.shape, self.dtype, self.reads = HAZY.shape, HAZY.dtype, 0

    def __getitem__(self, key: Any) -> np.ndarray:
        self.reads += 1
        return HAZY[key]


def test_slices_that_were_drawn_one_after_the_other_are_not_read() -> None:
    stack = Counted()
    carry = Carry(stack, Taken(), limits=(20, 120), step=20.0)
    for index in range(4, 13):
        carry.show(index, WIDE[index])
    assert stack.reads == 0
