"""Bug class 4 of the field: nothing of one object, viewer or session reaches another."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from napari.components import ViewerModel

from fake_model import blobs


@pytest.fixture
def ready(bench):
    bench.viewer.add_image(blobs(), name="nuclei")
    bench.settle()
    return bench


def callbacks(viewer) -> dict[str, int]:
    """Count every callback that hangs on a viewer and its layers."""
    emitters = {"layers": viewer.layers, "dims": viewer.dims, "selection": viewer.layers.selection}
    emitters |= {layer.name: layer for layer in viewer.layers}
    counted = {
        f"{owner}.{name}": len(emitter.callbacks)
        for owner, has in emitters.items()
        for name, emitter in has.events.emitters.items()
    }
    counted["drag"] = len(viewer.mouse_drag_callbacks)
    counted["move"] = len(viewer.mouse_move_callbacks)
    counted["keys"] = len(viewer.keymap)
    counted |= {f"keys of {layer.name}": len(layer.keymap) for layer in viewer.layers}
    return counted


def test_an_objects_logits_never_reach_the_next_object(ready):
    ready.click(20, 20)
    ready.settle()
    ready.click(21, 21)
    ready.settle()
    assert ready.model.prompts[-1].logits is not None  # the same object is refined
    ready.press("Enter")
    ready.settle()
    ready.click(40, 60)
    ready.settle()
    last = ready.model.prompts[-1]
    assert last.logits is None
    assert last.mask is None
    np.testing.assert_allclose(last.points, [(40, 60)])


@pytest.mark.parametrize("end", ["clear", "undo", "image", "model", "slice"])
def test_logits_end_with_their_object(ready, end):
    ready.catalogue.here.add("large")
    ready.session.layers.choose("image", ready.state.image)
    other = ready.viewer.add_image(blobs(), name="other")
    ready.click(20, 20)
    ready.settle()
    if end == "clear":
        ready.cells.proposal.clear()
    elif end == "undo":
        ready.cells.undo()
    elif end == "image":
        ready.session.layers.choose("image", other)
    elif end == "model":
        ready.session.models.choose("large")
        ready.settle()
    else:
        ready.viewer.add_image(np.stack([blobs()] * 3), name="stack")
        ready.session.layers.choose("image", ready.viewer.layers["stack"])
        ready.settle()
    ready.settle()
    before = len(ready.model.prompts)
    ready.click(1, 40, 60) if end == "slice" else ready.click(40, 60)
    ready.settle()
    new = ready.model.prompts[before:]
    assert new
    if end == "model":  # the mark stayed, so the object is the same, but not the model
        assert ready.model.prompts[before - 1].logits is None
    else:
        assert all(prompt.logits is None for prompt in new)


def test_one_click_is_one_prediction_although_events_fire_twice(ready):
    ready.click(20, 20)
    ready.settle()
    assert len(ready.model.prompts) == 1
    points = ready.viewer.add_points(np.empty((0, 2)), name="seeds")
    ready.cells.proposal.clear()
    ready.session.layers.choose("points", points)
    ready.settle()
    phases = []
    points.events.data.connect(lambda event: phases.append(event.action))
    points.add((40, 60))
    assert len(phases) == 2  # what napari does
    ready.settle()
    assert len(ready.model.prompts) == 2


def test_looking_again_does_not_ask_again(ready):
    ready.click(20, 20)
    ready.settle()
    ready.session.proposal.predicting.soon()
    ready.settle()
    assert len(ready.model.prompts) == 1


def test_closing_gives_back_every_callback_key_and_layer(make_bench):
    viewer = ViewerModel()
    viewer.add_image(blobs(), name="nuclei")
    mine = viewer.add_labels(np.zeros((64, 80), int), name="mine")
    viewer.layers.selection.active = viewer.layers["nuclei"]
    before, names = callbacks(viewer), [layer.name for layer in viewer.layers]
    bench = make_bench(viewer)
    bench.session.layers.choose("target", mine)
    bench.session.layers.choose("mask", mine)
    bench.settle()
    bench.click(20, 20)
    bench.settle()
    bench.cells.proposal.draw_boxes()
    bench.settle()
    viewer.layers.selection.active = mine
    mine.mode = "paint"
    viewer.layers.selection.active = viewer.layers["nuclei"]
    assert callbacks(viewer) != before
    bench.session.close()
    assert callbacks(viewer) == before
    assert [layer.name for layer in viewer.layers] == names


def test_a_closed_session_is_garbage(make_bench):
    viewer = ViewerModel()
    viewer.add_image(blobs())
    bench = make_bench(viewer)
    bench.settle()
    bench.session.close()
    gone = weakref.ref(bench.session)
    bench.session = type("Closed", (), {"close": lambda self: None})()
    gc.collect()
    assert gone() is None


def test_a_key_that_was_bound_before_is_bound_again(make_bench):
    viewer = ViewerModel()
    viewer.add_image(blobs())
    pressed = []
    viewer.bind_key("n", lambda v: pressed.append("theirs"))
    viewer.layers[0].bind_key("1", lambda v: pressed.append("layer's"))
    bench = make_bench(viewer)
    bench.settle()
    bench.press("N")
    bench.press("1")
    assert pressed == []
    bench.session.close()
    bench.press("N")
    bench.press("1")
    assert pressed == ["theirs", "layer's"]


@pytest.mark.parametrize("ends", [(0, 1), (1, 0)])
@pytest.mark.parametrize("hidden_between", [False, True])
def test_two_panels_give_every_key_back_in_whatever_order_they_end(
    make_bench, ends, hidden_between
):
    viewer = ViewerModel()
    viewer.add_image(blobs(), name="nuclei")
    labels = viewer.add_labels(np.zeros((64, 80), np.int32), name="mine")
    viewer.layers.selection.active = labels
    pressed = []
    viewer.bind_key("N", lambda viewer: pressed.append("N"))
    labels.bind_key("C", lambda layer: pressed.append("C"))
    keys = dict(viewer.keymap), dict(labels.keymap)
    panels = [make_bench(viewer), make_bench(viewer)]
    panels[0].session.set_tool("review")  # its keys come to lie on those of the other
    if hidden_between:
        for panel in (panels[1], panels[0], panels[0], panels[1]):
            panel.session.set_active(not panel.session.tool.shown)
    for end in ends:
        panels[end].session.close()
    assert (dict(viewer.keymap), dict(labels.keymap)) == keys
    panels[0].press("N")
    panels[0].press("C")
    assert pressed == ["N", "C"]


def test_a_hidden_panel_leaves_its_keys_to_one_that_is_shown(make_bench):
    viewer = ViewerModel()
    viewer.add_image(blobs(), name="nuclei")
    keys = dict(viewer.keymap)
    first, second = make_bench(viewer), make_bench(viewer)
    first.session.set_tool("review")
    second.session.set_tool("review")
    first.session.set_active(False)
    second.session.set_active(False)
    assert dict(viewer.keymap) == keys  # and Delete deletes nothing that nobody sees chosen
    first.session.set_active(True)
    first.session.set_tool("click")
    first.session.set_active(False)
    assert dict(viewer.keymap) == keys


def test_layers_of_two_panels_are_left_out_of_saving_and_both_hear_of_it(make_bench, tmp_path):
    viewer = ViewerModel()
    viewer.add_image(blobs(), name="other")
    viewer.add_image(blobs(), name="nuclei")
    both = {"nuclei", "other"}
    first, second = make_bench(viewer), make_bench(viewer)
    heard = []
    for bench in (first, second):
        bench.settle()
        bench.session._bench.ours.saved.connect(lambda layers: heard.append(layers))
    first.click(20, 20)
    first.settle()
    marks = [layer for layer in viewer.layers if layer in first.session._bench.ours]
    assert marks
    assert not any(layer in second.session._bench.ours for layer in marks)
    viewer.layers.save(str(tmp_path / "all"), plugin="napari")
    assert {file.stem for file in (tmp_path / "all").iterdir()} == both
    assert heard == [[viewer.layers["other"], viewer.layers["nuclei"]]] * 2
    second.session.close()
    viewer.layers.save(str(tmp_path / "again"), plugin="napari")
    assert {file.stem for file in (tmp_path / "again").iterdir()} == both
    first.session.close()
    assert "save" not in vars(viewer.layers)


@pytest.mark.parametrize("ends", [(0, 1), (1, 0)])
def test_the_persons_colours_come_back_from_two_panels(make_bench, ends):
    viewer = ViewerModel()
    viewer.add_image(blobs(), name="nuclei")
    labels = viewer.add_labels((blobs() > 100).astype(np.int32), name="cells")
    theirs = labels.colormap
    panels = [make_bench(viewer), make_bench(viewer)]
    for panel in panels:
        panel.settle()
        panel.session.set_tool("review")
        panel.settle()
        panel.review.set_coloured(True)
        assert labels.colormap is not theirs
    for end in ends:
        panels[end].session.close()
    assert labels.colormap is theirs
    assert not [name for name in labels.metadata if "colours" in name]


def test_colours_that_the_person_chose_meanwhile_stay(ready):
    labels = ready.viewer.add_labels((blobs() > 100).astype(np.int32), name="cells")
    ready.session.set_tool("review")
    ready.settle()
    ready.review.set_coloured(True)
    labels.new_colormap(7)
    chosen = labels.colormap
    ready.review.set_coloured(False)
    assert labels.colormap is chosen
    ready.review.set_coloured(True)
    assert labels.colormap is not chosen
    ready.session.set_tool("click")
    assert labels.colormap is chosen


def test_a_layer_in_an_editing_mode_keeps_its_keys(ready):
    labels = ready.viewer.add_labels(np.zeros((64, 80), int))
    ready.viewer.layers.selection.active = labels
    labels.mode = "paint"
    assert not {"1", "2", "3", "N", "Enter", "Ctrl+Z"} & {str(key) for key in labels.keymap}
    labels.mode = "pan_zoom"
    assert {"1", "2", "3", "N", "Enter"} <= {str(key) for key in labels.keymap}


def test_the_undo_key_still_serves_labels_that_are_not_ours(ready):
    labels = ready.viewer.add_labels(np.zeros((64, 80), int))
    labels.data_setitem((np.array([1]), np.array([1])), 5)
    ready.viewer.layers.selection.active = labels
    ready.press("Control-Z")
    assert not labels.data.any()


def ours(callbacks):
    return [one for one in callbacks if one.__module__.startswith("napari_sam")]


def test_an_invisible_panel_neither_clicks_nor_types(ready):
    assert ready.viewer.layers["nuclei"].keymap
    assert ours(ready.viewer.mouse_drag_callbacks)
    ready.session.set_active(False)
    ready.click(20, 20)
    ready.settle()
    assert ready.model.prompts == []
    assert not ours(ready.viewer.mouse_drag_callbacks)
    assert not ready.viewer.layers["nuclei"].keymap


def test_two_viewers_share_nothing(make_bench):
    one, two = make_bench(), make_bench()
    for bench in (one, two):
        bench.viewer.add_image(blobs(), name="nuclei")
        bench.settle()
    one.cells.proposal.set_polarity(0)
    one.cells.set_overlap("overwrite")
    two.click(20, 20)
    two.settle()
    two.press("Enter")
    assert one.model.prompts == []
    assert one.names() == ["nuclei"]
    assert (two.state.polarity, two.state.overlap) == (1, "keep")
    one.session.close()
    two.click(40, 60)
    two.settle()
    two.press("Enter")
    assert two.viewer.layers["nuclei cells"].data[40, 60] == 2


def test_layers_are_followed_by_object_and_not_by_name(ready):
    image = ready.viewer.layers["nuclei"]
    ready.session.layers.choose("image", image)
    image.name = "renamed"
    ready.viewer.add_image(np.zeros((64, 80), np.uint8), name="nuclei")
    ready.click(20, 20)
    ready.settle()
    assert ready.state.image is image
    assert ready.state.answer.regions(0)[0].area > 50


def test_deleted_layers_are_let_go(ready):
    ready.click(20, 20)
    ready.settle()
    ready.press("Enter")
    ready.click(40, 60)
    ready.settle()
    for name in ("nuclei cells", "SAM preview", "SAM points", "nuclei"):
        ready.viewer.layers.remove(ready.viewer.layers[name])
        ready.settle()
    assert ready.names() == []
    assert ready.state.image is None
    assert ready.state.target is None
    assert "Open an image" in ready.state.status
    ready.viewer.add_image(blobs(), name="next")
    ready.settle()
    ready.click(20, 20)
    ready.settle()
    ready.press("Enter")
    assert ready.viewer.layers["next cells"].data[20, 20] == 1
