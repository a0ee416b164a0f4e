"""Everything that a word or boxes of examples describe: Python, command line and recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import napari_sam as ns
from concept_model import ConceptModel
from fake_model import FakeModel, blobs
from napari_sam import loading
from napari_sam.cli import main
from napari_sam.engine import tiled
from napari_sam.errors import Cancelled, DataError, ModelError, ParameterError
from napari_sam.methods.concept_options import ConceptOptions, read_boxes
from napari_sam.methods.option import described
from napari_sam.methods.recipe import as_command, as_python
from napari_sam.methods.registry import method

IMAGE = np.concatenate([blobs(), blobs(centres=((30, 40),), radius=12)], axis=1)


def find(model: Any = None, **options: Any) -> ns.Segmentation:
    return ns.segment_objects(IMAGE, "concept", model or ConceptModel(), **options)


def test_what_a_word_means_is_found_with_its_score():
    large = find(text="large")
    assert len(large) == 1
    assert large.labels[30, 120] == 1
    assert large.table["score"].tolist() == pytest.approx([0.9])
    assert len(find(text="small")) == 2
    assert len(find(text="disc")) == 3


def test_options_choose_among_what_was_found():
    assert len(find(text="large", min_score=0.2)) == 3
    assert len(find(text="disc", max_area=200)) == 2
    assert len(find(text="disc", min_area=200)) == 1


def test_boxes_of_examples_are_passed_on():
    model = ConceptModel()
    box, other = (14.0, 14.0, 26.0, 26.0), (18.0, 108.0, 42.0, 132.0)
    find(model, boxes=[box], unlike_boxes=[other])
    text, boxes, labels = model.asked[-1]
    assert (text, boxes, labels) == ("", [box, other], [1, 0])


def test_boxes_are_refused_where_a_plane_is_searched_in_tiles(monkeypatch):
    monkeypatch.setattr(tiled, "is_large", lambda block: True)
    with pytest.raises(ParameterError, match="searched in tiles"):
        find(boxes=[(14.0, 14.0, 26.0, 26.0)])


def test_boxes_are_refused_where_several_planes_are_searched():
    model = ConceptModel()
    with pytest.raises(ParameterError, match="2 planes are searched"):
        ns.segment_objects(
            np.stack([IMAGE, IMAGE]), "concept", model, boxes=[(14.0, 14.0, 26.0, 26.0)]
        )
    assert not model.asked


def test_a_search_can_follow_its_sliders_without_the_model():
    concept, model = method("concept"), ConceptModel()
    low = concept.collecting(ConceptOptions(text="large"))
    assert low.min_score == 0.1
    from napari_sam.engine.run import run
    from napari_sam.images import Image

    (result,) = run(Image.of(IMAGE), None, concept, model, low)
    assert len(result.found.choose(ConceptOptions(text="large"))) == 1
    assert len(result.found.choose(ConceptOptions(text="large", min_score=0.2))) == 3
    assert len(result.found.choose(ConceptOptions(text="large", max_area=200))) == 0
    assert len(model.asked) == 1
    assert concept.needs_search(low, ConceptOptions(text="small"))
    assert not concept.needs_search(low, ConceptOptions(text="large", min_score=0.3))


def test_of_two_answers_for_one_object_the_better_one_stays():
    model = ConceptModel()
    model.twice = True
    found = find(model, text="disc")
    assert len(found) == 3
    assert found.table["score"].min() == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({}, ParameterError, "a word"),
        ({"text": "  "}, ParameterError, "a word"),
        ({"text": 3}, ParameterError, "text must be text"),
        ({"text": "cell", "min_score": 2}, ParameterError, "min_score"),
        ({"text": "cell", "min_area": 9, "max_area": 3}, ParameterError, "no object fits"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_read(options, error, match):
    model = ConceptModel()
    with pytest.raises(error, match=match):
        find(model, **options)
    assert not model.encoded


def test_a_model_without_words_says_which_has_some():
    model = FakeModel()
    with pytest.raises(ModelError, match="SAM 3 does"):
        find(model, text="nucleus")
    assert not model.encoded


def test_it_can_be_cancelled():
    def stop(fraction: float) -> None:
        if fraction > 0.7:
            raise Cancelled

    with pytest.raises(Cancelled):
        find(text="disc", progress=stop)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = ConceptModel("cells")
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: made)
    tifffile.imwrite(tmp_path / "discs.tif", IMAGE)
    return tmp_path / "discs.tif"


def test_the_command_line_takes_words_and_boxes(file, capsys):
    out = file.parent / "out"
    command = ["segment", str(file), "-o", str(out), "--mode", "concept"]
    assert main([*command, "--text", "small round"]) == 0
    (written,) = out.glob("*.tif")
    assert len(np.unique(tifffile.imread(written))) == 3
    boxes = file.with_name("boxes.json")
    boxes.write_text(json.dumps([[14, 14, 26, 26]]))
    assert main([*command, "--boxes", str(boxes), "--overwrite"]) == 0
    assert main(["segment", str(file), "-o", str(out), "--text", "x"]) != 0
    assert "--text belongs to --mode concept" in capsys.readouterr().err


def test_the_recipe_says_the_word(file):
    options = ConceptOptions(text="round cell", min_score=0.25)
    assert "text='round cell'" in as_python(options, model="sam3")
    command = as_command(options, model="sam3", image=file)
    assert "--mode concept" in command
    assert "--text" in command
    assert "round cell" in command
    assert "--text=-cell" in as_command(ConceptOptions(text="-cell"))


def test_boxes_are_read_from_files(tmp_path):
    boxes = [(1.0, 2.0, 3.0, 4.5)]
    (tmp_path / "a.json").write_text(json.dumps(boxes))
    np.save(tmp_path / "a.npy", boxes)
    assert read_boxes(tmp_path / "a.json") == read_boxes(tmp_path / "a.npy") == boxes
    (tmp_path / "bad.json").write_text("[[1, 2]]")
    for name in ("bad.json", "none.json"):
        with pytest.raises(DataError, match="holds no boxes"):
            read_boxes(tmp_path / name)


def test_only_a_text_without_choices_is_free():
    free = [name for name, _, what in described(ConceptOptions) if what.is_text]
    assert free == ["text"]
    assert not [name for name, _, what in described(method("everything").kind) if what.is_text]
