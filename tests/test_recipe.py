"""The equivalent call and command line, run: they find what the panel's options find."""

from __future__ import annotations

import ast
import shlex
from pathlib import Path

import numpy as np
import pytest
import tifffile

from fake_model import FakeModel, blobs
from napari_sam.automatic.live import find_cells
from napari_sam.automatic.options import CellOptions
from napari_sam.automatic.recipe import as_command, as_python, everything_as_python
from napari_sam.automatic.settings import Settings
from napari_sam.cli import main
from napari_sam.models import zoo

CHOICES = [
    CellOptions(),
    CellOptions(sensitivity=0.7, splitting=0.25, smoothing=0.0, max_area=200),
    CellOptions(min_area=150, min_score=0.3),
    CellOptions(min_area=np.int64(0), min_score=np.float32(0.25)),
]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    made = FakeModel("cells")
    monkeypatch.setattr(zoo, "load_model", lambda *_, **__: made)
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two discs of different size, in a file whose name needs quoting."""
    path = tmp_path / "it's day 2.tif"
    image = np.concatenate([blobs(), blobs(centres=((30, 40),), radius=12)], axis=1)
    tifffile.imwrite(path, image)
    return path


@pytest.mark.parametrize("options", CHOICES)
@pytest.mark.parametrize("diameter", [None, 20.0])
def test_both_find_what_the_options_find(
    options: CellOptions,
    diameter: float | None,
    model: FakeModel,
    file: Path,
    tmp_path: Path,
) -> None:
    pixels = tifffile.imread(file)
    live = find_cells(pixels, model.encode(pixels), model, diameter=diameter)
    expected = live.choose(options).labels
    scope: dict[str, object] = {}
    exec(as_python(options, image=file, diameter=diameter), scope)
    np.testing.assert_array_equal(scope["result"].labels, expected)  # type: ignore[attr-defined]
    command = as_command(options, image=file, diameter=diameter, output=tmp_path / "out")
    program, *words = shlex.split(command)
    assert program == "napari-sam"
    assert main(words) == 0
    np.testing.assert_array_equal(
        tifffile.imread(tmp_path / "out" / f"{file.stem}_labels.tif"), expected
    )


def test_what_is_at_its_default_is_not_said() -> None:
    assert as_python() == "import napari_sam as ns\nresult = ns.segment_cells(image, model='cells')"
    assert as_command() == "napari-sam segment IMAGE -o results"


def test_a_model_and_a_channel_are_said() -> None:
    assert "model='sam_vit_b'" in as_python(model="sam_vit_b")
    words = as_command(model="sam_vit_b", channel=1).split()
    assert words[words.index("--model") + 1] == "sam_vit_b"
    assert words[words.index("--channel") + 1] == "1"


def test_everything_is_said_with_what_differs():
    settings = Settings(points_per_side=16, min_area=5, seeds="objects")
    call = ast.parse(everything_as_python(settings, model="sam_vit_b")).body[-1].value
    said = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    assert ast.unparse(call.func) == "ns.segment_everything"
    assert said.pop("model") == "sam_vit_b"
    assert said == {"points_per_side": 16, "min_area": 5, "seeds": "objects"}
