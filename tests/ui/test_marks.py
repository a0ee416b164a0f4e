"""Marks say what is lit, where they are seen, of one cell or of many."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from napari.layers import Points
from napari.utils.interactions import mouse_press_callbacks

from fake_model import blobs
from napari_sam.prompts import BACKGROUND, FOREGROUND
from napari_sam.ui.canvas.clicks import RIGHT
from napari_sam.ui.layers.polarity import column_of, polarity, say_next
from napari_sam.ui.layers.prompt_layers import Marks
from napari_sam.ui.proposing.boxes import Boxes
from napari_sam.ui.proposing.question import Question


@pytest.fixture
def ready(bench):
    bench.viewer.add_image(blobs(), name="nuclei")
    bench.settle()
    return bench


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("polarity", ["object", "background", "anything"], [1, 0, 1]),
        ("label", ["positive", "negative", "positive"], [1, 0, 1]),
        ("Label", ["Positive", "NEGATIVE", "pos"], [1, 0, 1]),
        ("label", [1, 0, 1], [1, 0, 1]),
        ("label", [1, -1, 1], [1, 0, 1]),
        ("sign", ["+", "-", "+"], [1, 0, 1]),
        ("label", [True, False, True], [1, 0, 1]),
        ("label", [3, 7, 0], [1, 1, 1]),  # numbers of cells
        ("name", ["negative", "negative", "x"], [1, 1, 1]),
    ],
)
def test_points_say_what_their_own_column_says(column, values, said):
    points = Points(np.zeros((3, 2)), features=pd.DataFrame({column: values}))
    assert polarity(points).tolist() == said


@pytest.mark.parametrize("values", [["positive", "negative"], [1, 0], [1, -1], ["object", "bg"]])
def test_new_points_speak_the_words_of_their_layer(values):
    points = Points(np.zeros((2, 2)), features=pd.DataFrame({"label": values}))
    for label in (BACKGROUND, FOREGROUND):
        say_next(points, label)
        points.add((1, 1))
        assert polarity(points)[-1] == label
    assert column_of(points) == "label"


@pytest.mark.parametrize("how", ["lit", "key", "right"])
def test_what_is_lit_is_what_is_stored_in_a_layer_of_ones_own(ready, make_event, how):
    points = ready.viewer.add_points(np.array([[20.0, 20.0]]), name="mine")
    ready.session.layers.choose("points", points)
    ready.viewer.layers.selection.active = points
    if how == "lit":
        ready.cells.proposal.set_polarity(BACKGROUND)
    elif how == "key":
        ready.press("T")
    points.mode = "add"
    # napari's own tool hears of the button after us, and adds the point.
    mouse_press_callbacks(
        ready.viewer, make_event("mouse_press", RIGHT if how == "right" else 1, ())
    )
    points.add((24, 20))
    ready.settle()
    assert polarity(points).tolist()[:1] == [1]
    assert len(points.data) == 2
    assert polarity(points).tolist() == [1, 0]
    points.mode = "pan_zoom"
    if how == "right":
        ready.click(20, 24)
        assert polarity(points).tolist() == [1, 0, 1]


def test_what_is_not_shown_is_no_mark(ready):
    points = ready.viewer.add_points(np.array([[20.0, 20.0]]), name="mine")
    ready.session.layers.choose("points", points)
    ready.settle()
    assert ready.state.answer is not None
    points.visible = False
    ready.settle()
    assert ready.state.answer is None
    points.visible = True
    points.shown = [False]
    ready.cells.proposal.predicting.now()
    ready.settle()
    assert ready.state.answer is None


def test_the_same_rough_mask_on_the_next_slice_is_another_mark(bench):
    bench.viewer.add_image(np.stack([blobs()] * 3), name="stack")
    rough = np.zeros((3, 64, 80), np.uint8)
    rough[:, 15:25, 15:25] = 1
    mask = bench.viewer.add_labels(rough, name="rough")
    bench.session.layers.choose("mask", mask)
    bench.viewer.dims.set_point(0, 1)
    bench.settle()
    bench.press("Enter")
    bench.settle()
    assert bench.state.answer is None
    bench.viewer.dims.set_point(0, 2)
    bench.settle()
    assert bench.state.answer is not None


def test_points_mark_one_cell_or_a_cell_each(ready):
    ready.click(20, 20)
    ready.click(40, 60)
    ready.settle()
    assert len(ready.state.answer.found) == 1
    ready.cells.proposal.set_each_point(True)
    ready.settle()
    assert len(ready.state.answer.found) == 2
    ready.click(22, 24, button=RIGHT)
    ready.settle()
    prompts = ready.state.answer.prompts
    assert [len(prompt.points) for prompt in prompts] == [2, 1]
    ready.press("Enter")
    ready.settle()
    labels = ready.viewer.layers["nuclei cells"].data
    assert labels[40, 60] != labels[20, 20]


def test_a_not_this_point_alone_marks_no_cell_of_its_own():
    marks = Marks(np.array([[1.0, 1.0]]), np.array([0]), (), None, (9, 9))
    with pytest.raises(ValueError, match="left-click"):
        marks.prompts(each_point=True)


def test_boxes_are_drawn_while_their_layer_is_active(ready):
    boxes = ready.cells.proposal.marks.boxes
    assert isinstance(boxes, Boxes)
    ready.cells.proposal.draw_boxes()
    assert ready.state.drawing
    ready.viewer.layers.selection.active = ready.viewer.layers["nuclei"]
    assert not ready.state.drawing
    ready.session.set_tool("find")
    assert not ready.state.drawing


@pytest.mark.parametrize("kind", ["rectangle", "polygon", "path"])
def test_a_shape_beside_the_image_does_not_stand_in_the_way_of_the_others(ready, kind):
    corners = np.array([(14, 14), (14, 26), (26, 26), (26, 14)])
    mine = ready.viewer.add_shapes(
        [corners, corners + np.array([500, 0])], shape_type=kind, name="mine"
    )
    alone = ready.viewer.add_shapes([corners], shape_type=kind, name="alone")
    ready.session.layers.choose("shapes", mine)
    ready.settle()
    (prompt,) = ready.state.answer.prompts
    ready.session.layers.choose("shapes", alone)
    ready.settle()
    (other,) = ready.state.answer.prompts
    np.testing.assert_array_equal(prompt.boxes, other.boxes)
    np.testing.assert_array_equal(prompt.foreground, other.foreground)
    assert len(mine.data) == 2


def test_a_box_drawn_beside_the_image_is_taken_away_and_the_next_one_answered(ready):
    ready.cells.proposal.draw_boxes()
    layer = ready.viewer.layers["SAM shapes"]
    beside = np.array([(-40, 10), (-40, 30), (-20, 30), (-20, 10)])
    layer.add_rectangles([beside])
    ready.settle()
    assert len(layer.data) == 0
    assert "beside the image" in ready.state.status
    layer.add_rectangles([beside + np.array([54, 4])])
    ready.settle()
    assert len(ready.state.answer.prompts) == 1


def test_an_answer_is_known_by_what_was_asked(ready):
    shown = ready.session._bench.shown()
    asked = Question(shown, "cells", b"marks", ())
    assert asked.same(shown, "cells", b"marks")
    assert not asked.same(shown, "cells", b"others")
    assert not asked.same(shown, "large", b"marks")


def test_it_is_said_how_many_of_many_masks_are_there(ready):
    ready.cells.proposal.set_each_point(True)
    ready.viewer.add_points([(20, 20)] * 20, name="mine")
    fractions = []
    ready.state.events.progress.connect(fractions.append)
    ready.session.layers.choose("points", ready.viewer.layers["mine"])
    ready.settle()
    assert len(ready.state.answer.found) == 20
    seen = [fraction for fraction in fractions if fraction is not None]
    assert len(seen) >= 10
    assert seen == sorted(seen)
    assert fractions[-1] is None
