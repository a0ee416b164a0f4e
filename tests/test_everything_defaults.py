"""Everything-mode at its defaults: what suits the model, unless somebody has chosen."""

from __future__ import annotations

import inspect
import pickle
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import tifffile
from scipy import ndimage as ndi

import napari_sam as ns
from fake_model import FakeModel, blobs
from napari_sam.cli.app import main
from napari_sam.cli.method_flags import options_typed
from napari_sam.engine.run import run
from napari_sam.images import Image
from napari_sam.methods.everything import METHOD
from napari_sam.methods.option import differing
from napari_sam.methods.preset import is_preset
from napari_sam.methods.recipe import as_command, as_python
from napari_sam.methods.settings import Settings
from napari_sam.models.cells.suits import SUITS
from napari_sam.models.families import FAMILIES
from napari_sam.models.sam.model import SamModel
from napari_sam.segment import segment_everything
from tiny_sam import tiny_network

REFERENCE = {
    "points_per_side": 32,
    "pred_iou_thresh": 0.88,
    "stability_score_thresh": 0.95,
    "stability_score_offset": 1.0,
    "box_nms_thresh": 0.7,
    "crop_n_layers": 0,
    "crop_nms_thresh": 0.7,
    "crop_overlap_ratio": 512 / 1500,
    "crop_n_points_downscale_factor": 1,
    "min_mask_region_area": 0,
    "ask_at": "grid",
}
OWN = {"ask_at": "objects", "pred_iou_thresh": 0.4, "stability_score_thresh": 0.3}


class Suited(FakeModel):
    """A model that other values suit."""

    suits: ClassVar = {"everything": OWN}


def clear_nuclei(seed: int) -> np.ndarray:
    """Paint 100 bright discs on a dark ground, apart from each other, in uint16."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:512, :512]
    image = np.zeros((512, 512))
    for row in np.arange(10) * 51 + 25:
        for column in np.arange(10) * 51 + 25:
            at = np.array([row, column]) + rng.uniform(-6, 6, 2)
            image[np.hypot(rows - at[0], columns - at[1]) < rng.uniform(10, 15)] = 1000
    image = ndi.gaussian_filter(image, 1.5) + rng.normal(100, 20, image.shape)
    return image.clip(0).astype(np.uint16)


def used(model: Any, options: Settings, image: Any = None) -> Settings:
    """Search, and return what it was searched with."""
    pixels = blobs() if image is None else image
    (result,) = run(Image.of(pixels), None, METHOD, model, options, finder=FakeModel())
    settings: Settings = result.found.proposals.settings
    return settings


def test_a_hundred_clear_nuclei_are_found_by_cells():
    assert 95 <= len(segment_everything(clear_nuclei(0), model="cells")) <= 105


@pytest.mark.parametrize("kind", ["uint8", "colour", "bright ground"])
def test_clear_nuclei_of_any_look_are_found_by_cells(kind):
    image = (clear_nuclei(1)[:204, :204] // 5).clip(0, 255).astype(np.uint8)
    if kind == "colour":
        image = np.stack([image // 4, image // 4, image], axis=-1)
    if kind == "bright ground":
        image = 255 - image
    assert 15 <= len(segment_everything(image, model="cells")) <= 20


def test_clear_nuclei_are_found_at_a_grid_too():
    result = segment_everything(clear_nuclei(3)[:102, :102], model="cells", points_per_side=6)
    assert 3 <= len(result) <= 6


def test_the_signature_is_the_references():
    signature = inspect.signature(segment_everything)
    for name, value in REFERENCE.items():
        parameter = signature.parameters[name]
        assert parameter.default == value
        assert repr(parameter.default) == repr(value)
        assert getattr(Settings(), name) == value


def test_a_sam_has_the_references_defaults():
    sam = SamModel(tiny_network(), "tiny")
    found = used(sam, Settings(points_per_side=2))
    assert {name: getattr(found, name) for name in REFERENCE} == {**REFERENCE, "points_per_side": 2}


def test_what_suits_a_model_takes_the_place_of_what_nobody_chose():
    assert {name: getattr(used(Suited(), Settings()), name) for name in OWN} == OWN
    by_nobody = {
        name: getattr(used(FakeModel(), Settings(points_per_side=4)), name) for name in OWN
    }
    assert by_nobody == {name: REFERENCE[name] for name in OWN}


@pytest.mark.parametrize("name", [*OWN, "box_nms_thresh"])
def test_what_is_given_holds_even_if_it_is_the_usual_value(name):
    chosen = used(Suited(), Settings(**{name: REFERENCE[name]}, min_area=3))
    assert getattr(chosen, name) == REFERENCE[name]
    for other in OWN.keys() - {name}:
        assert getattr(chosen, other) == OWN[other]


@pytest.mark.parametrize(
    "grid",
    [
        {"points_per_side": 32},
        {"points_per_side": None, "point_grids": [np.array([[0.5, 0.5]])]},
    ],
)
def test_who_gives_a_grid_is_asked_at_it(grid):
    assert used(Suited(), Settings(**grid)).ask_at == "grid"
    assert used(Suited(), Settings(**grid)).pred_iou_thresh == OWN["pred_iou_thresh"]


def test_what_is_given_to_the_public_function_holds(monkeypatch):
    seen: list[Settings] = []
    monkeypatch.setattr(
        METHOD, "search", lambda encoded, options, **_: seen.append(options) or stop()
    )

    def stop() -> None:
        raise ns.errors.Cancelled("that is all")

    for given in ({}, {"pred_iou_thresh": 0.88}, {"ask_at": "grid"}):
        with pytest.raises(ns.errors.Cancelled):
            segment_everything(blobs(), Suited(), **given)
    nothing, certainty, grid = seen
    assert (nothing.ask_at, nothing.pred_iou_thresh) == ("objects", 0.4)
    assert (certainty.ask_at, certainty.pred_iou_thresh) == ("objects", 0.88)
    assert grid.ask_at == "grid"


def test_marks_survive_other_processes_and_replacing():
    options = pickle.loads(pickle.dumps(Settings(min_area=4)))
    assert is_preset(options.pred_iou_thresh)
    assert not is_preset(pickle.loads(pickle.dumps(Settings(pred_iou_thresh=0.88))).pred_iou_thresh)


def test_only_what_was_chosen_is_said():
    assert differing(Settings()) == {}
    assert differing(METHOD.suited(Settings(), {"everything": OWN})) == {}
    assert differing(Settings(pred_iou_thresh=0.88)) == {"pred_iou_thresh": 0.88}
    assert "pred" not in as_python(Settings())
    assert "pred_iou_thresh=0.88" in as_python(Settings(pred_iou_thresh=0.88))
    assert "--pred-iou-thresh 0.88" in as_command(Settings(pred_iou_thresh=0.88))


def test_every_family_says_the_same_as_its_models():
    rows = {family.name: family.suits for family in FAMILIES}
    assert rows["cells"] is SUITS
    assert ns.load_model("cells", device="cpu").suits is SUITS
    assert rows["sam"] == SamModel(tiny_network(), "tiny").suits == {}
    for suits in rows.values():
        for values in suits.values():
            Settings(**values)  # which are values that it takes


def test_the_command_line_finds_what_python_finds(tmp_path: Path):
    image = clear_nuclei(4)[:102, :102]
    tifffile.imwrite(tmp_path / "image.tif", image)
    words = ["segment", str(tmp_path / "image.tif"), "-o", str(tmp_path / "out")]
    assert main([*words, "--mode", "everything"]) == 0
    written = tifffile.imread(tmp_path / "out" / "image_labels.tif")
    np.testing.assert_array_equal(written, segment_everything(image).labels)
    assert written.max() >= 3


def test_what_is_typed_is_chosen():
    from napari_sam.cli.app import build_parser

    line = ["segment", "a.tif", "-o", "out", "--mode", "everything", "--pred-iou-thresh", "0.88"]
    options = options_typed(build_parser().parse_args(line))
    assert not is_preset(options.pred_iou_thresh)
    assert is_preset(options.stability_score_thresh)
