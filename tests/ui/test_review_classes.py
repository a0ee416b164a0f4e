"""Classes in Review: by key, suggested for the rest, corrected, coloured, undone."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtGui import QColor

from describing_model import DescribingModel, two_kinds
from napari_sam.classes import classes_in
from napari_sam.ui.labels_layer.colouring import class_shade
from napari_sam.ui.tools.review_classes import ReviewClasses
from napari_sam.ui.widgets.review_classes_box import ReviewClassesBox

#: Where discs lie: even ones are large.
PLACES = {number + 1: (25 + 45 * (number // 8), 25 + 35 * (number % 8)) for number in range(40)}


@pytest.fixture
def plate(make_bench):
    bench = make_bench()
    image, labels = two_kinds()
    bench.model = DescribingModel()
    bench.viewer.add_image(image, name="plate")
    bench.layer = bench.viewer.add_labels(labels, name="discs")
    bench.settle()
    bench.session.set_tool("review")
    bench.settle()
    return bench


def say(bench, number: int, key: str) -> None:
    bench.click(*PLACES[number])
    bench.press(key)
    bench.settle()


def said(layer: Labels) -> dict[int, str]:
    return classes_in(layer.features)


def say_four(bench) -> None:
    for number, key in ((1, "1"), (2, "2"), (3, "1"), (4, "2")):
        say(bench, number, key)


def test_a_key_says_of_what_class_the_cell_in_hand_is(plate):
    assert isinstance(plate.review.classes, ReviewClasses)
    plate.press("1")
    assert "Click a cell first" in plate.state.status
    say_four(plate)
    assert said(plate.layer) == {1: "class 1", 2: "class 2", 3: "class 1", 4: "class 2"}
    assert plate.review.state.classes == ("class 1", "class 2")
    assert plate.review.classes.counts() == {"class 1": 2, "class 2": 2}
    say(plate, 3, "0")
    assert 3 not in said(plate.layer)
    plate.press("Control-Z")
    assert said(plate.layer)[3] == "class 1"
    say(plate, 3, "7")
    assert "no class 7" in plate.state.status


def test_the_rest_is_suggested_corrected_and_undone(plate):
    say_four(plate)
    labels = plate.layer.data.copy()
    plate.review.classes.suggest()
    plate.settle()
    assert said(plate.layer) == {i: f"class {2 - i % 2}" for i in PLACES}
    told = plate.layer.features.set_index("label")
    assert (told.loc[[1, 2, 3, 4], "class_by"] == "person").all()
    assert (told.loc[5:, "class_by"] == "suggested").all()
    assert plate.review.state.class_coloured
    say(plate, 6, "1")
    plate.review.classes.suggest()
    plate.settle()
    assert said(plate.layer)[6] == "class 1"  # a person said so
    np.testing.assert_array_equal(plate.layer.data, labels)
    for _ in range(3):
        plate.press("Control-Z")
    assert said(plate.layer) == {1: "class 1", 2: "class 2", 3: "class 1", 4: "class 2"}


def test_one_class_tells_nothing_apart(plate):
    say(plate, 1, "1")
    plate.review.classes.suggest()
    assert plate.state.problem
    assert "two classes" in plate.state.status


def test_a_class_is_called_otherwise_with_all_its_cells(plate):
    say_four(plate)
    plate.review.classes.rename(1, "large")
    assert plate.review.state.classes == ("class 1", "large")
    assert said(plate.layer) == {1: "class 1", 2: "large", 3: "class 1", 4: "large"}
    plate.review.classes.rename(0, "large")
    assert plate.review.state.classes == ("class 1", "large")
    assert "no other one has" in plate.state.status


def test_examples_of_one_slice_serve_another(make_bench):
    image, labels = two_kinds()
    bench = make_bench()
    bench.model = DescribingModel()
    bench.viewer.add_image(np.stack([image, image]), name="plates")
    bench.layer = bench.viewer.add_labels(np.stack([labels, labels + 100 * (labels > 0)]))
    bench.viewer.dims.set_current_step(0, 0)
    bench.settle()
    bench.session.set_tool("review")
    bench.settle()
    for number, key in ((1, "1"), (2, "2"), (3, "1"), (4, "2")):
        bench.click(0, *PLACES[number])
        bench.press(key)
        bench.settle()
    bench.review.classes.suggest()
    bench.settle()
    bench.viewer.dims.set_current_step(0, 1)
    bench.settle()
    bench.review.classes.suggest()
    bench.settle()
    assert said(bench.layer)[140] == "class 2"
    assert said(bench.layer)[139] == "class 1"


def test_colours_tell_the_class_and_whether_it_is_suggested():
    colours = class_shade({1: "a", 2: "a", 3: "b"}, {2}, np.array([1, 2, 3, 4]))
    assert (colours[0] != colours[2]).any()
    assert colours[1, :3].sum() > colours[0, :3].sum()
    assert np.ptp(colours[3, :3]) == 0


def test_the_box_names_classes_and_sends_what_is_typed(plate, qtbot):
    box = ReviewClassesBox(plate.review)
    qtbot.addWidget(box)
    assert not box.suggest.isEnabled()
    box.add.click()
    box.add.click()
    assert [field.text() for field in box.names] == ["class 1", "class 2"]
    assert box.suggest.isEnabled()
    box.names[1].setText("large")
    box.names[1].editingFinished.emit()
    assert plate.review.state.classes == ("class 1", "large")
    say(plate, 2, "2")
    assert said(plate.layer) == {2: "large"}
    box.coloured.click()
    assert plate.review.state.class_coloured


def test_a_class_has_a_colour_of_its_own_that_is_kept_exported_and_undone(
    plate, qtbot, monkeypatch
):
    from napari_sam.classes import colours_in

    box = ReviewClassesBox(plate.review)
    qtbot.addWidget(box)
    say_four(plate)
    monkeypatch.setattr(
        "napari_sam.ui.widgets.review_classes_box.QColorDialog.getColor",
        lambda *_: QColor("#102030"),
    )
    box.keys[1].click()
    assert plate.review.state.class_colours == {"class 2": "#102030"}
    assert "#102030" in box.keys[1].styleSheet()
    assert colours_in(plate.layer.features) == {"class 2": "#102030"}
    plate.review.classes.suggest()
    plate.settle()
    told = plate.layer.features.set_index("label")["class_colour"]
    assert told[40] == "#102030"
    assert told[39] != "#102030"
    plate.review.classes.rename(1, "large")
    assert colours_in(plate.layer.features) == {"large": "#102030"}
    assert plate.review.state.class_colours == {"large": "#102030"}
    for _ in range(3):
        plate.press("Control-Z")
    assert colours_in(plate.layer.features) == {}
    assert "class 2" not in plate.review.state.class_colours
    assert class_shade({1: "a"}, (), np.array([1]), {"a": "#102030"})[0, 0] == pytest.approx(
        16 / 255
    )
