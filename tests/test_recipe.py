"""The equivalent call and command line, run: they find what the panel's options find."""

from __future__ import annotations

import ast
import os
import shlex
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from describing_model import two_kinds
from fake_model import FakeModel, blobs
from napari_sam import loading
from napari_sam.cli import main
from napari_sam.cli.app import _with_dashes, build_parser
from napari_sam.cli.method_flags import options_typed
from napari_sam.cli.segment import _limits
from napari_sam.errors import ParameterError
from napari_sam.methods.finding_cells import find_cells
from napari_sam.methods.options import CellOptions
from napari_sam.methods.recipe import as_command, as_python
from napari_sam.methods.settings import Settings
from napari_sam.methods.similar_options import SimilarOptions
from napari_sam.objects.examples import Examples

CHOICES = [
    CellOptions(),
    CellOptions(sensitivity=0.7, splitting=0.25, smoothing=0.0, max_area=200),
    CellOptions(min_area=150, min_score=0.3),
    CellOptions(min_area=np.int64(0), min_score=np.float32(0.25)),
]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    made = FakeModel("cells")
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: made)
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
    options = replace(options, diameter=diameter)
    pixels = tifffile.imread(file)
    live = find_cells(pixels, model.encode(pixels), model, diameter=diameter)
    expected = live.choose(options).labels
    scope: dict[str, object] = {}
    exec(as_python(options, image=file), scope)
    np.testing.assert_array_equal(scope["result"].labels, expected)  # type: ignore[attr-defined]
    command = as_command(options, image=file, output=tmp_path / "out")
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
    settings = Settings(points_per_side=16, min_area=5, ask_at="objects")
    call = ast.parse(as_python(settings, model="sam_vit_b")).body[-1].value
    said = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    assert ast.unparse(call.func) == "ns.segment_everything"
    assert said.pop("model") == "sam_vit_b"
    assert said == {"points_per_side": 16, "min_area": 5, "ask_at": "objects"}


# the copied line, parsed ---------------------------------------------------------------------

share = st.floats(0, 1)
pixels = st.integers(0, 10**9)
SETTINGS: dict[str, Any] = {
    "points_per_side": st.integers(32, 128),  # enough for any of the layers below
    "points_per_batch": st.integers(1, 10**6),
    "pred_iou_thresh": share,
    "stability_score_thresh": share,
    "stability_score_offset": st.floats(0, 1e30) | st.floats(0, 1, width=32).map(np.float32),
    "box_nms_thresh": share,
    "crop_n_layers": st.integers(0, 2).map(np.int64),
    "crop_nms_thresh": share,
    "crop_overlap_ratio": st.floats(0, 1, exclude_max=True),
    "crop_n_points_downscale_factor": st.integers(1, 5),
    "min_mask_region_area": pixels,
    "min_area": pixels,
    "max_area": st.none() | st.integers(10**9, 10**12),
    "drop_background": st.booleans(),
    "ask_at": st.sampled_from(["grid", "objects"]),
}
# Whatever a file system takes, leading dashes, quotes and line breaks too.
words = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1)
context = st.fixed_dictionaries(
    {},
    optional={
        "image": words,
        "limits": st.tuples(
            st.floats(-1e12, 1e12), st.floats(1e-30, 1e12).map(lambda width: width + 1e12)
        ),
        "channel": st.integers(0, 99),
        "output": words,
    },
)
PLAIN = pytest.mark.skipif(os.name == "nt", reason="shlex reads what POSIX shells read")


def parse(command: str) -> Any:
    """Parse a command line as the program does."""
    program, *typed = shlex.split(command)
    assert program == "napari-sam"
    return build_parser().parse_args(_with_dashes(typed))


def check_context(options: Any, said: dict[str, Any], model: str) -> None:
    """Compare what both modes have in common."""
    assert [Path(path) for path in options.inputs] == [Path(said.get("image", "IMAGE"))]
    assert options.output == Path(said.get("output", "results"))
    assert _limits(options) == said.get("limits")
    assert options.channel == said.get("channel")
    assert options.model == model


@PLAIN
@hypothesis_settings(deadline=None, max_examples=200)
@given(
    chosen=st.fixed_dictionaries({}, optional=SETTINGS),
    said=context,
    model=st.sampled_from(["cells", "sam_vit_b", "/models/my 'own'.pt"]),
)
@example(chosen={}, said={"image": "0", "output": " "}, model="cells")  # an odd name, but one
def test_any_settings_of_everything_survive_the_command_line(chosen, said, model):
    wanted = Settings(**chosen)
    options = parse(as_command(wanted, model=model, **said))
    assert options.mode == "everything"
    check_context(options, said, model)
    parsed = options_typed(options)
    for field in fields(Settings):
        if field.init:
            assert getattr(parsed, field.name) == getattr(wanted, field.name), field.name


@PLAIN
@hypothesis_settings(deadline=None, max_examples=200)
@given(
    chosen=st.fixed_dictionaries(
        {},
        optional={
            "sensitivity": share,
            "splitting": share,
            "smoothing": st.floats(0, 10),
            "min_area": st.none() | pixels,
            "max_area": st.none() | st.integers(10**9, 10**12),
            "min_score": share,
        },
    ),
    diameter=st.none() | st.floats(1e-3, 1e6),
    refine=st.booleans(),
    said=context,
)
def test_any_options_of_cells_survive_the_command_line(chosen, diameter, refine, said):
    wanted = CellOptions(**chosen, diameter=diameter, refine=refine)
    options = parse(as_command(wanted, **said))
    assert options.mode == "cells"
    check_context(options, said, "cells")
    assert options_typed(options) == wanted


def test_points_of_ones_own_are_said_in_python_and_not_on_a_command_line():
    grid = np.array([[0.25, 0.5], [0.75, 0.5]])
    settings = Settings(points_per_side=None, point_grids=[grid])
    call = ast.parse(as_python(settings)).body[-1].value
    said = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    assert said == {
        "model": "cells",
        "points_per_side": None,
        "point_grids": [[[0.25, 0.5], [0.75, 0.5]]],
    }
    with pytest.raises(ParameterError, match="--point-grids"):
        as_command(settings)


def test_both_find_everything_that_the_settings_find(model, file, tmp_path):
    settings = Settings(points_per_side=8, stability_score_thresh=0.5, pred_iou_thresh=0.6)
    limits = (0.0, 250.0)
    scope: dict[str, Any] = {}
    exec(as_python(settings, image=file, limits=limits), scope)
    command = as_command(settings, image=file, limits=limits, output=tmp_path / "out")
    assert main(shlex.split(command)[1:]) == 0
    written = tifffile.imread(tmp_path / "out" / f"{file.stem}_labels.tif")
    np.testing.assert_array_equal(written, scope["result"].labels)
    assert written.max() >= 3


def test_what_no_code_can_spell_is_told_beside_it():
    image, labels = two_kinds()
    code = as_python(SimilarOptions(examples=Examples.of(image, labels)), image="plate.tif")
    assert "image = ns.read_image('plate.tif')" in code
    assert "# examples: labels of a few of the cells looked for" in code
    assert code.endswith("result = ns.find_similar(image, model='cells', examples=examples)")
    assert "unlike" not in code
