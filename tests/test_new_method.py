"""A method that is added by one file and one row appears wherever methods are chosen."""

from __future__ import annotations

import ast
import shlex
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tifffile

import napari_sam as ns
from fake_model import FakeModel, blobs
from method_of_a_stranger import METHOD, SpotOptions
from napari_sam import loading
from napari_sam.cli import main
from napari_sam.errors import ParameterError
from napari_sam.methods import registry
from napari_sam.methods.recipe import as_command, as_python


@pytest.fixture(autouse=True)
def row(monkeypatch):
    monkeypatch.setitem(registry.ROWS, "spots", "method_of_a_stranger")


@pytest.fixture
def image(tmp_path, monkeypatch):
    made = FakeModel("cells")
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: made)
    path = tmp_path / "in" / "discs.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, blobs())
    return path


def test_it_is_registered_by_its_row():
    assert registry.names()[-1] == "spots"
    assert registry.method("spots") is METHOD
    assert registry.method_of(SpotOptions()) is METHOD
    with pytest.raises(ParameterError, match="spots"):
        registry.method("stars")


def test_the_command_line_has_its_flags_and_their_checks(image, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["segment", "--help"])
    told = capsys.readouterr().out
    assert "options of --mode spots" in told
    assert "--brightness" in told
    assert "'spots' finds whatever is bright" in " ".join(told.split())
    out = ["-o", str(tmp_path / "out"), str(image)]
    assert main(["segment", *out, "--brightness", "0.3"]) == 1
    assert "--brightness belongs to --mode spots" in capsys.readouterr().err
    assert main(["segment", *out, "--mode", "spots", "--brightness", "7"]) == 1
    assert "brightness must be a number from 0 to 1" in capsys.readouterr().err
    assert main(["segment", *out, "--mode", "spots", "--inverted", "--min-area", "9999"]) == 0
    assert "Try a lower --brightness." in capsys.readouterr().err


@pytest.mark.parametrize(
    "options", [SpotOptions(), SpotOptions(0.25, 50), SpotOptions(0.9, 0, True)]
)
def test_the_copied_recipes_find_what_its_options_find(options, image, tmp_path):
    pixels = tifffile.imread(image)
    expected = ns.segment_objects(pixels, "spots", FakeModel(), **vars(options))
    scope = {}
    exec(as_python(options, image=image), scope)
    np.testing.assert_array_equal(scope["result"].labels, expected.labels)
    command = as_command(options, image=image, output=tmp_path / "out")
    assert main(shlex.split(command)[1:]) == 0
    written = tifffile.imread(tmp_path / "out" / "discs_labels.tif")
    np.testing.assert_array_equal(written, expected.labels)
    assert set(pd.read_csv(tmp_path / "out" / "discs_objects.csv")["source"]) <= {"spots"}


def test_what_differs_is_said_and_nothing_else():
    call = ast.parse(as_python(SpotOptions(brightness=np.float32(0.25)))).body[-1].value
    said = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    assert said == {"method": "spots", "model": "cells", "brightness": 0.25}


def test_a_stack_is_found_plane_by_plane():
    stack = np.stack([blobs(), blobs(centres=((30, 30),))])
    found = ns.segment_objects(stack, "spots", FakeModel())
    assert found.table["axis_0"].tolist() == [0, 0, 1]
    assert found.table["label"].tolist() == [1, 2, 3]


def test_an_option_that_it_does_not_have_is_refused():
    with pytest.raises(ParameterError, match="no option 'strength'"):
        ns.segment_objects(blobs(), "spots", FakeModel(), strength=3)


def test_its_options_check_themselves():
    with pytest.raises(ParameterError, match="min_area"):
        replace(SpotOptions(), min_area=-1)
