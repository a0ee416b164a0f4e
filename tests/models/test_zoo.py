"""The zoo: names, near misses, downloads only on request, and the user's own checkpoints."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xxhash

import napari_sam as ns
from napari_sam.errors import (
    CheckpointError,
    DataError,
    DeviceError,
    ModelError,
    NapariSamError,
    UnknownModelError,
)
from napari_sam.models import fetch, taught, zoo
from napari_sam.models.entry import Weights
from napari_sam.models.obtain import addresses
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
    assert names[:5] == ["cells", "sam_vit_b", "sam_vit_l", "sam_vit_h", "mobile_sam"]
    assert names[5:9] == [f"sam2.1_{size}" for size in ("tiny", "small", "base_plus", "large")]
    assert {"hq_sam_tiny", "hq_sam_vit_b", "micro_sam_vit_b_lm"} <= set(names)
    files = [one for entry in zoo.ZOO for one in entry.weights]
    assert len({one.file for one in files}) == len({one.known_hash for one in files}) == len(files)
    for one in files:
        kind, _, digest = one.known_hash.rpartition(":")
        assert len(digest) == {"": 64, "md5": 32, "xxh128": 32}[kind]
        assert one.size > 10_000_000
        assert all(url.startswith("https://") for url in one.urls)
        assert one.urls
    for entry in zoo.ZOO:
        assert entry.licence
        micro_sam = entry.name.startswith("micro_sam_")
        assert [one.file for one in entry.beside] == [f"{entry.file}_decoder"] * micro_sam
    assert [entry.bytes for entry in zoo.ZOO[:4]] == [0, 375042383, 1249524607, 2564550879]
    assert zoo.info("cells").ready
    assert not zoo.info("sam_vit_b").ready


def test_an_unknown_name_lists_all_and_guesses():
    with pytest.raises(UnknownModelError, match="Did you mean 'sam_vit_h'") as error:
        ns.load_model("sam_vith")
    assert "cells" in str(error.value)
    assert isinstance(error.value, LookupError)
    with pytest.raises(UnknownModelError, match="no checkpoint file at"):
        ns.load_model("folder/none.pth")


def test_a_wrong_file_in_the_place_of_a_model_is_named(home, checkpoint, monkeypatch):
    place = zoo.info("sam_vit_b").path
    place.parent.mkdir(parents=True)
    shutil.copy(checkpoint, place)
    with pytest.raises(ModelError, match="is not the file of the model 'sam_vit_b'") as error:
        ns.load_model("sam_vit_b")
    assert "a checkpoint of Segment Anything" in str(error.value)
    sha256 = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    twin = replace(
        zoo.info("sam_vit_l"), bytes=checkpoint.stat().st_size, known_hash=sha256, name="twin"
    )
    monkeypatch.setattr(zoo, "ZOO", (*zoo.ZOO, twin))
    with pytest.raises(ModelError, match="It is the file of 'twin'"):
        ns.load_model("sam_vit_b")
    place.write_text("<html>Log in</html>")
    with pytest.raises(ModelError, match="a web page"):
        ns.load_model("sam_vit_b")


def test_nothing_is_downloaded_unasked(monkeypatch):
    monkeypatch.setattr(fetch, "fetch", lambda *a, **k: pytest.fail("downloaded"))
    with pytest.raises(ModelError, match="napari-sam models download sam_vit_b"):
        ns.load_model("sam_vit_b", device="cpu")


def _pretend(monkeypatch, checkpoint: Path, **changes: object) -> zoo.Entry:
    content = checkpoint.read_bytes()
    entry = replace(
        zoo.info("sam_vit_b"),
        bytes=len(content),
        **{"known_hash": hashlib.sha256(content).hexdigest(), **changes},
    )
    monkeypatch.setattr(zoo, "ZOO", (zoo.ZOO[0], entry))
    return entry


def test_a_download_is_made_on_request_and_loaded(monkeypatch, checkpoint, home):
    entry = _pretend(monkeypatch, checkpoint)

    def deliver(urls: tuple[str, ...], target: Path, **words: object) -> Path:
        assert urls == (entry.url,)
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
    with pytest.raises(ModelError, match="cut short"):
        ns.load_model("sam_vit_b", device="cpu")


def test_files_in_a_folder_of_ones_own_are_used_and_checked(monkeypatch, checkpoint, tmp_path):
    digest = hashlib.md5(checkpoint.read_bytes(), usedforsecurity=False).hexdigest()
    entry = _pretend(monkeypatch, checkpoint, known_hash=f"md5:{digest}")
    monkeypatch.setattr(fetch, "fetch", lambda *a, **k: pytest.fail("downloaded"))
    folder = tmp_path / "weights"
    folder.mkdir()
    shutil.copy(checkpoint, folder / entry.file)
    assert not entry.ready
    monkeypatch.setenv("NAPARI_SAM_MODELS", os.pathsep.join([str(tmp_path / "none"), str(folder)]))
    assert entry.path == folder / entry.file
    assert entry.ready
    assert ns.load_model("sam_vit_b", device="cpu").name == "sam_vit_b"
    content = bytearray(checkpoint.read_bytes())
    content[-1] ^= 1
    (folder / entry.file).write_bytes(content)
    with pytest.raises(CheckpointError, match="its checksum differs"):
        ns.load_model("sam_vit_b", device="cpu")


def test_nothing_is_written_into_a_folder_of_ones_own(monkeypatch, checkpoint, home, tmp_path):
    entry = _pretend(monkeypatch, checkpoint)
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setenv("NAPARI_SAM_MODELS", str(folder))
    damaged = bytearray(checkpoint.read_bytes())
    damaged[-1] ^= 1
    (folder / entry.file).write_bytes(damaged)

    def deliver(urls: tuple[str, ...], target: Path, **words: object) -> Path:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(checkpoint, target)
        return target

    monkeypatch.setattr(fetch, "fetch", deliver)
    assert zoo.download("sam_vit_b") == entry.path == home / "models" / entry.file
    assert [path.name for path in folder.iterdir()] == [entry.file]
    assert (folder / entry.file).read_bytes() == damaged
    shutil.move(home / "models" / entry.file, folder / entry.file)
    monkeypatch.setattr(fetch, "fetch", lambda *a, **k: pytest.fail("downloaded"))
    assert zoo.download("sam_vit_b") == folder / entry.file


def test_a_model_of_two_files_is_there_when_both_are(monkeypatch, checkpoint, home):
    digest = xxhash.xxh128(checkpoint.read_bytes()).hexdigest()
    beside = Weights("extra", 0, f"xxh128:{digest}", ("https://here/extra",), about=1)
    entry = _pretend(monkeypatch, checkpoint, beside=(beside,))
    shares = []

    def deliver(urls: tuple[str, ...], target: Path, **words: Any) -> Path:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(checkpoint, target)
        words["progress"](1.0)
        return target

    monkeypatch.setattr(fetch, "fetch", deliver)
    path = zoo.download("sam_vit_b", progress=shares.append)
    assert shares[0] < shares[1] == 1.0
    assert path == home / "models" / entry.file
    assert ns.load_model("sam_vit_b", device="cpu")
    (path.with_name("extra")).write_bytes(b"something else")
    with pytest.raises(CheckpointError, match="extra is not the file"):
        ns.load_model("sam_vit_b", device="cpu")
    path.with_name("extra").unlink()
    with pytest.raises(ModelError, match="Licence of the weights: Apache"):
        ns.load_model("sam_vit_b", device="cpu")


def test_a_mirror_of_ones_own_is_asked_first(monkeypatch):
    weights = zoo.info("hq_sam_vit_h").weights[0]
    assert addresses(weights) == weights.urls
    assert len(weights.urls) == 2
    monkeypatch.setenv("NAPARI_SAM_MIRROR", "http://intranet/models/")
    assert addresses(weights) == ("http://intranet/models/sam_hq_vit_h.pth", *weights.urls)


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
    for use in (lambda: ns.load_model("mine", device="cpu"), lambda: zoo.download("mine")):
        with pytest.raises(ModelError, match=r"no longer at .* models add PATH --name mine"):
            use()


def test_an_added_file_that_moved_is_added_again_under_its_name(checkpoint):
    zoo.add(checkpoint, "mine")
    elsewhere = checkpoint.rename(checkpoint.with_name("elsewhere.pth"))
    assert zoo.add(elsewhere, "mine").path == elsewhere
    assert [entry.name for entry in zoo.available()].count("mine") == 1
    assert ns.load_model("mine", device="cpu").name == "mine"


def test_names_of_the_zoo_cannot_be_taken(checkpoint, tmp_path):
    with pytest.raises(ModelError, match="name of a published model"):
        zoo.add(checkpoint, "sam_vit_b")
    with pytest.raises(ModelError, match="belongs to the zoo"):
        zoo.remove("cells")
    zoo.add(checkpoint, "mine")
    other = tmp_path / "other.pth"
    other.write_bytes(checkpoint.read_bytes())
    with pytest.raises(ModelError, match="already the name"):
        zoo.add(other, "mine")


@pytest.mark.parametrize("name", ["cells", "sam_vit_b", "", "-mine", "a/b", "~me"])
def test_a_name_is_refused_in_words_that_suit_the_panel_too(checkpoint, name):
    with pytest.raises(NapariSamError) as refused:
        taught.keep(checkpoint, name)
    assert "--" not in str(refused.value)
    assert "zoo" not in str(refused.value)
    assert checkpoint.exists()


def test_what_is_no_checkpoint_is_not_added(tmp_path):
    path = tmp_path / "notes.pth"
    path.write_text("nothing here")
    with pytest.raises(CheckpointError):
        zoo.add(path)
    with pytest.raises(CheckpointError, match="no checkpoint file"):
        zoo.add(tmp_path / "absent.pth")
    assert len(zoo.available()) == len(zoo.ZOO)


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


ODD = [
    None,
    3,
    2.5,
    True,
    b"cells",
    [],
    {},
    ("cells",),
    object(),
    "",
    "a" * 300,
    "a" * 5000 + ".pth",
]
ODD += ["a\0b", "\ud800", "~nobody_of_this_name/x.pth", ".", "/", "x/" * 3000]


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_no_name_or_path_is_too_odd_to_be_refused_kindly(value, monkeypatch):
    for act in (
        lambda: ns.load_model(value, device="cpu"),
        lambda: zoo.info(value),
        lambda: zoo.download(value),
        lambda: zoo.add(value),
        lambda: zoo.remove(value),
    ):
        with pytest.raises(NapariSamError):
            act()


@pytest.mark.parametrize(
    "words",
    [
        {"device": None},
        {"device": 3},
        {"device": "cuda:99"},
        {"device": ["cpu"]},
        {"download": "yes"},
        {"download": None},
        {"precision": "float16"},
        {"precision": None},
        {"precision": ["auto"]},
        {"precision": np.array(["auto", "int8"])},
        {"cache": 3},
        {"cache": None},
        {"cache": b"folder"},
        {"cache": ""},
        {"cache": "a" * 300},
        {"cache": __file__},
        {"progress": None},
        {"progress": 0.5},
    ],
    ids=str,
)
def test_arguments_of_a_wrong_kind_are_refused(words):
    with pytest.raises(NapariSamError):
        ns.load_model("cells", **{"device": "cpu", **words})


@pytest.mark.parametrize(
    "name", ["", " ", "a" * 101, "a/b", "a\\b", "a\nb", "-o", "~me", ".hidden", 3, b"mine"]
)
def test_names_that_nobody_could_type_are_refused(name, checkpoint):
    with pytest.raises(NapariSamError):
        zoo.add(checkpoint, name)
    assert len(zoo.available()) == len(zoo.ZOO)


def test_what_load_refuses_is_not_added(tmp_path):
    state = tiny_network(5).state_dict()
    state["mask_decoder.iou_token.weight"] = state["mask_decoder.iou_token.weight"] * np.nan
    missing = {key: value for key, value in state.items() if "neck.1" not in key}
    for number, content in enumerate((state, missing)):
        path = tmp_path / f"broken{number}.pth"
        torch.save(content, path)
        with pytest.raises(CheckpointError):
            zoo.add(path)
    assert len(zoo.available()) == len(zoo.ZOO)


ROW = {
    "name": "mine",
    "family": "sam",
    "file": "/somewhere/mine.pth",
    "bytes": 3,
    "url": "",
    "licence": "",
    "good_for": "",
}
DAMAGED = [5, "text", None, {}, {"a": 1}, [5], [None], [[]], [{"wrong": 1}]]
DAMAGED += [[{**ROW, key: value}] for key in ROW for value in (7.5, None, [])]
DAMAGED += [[{**ROW, "family": "unheard of"}], [{**ROW, "name": ""}], [{**ROW, "file": ""}]]


@pytest.mark.parametrize("content", DAMAGED, ids=repr)
def test_a_damaged_list_of_models_is_told_and_the_zoo_goes_on(content, home, checkpoint):
    home.mkdir()
    (home / "models.json").write_text(json.dumps(content))
    for act in (zoo.available, lambda: zoo.info("mine"), lambda: zoo.add(checkpoint)):
        with pytest.raises(DataError):
            act()
    assert json.loads((home / "models.json").read_text()) == content  # nothing is lost
    assert ns.load_model("cells", device="cpu").name == "cells"


@pytest.mark.parametrize("content", [b"", b"[", b"\xff\xfe", b"[" * 100_000, b"[{}]\0"])
def test_a_list_that_is_no_json(content, home):
    home.mkdir()
    (home / "models.json").write_bytes(content)
    with pytest.raises(DataError, match="Delete the file"):
        zoo.available()


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_others_may_read_what_is_written_into_a_shared_home(checkpoint, home):
    before = os.umask(0o022)
    try:
        zoo.add(checkpoint)
        model = ns.load_model("organoids", device="cpu", cache=True)
        model.encode(np.zeros((30, 40)))
        model.storable.store.set_limit(10**9)
    finally:
        os.umask(before)
    files = [path for path in home.rglob("*") if path.is_file()]
    assert len(files) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o644}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_list_that_may_not_be_read_is_told(checkpoint, home):
    zoo.add(checkpoint)
    (home / "models.json").chmod(0)
    with pytest.raises(DataError, match="chmod"):
        zoo.info("organoids")
    assert zoo.info("cells").ready


def test_the_list_is_read_once_and_again_when_it_changes(checkpoint, home, monkeypatch):
    zoo.add(checkpoint)
    read, times = Path.read_text, []

    def counting(path: Path, *words: object, **more: object) -> str:
        times.append(path.name)
        return read(path, *words, **more)

    monkeypatch.setattr(Path, "read_text", counting)
    for _ in range(20):
        assert zoo.info("organoids").ready
        assert not zoo.info("sam_vit_b").ready
    assert times.count("models.json") <= 1
    rows = json.loads((home / "models.json").read_text())
    (home / "models.json").write_text(json.dumps([{**rows[0], "name": "renamed"}]))
    assert zoo.info("renamed").ready  # another process wrote it


def test_several_processes_add_at_once_and_none_is_forgotten(home):
    code = (
        "import sys\n"
        "from dataclasses import replace\n"
        "from napari_sam.models.added import change\n"
        "from napari_sam.models.zoo import ZOO\n"
        "for name in sys.argv[1:]:\n"
        "    change(lambda entries: (*entries, replace(ZOO[1], name=name)))\n"
    )
    names = [[f"m{k}{n}" for n in range(6)] for k in range(3)]
    others = [subprocess.Popen([sys.executable, "-c", code, *few]) for few in names]
    assert [process.wait(timeout=120) for process in others] == [0, 0, 0]
    assert {entry.name for entry in zoo.available()[len(zoo.ZOO) :]} == {
        name for few in names for name in few
    }
    assert [path.name for path in home.iterdir()] == ["models.json"]
