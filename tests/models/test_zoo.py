"""The zoo: names, near misses, downloads only on request, and the user's own checkpoints."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest
import torch

import napari_sam as ns
from napari_sam.errors import (
    CheckpointError,
    DataError,
    DeviceError,
    ModelError,
    UnknownModelError,
)
from napari_sam.models import fetch, zoo
from tiny_sam import tiny_network


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("NAPARI_SAM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    path = tmp_path / "organoids.pth"
    torch.save(tiny_network(5).state_dict(), path)
    return path


def test_the_table_is_complete():
    names = [entry.name for entry in zoo.available()]
    assert names == ["cells", "sam_vit_b", "sam_vit_l", "sam_vit_h"]
    for entry in zoo.ZOO[1:]:
        assert entry.licence == "Apache-2.0"
        assert len(entry.sha256) == 64
        assert entry.url.startswith("https://")
        assert entry.url.endswith(entry.file)
    assert [entry.bytes for entry in zoo.ZOO] == [0, 375042383, 1249524607, 2564550879]
    assert zoo.info("cells").ready
    assert not zoo.info("sam_vit_b").ready


def test_an_unknown_name_lists_all_and_guesses():
    with pytest.raises(UnknownModelError, match="Did you mean 'sam_vit_h'") as error:
        ns.load_model("sam_vith")
    assert "cells" in str(error.value)
    assert isinstance(error.value, LookupError)
    with pytest.raises(UnknownModelError, match="no checkpoint file at"):
        ns.load_model("folder/none.pth")


def test_nothing_is_downloaded_unasked(monkeypatch):
    monkeypatch.setattr(fetch, "fetch", lambda *a, **k: pytest.fail("downloaded"))
    with pytest.raises(ModelError, match="napari-sam models download sam_vit_b"):
        ns.load_model("sam_vit_b", device="cpu")


def _pretend(monkeypatch, checkpoint: Path, **changes: object) -> zoo.Entry:
    content = checkpoint.read_bytes()
    entry = replace(
        zoo.info("sam_vit_b"),
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        **changes,
    )
    monkeypatch.setattr(zoo, "ZOO", (zoo.ZOO[0], entry))
    return entry


def test_a_download_is_made_on_request_and_loaded(monkeypatch, checkpoint, home):
    entry = _pretend(monkeypatch, checkpoint)

    def deliver(url: str, target: Path, **words: object) -> Path:
        assert url == entry.url
        target.parent.mkdir(parents=True)
        target.write_bytes(checkpoint.read_bytes())
        return target

    monkeypatch.setattr(fetch, "fetch", deliver)
    model = ns.load_model("sam_vit_b", device="cpu", download=True)
    assert model.name == "sam_vit_b"
    assert entry.path == home / "models" / entry.file
    assert entry.ready
    again = ns.load_model("sam_vit_b", device="cpu")
    assert again.fingerprint == model.fingerprint


def test_a_changed_file_is_not_taken_for_the_zoo_model(monkeypatch, checkpoint):
    entry = _pretend(monkeypatch, checkpoint)
    assert entry.path is not None
    entry.path.parent.mkdir(parents=True)
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    entry.path.write_bytes(bytes(content))
    with pytest.raises(CheckpointError):
        ns.load_model("sam_vit_b", device="cpu")


def test_a_partial_file_is_not_ready(monkeypatch, checkpoint):
    entry = _pretend(monkeypatch, checkpoint)
    assert entry.path is not None
    entry.path.parent.mkdir(parents=True)
    entry.path.write_bytes(checkpoint.read_bytes()[:-10])
    assert not entry.ready
    with pytest.raises(ModelError, match="not downloaded yet"):
        ns.load_model("sam_vit_b", device="cpu")


def test_own_checkpoints_are_known_by_name_and_stay_where_they_are(checkpoint, home):
    entry = zoo.add(checkpoint)
    assert entry.name == "organoids"
    assert [e.name for e in zoo.available()][-1] == "organoids"
    model = ns.load_model("organoids", device="cpu")
    assert model.name == "organoids"
    assert model.fingerprint == ns.load_model(checkpoint, device="cpu").fingerprint
    assert [p.name for p in home.iterdir()] == ["models.json"]
    zoo.remove("organoids")
    assert checkpoint.exists()
    with pytest.raises(UnknownModelError):
        zoo.info("organoids")


def test_fingerprints_follow_the_weights(checkpoint, tmp_path):
    other = tmp_path / "sub" / "organoids.pth"
    other.parent.mkdir()
    torch.save(tiny_network(6).state_dict(), other)
    one, two = (ns.load_model(path, device="cpu").fingerprint for path in (checkpoint, other))
    assert one != two


def test_an_added_file_that_moved_is_explained(checkpoint):
    zoo.add(checkpoint, "mine")
    checkpoint.rename(checkpoint.with_name("elsewhere.pth"))
    with pytest.raises(ModelError, match="no longer at"):
        ns.load_model("mine", device="cpu")


def test_names_of_the_zoo_cannot_be_taken(checkpoint, tmp_path):
    with pytest.raises(ModelError, match="model of the zoo"):
        zoo.add(checkpoint, "sam_vit_b")
    with pytest.raises(ModelError, match="belongs to the zoo"):
        zoo.remove("cells")
    zoo.add(checkpoint, "mine")
    other = tmp_path / "other.pth"
    other.write_bytes(checkpoint.read_bytes())
    with pytest.raises(ModelError, match="already the name"):
        zoo.add(other, "mine")


def test_what_is_no_checkpoint_is_not_added(tmp_path):
    path = tmp_path / "notes.pth"
    path.write_text("nothing here")
    with pytest.raises(CheckpointError):
        zoo.add(path)
    with pytest.raises(CheckpointError, match="no checkpoint file"):
        zoo.add(tmp_path / "absent.pth")
    assert len(zoo.available()) == 4


def test_a_damaged_list_of_models_says_so_and_the_zoo_still_works(home):
    home.mkdir()
    (home / "models.json").write_text(json.dumps([{"wrong": 1}]))
    with pytest.raises(DataError, match="Delete the file"):
        zoo.available()


def test_an_absent_device_is_refused_before_anything_is_read():
    with pytest.raises(DeviceError):
        ns.load_model("cells", device="tpu")


def test_the_zoo_is_listed_without_torch():
    code = (
        "import sys; from napari_sam.models import zoo; zoo.available(); "
        "assert 'torch' not in sys.modules, 'torch'; "
        "assert 'segment_anything' not in sys.modules, 'sam'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_exported_weights_of_the_embedded_kind_are_recognised(tmp_path):
    with resources.as_file(resources.files("napari_sam.models.cells")) as folder:
        copied = shutil.copy(
            folder / "weights" / "cells.safetensors", tmp_path / "mine.safetensors"
        )
    model = ns.load_model(copied, device="cpu")
    assert model.has_instances
    assert model.name == "mine"
    assert model.fingerprint == ns.load_model("cells", device="cpu").fingerprint
