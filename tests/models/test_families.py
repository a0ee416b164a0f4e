"""A family is a file and a row: it is listed, downloaded, recognised and loaded like any other."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from safetensors.torch import save_file

import fake_family
import napari_sam as ns
from fake_model import FakeModel, blobs
from napari_sam.cli import main
from napari_sam.errors import CheckpointError, ModelError, NapariSamError
from napari_sam.models import families, zoo
from napari_sam.models.foreign import foreign
from napari_sam.models.grid import PointByPoint
from tiny_sam import tiny_sam


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path, monkeypatch) -> Iterator[str]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "server"
    folder.mkdir()
    made = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{made.server_port}/"
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture
def lantern(tmp_path, monkeypatch, server) -> zoo.Entry:
    """Register the family by its row, and one model of it by an entry of the zoo."""
    monkeypatch.setenv("NAPARI_SAM_HOME", str(tmp_path / "home"))
    file = fake_family.write(tmp_path / "server" / "lantern.safetensors")
    entry = zoo.Entry(
        name="lantern_1",
        family=fake_family.LANTERN,
        file=file.name,
        bytes=file.stat().st_size,
        known_hash=hashlib.sha256(file.read_bytes()).hexdigest(),
        url=server + file.name,
        licence="CC0-1.0",
        good_for="Tests.",
    )
    monkeypatch.setattr(families, "FAMILIES", (*families.FAMILIES, fake_family.LANTERN))
    monkeypatch.setattr(zoo, "ZOO", (*zoo.ZOO, entry))
    return entry


def test_it_is_listed_and_described(lantern, capsys):
    assert main(["models"]) == 0
    (row,) = [line for line in capsys.readouterr().out.splitlines() if "lantern_1" in line]
    assert "not downloaded" in row
    assert "CC0-1.0" in row
    assert main(["models", "info", "lantern_1"]) == 0
    assert lantern.url in capsys.readouterr().out


def test_it_is_downloaded_and_loaded_by_name(lantern, capsys):
    with pytest.raises(ModelError, match="not downloaded yet"):
        ns.load_model("lantern_1", device="cpu")
    assert main(["models", "download", "lantern_1"]) == 0
    assert "Licence of the weights: CC0-1.0" in capsys.readouterr().err
    assert lantern.ready
    model = ns.load_model("lantern_1", device="cpu")
    assert model.name == "lantern_1"
    assert len(ns.segment_cells(blobs(), model=model)) == 2


def test_it_is_recognised_from_a_path_and_added(lantern, tmp_path, capsys):
    path = fake_family.write(tmp_path / "mine.safetensors")
    assert ns.load_model(path, device="cpu").name == "mine"
    assert main(["models", "add", str(path)]) == 0
    assert zoo.info("mine").family is fake_family.LANTERN
    assert ns.load_model("mine", device="cpu").name == "mine"
    assert main(["models", "list"]) == 0
    assert "lanterns" in capsys.readouterr().out


def test_damaged_and_foreign_files_are_refused(lantern, tmp_path):
    path = fake_family.write(tmp_path / "mine.safetensors")
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(CheckpointError, match="damaged"):
        ns.load_model(path, device="cpu")
    fake_family.write(path, count=2)
    for act in (partial(ns.load_model, device="cpu"), zoo.add):
        with pytest.raises(CheckpointError, match="no lantern"):
            act(path)
    save_file({"torch.flame": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match=r"no checkpoint of .* or lanterns"):
        ns.load_model(path, device="cpu")
    assert [entry.name for entry in zoo.available()][-1] == "lantern_1"


def test_a_precision_that_a_family_does_not_have_is_refused(lantern, tmp_path):
    path = fake_family.write(tmp_path / "mine.safetensors")
    with pytest.raises(ModelError, match="int8"):
        ns.load_model(path, device="cpu", precision="int8")


def test_a_model_of_a_family_that_is_not_here_any_more_says_so(lantern, tmp_path, monkeypatch):
    zoo.add(fake_family.write(tmp_path / "mine.safetensors"))
    monkeypatch.setattr(families, "FAMILIES", families.FAMILIES[:-1])
    with pytest.raises(NapariSamError, match="lantern"):
        ns.load_model("mine", device="cpu")
    assert ns.load_model("cells", device="cpu").name == "cells"


def test_capabilities_belong_to_the_object():
    sam, blind = tiny_sam(), FakeModel()
    assert sam.instances is None
    assert not sam.has_instances
    assert sam.storable is sam
    assert not isinstance(sam.grid, PointByPoint)
    blind.has_instances = False
    assert blind.instances is None
    assert FakeModel().has_instances
    assert isinstance(blind.grid, PointByPoint)
    for model in (sam, blind):
        assert (model.concepts, model.memory, model.describes, model.tunable) == (None,) * 4
    with pytest.raises(ModelError, match="no automatic head"):
        sam.instance_maps(sam.encode(blobs()))


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (["image_encoder.trunk.blocks.0", "no_obj_embed_spatial", "memory_encoder.x"], "SAM 2.1"),
        (["image_encoder.trunk.blocks.0", "memory_encoder.x"], "SAM 2,"),
        (["image_encoder.layers.0.blocks", "mask_decoder.x"], "another image encoder"),
        (["downsample.down.res_down_0.conv"], "Cellpose"),
    ],
)
def test_checkpoints_of_others_are_named(names, what, tmp_path):
    assert what in foreign(names, "it")
    path = tmp_path / "other.pth"
    torch.save({name: torch.zeros(2) for name in names}, path)
    with pytest.raises(CheckpointError, match=what):
        ns.load_model(path, device="cpu")


def test_a_part_of_a_family_that_is_read_is_not_called_unsupported():
    part = ["image_encoder.trunk.blocks.0", "memory_encoder.x"]
    for names in (part, [*part, "no_obj_embed_spatial"]):
        assert "not supported" not in foreign(names, "it")
        assert "without its mask decoder" in foreign(names, "it")
