"""What models need on this machine, and which of them suit an image."""

from __future__ import annotations

import concurrent.futures
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import skimage.data
import tifffile
import torch

from napari_sam.cli import main
from napari_sam.engine.catalogue import Catalogue
from napari_sam.models import checkpoints, needs, zoo
from napari_sam.models.suggest import looks_stained
from tiny_sam import tiny_network


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_SAM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_it_is_measured_on_request_and_shown_in_the_list(tmp_path, capsys, monkeypatch):
    # A process of its own would take seconds to begin.
    monkeypatch.setattr(concurrent.futures, "ProcessPoolExecutor", ThreadPoolExecutor)
    path = tmp_path / "mine.pth"
    torch.save(tiny_network().state_dict(), path)
    zoo.add(path)
    assert needs.known("mine") is None
    assert main(["models", "info", "mine"]) == 0
    assert "not measured" in capsys.readouterr().out
    assert main(["models", "measure", "mine", "--device", "cpu"]) == 0
    found = needs.known("mine")
    assert found.device == "cpu"
    assert found.read > 0
    assert found.told in capsys.readouterr().out
    assert main(["models", "list"]) == 0
    assert found.told in capsys.readouterr().out
    assert found.told in Catalogue().describe("mine")
    rows = json.loads(needs._path().read_text())
    for row in ({"device": "cpu"}, "much", {**next(iter(rows.values())), "read": "long"}):
        needs._path().write_text(json.dumps(dict.fromkeys(rows, row)))
        assert needs.known("mine") is None
    needs._path().write_text("[")
    assert needs.known("mine") is None
    needs._path().unlink()
    needs._path().mkdir()
    assert main(["models", "measure", "mine", "--device", "cpu"]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_a_file_is_read_once_to_tell_what_its_model_can_do(tmp_path, monkeypatch):
    path, catalogue, read = tmp_path / "mine.pth", Catalogue(), []

    def counted(path):
        read.append(path)
        return real(path)

    real = checkpoints.read_header
    monkeypatch.setattr(checkpoints, "read_header", counted)
    assert catalogue.abilities(str(path)) is None
    torch.save({"nothing": torch.zeros(2)}, path)
    assert [catalogue.abilities(str(path)) for _ in range(3)] == [None] * 3
    torch.save(tiny_network().state_dict(), path)
    assert [catalogue.abilities(str(path)) for _ in range(3)] == [("instances",)] * 3
    assert catalogue.suits(str(path)) == {}
    assert read == [path, path]


def test_a_model_that_is_not_here_is_not_measured(capsys):
    assert main(["models", "measure", "sam_vit_b"]) == 1
    assert "not downloaded" in capsys.readouterr().err
    assert needs.known("sam_vit_b") is None


@pytest.mark.parametrize(
    ("make", "flags", "names"),
    [
        (lambda: np.zeros((8, 9), np.uint8), [], ["cells"]),
        (lambda: np.zeros((6, 8, 9), np.uint8), [], ["sam2.1_tiny", "cells"]),
        (lambda: np.zeros((8, 9), np.uint8), ["--words"], ["sam3", "cells"]),
        (lambda: np.zeros((8, 9), np.uint8), ["--electrons"], ["micro_sam_vit_b_em_organelles"]),
        (lambda: skimage.data.immunohistochemistry()[::8, ::8], [], ["cells"]),
    ],
)
def test_models_are_suggested_by_what_is_there_and_asked(make, flags, names, tmp_path, capsys):
    image = make()
    kind = "rgb" if image.shape[-1] == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "a.tif", image, photometric=kind)
    assert main(["models", "suggest", str(tmp_path / "a.tif"), *flags]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == names


def test_stains_are_told_by_their_colours_alone():
    rng = np.random.default_rng(0)
    tissue = rng.normal((215, 160, 205), 12, (60, 60, 3)).clip(0, 255).astype(np.uint8)
    tissue[20:30, 20:30] = (90, 60, 150)
    assert looks_stained(tissue)
    assert not looks_stained(tissue[..., ::-1][..., [1, 0, 2]])
    assert not looks_stained(np.full((9, 9, 3), 200, np.uint8))
    assert not looks_stained(np.zeros((0, 1, 3), np.uint8))
    fluorescence = np.zeros((60, 60, 3), np.uint8)
    fluorescence[10:20, 10:20] = (0, 0, 200)
    assert not looks_stained(fluorescence)
