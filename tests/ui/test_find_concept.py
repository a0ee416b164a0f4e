"""Find all, a word: it is typed, the button finds what it says, the slider acts at once."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from concept_model import ConceptModel
from fake_model import blobs
from napari_sam.methods.registry import method
from napari_sam.ui.layers.example_layer import EXAMPLES_NAME
from napari_sam.ui.state import Advice
from napari_sam.ui.tools.example_boxes import ExampleBoxes
from napari_sam.ui.tools.find_advice import first_step
from napari_sam.ui.tools.search_recipe import recipe

IMAGE = np.concatenate([blobs(), blobs(centres=((30, 40),), radius=12)], axis=1)


@pytest.fixture
def shown(bench):
    bench.model = ConceptModel()
    bench.viewer.add_image(IMAGE, name="plate")
    bench.session.set_tool("find")
    bench.find.adjust(method="concept")
    bench.settle()
    return bench


def test_a_button_is_named_only_where_it_can_be_pressed(shown):
    """What is told first is what can be done with the model that is chosen."""
    shown.session.set_tool("click")
    shown.session.set_tool("find")
    told = shown.state.status
    assert "press the button" not in told
    assert "ask for them (https://huggingface.co/facebook/sam3)" in told
    assert "choose their file under Model" in told
    shown.settle()  # also once the image was read
    assert shown.state.status == told
    shown.catalogue.here.add("cells with words")
    knows_words = ("concepts", "instances")
    shown.catalogue.abilities = lambda name: knows_words
    shown.session.models.choose("cells with words")
    shown.settle()
    assert "Type a word" in shown.state.status
    shown.catalogue.abilities = lambda name: ()
    shown.session.models.choose("cells")
    shown.settle()
    assert shown.state.status == told


def test_a_method_that_a_model_lacks_is_answered_while_it_reads_and_afterwards():
    usual, concept = Advice("Reading the image."), method("concept")
    assert first_step(usual, concept, False) == Advice("Reading the image.", concept.words.first)
    assert first_step(usual, concept, True).waiting == first_step(usual, concept, True).ready


def test_a_button_of_a_model_that_is_not_here_is_not_named(shown):
    shown.session.models.choose("large")
    shown.settle()
    shown.find.adjust(method="cells")
    assert "Press Download" in shown.state.status
    shown.settle()
    assert "Press Download" in shown.state.status


def found(bench):
    return next(layer for layer in bench.viewer.layers if "found" in layer.name)


def test_a_word_is_found_and_the_slider_needs_no_model(shown):
    shown.find.adjust_options("concept", text="large")
    shown.find.start()
    shown.settle()
    assert set(np.unique(found(shown).data)) == {0, 1}
    assert found(shown).data[30, 120]
    shown.find.adjust_options("concept", min_score=0.2)
    shown.settle()
    assert len(np.unique(found(shown).data)) == 4
    assert len(shown.model.asked) == 1


def test_without_a_word_it_says_what_to_do(shown):
    shown.find.start()
    shown.settle()
    assert not shown.model.asked
    assert "a word" in shown.state.status
    assert shown.state.problem
    assert not [layer for layer in shown.viewer.layers if "found" in layer.name]


def test_a_word_is_typed_in_the_panel(shown, qtbot):
    from napari_sam.ui.widgets.option_controls import OptionControls

    controls = OptionControls(method("concept"), shown.state, shown.find)
    qtbot.addWidget(controls.basic)
    field = controls.controls["text"]
    assert field.placeholderText()
    field.setText("small")
    field.editingFinished.emit()
    assert shown.state.find.of("concept").text == "small"
    shown.find.reset()
    controls.show_options()
    assert field.text() == ""


LARGE = [(18.0, 108.0), (18.0, 132.0), (42.0, 132.0), (42.0, 108.0)]
SMALL = [(12.0, 12.0), (12.0, 28.0), (28.0, 28.0), (28.0, 12.0)]


def test_boxes_that_are_drawn_say_what_is_meant_and_what_is_not(shown):
    boxes: ExampleBoxes = shown.find.boxes
    boxes.draw(1)
    assert boxes.drawing == 1
    boxes.own.add_rectangles([LARGE])
    shown.settle()
    assert "1 of what is meant, 0" in shown.state.status
    boxes.draw(0)
    assert boxes.drawing == 0
    boxes.own.add_rectangles([SMALL])
    shown.settle()
    assert list(boxes.own.features["polarity"]) == ["+", "-"]
    assert len({tuple(colour) for colour in boxes.own.edge_color}) == 2
    shown.find.start()
    shown.settle()
    assert shown.model.asked == [
        ("", [(18.0, 108.0, 42.0, 132.0), (12.0, 12.0, 28.0, 28.0)], [1, 0])
    ]
    assert len(np.unique(found(shown).data)) == 4
    assert "boxes=[[18.0" in recipe(shown.session._bench, command=False)
    shown.find.copy_recipe(True, pytest.fail)
    assert "--boxes FILE" in shown.state.status


def test_the_last_box_is_taken_back_and_a_click_leaves_no_speck(shown):
    boxes = shown.find.boxes
    boxes.draw(1)
    boxes.own.add_rectangles([LARGE])
    boxes.own.add_rectangles([[(5, 5), (5, 5.5), (5.5, 5.5), (5.5, 5)]])
    shown.settle()
    assert len(boxes.own.data) == 1
    shown.press("Control-Z")
    shown.settle()
    assert not len(boxes.own.data)
    shown.find.start()
    shown.settle()
    assert "draw a box" in shown.state.status
    assert not shown.model.asked


def test_boxes_go_out_of_sight_with_their_image(shown):
    shown.find.boxes.draw(1)
    layer = shown.find.boxes.own
    layer.add_rectangles([LARGE])
    shown.settle()
    shown.viewer.layers.remove(shown.viewer.layers["plate"])
    assert not layer.visible  # at once: they are drawn before they can be taken away
    shown.settle()
    assert layer not in shown.viewer.layers


def test_boxes_of_a_persons_own_layer_are_read_and_left_alone(shown):
    layer = shown.viewer.add_shapes(
        [LARGE, SMALL], shape_type="rectangle", features={"label": ["positive", "negative"]}
    )
    colours = layer.edge_color.copy()
    shown.find.boxes.choose(layer)
    shown.find.start()
    shown.settle()
    assert shown.model.asked[-1][2] == [1, 0]
    shown.find.boxes.draw(0)
    layer.add_rectangles([[(60, 60), (60, 70), (70, 70), (70, 60)]])
    shown.settle()
    assert list(layer.features["label"]) == ["positive", "negative", "negative"]
    np.testing.assert_array_equal(layer.edge_color[:2], colours)
    layer.visible = False
    shown.find.start()
    shown.settle()
    assert shown.state.problem
    shown.viewer.layers.remove(layer)
    shown.settle()
    assert shown.state.find.boxes is None


def test_boxes_are_of_one_slice(bench):
    bench.model = ConceptModel()
    bench.viewer.add_image(np.stack([IMAGE, IMAGE]), name="stack")
    bench.session.set_tool("find")
    bench.find.adjust(method="concept")
    bench.viewer.dims.set_current_step(0, 0)
    bench.settle()
    bench.find.boxes.draw(1)
    bench.find.boxes.own.add_rectangles([[(0, *corner) for corner in LARGE]])
    bench.settle()
    bench.find.look_in("stack")
    bench.find.start()
    bench.settle()
    assert "examples on one slice" in bench.state.status
    assert not bench.model.asked
    bench.viewer.dims.set_current_step(0, 1)
    bench.find.look_in("slice")
    bench.find.start()
    bench.settle()
    assert "draw a box" in bench.state.status
    assert not bench.model.asked


def test_our_boxes_go_with_their_image_and_drags_move_the_view_elsewhere(shown):
    shown.find.boxes.draw(1)
    shown.session.set_tool("review")
    assert shown.find.boxes.drawing is None
    shown.viewer.add_image(IMAGE[None], name="other")
    shown.settle()
    assert shown.state.image.name == "other"
    assert not [name for name in shown.names() if "examples" in name]
    assert shown.state.find.boxes is None


def test_the_panel_says_which_model_knows_words_and_how_one_comes_by_it(shown, qtbot):
    from napari_sam.ui.widgets.example_boxes_row import ExampleBoxesRow
    from napari_sam.ui.widgets.find_page import FindPage
    from napari_sam.ui.widgets.page import Layers

    page = FindPage(shown.session, shown.find)
    qtbot.addWidget(page)
    assert "SAM License" in page.wanting.text()
    assert not page.wanting.isHidden()
    assert not page.find.isEnabled()
    assert "cannot do this" in page.find.toolTip()
    assert not page.boxes.isHidden()
    page.boxes.like.click()
    page.show_layers(Layers.of(shown.session))
    assert isinstance(page.boxes, ExampleBoxesRow)
    assert page.boxes.layer.currentText() == EXAMPLES_NAME
    assert page.boxes.like.isChecked()
    assert not page.boxes.unlike.isChecked()
    shown.find.adjust(method="cells")
    assert page.wanting.isHidden()
    assert page.boxes.isHidden()
    assert page.find.isEnabled()


def drawn(shown, *path):
    """Drag with napari's tool, so slowly that all that is waiting happens at each step."""
    layer = shown.find.boxes.own
    event = SimpleNamespace(type="mouse_press", position=path[0], modifiers=())
    steps = layer._drag_modes[layer._mode](layer, event)
    next(steps)
    shown.settle()
    event.type = "mouse_move"
    for event.position in path[1:]:
        next(steps)
        shown.settle()
    event.type = "mouse_release"
    assert next(steps, None) is None
    shown.settle()


@pytest.mark.parametrize("zoom", [0.3, 1.0, 10.0])
def test_a_slow_drag_draws_a_box_and_a_click_none_at_any_zoom(shown, zoom):
    boxes = shown.find.boxes
    boxes.draw(1)
    shown.viewer.scene.camera.zoom = zoom
    boxes.own.scale_factor = 1 / zoom
    drawn(shown, LARGE[0], (20.0, 110.0), LARGE[2])
    drawn(shown, SMALL[0])
    (corners,) = boxes.own.data
    np.testing.assert_allclose([corners.min(axis=0), corners.max(axis=0)], [LARGE[0], LARGE[2]])
    assert "1 of what is meant, 0" in shown.state.status
