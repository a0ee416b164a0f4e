"""Checkpoints: read safely, unwrapped, and recognised by the shapes of their weights."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from napari_sam import load_model
from napari_sam.errors import CheckpointError
from napari_sam.models.sam import architecture
from napari_sam.models.sam.network import build, fill
from tiny_sam import TINY, tiny_network

STATE = tiny_network(4).state_dict()


@pytest.mark.parametrize("name", ["vit_b", "vit_l", "vit_h"])
def test_published_sizes_are_recognised_by_their_shapes(name):
    from segment_anything import sam_model_registry

    with torch.device("meta"):
        state = sam_model_registry[name]().state_dict()
    found = architecture.find_architecture(state)
    assert found.name == name
    assert (found.image_size, found.patch, found.window) == (1024, 16, 14)
    assert found.heads == {"vit_b": 12, "vit_l": 16, "vit_h": 16}[name]
    assert (
        found.global_layers
        == {
            "vit_b": (2, 5, 8, 11),
            "vit_l": (5, 11, 17, 23),
            "vit_h": (7, 15, 23, 31),
        }[name]
    )
    with torch.device("meta"):
        again = build(found).state_dict()
    assert {k: v.shape for k, v in again.items()} == {k: v.shape for k, v in state.items()}


def test_any_other_size_is_read_off_too():
    other = replace(TINY, depth=4, global_layers=(0, 3), window=5, width=48, heads=3, masks=4)
    assert architecture.find_architecture(build(other).state_dict()) == other


def _save(state: object, path: Path) -> Path:
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return path


WRAPPED = {
    "plain.pth": STATE,
    "plain.safetensors": dict(STATE),
    "trained.pt": {
        "model_state": OrderedDict((f"sam.{k}", v) for k, v in STATE.items()),
        "decoder_state": OrderedDict({"out_conv.weight": torch.ones(3)}),
        "epoch": 5,
    },
    "parallel.pth": {"state_dict": {f"module.{k}": v for k, v in STATE.items()}},
    "half.pth": {k: v.half() for k, v in STATE.items()},
}


@pytest.mark.parametrize("name", WRAPPED)
def test_weights_arrive_unchanged_however_they_are_wrapped(tmp_path, name):
    path = _save(WRAPPED[name], tmp_path / name)
    checkpoint = architecture.load(path)
    loaded = fill(checkpoint).state_dict()
    assert loaded.keys() == STATE.keys()
    for key, value in STATE.items():
        expected = value.half().float() if name == "half.pth" else value
        assert torch.equal(loaded[key], expected), key
    assert (checkpoint.decoder is not None) == (name == "trained.pt")


@pytest.mark.parametrize("other", ["model_ema.", "model.teacher."])
def test_a_file_of_two_networks_is_refused(tmp_path, other):
    both = {f"{prefix}{k}": v for prefix in ("model.", other) for k, v in STATE.items()}
    path = _save({"state_dict": both}, tmp_path / "both.pth")
    with pytest.raises(CheckpointError, match=rf"several networks.*'model\.', '{other}'"):
        load_model(path, device="cpu")


def test_a_decoder_beside_the_checkpoint_is_found(tmp_path):
    path = _save(STATE, tmp_path / "vit_x_lm.pt")
    _save(OrderedDict({"out_conv.weight": torch.ones(3)}), tmp_path / "vit_x_lm_decoder.pt")
    decoder = architecture.load(path).decoder
    assert decoder is not None
    assert list(decoder) == ["out_conv.weight"]


def test_an_old_style_file_without_a_zip_is_read(tmp_path):
    path = tmp_path / "old.pth"
    torch.save(STATE, path, _use_new_zipfile_serialization=False)
    assert architecture.load(path).architecture == TINY


def test_a_loaded_network_answers_like_the_one_that_was_saved(tmp_path):
    model = load_model(_save(STATE, tmp_path / "mine.pth"), device="cpu")
    pixels = torch.randn(1, 3, 128, 128)
    with torch.no_grad():
        expected = tiny_network(4).image_encoder(pixels)
        assert torch.equal(model.network.image_encoder(pixels), expected)  # type: ignore[attr-defined]
    assert model.name == "mine"
    assert not model.network.training  # type: ignore[attr-defined]


class Evil:
    """Runs code when it is unpickled by a reader that allows it."""

    touched: Path

    def __reduce__(self):
        return (Path.touch, (self.touched,))


def test_a_pickle_that_wants_to_run_code_is_refused_and_runs_nothing(tmp_path):
    Evil.touched = tmp_path / "ran"
    path = tmp_path / "evil.pth"
    torch.save({"model": Evil(), **STATE}, path)
    with pytest.raises(CheckpointError, match="could run code"):
        architecture.load(path)
    bare = tmp_path / "bare.pkl"
    bare.write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(CheckpointError):
        architecture.load(bare)
    assert not Evil.touched.exists()


@pytest.fixture
def whole(tmp_path) -> bytes:
    return _save(STATE, tmp_path / "whole.pth").read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.99])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_truncated_file_is_refused(tmp_path, share, suffix):
    content = _save(dict(STATE), tmp_path / f"whole{suffix}").read_bytes()
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(CheckpointError, match="ownload it again"):
        architecture.load(path)
    with pytest.raises(CheckpointError, match="ownload it again"):
        load_model(path, device="cpu")


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\x01garbage" * 99,
        b"PK\x03\x04 not a zip",
        b"hello",
        b"broken\n",  # which makes the unpickler look into an empty list
    ],
)
def test_garbage_is_refused(tmp_path, content):
    path = tmp_path / "garbage.pth"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged") as refused:
        architecture.load(path)
    assert "weights_only" not in str(refused.value)  # nobody shall be told to switch it off
    assert not re.search(r"\(\d+\)", str(refused.value))  # a number is no reason


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"II*\x00\x08\x00\x00\x00", "a TIFF image"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ],
)
def test_other_files_are_named(tmp_path, content, words):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=words):
        load_model(path, device="cpu")


def test_a_web_page_is_named_as_such(tmp_path):
    path = tmp_path / "page.pth"
    path.write_bytes(b"\n<!DOCTYPE html><html>Sign in</html>")
    with pytest.raises(CheckpointError, match="web page"):
        architecture.load(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint file"):
        architecture.load(tmp_path / "nowhere.pth")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"conv.weight": torch.zeros(2)}, "holds no SAM weights"),
        ([torch.zeros(2)], "holds a list"),
        ({"image_encoder.layers.0.weight": torch.zeros(2)}, "another image encoder"),
        ({k: v for k, v in STATE.items() if "mask_decoder" not in k}, "not a Segment Anything"),
        ({k: v for k, v in STATE.items() if "neck.1" not in k}, "weights are missing"),
        ({**STATE, "mask_decoder.hf_token.weight": torch.zeros(2)}, "unknown"),
        ({**STATE, "image_encoder.neck.1.weight": torch.zeros(7)}, "does not fit"),
    ],
)
def test_other_models_are_refused_with_a_reason(tmp_path, state, words):
    path = _save(state, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=words):
        fill(architecture.load(path))


def test_own_pixel_statistics_of_a_checkpoint_are_used():
    mean = torch.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1)
    sam, _ = architecture.unwrap({**STATE, "pixel_mean": mean})
    network = fill(architecture.Checkpoint(sam, None, TINY, ""))
    assert torch.equal(network.pixel_mean, mean)
    assert network.pixel_std.flatten().tolist() == pytest.approx([58.395, 57.12, 57.375])


def repacked(path: Path, method: int) -> Path:
    """Write the archive again as an archiver would."""
    target = path.with_name(f"packed{method}.pth")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w", method) as new:
        for file in old.infolist():
            new.writestr(file.filename, old.read(file))
    return target


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_repacked_file_holds_the_same_weights(tmp_path, method):
    path = repacked(_save(STATE, tmp_path / "whole.pth"), method)
    found = architecture.load(path).sam
    for name, weights in STATE.items():
        assert torch.equal(found[name], weights), name


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e30])
def test_weights_that_are_no_numbers_are_refused(tmp_path, value, suffix):
    broken = {key: tensor.clone() for key, tensor in STATE.items()}
    broken["mask_decoder.iou_token.weight"][0, 5] = value
    path = _save(broken, tmp_path / f"broken{suffix}")
    with pytest.raises(CheckpointError, match=r"iou_token.*NaN, infinities"):
        load_model(path, device="cpu")


def test_one_changed_bit_of_an_archive_is_noticed(tmp_path):
    content = bytearray(_save(STATE, tmp_path / "whole.pth").read_bytes())
    content[len(content) // 2] ^= 1  # in the last place of a number, which stays a number
    path = tmp_path / "changed.pth"
    path.write_bytes(bytes(content))
    with pytest.raises(CheckpointError, match="damaged"):
        load_model(path, device="cpu")


def test_an_archive_without_checksums_is_read(tmp_path, monkeypatch):
    torch.serialization.set_crc32_options(False)
    try:
        path = _save(STATE, tmp_path / "unchecked.pth")
    finally:
        torch.serialization.set_crc32_options(True)
    assert architecture.load(path).architecture == TINY


def test_a_file_is_known_by_its_content_and_not_by_its_ending(tmp_path):
    whole = _save(STATE, tmp_path / "whole.safetensors")
    renamed = whole.rename(tmp_path / "renamed.pth")
    assert load_model(renamed, device="cpu").name == "renamed"
    whole = _save(STATE, tmp_path / "whole.pth")
    assert load_model(whole.rename(tmp_path / "other.safetensors"), device="cpu").name == "other"


def test_weights_of_whole_numbers_are_refused(tmp_path):
    rounded = {key: (tensor * 10).to(torch.int8) for key, tensor in STATE.items()}
    with pytest.raises(CheckpointError, match="not real numbers"):
        load_model(_save(rounded, tmp_path / "rounded.pth"), device="cpu")


def test_half_precision_is_read(tmp_path):
    half = {key: tensor.half() for key, tensor in STATE.items()}
    model = load_model(_save(half, tmp_path / "half.pth"), device="cpu")
    for name, weights in model.network.state_dict().items():
        if name in half:
            assert torch.equal(weights, half[name].float()), name


def test_numbers_repeated_from_fewer_ones_are_refused(tmp_path):
    wide = {**STATE, "image_encoder.neck.9.weight": torch.zeros(1).expand(10**10)}
    with pytest.raises(CheckpointError, match="not all in the file"):
        architecture.load(_save(wide, tmp_path / "wide.pth"))


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_of_a_damaged_file_a_whole_sentence_is_told(tmp_path, share):
    path = tmp_path / "short.pth"
    torch.save({"weight": torch.ones(64, 64)}, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))] + bytes(7))
    with pytest.raises(CheckpointError, match="damaged") as refused:
        architecture.load(path)
    reason = str(refused.value).split("(", 1)[1].removesuffix("). Download it again.")
    assert reason in str(refused.value.__cause__)
    assert "internal" not in reason
    assert ". " not in reason
