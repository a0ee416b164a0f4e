"""Batches: drawn here or by other processes, whole, and the same on whatever device."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch

from napari_sam.training.batches import Batches, loaded
from napari_sam.training.generated import TRAINING_SEEDS, fresh, generated_slices
from napari_sam.training.loop import Trainer
from napari_sam.training.settings import RunSettings
from tiny_cells import tiny_network

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def planes():
    rng = np.random.default_rng(0)
    made = [plane for _ in range(4) for plane in fresh("synthetic", rng)]
    return made + generated_slices(1, TRAINING_SEEDS)


def drawn(planes, count, workers=0, seed=0, **told):
    batches = Batches(planes, RunSettings(batch=3, size=64, prompts=2), seed, **told)
    return list(islice(loaded(batches, workers, CPU), count))


def test_a_batch_holds_what_is_to_be_learnt_of_its_windows(planes):
    (batch,) = drawn(planes, 1, through=True)
    assert len(batch) == 3
    assert batch.image.shape == (3, 3, 64, 64)
    assert batch.image.is_contiguous(memory_format=torch.channels_last)
    assert batch.targets.shape == (3, 3, 32, 32)
    assert batch.sizes.shape == (3, 8, 8)
    assert batch.inward.shape == (3, 2, 32, 32)
    asked = batch.asked.batch
    assert len(asked.truth) == len(batch.asked.meanings) == len(batch.asked.plain)
    assert not asked.alone.all(), "some are asked by the slice beside"
    assert asked.alone.any()


def test_the_same_seed_draws_the_same_windows(planes):
    for mine, theirs in zip(drawn(planes, 3), drawn(planes, 3), strict=True):
        assert torch.equal(mine.image, theirs.image)
    assert not torch.equal(drawn(planes, 1)[0].image, drawn(planes, 1, seed=1)[0].image)


def test_processes_draw_each_their_own_windows(planes):
    batches = drawn(planes, 6, workers=2)
    for number, batch in enumerate(batches):
        assert len(batch) == 3
        for other in batches[number + 1 :]:
            assert not torch.equal(batch.image, other.image)


def test_a_run_learns_from_what_other_processes_draw(planes, tmp_path):
    settings = RunSettings(batch=2, size=64, prompts=2, workers=1, precision="float32")
    trainer = Trainer(planes, tmp_path, settings, say=lambda text: None, network=tiny_network())
    trainer.half = False
    figures = [trainer.step(prompts=True) for _ in range(3)]
    assert trainer.windows_seen == 6
    assert all(torch.isfinite(one["instance_loss"]) for one in figures)


def test_new_slices_come_with_the_objects_beside_them():
    planes = fresh("slices", np.random.default_rng(3))
    assert planes
    for plane in planes:
        assert plane.family == "slices"
        assert plane.neighbour.shape == plane.labels.shape
        both = (plane.labels > 0) & (plane.neighbour == plane.labels)
        assert both.any(), "an object goes on in the slice beside"
