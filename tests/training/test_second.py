"""The second network and the light one: what they begin as, two views, going through slices."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_sam.errors import DataError
from napari_sam.models.cells.encoder import compressed
from napari_sam.models.cells.load import load_cells
from napari_sam.models.cells.network import ARCHITECTURES, LIGHT, SECOND, CellsNetwork
from napari_sam.training import sampling
from napari_sam.training.__main__ import main
from napari_sam.training.arguments import parser
from napari_sam.training.checkpoints import between, export_weights, load_checkpoint
from napari_sam.training.crops import cut_window, depth_and_way, prepare_plane
from napari_sam.training.distilling import Teacher
from napari_sam.training.generated import TRAINING_SEEDS, fresh, fresh_plane, generated_slices
from napari_sam.training.loop import Trainer
from napari_sam.training.neighbours import imitated, joined, neighbour_prompts
from napari_sam.training.prompting import choose_objects, first_prompts
from napari_sam.training.sampling import WindowStream
from napari_sam.training.settings import RunSettings
from napari_sam.training.synthetic import generate
from napari_sam.training.warm_start import adopt
from tiny_cells import tiny_network

FIRST = {"widths": (24, 48, 96, 160, 224), "depths": (1, 1, 2, 2, 1)}


def windows(count=2, size=64):
    image = torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))
    return image.contiguous(memory_format=torch.channels_last)


def prompts(count=2):
    return (
        torch.arange(count),
        torch.full((count, 1, 2), 30.0),
        torch.ones(count, 1, dtype=torch.long),
        torch.full((count, 4), torch.nan),
    )


@torch.inference_mode()
@pytest.mark.parametrize("grown", [SECOND, {**SECOND, "inward": True}])
def test_what_is_new_changes_nothing_at_first(grown):
    old = CellsNetwork.of(ARCHITECTURES["first"]).eval()
    new = CellsNetwork.of(grown).eval()
    alone = adopt(new, old.state_dict())
    assert all(name.startswith("presence") for name in alone)
    image = windows()
    before, after = old.encode(image), new.encode(image)
    torch.testing.assert_close(new.instances(after)[:, :3], old.instances(before))
    asked, answered = old.decode(before, *prompts()), new.decode(after, *prompts())
    for theirs, mine in zip(asked, answered, strict=True):
        torch.testing.assert_close(mine, theirs)
    beside = torch.rand(2, 1, 32, 32).round()
    logits, _, presence = new.follow(after, *prompts(), None, beside)
    torch.testing.assert_close(logits, asked[0])
    assert presence.shape == (2,)


def test_the_mean_with_what_it_grew_out_of():
    old, new = tiny_network(), tiny_network(light=False, seed=1)
    grown = CellsNetwork.of({**new.config, "neighbours": True})
    adopt(grown, new.state_dict())
    mean = between({"ema": grown.state_dict()}, {"ema": old.state_dict()})["ema"]
    name = "prompt_encoder.drawn8.0.weight"
    ours, theirs = grown.state_dict()[name], old.state_dict()[name]
    torch.testing.assert_close(
        mean[name][:, : theirs.shape[1]], (new.state_dict()[name] + theirs) / 2
    )
    torch.testing.assert_close(mean[name][:, theirs.shape[1] :], ours[:, theirs.shape[1] :] / 2)
    torch.testing.assert_close(mean["presence.0.weight"], grown.state_dict()["presence.0.weight"])
    with pytest.raises(DataError, match="different networks"):
        between({"ema": old.state_dict()}, {"ema": grown.state_dict()})


def test_a_mean_may_weigh_the_other_weights_and_be_exported_again(tmp_path):
    one, other = tiny_network(light=False, seed=1), tiny_network(light=False, seed=2)
    mean = between({"ema": one.state_dict()}, {"ema": other.state_dict()}, 0.25)["ema"]
    name = "mask_decoder.up4.weight"
    expected = 0.75 * one.state_dict()[name] + 0.25 * other.state_dict()[name]
    torch.testing.assert_close(mean[name], expected)
    first, again = tmp_path / "first.safetensors", tmp_path / "again.safetensors"
    export_weights({"ema": mean, "facts": {"config": one.config, "minutes": 3}}, first)
    assert main(["export", str(first), str(again)]) == 0
    assert load_checkpoint(again)["config"] == one.config
    assert load_checkpoint(again)["facts"]["minutes"] == "3"


@pytest.mark.parametrize(
    ("asked", "begun"),
    [
        ([], SECOND),
        (["--architecture", "light"], LIGHT),
        (["--start-from", "light"], LIGHT),
        (["--start-from", "light", "--architecture", "second"], SECOND),
    ],
)
def test_a_run_begins_with_the_network_of_the_weights_it_starts_from(
    asked, begun, tmp_path, monkeypatch
):
    weights = tmp_path / "light.safetensors"
    light = CellsNetwork.of(LIGHT)
    export_weights({"ema": light.state_dict(), "facts": {"config": light.config}}, weights)
    asked = [
        str(weights) if word == "light" and asked[0] == "--start-from" else word for word in asked
    ]
    made = []
    monkeypatch.setattr(Trainer, "run", lambda self: made.append(self.network.config))
    monkeypatch.setattr("napari_sam.training.__main__._planes", lambda *told: [])
    monkeypatch.setattr("napari_sam.training.__main__._windows", lambda *told: [])
    main(["train", "--generated", "0", "--nice", "0", "--out", str(tmp_path / "run"), *asked])
    assert made == [CellsNetwork.of(begun).config]


def test_each_architecture_can_be_asked_for():
    for name in ARCHITECTURES:
        assert parser().parse_args(["train", "--architecture", name]).architecture == name


def test_a_network_without_slices_says_so():
    network = CellsNetwork(**FIRST).eval()
    features = network.encode(windows())
    with pytest.raises(TypeError, match="not taught"):
        network.follow(features, *prompts(), None, torch.zeros(2, 1, 32, 32))


def test_the_second_view_lifts_what_is_dim():
    image = torch.tensor([-1.0, 0.0, 0.1, 1.0]).expand(1, 3, 1, 4)
    lifted = compressed(image)[0, 0, 0]
    assert lifted[:2].tolist() == [0, 0]
    assert lifted[2] > 0.25
    assert float(lifted[3]) == pytest.approx(1)


def test_the_light_network_learns_from_its_teacher_and_comes_back_from_a_file(tmp_path):
    teacher = CellsNetwork(**FIRST)
    checkpoint = {"ema": teacher.state_dict(), "config": teacher.config}
    planes = generated_slices(1, TRAINING_SEEDS)
    settings = RunSettings(
        batch=2, size=64, threads=1, precision="float32", device="cpu", learning_rate=2e-3
    )
    network = CellsNetwork.of(LIGHT)
    adopt(network, checkpoint["ema"])
    trainer = Trainer(
        planes, tmp_path, settings, say=lambda text: None, network=network, teacher=checkpoint
    )
    trainer.half = False
    trainer.network.train()
    losses = [float(trainer.step(number == 9)["teacher_loss"]) for number in range(16)]
    assert np.mean(losses[-4:]) < 0.9 * np.mean(losses[:4])
    figures = trainer.step(True)
    assert float(figures["presence_loss"]) > 0
    trainer.save(0.0)
    state = load_checkpoint(tmp_path / "last.pt")
    assert CellsNetwork.of(state["config"]).config == network.config
    export_weights(state, tmp_path / "light.safetensors")
    assert load_cells(tmp_path / "light.safetensors").network.config == network.config


@torch.inference_mode()
def test_a_teacher_is_satisfied_with_itself():
    network = CellsNetwork(**FIRST).eval()
    teacher = Teacher(network)
    image = windows()
    features = network.encode(image)
    loss = teacher.loss(teacher.look(image), features, network.instances(features))
    assert abs(float(loss)) < 1e-4


def test_the_way_inward_turns_with_the_window():
    labels = np.zeros((64, 64), np.int32)
    labels[20:44, 20:44] = 1
    plane = prepare_plane(labels.astype(np.float32), labels, "squares")
    _, way = depth_and_way(labels)
    np.testing.assert_allclose(way[22, 32], (1, 0))
    upright = cut_window(plane, (32, 32), 1.0, 64).inward
    assert upright[0, 11, 16] > 0.5  # below the upper border the inside lies down
    turned = cut_window(plane, (32, 32), 1.0, 64, angle=np.pi / 2).inward
    mirrored = cut_window(plane, (32, 32), 1.0, 64, flip=True).inward
    np.testing.assert_allclose(turned[1, 16, 11], upright[0, 11, 16], atol=0.1)
    np.testing.assert_allclose(mirrored[1, 16, 11], upright[1, 16, 11], atol=0.1)
    assert np.isnan(upright[:, 2, 2]).all()


def test_objects_keep_their_ids_in_the_neighbouring_slice():
    planes = generated_slices(1, TRAINING_SEEDS)
    stream = WindowStream(planes, seed=1)
    shared = gone = 0
    for _ in range(12):
        example = stream.draw(96)
        if not example.labels.any():
            continue
        assert example.neighbour.shape == example.labels.shape
        for which in np.unique(example.neighbour)[1:]:
            here, beside = example.labels == which, example.neighbour == which
            shared += bool((here & beside).any())
            gone += which > example.labels.max()
    assert shared > 10
    assert gone > 0


def test_prompts_by_a_neighbouring_mask():
    sample = generate("nuclei_sparse", TRAINING_SEEDS, (160, 160))
    plane = prepare_plane(np.asarray(sample[0], np.float32), sample[1], "synthetic")
    stream = WindowStream([plane, *generated_slices(1, TRAINING_SEEDS)], seed=2)
    examples = [stream.draw(96) for _ in range(6)]
    generator, device = torch.Generator().manual_seed(0), torch.device("cpu")
    beside = neighbour_prompts(examples, generator, device)
    assert not beside.alone.any()
    assert beside.neighbour.shape[1:] == (1, 48, 48)
    # no click and no box on what is not there
    nothing = beside.truth.sum((1, 2)) == 0
    assert (beside.labels[nothing] == -1).all()
    assert torch.isnan(beside.boxes[nothing]).all()
    both = joined(first_prompts(*choose_objects(examples, 3, generator, device)), beside)
    assert both.alone.sum() == len(both.truth) - len(beside.truth)


def test_an_imitated_slice_shows_nearly_the_same():
    masks = torch.zeros(40, 48, 48)
    masks[:, 14:34, 16:30] = 1
    moved = imitated(masks, torch.Generator().manual_seed(0))
    both = (masks * moved).sum((1, 2))
    iou = both / (masks.sum((1, 2)) + moved.sum((1, 2)) - both)
    assert 0.4 < float(iou.mean()) < 0.97
    assert not torch.equal(moved, masks)


def test_new_planes_come_while_a_run_goes_on(monkeypatch):
    monkeypatch.setattr(sampling, "KEPT", 4)
    monkeypatch.setattr(sampling, "FRESH_SHARES", {"synthetic": 0.5})
    first = [plane for plane in (fresh_plane(np.random.default_rng(n)) for n in range(3)) if plane]
    stream = WindowStream(first, seed=0, fresh=fresh)
    again = WindowStream(first, seed=0, fresh=fresh)
    for _ in range(12):
        mine, theirs = stream.draw(64), again.draw(64)
        np.testing.assert_array_equal(mine.image, theirs.image)
    assert len(stream.families["synthetic"]) == 4
    assert not set(map(id, stream.families["synthetic"])) <= set(map(id, first))
