"""Scribble and lasso: lines and outlines that are drawn on the canvas and become marks."""

from __future__ import annotations

import numpy as np
import pytest

from fake_model import blobs
from napari_sam.prompts import BACKGROUND
from napari_sam.ui.canvas.clicks import RIGHT
from napari_sam.ui.canvas.drags import Drags
from napari_sam.ui.canvas.stroke_view import NAME, pixels_along
from napari_sam.ui.layers.outlines import ShapeOutline
from napari_sam.ui.layers.prompt_layers import Marks
from napari_sam.ui.proposing.drawing import Drawing
from napari_sam.ui.tools.pens import Pens
from napari_sam.ui.widgets.pen_row import PenRow

ALONG = [(20.0, 17.0), (20.0, 20.0), (21.0, 23.0)]
AROUND = [(11.0, 11.0), (11.0, 29.0), (29.0, 29.0), (29.0, 11.0)]


@pytest.fixture
def ready(bench):
    bench.viewer.add_image(blobs(), name="nuclei")
    bench.settle()
    return bench


def shapes(bench):
    return bench.viewer.layers["SAM shapes"]


def test_a_scribble_is_a_stroke_of_the_prompt(ready):
    assert isinstance(ready.cells.pens, Pens)
    ready.press("S")
    assert ready.state.pen == "scribble"
    event = ready.drag(*ALONG)
    assert event.handled  # the camera stays where it is
    ready.settle()
    (prompt,) = ready.state.answer.prompts
    assert len(prompt.strokes) == 1
    assert len(prompt.points) == 0
    np.testing.assert_allclose(prompt.strokes[0][[0, -1]], [ALONG[0], ALONG[-1]])
    ready.press("Enter")
    ready.settle()
    assert ready.viewer.layers["nuclei cells"].data[20, 20] == 1
    assert len(shapes(ready).data) == 0
    ready.press("Control-Z")
    ready.settle()
    assert ready.viewer.layers["nuclei cells"].data.max() == 0
    assert len(ready.state.answer.prompts[0].strokes) == 1
    ready.press("Control-Z")
    ready.settle()
    assert ready.state.answer is None


def test_the_right_button_and_the_polarity_say_not_this(ready):
    ready.press("S")
    ready.drag(*ALONG)
    ready.settle()
    ready.drag((26.0, 18.0), (27.0, 24.0), button=RIGHT)
    ready.settle()
    ready.cells.proposal.set_polarity(BACKGROUND)
    ready.drag((14.0, 18.0), (13.0, 24.0))
    ready.settle()
    (prompt,) = ready.state.answer.prompts
    assert prompt.stroke_labels.tolist() == [1, 0, 0]
    assert prompt.logits is not None  # it goes on from the outline that was shown


def test_a_lasso_is_an_outline_and_many_are_many_cells(ready):
    ready.press("L")
    ready.drag(*AROUND)
    ready.drag((34.0, 54.0), (34.0, 66.0), (46.0, 66.0), (46.0, 54.0))
    ready.settle()
    prompts = ready.state.answer.prompts
    assert [prompt.region.area for prompt in prompts] == [19 * 19, 13 * 13]
    ready.press("Control-Z")
    ready.settle()
    assert len(ready.state.answer.prompts) == 1
    ready.press("Enter")
    ready.settle()
    assert ready.viewer.layers["nuclei cells"].data[20, 20] == 1


def test_a_pen_leaves_clicks_and_the_camera_to_others(ready):
    ready.press("L")
    ready.click(20, 20)
    ready.settle()
    assert ready.state.answer.prompts[0].points.tolist() == [[20, 20]]
    assert not ready.drag((30.0, 30.0), (40.0, 40.0), button=RIGHT).handled
    ready.press("L")
    assert ready.state.pen == ""
    assert not ready.drag((30.0, 30.0), (40.0, 40.0)).handled
    ready.press("S")
    ready.press("R")
    assert (ready.state.pen, ready.state.drawing) == ("", True)
    ready.press("S")
    assert (ready.state.pen, ready.state.drawing) == ("scribble", False)
    ready.session.set_tool("find")
    assert ready.state.pen == ""
    owners = [getattr(c, "__self__", None) for c in ready.viewer.mouse_drag_callbacks]
    assert not any(isinstance(owner, Drags) for owner in owners)


def test_escape_drops_the_marks_then_the_pen(ready):
    ready.press("S")
    ready.drag(*ALONG)
    ready.settle()
    ready.press("Escape")
    assert ready.state.pen == "scribble"
    assert ready.state.answer is None
    ready.press("Escape")
    assert ready.state.pen == ""


def test_a_line_stays_on_the_slice_where_it_was_begun(bench):
    bench.viewer.add_image(np.stack([blobs()] * 3), name="stack")
    bench.viewer.dims.set_point(0, 1)
    bench.settle()
    bench.press("S")
    bench.drag(*((1.0, *place) for place in ALONG))
    bench.settle()
    assert bench.state.answer.plane.index == (1, None, None)
    event = bench.drag((1.0, 40.0, 58.0), (1.0, 40.0, 60.0), release=False)
    bench.viewer.dims.set_point(0, 2)
    event.type = "mouse_release"
    from napari.utils.interactions import mouse_release_callbacks

    mouse_release_callbacks(bench.viewer, event)
    bench.settle()
    assert "dropped" in bench.state.status
    assert len(shapes(bench).data) == 1


def test_with_a_cell_per_click_a_line_keeps_the_cell_before_it(ready):
    ready.cells.proposal.set_cell_per_click(True)
    ready.press("S")
    ready.drag(*ALONG)
    ready.drag((40.0, 57.0), (40.0, 63.0))  # before the first outline is there
    ready.settle()
    assert ready.viewer.layers["nuclei cells"].data[20, 20] == 1
    assert len(ready.state.answer.prompts) == 1


def test_a_lasso_in_a_kept_cell_draws_it_anew(ready):
    ready.click(20, 20)
    ready.settle()
    ready.press("Enter")
    ready.settle()
    ready.press("L")
    ready.drag((16.0, 16.0), (16.0, 24.0), (24.0, 24.0), (24.0, 16.0))
    ready.settle()
    assert ready.state.in_hand == 1
    assert ready.state.answer.prompts[0].region.area == 81
    ready.press("Enter")
    ready.settle()
    assert set(np.unique(ready.viewer.layers["nuclei cells"].data)) == {0, 1}


def test_the_layer_of_the_line_goes_when_it_is_not_needed(ready):
    assert isinstance(ready.cells.pens._drawing, Drawing)
    ready.press("S")
    event = ready.drag(*ALONG, release=False)
    line = ready.viewer.layers[NAME]
    assert line.visible
    assert line.data[20, 20]
    ready.press("Escape")
    ready.press("Escape")
    assert not line.visible
    ready.settle()
    assert NAME not in ready.names()
    del event


def test_lines_of_one_s_own_layer_say_what_their_column_says(ready):
    lines = [np.array(ALONG), np.array([(26.0, 18.0), (27.0, 24.0)])]
    mine = ready.viewer.add_shapes(lines, shape_type="path", features={"label": [1, 0]})
    ready.session.layers.choose("shapes", mine)
    ready.settle()
    assert ready.state.answer.prompts[0].stroke_labels.tolist() == [1, 0]


def test_strokes_go_with_the_box_they_are_in():
    box = np.array([(0.0, 0.0), (0.0, 9.0), (9.0, 9.0), (9.0, 0.0)])
    line = np.array([(2.0, 2.0), (2.0, 6.0)])
    outlines = [
        ShapeOutline(0, "box", box),
        ShapeOutline(1, "box", box + 20),
        ShapeOutline(2, "path", line + 20),
    ]
    nothing = np.empty((0, 2)), np.empty(0, int)
    prompts = Marks(*nothing, tuple(outlines), None, (40, 40)).prompts()
    assert [len(prompt.strokes) for prompt in prompts] == [0, 1]
    outlines.append(ShapeOutline(3, "path", line + 11, BACKGROUND))
    with pytest.raises(ValueError, match="not this"):
        Marks(*nothing, tuple(outlines), None, (40, 40)).prompts()


def test_each_stroke_may_mark_a_cell_of_its_own():
    line = np.array([(2.0, 2.0), (2.0, 6.0)])
    outlines = (
        ShapeOutline(0, "path", line),
        ShapeOutline(1, "path", line + 20),
        ShapeOutline(2, "path", line + 24, BACKGROUND),
    )
    prompts = Marks(np.array([[35.0, 5.0]]), np.array([1]), outlines, None, (40, 40)).prompts(True)
    said = [(len(one.points), one.stroke_labels.tolist()) for one in prompts]
    assert said == [(0, [1]), (0, [1, 0]), (1, [])]


def test_the_button_of_the_pen_in_use_is_down(ready, qtbot):
    row = PenRow(ready.cells)
    qtbot.addWidget(row)
    row.pens["lasso"].click()
    assert ready.state.pen == "lasso"
    ready.press("S")
    assert [pen for pen, button in row.pens.items() if button.isChecked()] == ["scribble"]
    ready.press("R")
    assert row.boxes.isChecked()
    assert not row.pens["scribble"].isChecked()


def test_pixels_of_a_line_are_cut_at_the_border():
    line = pixels_along([(0.0, -3.0), (0.0, 3.0)], (5, 5), 1)
    assert line.box == (0, 0, 2, 5)
