"""The parts of the face one by one, where no test of a whole page looks at them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel
from napari.layers import Labels

from fake_model import blobs
from napari_sam.errors import ViewError
from napari_sam.ui.canvas.gestures import Gestures
from napari_sam.ui.canvas.peek import peek
from napari_sam.ui.disk_cache import DiskCache
from napari_sam.ui.find_options import FindOptions
from napari_sam.ui.labels_layer.accepting import Accepting
from napari_sam.ui.labels_layer.colouring import Colouring, shade
from napari_sam.ui.labels_layer.documents import Documents
from napari_sam.ui.labels_layer.editing import Editing
from napari_sam.ui.labels_layer.layer_document import LayerDocument
from napari_sam.ui.labels_layer.measuring import Measuring
from napari_sam.ui.labels_layer.on_disk import open_again, place_of
from napari_sam.ui.labels_layer.painting import painted
from napari_sam.ui.labels_layer.result_layer import NewResult
from napari_sam.ui.layers import own_layers
from napari_sam.ui.layers.listening import Listening
from napari_sam.ui.layers.ours import OurLayers
from napari_sam.ui.layers.polarity import polarity
from napari_sam.ui.model_choice import ModelChoice
from napari_sam.ui.proposing.encoding import Encoding
from napari_sam.ui.proposing.hover import Hover
from napari_sam.ui.proposing.marks import MarkLayers
from napari_sam.ui.proposing.predicting import Predicting
from napari_sam.ui.proposing.proposal import Proposing
from napari_sam.ui.proposing.refining import refined, same_masks
from napari_sam.ui.tools.click import Click
from napari_sam.ui.tools.find_region import region_mask
from napari_sam.ui.tools.review_advice import advice
from napari_sam.ui.tools.review_appearance import Appearance
from napari_sam.ui.tools.review_mouse import ReviewMouse
from napari_sam.ui.tools.review_plane import ReviewedPlane, fitting_labels
from napari_sam.ui.tools.review_proposals import ReviewProposals
from napari_sam.ui.tools.review_queue import Queue, parallel_planes
from napari_sam.ui.tools.review_state import ReviewedObjects, ReviewState
from napari_sam.ui.tools.reviewed import Reviewed
from napari_sam.ui.tools.stack_search import StackSearch
from napari_sam.ui.workbench import Workbench


def test_a_session_is_made_of_these_parts(bench):
    session, review = bench.session, bench.review
    assert isinstance(session._bench, Workbench)
    assert isinstance(session.models, ModelChoice)
    assert isinstance(session.disk_cache, DiskCache)
    assert isinstance(session._documents, Documents)
    assert isinstance(session._accepting, Accepting)
    assert isinstance(bench.cells, Click)
    assert isinstance(session.proposal, Proposing)
    assert isinstance(session.proposal.marks, MarkLayers)
    assert isinstance(session.proposal.predicting, Predicting)
    assert isinstance(session.proposal.predicting.encoding, Encoding)
    assert isinstance(session.proposal.hover, Hover)
    assert isinstance(review, Reviewed)
    assert isinstance(review.plane, ReviewedPlane)
    assert isinstance(review.plane.measuring, Measuring)
    assert isinstance(review.proposals, ReviewProposals)
    assert isinstance(review.mouse, ReviewMouse)
    assert isinstance(review.mouse._gestures, Gestures)
    assert isinstance(review._queue, Queue)
    assert isinstance(review._appearance, Appearance)
    assert isinstance(bench.find._stack, StackSearch)
    assert isinstance(session.state.find, FindOptions)


def test_listening_ends_altogether():
    viewer, heard = ViewerModel(), []
    listening = Listening()
    listening.to(viewer.layers.events.inserted, lambda event: heard.append(event.value))
    first = viewer.add_image(np.zeros((8, 8)))
    listening.stop()
    viewer.add_image(np.zeros((8, 8)))
    assert heard == [first]


def test_peek_gives_back_an_opacity_unless_somebody_has_set_another():
    viewer = ViewerModel()
    one = viewer.add_labels(np.zeros((8, 8), int), opacity=0.3)
    two = viewer.add_labels(np.zeros((8, 8), int), opacity=0.6)
    held = peek(OurLayers(viewer))
    next(held)
    assert (one.opacity, two.opacity) == (0, 0)
    two.opacity = 0.9
    assert list(held) == []
    assert (one.opacity, two.opacity) == (0.3, 0.9)


def test_points_of_our_own_are_small_and_told_apart_without_colour():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((20, 20)), scale=(2, 3))
    points = own_layers.new_points(OurLayers(viewer), image)
    shown = bench_plane(viewer, image)
    for rowcol, label in (((3, 4), 1), ((9, 9), 0)):
        own_layers.add_point(viewer, points, image, shown, rowcol, label, ours=True)
    own_layers.style_points(points)
    assert polarity(points).tolist() == [1, 0]
    assert [str(symbol) for symbol in points.symbol] == ["cross", "hbar"]
    assert points.size.max() <= 12
    own_layers.remove_points(points, [0])
    np.testing.assert_allclose(points.data, [(9, 9)])
    assert polarity(points).tolist() == [0]


def bench_plane(viewer, image):
    from napari_sam.ui.layers.shown import resolve

    return resolve(viewer, image, limits=False, version=0).plane


def test_an_answer_refines_only_what_goes_on_from_it(bench):
    bench.viewer.add_image(blobs(), name="nuclei")
    bench.click(20, 20)
    bench.settle()
    answer = bench.state.answer
    grown = type(answer.prompts[0])([(20, 20), (22, 22)], [1, 1])
    other = type(answer.prompts[0])([(40, 60), (22, 22)], [1, 1])
    assert refined(answer, 1, (grown,))[0].logits is not None
    assert refined(answer, 1, (other,))[0].logits is None
    assert same_masks(answer, answer)


def test_a_region_is_the_slice_the_shapes_or_an_error(bench):
    image = bench.viewer.add_image(blobs(), name="nuclei")
    plane = bench.session._bench.plane()
    shapes = bench.viewer.add_shapes([[(5, 5), (5, 30), (30, 30), (30, 5)]])
    assert region_mask(bench.viewer, image, plane, "slice") is None
    inside = region_mask(bench.viewer, image, plane, shapes)
    assert inside[10, 10]
    assert not inside[40, 40]
    shapes.data = []
    with pytest.raises(ViewError, match="no closed shape"):
        region_mask(bench.viewer, image, plane, shapes)


def test_all_planes_of_a_stack_are_gone_through(bench):
    bench.viewer.add_image(np.zeros((2, 3, 8, 9)), name="stack")
    plane = bench.session._bench.plane()
    found = [one.index[:2] for one in parallel_planes(plane, (2, 3, 8, 9))]
    assert found == [(t, z) for t in range(2) for z in range(3)]


def test_labels_to_review_are_those_that_fit(bench):
    bench.viewer.add_image(blobs(), name="nuclei")
    fitting = bench.viewer.add_labels(np.zeros((64, 80), int))
    bench.viewer.add_labels(np.zeros((9, 9), int))
    assert fitting_labels(bench.session._bench, None) is fitting
    bench.viewer.dims.ndisplay = 3
    assert fitting_labels(bench.session._bench, None) is None


def test_review_says_what_to_do_next():
    state = ReviewState()
    assert "no labels" in advice(state)[0]
    state.labels = ViewerModel().add_labels(np.zeros((9, 9), int))
    assert advice(state, "It is elsewhere.") == ("It is elsewhere.", True)
    state.action = "merge"
    assert "Alt" in advice(state)[0]
    assert "Find all" in advice(state, empty=True)[0]
    state.action = "add"
    assert "missing" in advice(state, empty=True)[0]


def test_objects_outside_the_limits():
    objects = ReviewedObjects(pd.DataFrame({"index": [1, 2, 3], "score": [0.2, np.nan, 0.9]}))
    assert objects.outside({"score": (0.5, 1.0)}).tolist() == [True, False, False]


def test_labels_for_the_person_come_in_beneath_marks_and_outlines_of_ours():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((8, 9)))
    theirs, ours = viewer.add_points(name="theirs"), OurLayers(viewer)
    viewer.layers.selection = {image}
    marks = [own_layers.new_points(ours, image) for _ in range(2)]
    labels = [Labels(np.zeros((8, 9), int)) for _ in range(2)]
    for layer in labels:
        ours.add_beneath(layer)
    assert list(viewer.layers) == [image, theirs, *labels, *marks]
    assert viewer.layers.selection.active is image


def test_colours_of_the_person_come_back():
    labels = ViewerModel().add_labels(np.eye(9, dtype=int))
    theirs, colouring = labels.colormap, Colouring()
    colouring.show(labels, np.array([1]), np.array([True]), None)
    assert labels.colormap is not theirs
    colouring.restore()
    assert labels.colormap is theirs
    assert shade(np.array([0.5, np.nan])).shape == (2, 4)


def test_an_edit_is_a_step_of_the_document(bench):
    bench.viewer.add_image(blobs(), name="nuclei")
    labels = bench.viewer.add_labels((blobs() > 0).astype(int), name="mine")
    document = bench.session._documents.of(labels)
    assert isinstance(document, LayerDocument)
    before = labels.data.copy()
    Editing(bench.session._bench, document).delete([1])
    assert not labels.data.any()
    document.undo()
    np.testing.assert_array_equal(labels.data, before)


def test_what_is_found_gets_a_layer_of_its_own(bench):
    bench.viewer.add_image(blobs(), name="nuclei")
    bench.settle()
    bench.find.start()
    bench.settle()
    assert isinstance(bench.find.following.search.layer, NewResult)


def test_a_stroke_of_napari_is_read_as_pixels():
    labels = ViewerModel().add_labels(np.zeros((9, 9), int))
    heard = []
    labels.events.paint.connect(lambda event: heard.append(event.value))
    labels.paint((4, 4), 1)
    assert len(painted((9, 9), heard[0])) > 0


def test_labels_in_a_file_are_found_and_opened_again(tmp_path) -> None:
    pixels = np.memmap(tmp_path / "labels.dat", np.int32, "w+", offset=8, shape=(3, 4))
    pixels[1, 2] = 7
    place = place_of(pixels)
    assert place is not None
    again = open_again(place)
    assert again.dtype == np.int32
    assert again.tolist() == pixels.tolist()
    again[0, 0] = 5
    assert pixels[0, 0] == 5
    assert place_of(pixels[1:]) is None
    assert place_of(np.zeros((3, 4), np.int32)) is None
