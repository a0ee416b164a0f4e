"""What takes a neighbour's mask is learnt alone: every other answer stays the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import napari_sam as ns
from napari_sam.errors import DataError
from napari_sam.training import follow_alone
from napari_sam.training.__main__ import main
from napari_sam.training.checkpoints import export_weights, load_checkpoint
from napari_sam.training.follow_alone import learn_to_follow
from napari_sam.training.generated import TRAINING_SEEDS, generated_planes, generated_slices
from tiny_cells import tiny_network


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(follow_alone, "SIDE", 64)
    monkeypatch.setattr(follow_alone, "WINDOWS", 2)
    monkeypatch.setattr(follow_alone, "TOLD", 2)


def checkpoint():
    network = tiny_network()
    return {"ema": network.state_dict(), "config": network.config}


def steps(count):
    """A clock by which a step takes so long that the time is up after ``count``."""
    seconds = iter([0.0, *np.linspace(0, 59, count), *[60.0] * 9])
    return lambda: next(seconds)


def test_only_what_is_new_learns(quick):
    before, said = checkpoint(), []
    planes = generated_slices(1, TRAINING_SEEDS)
    learnt = learn_to_follow(before, planes, 1, say=said.append, clock=steps(6))
    assert learnt.steps == 6
    assert learnt.config["neighbours"]
    assert len(said) == 3
    changed = 0.0
    for name, old in before["ema"].items():
        new = learnt.state[name]
        assert torch.equal(new[tuple(slice(length) for length in old.shape)], old)
        if new.shape != old.shape:
            changed += float(new[:, old.shape[1] :].abs().sum())
    assert changed > 0


def test_a_network_that_follows_goes_on(quick):
    planes = generated_slices(1, TRAINING_SEEDS)
    first = learn_to_follow(checkpoint(), planes, 1, clock=steps(2))
    again = learn_to_follow({"ema": first.state, "config": first.config}, planes, 1, clock=steps(2))
    drawn = follow_alone.DRAWN[0]
    assert not torch.equal(again.state[drawn], first.state[drawn])


def test_images_without_slices_are_refused():
    with pytest.raises(DataError, match="neighbouring slice"):
        learn_to_follow(checkpoint(), generated_planes(1, TRAINING_SEEDS)[:2], 1)


def test_by_the_command_line(quick, tmp_path, capsys):
    weights, out = tmp_path / "first.safetensors", tmp_path / "follows.safetensors"
    before = checkpoint()
    facts = {"windows_seen": 7, "config": before["config"]}
    export_weights({**before, "facts": facts}, weights)
    command = ["follow", str(weights), str(out), "--minutes", "0.001", "--generated", "1"]
    assert main(command) == 0
    assert load_checkpoint(out)["windows"] == 7
    model = ns.load_model(out, device="cpu")
    assert model.follows is not None
    assert ns.load_model(weights, device="cpu").follows is None
