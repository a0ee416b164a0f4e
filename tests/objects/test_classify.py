"""Classes of a person's own, after a few examples of each."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import napari_sam as ns
from describing_model import DescribingModel, Scene, two_kinds
from fake_model import FakeModel
from napari_sam.classes import classes_in
from napari_sam.errors import Cancelled, LabelsError, ModelError, ParameterError
from napari_sam.exports.formats import export
from napari_sam.objects.classifier import Classifier
from napari_sam.objects.describe import Looks
from napari_sam.progress import Progress

KNOWN = {2: "large", 4: "large", 1: "small", 3: "small"}


def kinds(table: pd.DataFrame) -> dict[int, str]:
    return dict(zip(table["label"], table["class"], strict=True))


def test_two_kinds_are_told_apart_after_two_examples_of_each():
    image, labels = two_kinds()
    table = ns.classify_objects(image, labels, KNOWN, DescribingModel())
    assert kinds(table) == {i: "small" if i % 2 else "large" for i in range(1, 41)}
    told = table.set_index("label")
    assert set(told.loc[list(KNOWN), "class_by"]) == {"person"}
    assert (told.loc[list(KNOWN), "class_probability"] == 1).all()
    others = told.drop(index=list(KNOWN))
    assert set(others["class_by"]) == {"suggested"}
    assert others["class_probability"].between(0.5, 1, inclusive="both").all()


@pytest.mark.parametrize(
    "search",
    [
        lambda image, labels, **how: ns.classify_objects(image, labels, KNOWN, **how),
        lambda image, labels, **how: ns.find_similar(image, labels == 2, **how),
    ],
    ids=["classes", "like these"],
)
def test_it_can_be_stopped_while_the_model_looks_at_objects(search):
    looked: list[Scene] = []
    told: list[float] = []

    class Looking(DescribingModel):
        def scene(self, embedding: object, *, progress: Progress) -> Scene:
            looked.append(Scene())
            progress(0.5)
            return looked[-1]

    def stop(fraction: float) -> None:
        told.append(fraction)
        if looked:
            raise Cancelled

    with pytest.raises(Cancelled):
        search(*two_kinds(), model=Looking(), progress=stop)
    assert told == sorted(told)
    assert told[-1] < 1


def test_what_a_person_says_stands_whatever_is_suggested():
    image, labels = two_kinds()
    table = ns.classify_objects(image, labels, {**KNOWN, 6: "small"}, DescribingModel())
    assert kinds(table)[6] == "small"
    assert kinds(table)[8] == "large"


def test_ids_may_be_any_and_objects_may_go_through_slices():
    """Each slice shows the same discs: an object is of one class on all of them."""
    image, labels = two_kinds()
    stack = np.stack([image, image[::-1]])
    ids = np.stack([labels, labels[::-1]]).astype(np.int64) * 1000
    known = {number * 1000: name for number, name in KNOWN.items()}
    table = ns.classify_objects(stack, ids, known, DescribingModel())
    assert table["label"].tolist() == [i * 1000 for i in range(1, 41)]
    assert kinds(table)[40000] == "large"
    assert kinds(table)[39000] == "small"


def test_a_class_with_more_examples_is_no_likelier():
    rng = np.random.default_rng(0)
    measures = np.concatenate([rng.normal(-2, 1, (40, 9)), rng.normal(2, 1, (4, 9))])
    looks = Looks(measures.astype(np.float32), np.zeros((44, 3), np.float32))
    fitted = Classifier.fit(looks, looks, ["many"] * 40 + ["few"] * 4)
    middle = Looks(np.zeros((1, 9), np.float32), np.zeros((1, 3), np.float32))
    few = fitted.probabilities(middle)[0][fitted.names.index("few")]
    assert 0.2 < few < 0.8
    np.testing.assert_allclose(fitted.probabilities(looks).sum(axis=1), 1)


@pytest.mark.parametrize(
    ("known", "model", "error", "match"),
    [
        ({1: "small"}, DescribingModel(), ParameterError, "another class"),
        ({1: "small", 99: "large"}, DescribingModel(), LabelsError, "99"),
        (KNOWN, FakeModel(), ModelError, "cells"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(known, model, error, match):
    image, labels = two_kinds()
    with pytest.raises(error, match=match):
        ns.classify_objects(image, labels, known, model)


def test_labels_of_another_shape_are_refused():
    image, labels = two_kinds()
    with pytest.raises(LabelsError, match="shape"):
        ns.classify_objects(image, labels[:-1], KNOWN, DescribingModel())


def test_exports_tell_the_classes(tmp_path: Path):
    labels = np.zeros((20, 30), np.int32)
    labels[2:8, 2:8], labels[2:8, 12:18], labels[12:18, 2:8] = 1, 2, 3
    table = pd.DataFrame({"label": [1, 2, 3], "class": ["resting", "mitotic", None]})
    coco = json.loads(export(labels, tmp_path / "a.json", "coco", table=table).read_text())
    names = {one["id"]: one["name"] for one in coco["categories"]}
    said = {one["label"]: names[one["category_id"]] for one in coco["annotations"]}
    assert said == {1: "resting", 2: "mitotic", 3: "cell"}
    written = json.loads(export(labels, tmp_path / "a.geojson", "geojson", table=table).read_text())
    said = {
        f["properties"]["label"]: f["properties"].get("classification") for f in written["features"]
    }
    assert said[2] == {"name": "mitotic", "color": [230, 159, 0]}
    assert said[3] is None
    rows = pd.read_csv(export(labels, tmp_path / "a.csv", "csv", table=table))
    assert classes_in(rows) == {1: "resting", 2: "mitotic"}
