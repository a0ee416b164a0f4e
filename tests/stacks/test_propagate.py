"""One object through slices and frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import napari_sam as ns
from fake_model import FakeModel
from napari_sam.errors import Cancelled, ImageError, LabelsError, ParameterError, PromptError
from napari_sam.models.capabilities import Followed
from napari_sam.regions import mask_iou
from napari_sam.segmentation import Candidates
from napari_sam.stacks import following
from napari_sam.stacks.carry import Carry
from napari_sam.stacks.following import ask
from napari_sam.stacks.next_slice import Outline

SHAPE = (16, 220, 240)
CENTRE = (8, 100, 120)


def ball(radius: float = 18, depth: float = 5.2, drift: float = 0.0) -> np.ndarray:
    """An ellipsoid on slices 3 to 13, bool."""
    z, y, x = np.indices(SHAPE)
    z, y, x = z - CENTRE[0], y - CENTRE[1], x - CENTRE[2] - drift * (z - CENTRE[0])
    return (z / depth) ** 2 + (y**2 + x**2) / radius**2 < 1


def picture(*objects: np.ndarray) -> np.ndarray:
    """A textured picture of objects, uint8."""
    rng = np.random.default_rng(0)
    image = rng.integers(5, 16, SHAPE).astype(np.uint8)
    for one in objects:
        image[one] = 200 + rng.integers(-8, 8, int(one.sum()))
    return image


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return np.count_nonzero(a & b) / np.count_nonzero(a | b)


class Lazy:
    """An array that writes down what is read of it."""

    def __init__(self, data: np.ndarray) -> None:
        self.data, self.shape, self.dtype = data, data.shape, data.dtype
        self.read: list[tuple[int, tuple[int, ...]]] = []

    def __getitem__(self, key: Any) -> np.ndarray:
        found = self.data[key]
        self.read.append((key[0] if isinstance(key, tuple) else key, found.shape))
        return found


def test_over_time_it_may_become_larger_and_smaller() -> None:
    y, x = np.indices(SHAPE[1:])
    radii = [18, 15, 12, 12, 15, 19, 22, 22, 22]
    true = np.array([(y - 100) ** 2 + (x - 120) ** 2 < radius**2 for radius in radii])
    image = np.where(true, 200, 10).astype(np.uint8)
    whole = ns.propagate(image, {0: true[0]}, FakeModel(), over_time=True)
    assert whole.slices.tolist() == list(range(len(radii)))
    found = ns.propagate_objects(image, {3: {0: true[0]}}, FakeModel(), over_time=True)
    assert (found[3].mask == whole.mask).all()
    assert len(ns.propagate(image, {0: true[0]}, FakeModel()).slices) < len(radii)


class Following(FakeModel):
    """Has learnt what the mask of a neighbouring frame means: what is bright under it."""

    follows = property(lambda self: self)

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[np.ndarray, ns.Prompt]] = []

    def follow(self, embedding: Any, neighbour: np.ndarray, prompt: ns.Prompt) -> Followed:
        self.asked.append((neighbour, prompt))
        return Followed(self.predict(embedding, ns.Prompt(mask=neighbour & embedding.features)), 1)


def test_over_time_a_model_that_has_learnt_to_tells_the_object_from_one_in_its_box() -> None:
    bent, touching = np.zeros((2, *SHAPE[1:]), bool)
    bent[100:130, 100:110] = bent[120:130, 100:130] = True
    touching[100:120, 110:130] = True
    image = np.repeat(np.where(bent | touching, 200, 10).astype(np.uint8)[None], 5, axis=0)
    learnt, untaught = Following(), FakeModel()
    found, boxed = (
        ns.propagate(image, {0: bent}, model, over_time=True).mask for model in (learnt, untaught)
    )
    assert min(overlap(plane, bent) for plane in found) > 0.9
    assert np.count_nonzero(boxed[1:] & touching) > 10 * np.count_nonzero(found[1:] & touching)
    assert [len(prompt.boxes) for _, prompt in learnt.asked] == 4 * [1, 0]
    for _, prompt in learnt.asked:
        assert len(prompt.points) == 1
    first = learnt.asked[0][0]
    assert np.count_nonzero(first) == np.count_nonzero(bent)  # as it was, not as it is expected
    through = Following()
    ns.propagate(image, {0: bent}, through)
    assert not through.asked


def test_a_click_is_heard_where_a_box_that_does_not_fit_cuts_off() -> None:
    true = ball()[8]
    y, x = np.indices(true.shape)
    expected = (y - 100) ** 2 + (x - 120) ** 2 < 12**2
    model = FakeModel()
    logits = ask(model, model.encode(picture(ball())[8]), expected).logits
    cut_off = true & ((abs(y - 100) > 14) | (abs(x - 120) > 14))
    assert np.median(logits[cut_off]) >= 0  # the box alone would say no
    assert np.median(logits[expected]) > 2  # both say so
    assert np.median(logits[~true]) < -2


class FollowingModel(FakeModel):
    """A model that has learnt to take the mask of a neighbouring frame."""

    @property
    def follows(self):
        return self


def test_what_its_own_network_outlines_is_asked_for_by_a_click_alone() -> None:
    """Of a model that has learnt to follow; with others beside it, it hears by the box what is
    meant, as any other does.
    """
    true = ball()[8]
    model = FakeModel()
    embedding = model.encode(picture(ball())[8])
    asked: list[ns.Prompt] = []

    def predict(embedding, prompt):
        asked.append(prompt)
        return FakeModel.predict(model, embedding, prompt)

    model.predict = predict  # type: ignore[method-assign]
    ask(model, embedding, true, outlined=True)
    assert [len(prompt.boxes) for prompt in asked] == [1, 0]
    asked.clear()
    model = FollowingModel()
    model.predict = predict  # type: ignore[method-assign]
    alone = ask(model, embedding, true, outlined=True)
    assert [len(prompt.boxes) for prompt in asked] == [0]
    assert np.median(alone.logits[true]) > 2
    assert alone.alone == pytest.approx(ask(model, embedding, true).alone)
    asked.clear()
    ask(model, embedding, true, [(20, 20)], outlined=True)
    assert [len(prompt.boxes) for prompt in asked] == [1, 0]


@pytest.mark.parametrize(("certain", "whole"), [(0.95, True), (0.91, False)])
def test_a_box_is_not_believed_where_the_mask_before_alone_makes_the_model_more_certain(
    certain: float, whole: bool
) -> None:
    """As where a neighbour pushes a cell aside, and its expected box cuts it off."""

    class Learnt(FakeModel):
        follows = property(lambda self: self)

        def follow(self, embedding, neighbour, prompt=None):
            seen, score = np.array(neighbour), certain
            if prompt.box is not None:
                r0, c0, r1, c1 = (round(edge) for edge in prompt.box)
                boxed = np.zeros_like(seen)
                boxed[r0:r1, c0:c1] = True
                seen, score = seen & boxed, 0.9
            logits = np.where(seen, 9.0, -9.0).astype(np.float32)[None]
            window = (-0.5, -0.5, seen.shape[0] - 0.5, seen.shape[1] - 0.5)
            return Followed(Candidates(seen[None], np.array([score]), logits, window), 1.0)

    true = ball()[8]
    expected = true.copy()
    expected[:100] = False
    model = Learnt()
    found = ask(model, model.encode(picture(ball())[8]), expected, before=true)
    assert found.score == pytest.approx(certain if whole else 0.9)
    assert (mask_iou(found.logits > 0, true) == 1.0) == whole


@pytest.mark.parametrize("over_time", [False, True])
def test_what_its_own_network_outlines_counts_through_slices(
    over_time: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = ball()

    def nothing(drawn, index, views, expected):
        return Outline(np.full(expected.shape, -100, np.float32), -9.0)

    monkeypatch.setattr(following, "outline_next", nothing)
    found = ns.propagate(picture(true), {8: true[8]}, FakeModel(), over_time=over_time)
    if over_time:  # it was not taught on frames
        assert overlap(found.mask, true) > 0.85
    else:
        assert found.slices.tolist() == [8]


def test_a_click_is_not_heard_where_nothing_is() -> None:
    """A click is always answered, with something or other around it."""
    expected = ball()[8]
    model = FakeModel()
    assert (ask(model, model.encode(picture()[8]), expected).logits < 0).all()


def test_from_one_click_to_both_ends() -> None:
    true = ball()
    found = ns.propagate(picture(true), {8: ns.Prompt(points=[(100, 120)])}, FakeModel())
    assert overlap(found.mask, true) > 0.85
    assert found.slices.tolist() == np.flatnonzero(~np.isnan(found.scores)).tolist()
    there = np.flatnonzero(true.any(axis=(1, 2)))
    assert abs(found.slices[0] - there[0]) <= 1
    assert abs(found.slices[-1] - there[-1]) <= 1
    assert (found.mask.any(axis=(1, 2)) == ~np.isnan(found.scores)).all()


@pytest.mark.parametrize("tip", [3, 13])
def test_from_one_end_to_the_other(tip: int) -> None:
    true = ball()
    found = ns.propagate(picture(true), {tip: true[tip]}, FakeModel())
    there = np.flatnonzero(true.any(axis=(1, 2)))
    assert abs(found.slices[0] - there[0]) <= 1
    assert abs(found.slices[-1] - there[-1]) <= 1


def test_an_object_that_moves_is_followed_and_its_neighbour_left_alone() -> None:
    true = ball(drift=4.0)
    other = np.zeros(SHAPE, bool)
    other[:, 160:190, 100:200] = True
    found = ns.propagate(picture(true, other), {8: true[8]}, FakeModel())
    assert overlap(found.mask, true) > 0.8
    assert not (found.mask & other).any()
    assert found.scores[8] == 1


def test_only_windows_around_the_object_are_read() -> None:
    wide = np.pad(picture(ball()), ((0, 0), (220, 220), (240, 240)), mode="edge")
    lazy = Lazy(wide)
    ns.propagate(lazy, {8: ns.Prompt(points=[(320, 360)])}, FakeModel())
    whole = [index for index, shape in lazy.read if shape == wide.shape[1:]]
    assert whole == [8]
    assert max(np.prod(shape) for index, shape in lazy.read if index != 8) < 0.1 * wide[0].size


def test_between_two_shown_slices_it_is_there_whatever_the_picture_shows() -> None:
    true = ball()
    image = picture(true)
    image[6] = 10  # a slice that was not recorded
    found = ns.propagate(image, {4: true[4], 10: true[10]}, FakeModel())
    assert set(range(4, 11)) <= set(found.slices.tolist())
    assert overlap(found.mask[5], true[5]) > 0.7


def test_a_slice_shown_again_changes_only_what_depends_on_it() -> None:
    true = ball()
    carry = Carry(picture(true), FakeModel())
    carry.show(4, true[4])
    carry.show(10, true[10])
    before = {step.index: step for step in carry.run()}
    assert list(carry.run()) == []
    smaller = true[12] & (np.indices(SHAPE[1:])[0] < 100)
    carry.show(12, smaller)
    assert carry.shown == [4, 10, 12]
    again = {step.index for step in carry.run()}
    assert again
    assert min(again) > 10
    for index in range(5, 10):
        assert carry.steps[index] is before[index]
    assert carry.steps[12].region.area == smaller.sum()
    carry.forget(12)
    assert carry.shown == [4, 10]
    alone = Carry(picture(true), FakeModel())
    alone.show(4, true[4])
    alone.show(4, true[5])  # again, and the only one
    assert alone.steps[4].region.area == true[5].sum()
    alone.forget(4)
    assert (alone.shown, alone.fraction, alone.done) == ([], 0.0, True)
    assert {step.index for step in carry.run()} >= {11, 12}


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize("at_once", [False, True])
def test_its_outermost_slice_painted_as_it_is_leaves_the_end_where_it_was(
    way: int, at_once: bool
) -> None:
    """Beyond lies something faint that changes from slice to slice, and is no part of it."""
    rng = np.random.default_rng(0)
    near = np.hypot(*(np.indices((120, 120)) - 60))
    true = np.array([near < radius for radius in [0] * 7 + [18, 20, 18, 14] + [0] * 5])
    faint = np.zeros_like(true)
    faint[:7] = near < 18
    image = rng.integers(5, 16, true.shape) + (60 + rng.normal(0, 40, true.shape)) * faint
    image = np.where(true, 200 + rng.normal(0, 10, near.shape), image).clip(0, 255)
    image, true = image.astype(np.uint8)[::way], true[::way]
    outermost, next_to_it, *_ = np.flatnonzero(true.any(axis=(1, 2)))[::way].tolist()
    carry = Carry(image, FakeModel())
    carry.show(next_to_it, true[next_to_it])
    if not at_once:
        list(carry.run())
        assert set(carry.steps) == set(np.flatnonzero(true.any(axis=(1, 2))).tolist())
    carry.show(outermost, true[outermost])
    list(carry.run())
    assert set(carry.steps) == set(np.flatnonzero(true.any(axis=(1, 2))).tolist())
    assert carry.done


def test_what_was_found_stays_when_it_is_cancelled() -> None:
    calls = 0

    def stop(fraction: float) -> None:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise Cancelled("enough")

    true = ball()
    carry = Carry(picture(true), FakeModel())
    carry.show(8, true[8])
    with pytest.raises(Cancelled):
        list(carry.run(stop))
    assert 8 in carry.steps
    found = dict(carry.steps)
    list(carry.run())
    assert set(found) <= set(carry.steps)
    assert len(carry.steps) >= 9


def test_what_was_followed_already_is_not_followed_again() -> None:
    true, model = ball(), FakeModel()
    carry = Carry(picture(true), model)
    carry.show(8, true[8])
    list(carry.run())
    way_up, looked = carry.steps, len(model.encoded)
    assert list(carry.run()) == []
    carry.show(11, true[11])  # the way from slice 8 to it is known; the way back is not
    list(carry.run())
    gap = len(range(9, 11))
    beyond = len([z for z in carry.steps if z > 11])
    assert gap + beyond <= len(model.encoded) - looked <= gap + beyond + 6
    for index in (z for z in way_up if z < 8):
        assert carry.steps[index] is way_up[index]


def test_an_end_set_by_hand_can_be_taken_back() -> None:
    true, model = ball(), FakeModel()
    carry = Carry(picture(true), model)
    carry.show(8, true[8])
    list(carry.run())
    found, looked = carry.steps, len(model.encoded)
    carry.first, carry.last, carry.absent = 6, 10, {7}
    assert list(carry.steps) == [6, 8, 9, 10]
    assert list(carry.run()) == []
    carry.first, carry.last, carry.absent = 0, 15, set()
    assert list(carry.run()) == []
    assert len(model.encoded) == looked
    assert carry.steps == found
    near = Carry(picture(true), model)
    near.show(8, true[8])
    near.first, near.last = 7, 9
    list(near.run())
    assert len(model.encoded) == looked + 2  # not followed beyond ...
    near.last = 12
    assert {step.index for step in near.run()} >= {10, 11}  # ... before the end is lifted


def test_the_pixels_of_others_are_left_to_them_and_the_model_hears_of_them() -> None:
    true, model = ball(radius=22), FakeModel()
    left = true.copy()
    left[:, :, 120:] = False
    others = np.where(true & ~left, 7, 0)
    others[left] = 5  # the object itself, under its number
    carry = Carry(picture(true), model, others=others, own=5)
    carry.show(8, left[8])
    list(carry.run())
    for index, step in carry.steps.items():
        assert not (step.region.on(SHAPE[1:]) & (others[index] == 7)).any()
    assert (
        overlap(np.stack([carry.steps[z].region.on(SHAPE[1:]) for z in (7, 9)]), left[[7, 9]]) > 0.7
    )
    said = [prompt for prompt in model.prompts if (prompt.labels == 0).any()]
    assert said
    for prompt in said:
        assert prompt.labels is not None
        assert list(prompt.labels) == [1, 0]
    with pytest.raises(LabelsError, match="do not lie"):
        ns.propagate(picture(true), {8: left[8]}, model, others=others[1:])


def test_an_end_set_by_hand_is_kept() -> None:
    true = ball()
    found = ns.propagate(picture(true), {8: true[8]}, FakeModel(), first=6, last=9)
    assert found.slices.tolist() == [6, 7, 8, 9]


def test_colour_is_followed_too() -> None:
    true = ball()
    image = np.repeat(picture(true)[..., None], 3, axis=-1)
    found = ns.propagate(image, {8: true[8]}, FakeModel())
    assert found.mask.shape == SHAPE
    assert overlap(found.mask, true) > 0.8


def test_a_click_grows_through_a_stack_with_the_shipped_model() -> None:
    true = ball()
    found = ns.propagate(picture(true), {8: ns.Prompt(points=[(100, 120)])}, "cells")
    assert overlap(found.mask, true) > 0.8


def test_what_cannot_be_followed_is_refused() -> None:
    image, model = picture(ball()), FakeModel()
    with pytest.raises(PromptError, match="at least one slice"):
        ns.propagate(image, {}, model)
    with pytest.raises(ParameterError, match="no slice 99"):
        ns.propagate(image, {99: ball()[8]}, model)
    with pytest.raises(PromptError, match="mask is empty"):
        ns.propagate(image, {0: np.zeros(SHAPE[1:])}, model)
    with pytest.raises(PromptError, match="has shape"):
        ns.propagate(image, {0: np.ones((4, 4))}, model)
    with pytest.raises(ImageError, match="Expected a stack"):
        ns.propagate(image[0], {0: np.ones((4, 4))}, model)
    with pytest.raises(PromptError, match="Show the object"):
        list(Carry(image, model).run())


@pytest.mark.parametrize(
    ("how", "says"), [({"first": 9, "last": 2}, "last"), ({"over_time": "no"}, "over_time")]
)
def test_what_contradicts_itself_is_refused(how: dict[str, Any], says: str) -> None:
    image, model = picture(ball()), FakeModel()
    with pytest.raises(ParameterError, match=says):
        ns.propagate(image, {8: ball()[8]}, model, **how)
