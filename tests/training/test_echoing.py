"""Batches used again: turned as a whole, and only while there is nothing new."""

from __future__ import annotations

import threading
from itertools import islice, product

import numpy as np
import pytest
import torch

from napari_sam.training import echoing
from napari_sam.training.batches import Batches, loaded
from napari_sam.training.echoing import echoed, turned
from napari_sam.training.generated import TRAINING_SEEDS, fresh, generated_slices
from napari_sam.training.settings import RunSettings

TURNS = [
    dict(zip(("left_right", "up_down", "swap"), one, strict=True))
    for one in product((False, True), repeat=3)
]


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    planes = [plane for _ in range(6) for plane in fresh("synthetic", rng)]
    planes += generated_slices(1, TRAINING_SEEDS)
    settings = RunSettings(batch=6, size=96, prompts=3)
    return next(loaded(Batches(planes, settings, 0, through=True), 0, torch.device("cpu")))


@pytest.mark.parametrize("turn", TURNS)
def test_prompts_stay_on_their_objects(batch, turn):
    prompts = turned(batch, **turn).asked.batch
    clicked = boxed = 0
    for truth, point, label, box in zip(
        prompts.truth, prompts.points[:, 0], prompts.labels[:, 0], prompts.boxes, strict=True
    ):
        if not truth.any():
            continue
        if label == 1:
            column, row = (point / 2).long().tolist()
            assert truth[row, column] == 1
            clicked += 1
        if not torch.isnan(box[0]):
            rows, columns = torch.nonzero(truth, as_tuple=True)
            exact = torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) * 2
            assert (box[2:] > box[:2]).all()
            assert ((box - exact).abs() <= 0.4 * (exact[2:] - exact[:2]).repeat(2) + 5).all()
            boxed += 1
    assert clicked
    assert boxed


@pytest.mark.parametrize("turn", TURNS)
def test_ways_inward_still_lead_to_where_objects_are_deep(batch, turn):
    one = turned(batch, **turn)
    centre = one.targets[:, 1]
    down = centre[:, 2:, 1:-1] - centre[:, :-2, 1:-1]
    right = centre[:, 1:-1, 2:] - centre[:, 1:-1, :-2]
    ways = one.inward[:, :, 1:-1, 1:-1]
    known = ~torch.isnan(ways[:, 0]) & (centre[:, 1:-1, 1:-1] < 0.8)
    rising = (ways[:, 0] * down + ways[:, 1] * right)[known]
    assert float((rising > 0).float().mean()) > 0.9


def test_turned_twice_is_what_it_was(batch):
    turn = {"left_right": True, "up_down": False, "swap": False}
    again = turned(turned(batch, **turn), **turn)
    assert torch.equal(again.image, batch.image)
    torch.testing.assert_close(again.inward, batch.inward, equal_nan=True)
    torch.testing.assert_close(again.asked.batch.points, batch.asked.batch.points)
    torch.testing.assert_close(again.asked.batch.boxes, batch.asked.batch.boxes, equal_nan=True)


def test_earlier_batches_are_used_again_only_while_none_is_new(batch, monkeypatch):
    monkeypatch.setattr(echoing, "LEAST", 2)
    more = threading.Event()

    def slow():
        yield from (batch, batch)
        more.wait(60)
        while True:
            yield "new"

    stream = echoed(slow(), np.random.default_rng(0))
    first = list(islice(stream, 2))
    assert first[0] is batch
    assert first[1] is batch
    again = next(stream)
    assert again is not batch
    assert again.image.sort().values.sum() == pytest.approx(float(batch.image.sum()), rel=1e-3)
    more.set()
    while next(stream) != "new":
        pass


def test_what_stops_the_drawing_is_said(batch):
    def broken():
        yield batch
        raise OSError("the disk is gone")

    stream = echoed(broken(), np.random.default_rng(0))
    next(stream)
    with pytest.raises(OSError, match="the disk is gone"):
        next(stream)
