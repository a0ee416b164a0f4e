"""The training room on generated images: seconds of training, a split, honest numbers."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
import torch
from safetensors import safe_open

from napari_sam.errors import DataError
from napari_sam.models.cells.load import load_cells
from napari_sam.regions import deepest, edges
from napari_sam.training.__main__ import main
from napari_sam.training.augment import augment_image
from napari_sam.training.checkpoints import between, export_weights, load_checkpoint
from napari_sam.training.crops import cut_window, object_depth, prepare_plane
from napari_sam.training.generated import TRAINING_SEEDS
from napari_sam.training.loop import Trainer
from napari_sam.training.metrics import average_precision, next_click
from napari_sam.training.monitor import monitor, monitor_windows
from napari_sam.training.pairs import Pair, find_pairs, scale_to_unit
from napari_sam.training.prompting import choose_objects, correct, first_prompts
from napari_sam.training.sampling import WindowStream
from napari_sam.training.settings import RunSettings
from napari_sam.training.split import is_validation, split_pairs
from napari_sam.training.synthetic import generate


@pytest.fixture(scope="module")
def planes():
    found = []
    for seed in range(4):
        sample = generate("nuclei_sparse", TRAINING_SEEDS + seed, (160, 160))
        plane = prepare_plane(scale_to_unit(sample[0]), sample[1], "synthetic")
        if plane is not None:
            found.append(plane)
    return found


def trainer_for(planes, folder, **changes) -> Trainer:
    chosen = {
        "batch": 2,
        "size": 64,
        "threads": 1,
        "precision": "float32",
        "device": "cpu",
        "instance_minutes": 0.0,
        "prompt_every": 1,
        "learning_rate": 2e-3,
    }
    return Trainer(planes, folder, RunSettings(**(chosen | changes)), say=lambda text: None)


def test_training_lowers_the_loss_and_the_checkpoint_loads(planes, tmp_path):
    trainer = trainer_for(planes, tmp_path)
    trainer.half = False
    trainer.network.train()
    # prompts cost most of a step's time: a few are enough here
    losses = [float(trainer.step(number % 8 == 7)["instance_loss"]) for number in range(32)]
    assert np.mean(losses[-8:]) < 0.8 * np.mean(losses[:4])
    trainer.save(0.0)
    state = load_checkpoint(tmp_path / "last.pt")
    assert state["windows"] == 64
    export_weights(state, tmp_path / "weights.safetensors", note="test")
    with safe_open(tmp_path / "weights.safetensors", "pt") as file:
        assert file.metadata()["note"] == "test"
    network = load_cells(tmp_path / "weights.safetensors").network
    features = network.encode(torch.zeros(1, 3, 64, 96))
    assert network.instances(features).shape == (1, 3, 32, 48)
    assert network.sizes(features).shape == (1, 1, 8, 12)
    assert (tmp_path / "weights.safetensors").stat().st_size < 15e6


def test_run_stops_in_time_and_resumes(planes, tmp_path):
    first = trainer_for(planes, tmp_path, minutes=0.03)
    first.run()
    again = trainer_for(planes, tmp_path, minutes=0.02)
    again.resume(tmp_path / "last.pt")
    assert again.windows_seen == first.windows_seen > 0
    again.run()
    assert again.windows_seen > first.windows_seen
    assert load_checkpoint(tmp_path / "last.pt")["minutes"] == pytest.approx(0.05, abs=0.06)


def test_resume_without_a_checkpoint_says_so(planes, tmp_path):
    with pytest.raises(DataError, match="no checkpoint"):
        trainer_for(planes, tmp_path).resume(tmp_path / "last.pt")


def test_a_run_goes_on_from_exported_weights(planes, tmp_path):
    first = trainer_for(planes, tmp_path)
    first.half = False
    first.step()
    first.save(0.0)
    export_weights(load_checkpoint(tmp_path / "last.pt"), tmp_path / "weights.safetensors")
    second = trainer_for(planes, tmp_path / "second", seed=1)
    second.start_from(tmp_path / "weights.safetensors")
    assert second.windows_seen == first.windows_seen
    for name, value in second.network.state_dict().items():
        expected = first.average.state[name]
        torch.testing.assert_close(value, expected, rtol=2e-3, atol=1e-4, check_dtype=False)


def test_export_of_the_mean_with_the_weights_that_a_run_started_from(planes, tmp_path):
    first = trainer_for(planes, tmp_path)
    first.save(0.0)
    old, new = tmp_path / "old.safetensors", tmp_path / "new.safetensors"
    export_weights(load_checkpoint(tmp_path / "last.pt"), old)
    second = trainer_for(planes, tmp_path / "second", seed=1)
    second.save(0.0)
    last = str(tmp_path / "second/last.pt")
    assert main(["export", last, str(new), "--mean-with", str(old)]) == 0
    mean = load_checkpoint(new)["ema"]
    for name, value in mean.items():
        expected = (first.average.state[name] + second.average.state[name]) / 2
        torch.testing.assert_close(value, expected, rtol=2e-3, atol=1e-4, check_dtype=False)
    load_cells(new)
    with pytest.raises(DataError, match="different networks"):
        between(load_checkpoint(old), {"ema": {}})


def test_export_keeps_variances_that_fp16_cannot_hold(planes, tmp_path):
    trainer = trainer_for(planes, tmp_path)
    name = "image_encoder.merge.3.1.running_var"
    trainer.average.state[name].fill_(1e6)
    trainer.save(0.0)
    export_weights(load_checkpoint(tmp_path / "last.pt"), tmp_path / "w.safetensors")
    kept = load_checkpoint(tmp_path / "w.safetensors")["ema"]
    assert float(kept[name].max()) == pytest.approx(1e6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU, there is none")
def test_training_on_cuda(planes, tmp_path):
    trainer = trainer_for(planes, tmp_path, device="cuda", minutes=0.05, precision="bfloat16")
    trainer.run()
    assert trainer.windows_seen > 0
    assert (tmp_path / "last.pt").exists()


def test_a_round_of_prompts_teaches_the_other_meanings_once(planes, tmp_path):
    trainer = trainer_for(planes, tmp_path, batch=4)
    trainer.half = False
    figures = trainer.step(True)
    assert float(figures["caution_loss"]) > 0
    assert all(torch.isfinite(value) for name, value in figures.items() if name.endswith("_loss"))


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_few_photons_of_anything_stay_an_image(value):
    rng = np.random.default_rng(0)
    window = np.full((32, 32, 1), value, np.float32)
    for _ in range(60):
        looks = augment_image(window, rng)
        assert looks.shape == (32, 32, 3)
        assert looks.dtype == np.float32
        assert np.isfinite(looks).all()
        assert -0.1 <= looks.min() <= looks.max() <= 1.2


def test_prompts_lie_where_they_should(planes):
    stream = WindowStream(planes, seed=1)
    examples = [stream.draw(96) for _ in range(3)]
    generator = torch.Generator().manual_seed(0)
    index, truth, weight = choose_objects(examples, 5, generator, torch.device("cpu"))
    batch = first_prompts(index, truth, weight)
    for number in range(len(index)):
        if batch.labels[number, 0] == 1 and truth[number].any():
            x, y = (batch.points[number, 0] / 2).long().tolist()
            assert truth[number, y, x] == 1
        if not torch.isnan(batch.boxes[number, 0]):
            rows, cols = torch.nonzero(truth[number], as_tuple=True)
            box = torch.stack([cols.min(), rows.min(), cols.max() + 1, rows.max() + 1]) * 2
            size = (box[2:] - box[:2]).repeat(2).float()
            # a hand that trembles, and one in ten who draws well outside
            assert ((batch.boxes[number] - box).abs() <= (0.15 + 0.25) * size + 4).all()
    # an answer that is wrong everywhere: the correction is a click on the object
    logits = torch.full((len(index), 3, 48, 48), -5.0)
    after = correct(batch, logits, torch.rand(len(index), 3))
    asked = truth.sum((1, 2)) > 0
    assert (after.labels[asked, -1] == 1).all()  # there may have been two before
    assert after.points.shape[1] == batch.points.shape[1] + 1


def test_a_window_shows_the_plane_at_its_zoom(planes):
    plane = planes[0]
    window = cut_window(plane, (80, 80), 1.0, 160)
    np.testing.assert_allclose(window.image, plane.levels[0].astype(np.float32), atol=2e-3)
    assert set(np.unique(window.labels)) <= set(range(len(plane.diameter)))
    twice = cut_window(plane, (80, 80), 2.0, 160)
    inside = twice.labels > 0
    if inside.any():
        ids = np.unique(twice.labels[inside])
        assert np.nanmax(twice.depth) <= 2 * plane.inner_radius[ids].max() + 1e-3
    outside = cut_window(plane, (-300, -300), 1.0, 64)
    assert not outside.image.any()
    assert not outside.labels.any()


def test_depth_ends_at_touching_neighbours():
    labels = np.zeros((20, 20), int)
    labels[5:15, 2:10], labels[5:15, 10:18] = 1, 2
    depth = object_depth(labels)
    assert depth[10, 9] == depth[10, 10] == 0.5
    assert depth[10, 6] > 2


def test_the_split_is_by_group_and_by_source():
    def pair(name: str, group: str) -> Pair:
        return Pair(name, None, None, "fluorescence", group)

    pairs = [pair(f"a{i}", f"field-{i // 4}") for i in range(400)]
    training, held = split_pairs(pairs)
    assert 0.05 < len(held) / len(pairs) < 0.3
    assert not {p.group for p in training} & {p.group for p in held}
    assert is_validation(pair("laptrack_nuclei_tyx", "x"))
    assert is_validation(pair("mylab_7", "field-0"), leave_out=("mylab",))
    assert [is_validation(p) for p in pairs[:40]] == [is_validation(p) for p in pairs][:40]


def test_what_is_for_validation_only_is_never_trained_on(tmp_path):
    names = ["film_set1", "film_set5", "film_set6", "flyem_medulla_z000", "flyem_medulla_slice030"]
    for name in [*names, "flyem_medulla_slice095", "movie"]:
        for part in ("image", "labels"):
            tifffile.imwrite(tmp_path / f"{name}.{part}.tif", np.zeros((4, 4), np.uint8))
    (tmp_path / "SOURCES.csv").write_text(
        "name,modality,notes\nmovie,fluorescence,ids are tracks | VALIDATION ONLY (tracking)\n"
    )
    found = {pair.name: pair for pair in find_pairs(tmp_path)}
    assert is_validation(found["movie"])
    # neighbours of a series show the same objects: they stay together
    assert found["film_set1"].group == found["film_set5"].group != found["film_set6"].group
    assert found["flyem_medulla_z000"].group == found["flyem_medulla_slice030"].group
    assert found["flyem_medulla_slice095"].group != found["flyem_medulla_z000"].group


def test_stacks_give_slices_with_a_neighbour(tmp_path):
    labels = np.zeros((5, 8, 9), np.uint16)
    labels[:4, 2:5, 2:5] = 3
    for name, values in (("image", labels), ("labels", labels)):
        tifffile.imwrite(tmp_path / f"a.{name}.tif", values, photometric="minisblack")
    slices = list(find_pairs(tmp_path)[0].slices())
    assert len(slices) == 4
    for image, here, beside in slices:
        assert image.shape == here.shape == beside.shape == (8, 9)
    assert slices[0][2].any()
    assert len(next(iter(find_pairs(tmp_path)[0].planes()))) == 2


def test_pairs_of_both_conventions(tmp_path):
    image = np.zeros((8, 9), np.uint8)
    tifffile.imwrite(tmp_path / "a.image.tif", image)
    tifffile.imwrite(tmp_path / "a.labels.tif", image)
    (tmp_path / "SOURCES.csv").write_text(
        "name,modality,notes\na,fluorescence nuclei,field group 1f\n"
    )
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        tifffile.imwrite(tmp_path / folder / "b.tif", image)
    a, b = find_pairs(tmp_path)
    assert (a.name, a.family, a.group) == ("a", "fluorescence nuclei", "field-1f")
    assert b.family == "other"
    tifffile.imwrite(tmp_path / "masks" / "b.tif", image[:4])
    with pytest.raises(DataError, match="same rows and columns"):
        list(b.planes())
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no pair"):
        find_pairs(tmp_path / "empty")


def test_an_empty_mask_has_no_middle_and_no_edges() -> None:
    for asked in (deepest, edges):
        with pytest.raises(ValueError, match="empty mask"):
            asked(np.zeros((4, 6), bool))


def test_metrics():
    truth = np.zeros((20, 20), int)
    truth[2:8, 2:8], truth[12:18, 12:18] = 1, 2
    assert (average_precision(truth, truth) == 1).all()
    half = np.where(truth == 1, 1, 0)
    half[12:15, 0:3] = 2
    assert average_precision(truth, half)[0] == pytest.approx(1 / 3)
    assert average_precision(truth, np.zeros_like(truth))[0] == 0
    assert deepest(truth == 1) in {(4, 4), (4, 5), (5, 4), (5, 5)}
    assert next_click(truth == 1, truth == 1) is None
    assert next_click(truth == 1, truth > 0)[1] == 0


def test_monitor_reports_every_family(planes, tmp_path):
    sample = generate("nuclei_sparse", 1, (160, 160))
    windows = monitor_windows([("a", "x", sample[0], sample[1])], 64, per_family=2)
    found = monitor(trainer_for(planes, tmp_path).network.eval(), windows)
    assert set(found) == {"a", "mean"}
    assert 0 <= found["mean"]["box"] <= 1


def test_command_line(tmp_path, capsys):
    assert main(["train", "--data", str(tmp_path / "nowhere"), "--nice", "0"]) == 1
    assert "no folder" in capsys.readouterr().err
