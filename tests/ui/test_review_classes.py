"""Classes in Review: by key, suggested for the rest, corrected, coloured, undone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tifffile
from napari.layers import Labels
from qtpy.QtGui import QColor

from describing_model import DescribingModel, two_kinds
from napari_sam.classes import classes_in, colours_in
from napari_sam.files import write_labels
from napari_sam.models.home import home
from napari_sam.ui.labels_layer.colouring import class_shade
from napari_sam.ui.tools import class_names
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


def test_a_name_that_is_taken_back_or_given_again_keeps_its_digit(plate):
    say_four(plate)
    classes, state = plate.review.classes, plate.review.state
    classes.rename(0, "resting")
    classes.rename(0, "asleep")
    for expected in ("resting", "class 1"):
        plate.press("Control-Z")
        plate.settle()
        assert state.classes == (expected, "class 2")
    for expected in ("resting", "asleep"):
        plate.press("Control-Shift-Z")
        plate.settle()
        assert state.classes == (expected, "class 2")
    say(plate, 5, "1")
    assert said(plate.layer)[5] == "asleep"


def test_the_next_image_of_a_folder_has_the_same_classes_by_the_same_digits(make_bench, tmp_path):
    image, labels = two_kinds()
    for name in ("a", "b", "c"):
        tifffile.imwrite(tmp_path / f"{name}.tif", image.astype(np.float32))
        write_labels(tmp_path / f"{name}_labels.tif", labels)
    # Somebody has said of the last image what a cell is; another class comes first by alphabet.
    rows = {"label": [3, 4], "class": ["apoptotic", "mitotic"], "class_by": ["person"] * 2}
    pd.DataFrame(rows).to_csv(tmp_path / "c_objects.csv", index=False)
    bench = make_bench()
    bench.session.walk.open(tmp_path)
    bench.settle()
    bench.session.set_tool("review")
    bench.settle()
    state = bench.review.state
    for number, key in ((1, "1"), (2, "2")):
        say(bench, number, key)
    for at, name in enumerate(("resting", "mitotic")):
        bench.review.classes.rename(at, name)
    bench.review.classes.recolour(0, "#ff00ff")
    bench.step()
    assert state.labels is bench.viewer.layers["b_labels"]
    assert state.classes == ("resting", "mitotic")
    say(bench, 1, "1")
    assert said(state.labels) == {1: "resting"}
    assert colours_in(state.labels.features) == {"resting": "#ff00ff"}
    bench.step()
    assert state.classes == ("resting", "mitotic", "apoptotic")
    say(bench, 2, "2")
    assert said(state.labels) == {2: "mitotic", 3: "apoptotic", 4: "mitotic"}


def test_classes_of_a_table_without_numbers_of_ours_are_a_persons_own(make_bench):
    image, labels = two_kinds()
    bench = make_bench()
    bench.model = DescribingModel()
    bench.viewer.add_image(image)
    own = {"index": [1, 2, 3, 4, 6], "class": ["small", "large", "small", "large", "small"]}
    bench.layer = bench.viewer.add_labels(labels, features=pd.DataFrame(own))
    bench.settle()
    bench.session.set_tool("review")
    bench.settle()
    classes = bench.review.classes
    assert bench.review.state.classes == ("large", "small")
    say(bench, 8, "1")  # of which there was no row
    assert said(bench.layer)[8] == "large"
    classes.suggest()
    bench.settle()
    assert said(bench.layer)[6] == "small"  # though it looks large: a person said so
    assert len(said(bench.layer)) == 40
    classes.rename(0, "big")
    bench.settle()
    assert said(bench.layer)[2] == said(bench.layer)[8] == "big"
    assert "large" not in said(bench.layer).values()


@pytest.mark.parametrize("damaged", ["", "[1, {", "5"])
def test_at_the_next_start_a_digit_means_the_same(plate, make_bench, damaged):
    say_four(plate)
    for at, name in enumerate(("small", "big")):
        plate.review.classes.rename(at, name)
    plate.settle()
    assert class_names.kept() == ("small", "big")
    if damaged:
        (home() / "classes.json").write_text(damaged)
        assert class_names.kept() == ()
    bench = make_bench()
    image, labels = two_kinds()
    bench.viewer.add_image(image)
    bench.layer = bench.viewer.add_labels(labels, features=plate.layer.features.copy())
    bench.settle()
    bench.session.set_tool("review")
    bench.settle()
    assert bench.review.state.classes == (("big", "small") if damaged else ("small", "big"))
    bench.viewer.layers.remove(bench.layer)
    other = make_bench()  # labels without classes are offered none of another day
    other.viewer.add_image(image)
    other.viewer.add_labels(labels)
    other.settle()
    other.session.set_tool("review")
    other.settle()
    assert other.review.state.classes == ()


def test_labels_with_other_classes_have_those_alone(plate):
    say_four(plate)
    features = pd.DataFrame({"index": [1, 2], "label": [1, 2], "class": ["root", "hair"]})
    other = plate.viewer.add_labels(two_kinds()[1], name="plants", features=features)
    plate.viewer.layers.remove(plate.layer)
    plate.settle()
    assert plate.review.state.labels is other
    assert plate.review.state.classes == ("hair", "root")


def test_a_class_has_one_colour_on_all_slices_and_beside_its_digit(make_bench, qtbot):
    image, labels = two_kinds()
    bench = make_bench()
    bench.viewer.add_image(np.stack([image, image]), name="plates")
    layer = bench.viewer.add_labels(np.stack([labels, labels + 100 * (labels > 0)]))
    bench.viewer.dims.set_current_step(0, 0)
    bench.settle()
    bench.session.set_tool("review")
    bench.settle()
    box = ReviewClassesBox(bench.review)
    qtbot.addWidget(box)

    def shown(number: int) -> str:
        return QColor.fromRgbF(*layer.colormap.color_dict[number][:3].tolist()).name()

    for at, key in ((1, "1"), (2, "2")):
        bench.click(0, *PLACES[at])
        bench.press(key)
        bench.settle()
    bench.review.classes.set_coloured(True)
    first = shown(2)
    assert first in box.keys[1].styleSheet()
    bench.viewer.dims.set_current_step(0, 1)
    bench.settle()
    bench.click(1, *PLACES[4])
    bench.press("2")
    bench.settle()
    assert shown(104) == first  # though it is the only class here
    bench.review.classes.add()
    bench.review.classes.rename(2, "a")  # no cell has it, and it is the first by alphabet
    bench.settle()
    assert shown(104) in box.keys[1].styleSheet()
