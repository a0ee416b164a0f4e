"""Objects through slices by a model's memory: who depends on whom, ends, and several at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import napari_sam as ns
from elephant import Elephant
from fake_model import FakeModel, blobs
from napari_sam.errors import Cancelled, LabelsError, ModelError, ParameterError, PromptError
from napari_sam.stacks.carry import Carry
from napari_sam.stacks.recall import Recall


def drifting(depth: int = 12, first: int = 2, last: int = 9) -> np.ndarray:
    """Two discs that drift; the first is on some slices only."""
    stack = np.full((depth, 64, 80), 10, np.uint8)
    for z in range(depth):
        centres = [(40, 60)]
        if first <= z <= last:
            centres.append((16, 16 + z))
        stack[z] = blobs((64, 80), tuple(centres))
    return stack


def test_an_object_is_followed_both_ways_until_it_ends():
    stack, model = drifting(), Elephant()
    found = ns.propagate(stack, {5: ns.Prompt(points=[(16, 21)])}, model)
    assert found.slices.tolist() == list(range(2, 10))
    for z in found.slices:
        assert found.mask[z, 16, 16 + z]
    assert np.isnan(found.scores[[0, 1, 10, 11]]).all()


def test_several_objects_share_every_slice():
    stack, model = drifting(), Elephant()
    objects = {3: {5: ns.Prompt(points=[(16, 21)])}, 4: {5: ns.Prompt(points=[(40, 60)])}}
    found = ns.propagate_objects(stack, objects, model)
    assert found[3].slices.tolist() == list(range(2, 10))
    assert found[4].slices.tolist() == list(range(12))
    assert len(model.encoded) == 12  # each slice once, the shown one too


def test_a_model_without_memory_follows_them_one_by_one():
    stack = drifting()
    objects = {3: {5: ns.Prompt(points=[(16, 21)])}, 4: {5: ns.Prompt(points=[(40, 60)])}}
    found = ns.propagate_objects(stack, objects, FakeModel())
    assert found[3].mask[5, 16, 21]
    assert found[4].mask[5, 40, 60]
    with pytest.raises(ModelError, match="no memory"):
        Recall(stack, FakeModel())


def test_a_correction_changes_only_what_lies_between_the_shown_slices():
    stack, model = drifting(), Elephant()
    recall = Recall(stack, model)
    for at in (3, 6, 8):
        recall.show(at, ns.Prompt(points=[(16, 16 + at)]))
    list(recall.run())
    before = dict(recall.objects[1].steps)
    model.shown.clear()
    other = np.zeros((64, 80), bool)
    other[34:47, 54:67] = True
    recall.show(7, other)
    assert recall.objects[1].todo() == [(6, 7), (7, 8)]
    assert {z for z, step in before.items() if recall.objects[1].steps.get(z) is not step} == {7}
    list(recall.run())
    assert recall.objects[1].steps[7].score == 1.0
    assert [kind for _, kind in model.shown].count("asked") == 0  # nothing lies between
    recall.show(4, other)
    assert recall.objects[1].todo() == [(3, 4), (4, 6)]
    results = list(recall.run())
    assert [step.index for _, step in results] == [5]
    assert recall.objects[1].steps[2] is before[2]
    recall.forget(4)
    assert recall.objects[1].todo() == [(3, 6)]


def test_work_that_is_stopped_is_taken_up_again():
    stack, model = drifting(), Elephant()
    recall = Recall(stack, model)
    recall.show(5, ns.Prompt(points=[(40, 60)]))

    def stop(fraction: float) -> None:
        if fraction > 0.6:
            raise Cancelled

    with pytest.raises(Cancelled):
        list(recall.run(stop))
    kept = set(recall.objects[1].steps)
    assert {5, 6, 11} <= kept
    fractions: list[float] = []
    list(recall.run(fractions.append))
    assert set(recall.objects[1].steps) == set(range(12))
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert list(recall.run()) == []


def test_ends_that_are_set_by_hand_hold():
    stack, model = drifting(), Elephant()
    found = ns.propagate(stack, {5: ns.Prompt(points=[(40, 60)])}, model, first=4, last=7)
    assert found.slices.tolist() == [4, 5, 6, 7]
    found = ns.propagate(stack, {5: ns.Prompt(points=[(40, 60)])}, model, first=5, last=5)
    assert found.slices.tolist() == [5]


@pytest.mark.parametrize("model", [Elephant, FakeModel])
def test_nothing_is_found_beyond_ends_that_the_object_was_shown_beyond(model):
    shown = {z: ns.Prompt(points=[(40, 60)]) for z in (1, 9)}
    found = ns.propagate(drifting(), shown, model(), first=3, last=7)
    assert found.slices.tolist() == [3, 4, 5, 6, 7]
    assert not found.mask[[0, 1, 2, 8, 9, 10, 11]].any()


def test_no_pixel_of_others_is_taken():
    stack, others = drifting(), np.zeros((12, 64, 80), np.uint16)
    others[7, :, 60:] = 5
    shown = {5: ns.Prompt(points=[(40, 60)])}
    free = ns.propagate(stack, shown, Elephant())
    found = ns.propagate(stack, shown, Elephant(), others=others)
    assert not (found.mask & (others > 0)).any()
    assert np.array_equal(found.mask, free.mask & (others == 0))
    with pytest.raises(LabelsError):
        ns.propagate(stack, shown, Elephant(), others=others[:3])


def test_what_makes_no_sense_is_refused():
    stack, model = drifting(), Elephant()
    recall = Recall(stack, model)
    with pytest.raises(PromptError, match="Show the object"):
        list(recall.run())
    with pytest.raises(ParameterError, match="no slice 12"):
        recall.show(12, ns.Prompt(points=[(1, 1)]))
    for either in (recall, Carry(stack, model)):
        with pytest.raises(PromptError, match="shape"):
            either.show(1, np.ones((3, 3), bool))
        with pytest.raises(PromptError, match="A mask"):
            either.show(1, [[1, 0], [1]])
        with pytest.raises(PromptError, match="no object on slice 1"):
            either.show(1, np.zeros((64, 80), bool))
    for objects in ({}, {1: {}}, None):
        with pytest.raises(PromptError):
            ns.propagate_objects(stack, objects, model)  # type: ignore[arg-type]
    alone = FakeModel()
    with pytest.raises(PromptError):
        ns.propagate_objects(stack, {1: {5: ns.Prompt(points=[(40, 60)])}, 2: {}}, alone)
    assert not alone.encoded  # before the first object is followed


def test_a_lazy_stack_is_read_slice_by_slice():
    stack = drifting()
    read: list[int] = []

    class Lazy:
        shape, dtype, ndim = stack.shape, stack.dtype, 3

        def __getitem__(self, key: Any) -> np.ndarray:
            read.append(key if isinstance(key, int) else key[0])
            return stack[key]

    ns.propagate(Lazy(), {5: ns.Prompt(points=[(40, 60)])}, Elephant())
    assert sorted(read) == list(range(12))


def test_sam_2_follows_by_its_own_memory():
    from tiny_sam2 import library, tiny_sam2

    library()
    model = tiny_sam2()
    mask = np.zeros((64, 80), bool)
    mask[10:22, 14:28] = True
    recall = Recall(drifting(5), model)
    recall.show(2, mask)
    found = list(recall.run())
    recollection = model.memory.begin(5)
    embeddings = [model.encode(plane, limits=recall.slices.limits) for plane in drifting(5)]
    recollection.tell(2, embeddings[2], {0: ns.Prompt(mask=mask)})
    known = {step.index: step for _, step in found if step.index > 2}
    for at in range(3, 5):
        expected = recollection.ask(at, embeddings[at], [0])[0]
        if at in known:
            region = known[at].region
            assert region.area == np.count_nonzero(expected.candidates.masks[0])
