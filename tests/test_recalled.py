"""Through slices with a model that remembers, as the panel follows a cell: a slice at a time."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from elephant import Elephant
from fake_model import FakeModel, blobs
from napari_sam.engine.carrying import Carried, Carrying, Told
from napari_sam.engine.view import View
from napari_sam.engine.worker import Worker
from napari_sam.errors import Cancelled
from napari_sam.images import Block, Image
from napari_sam.regions import Region

DEPTH = 10


def stack() -> np.ndarray:
    """A disc that drifts, on slices 2 to 7, beside one that stays."""
    planes = []
    for z in range(DEPTH):
        centres = [(40, 60), (16, 16 + z)] if 2 <= z <= 7 else [(40, 60)]
        planes.append(blobs((64, 80), tuple(centres)))
    return np.stack(planes)


IMAGE = stack()


@cache
def cell(z: int) -> Region:
    mask = IMAGE[z] > 100
    mask[32:] = False
    return Region.of(mask)


def carrying(**how: Any) -> Carrying:
    image = Image.of(IMAGE)
    return Carrying(Block(image, list(image.planes())[4]), 0, **how)


def told(*slices: int, first: int = 0, last: int = DEPTH - 1, absent: Any = ()) -> Told:
    return Told({z: (cell(z), 0.8) for z in slices}, first, last, frozenset(absent))


def go_on(ours: Carrying, model: Any, what: Told) -> Carried:
    for _ in range(4 * DEPTH):
        found = ours.go_on(model, what, lambda: (0.0, 255.0), lambda fraction: None)
        if found.over:
            return found
    raise AssertionError("it never ends")


def test_the_cell_is_followed_by_memory_to_both_ends():
    model = Elephant()
    found = go_on(carrying(), model, told(4))
    assert [z for z, step in found.steps.items() if step.region.area] == list(range(2, 8))
    assert found.given == {4}
    assert found.steps[4].score == 0.8
    assert found.steps[6].region.box == cell(6).box
    assert any(what == "asked" for _, what in model.shown)


def test_each_call_looks_at_one_slice_and_can_be_cancelled():
    model, ours = Elephant(), carrying()

    def one(progress: Any = lambda fraction: None) -> Carried:
        before = len(model.encoded)
        found = ours.go_on(model, told(4), lambda: (0.0, 255.0), progress)
        assert len(model.encoded) - before <= 1
        return found

    one()
    one()
    asked = len(model.shown)

    def stop(fraction: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        one(stop)
    one()
    assert len(model.shown) == asked + 1  # it went on where it was
    fractions = [one().fraction for _ in range(3)]
    assert fractions == sorted(fractions)


def test_a_correction_changes_only_what_lies_beside_it():
    model, ours = Elephant(), carrying()
    first = go_on(ours, model, told(3, 6))
    asked = len(model.shown)
    again = go_on(ours, model, told(3, 6, 7))
    assert {at for at, what in model.shown[asked:] if what == "asked"} <= {8, 9}
    assert again.steps[4] is first.steps[4]
    assert again.given == {3, 6, 7}


def test_ends_and_gaps_set_by_hand_can_be_taken_back():
    model, ours = Elephant(), carrying()
    assert set(go_on(ours, model, told(4, last=5)).steps) <= set(range(6))
    whole = go_on(ours, model, told(4))
    assert [z for z, step in whole.steps.items() if step.region.area] == list(range(2, 8))
    gap = go_on(ours, model, told(4, absent={6}))
    assert 6 not in gap.steps
    assert 6 in go_on(ours, model, told(4)).steps


def test_cells_in_the_labels_are_met_and_its_own_slices_are_taken():
    labels = np.zeros(IMAGE.shape, np.int32)
    labels[5] = np.where(cell(5).on((64, 80)), 7, 0)
    labels[6, 10:20] = 9
    found = go_on(carrying(others=labels, own=7), Elephant(), told(4))
    assert found.given == {4, 5}
    assert not found.steps[6].region.on((64, 80))[10:20].any()


def test_a_second_object_finds_the_slices_encoded():
    model = Elephant()
    worker = Worker(lambda name, device: model, memory=10_000_000)
    image = Image.of(IMAGE, limits=(0.0, 255.0))
    view = View(image, list(image.planes())[4])
    what, counts = told(4), []
    for _ in range(2):
        ours = carrying()
        for _ in range(4 * DEPTH):
            if worker.carry("it", "cpu", view, ours, what, lambda fraction: None).over:
                break
        counts.append(len(model.encoded))
    assert counts[0] == counts[1]
    worker.resize(0)  # what is kept is bounded: nothing here
    go = worker.carry("it", "cpu", view, carrying(), what, lambda fraction: None)
    assert go.steps
    assert len(model.encoded) > counts[1]


def test_another_model_begins_anew():
    ours = carrying()
    go_on(ours, Elephant(), told(4))
    model = Elephant()
    found = go_on(ours, model, told(4))
    assert found.given == {4}
    assert model.shown
    plain = go_on(ours, FakeModel(), told(4))
    assert plain.given == {4}
    assert 3 in plain.steps
