"""A region that is drawn: cells inside are counted, deleted, accepted, or searched for."""

from __future__ import annotations

import numpy as np
import pytest

from fake_model import blobs
from napari_sam.errors import LabelsError
from napari_sam.labels.inside import count_inside, delete_inside, region_mask
from napari_sam.pixel_size import PixelSize
from napari_sam.ui.proposing.region import DrawnRegion
from napari_sam.ui.tools.review_region import ReviewRegion, told
from napari_sam.ui.widgets.review_region_box import ReviewRegionBox

CENTRES = ((10, 10), (10, 40), (10, 70), (40, 10), (40, 40), (40, 70))
LEFT_HALF = [(1.0, 1.0), (1.0, 50.0), (60.0, 50.0), (60.0, 1.0)]


def numbered(shape=(64, 80)) -> np.ndarray:
    labels = np.zeros(shape, np.int32)
    for number, (row, column) in enumerate(CENTRES, start=1):
        labels[row - 4 : row + 4, column - 4 : column + 4] = number
    return labels


@pytest.fixture
def reviewed(bench):
    bench.viewer.add_image(blobs((64, 80), CENTRES, radius=5), name="dish")
    layer = bench.viewer.add_labels(numbered(), name="found")
    bench.settle()
    bench.session.set_tool("review")
    bench.review.choose(layer)
    bench.settle()
    return bench


def drawn(bench, *path):
    bench.press("L")
    event = bench.drag(*path)
    assert len(bench.session.region.layer.data) <= 1
    bench.settle()
    return event


def test_cells_inside_are_counted_with_the_area(reviewed):
    assert isinstance(reviewed.review.region, ReviewRegion)
    assert isinstance(reviewed.session.region, DrawnRegion)
    assert reviewed.review.state.inside is None
    assert drawn(reviewed, *LEFT_HALF).handled
    inside = reviewed.review.state.inside
    assert inside.ids == (1, 2, 4, 5)
    assert inside.pixels == 60 * 50
    assert not reviewed.session.region.drawing  # one drag, one region
    assert "SAM region" in reviewed.names()
    drawn(reviewed, (1.0, 1.0), (1.0, 20.0), (20.0, 20.0), (20.0, 1.0))
    assert reviewed.review.state.inside.ids == (1,)  # it replaces the one before


def test_a_region_goes_out_of_sight_with_its_image(reviewed):
    drawn(reviewed, *LEFT_HALF)
    layer = reviewed.session.region.layer
    reviewed.viewer.layers.remove(reviewed.viewer.layers["dish"])
    assert not layer.visible  # at once: it is drawn before it can be taken away
    reviewed.settle()
    assert layer not in reviewed.viewer.layers


def test_deleting_inside_is_one_step(reviewed):
    drawn(reviewed, *LEFT_HALF)
    reviewed.press("Shift-Delete")
    reviewed.settle()
    labels = reviewed.viewer.layers["found"].data
    assert set(np.unique(labels)) == {0, 3, 6}
    assert reviewed.review.state.inside.ids == ()
    reviewed.press("Control-Z")
    reviewed.settle()
    assert (labels == numbered()).all()
    assert reviewed.review.state.inside.ids == (1, 2, 4, 5)


def test_what_the_sliders_hide_is_left_alone(reviewed):
    drawn(reviewed, *LEFT_HALF)
    reviewed.viewer.layers["found"].data_setitem(
        np.nonzero(np.pad([[True]], ((5, 58), (5, 74)))), 1
    )
    reviewed.settle()
    reviewed.review.set_limits("area", (0, 64))
    reviewed.settle()
    assert reviewed.review.state.inside.ids == (2, 4, 5)
    reviewed.review.region.accept()
    reviewed.settle()
    assert reviewed.review.state.reviewed == 3


def test_a_region_is_that_of_its_slice(bench):
    bench.viewer.add_image(np.stack([blobs((64, 80), CENTRES)] * 2), name="stack")
    layer = bench.viewer.add_labels(np.stack([numbered()] * 2), name="found")
    bench.viewer.dims.set_point(0, 0)
    bench.settle()
    bench.session.set_tool("review")
    bench.review.choose(layer)
    bench.settle()
    drawn(bench, *((0.0, *place) for place in LEFT_HALF))
    assert len(bench.review.state.inside) == 4
    bench.viewer.dims.set_point(0, 1)
    bench.settle()
    assert bench.review.state.inside is None
    bench.press("Shift-Delete")
    bench.settle()
    assert "no region on this slice" in bench.state.status
    assert (layer.data == np.stack([numbered()] * 2)).all()


def test_shapes_of_one_s_own_are_a_region_too(reviewed, qtbot):
    shapes = reviewed.viewer.add_shapes([np.array(LEFT_HALF)], shape_type="polygon")
    reviewed.review.region.choose(shapes)
    assert len(reviewed.review.state.inside) == 4
    box = ReviewRegionBox(reviewed.review)
    qtbot.addWidget(box)
    assert box.told.text() == "4 cells in 3,000 px², 9 % covered"
    shapes.data = [np.array(LEFT_HALF) / 3]
    reviewed.settle()
    assert box.told.text().startswith("1 cell in")
    reviewed.viewer.layers.remove(shapes)
    reviewed.settle()
    assert not box.delete.isEnabled()
    box.draw.click()
    assert reviewed.session.region.drawing


def test_find_all_searches_the_region_that_is_drawn_there(reviewed):
    reviewed.session.set_tool("find")
    drawn(reviewed, *LEFT_HALF)
    assert reviewed.state.find.region is reviewed.session.region.layer
    reviewed.find.start()
    reviewed.settle()
    assert reviewed.state.found_count == 4
    reviewed.viewer.layers.remove(reviewed.session.region.layer)
    reviewed.settle()
    assert reviewed.state.find.region == "slice"
    reviewed.find.look_in("draw")
    assert reviewed.session.region.drawing
    reviewed.session.set_tool("review")
    assert not reviewed.session.region.drawing


def test_a_region_too_small_takes_the_one_before_away(reviewed):
    drawn(reviewed, *LEFT_HALF)
    drawn(reviewed, (5.0, 5.0), (5.0, 9.0), (5.2, 9.2))
    assert reviewed.review.state.inside is None
    reviewed.viewer.add_image(blobs(), name="another")
    reviewed.session.layers.choose("image", reviewed.viewer.layers["another"])
    reviewed.settle()
    assert "SAM region" not in reviewed.names()


def test_cells_are_counted_once_for_a_region_and_only_while_they_are_reviewed(
    reviewed, monkeypatch
):
    counted = []

    def counting(*what):
        counted.append(what)
        return count_inside(*what)

    monkeypatch.setattr("napari_sam.ui.tools.review_region.count_inside", counting)
    drawn(reviewed, *LEFT_HALF)
    assert len(counted) == 1
    reviewed.session.set_tool("find")
    drawn(reviewed, (1.0, 1.0), (1.0, 20.0), (20.0, 20.0), (20.0, 1.0))
    assert len(counted) == 1
    reviewed.session.set_tool("review")
    reviewed.settle()
    assert reviewed.review.state.inside.ids == (1,)
    reviewed.viewer.layers.remove(reviewed.session.region.layer)
    reviewed.settle()
    assert reviewed.review.state.inside is None


def test_a_region_over_a_change_of_slice_is_dropped(bench):
    from napari.utils.interactions import mouse_release_callbacks

    bench.viewer.add_image(np.stack([blobs((64, 80), CENTRES)] * 2), name="stack")
    bench.viewer.dims.set_point(0, 0)
    bench.settle()
    bench.session.set_tool("review")
    bench.press("L")
    event = bench.drag(*((0.0, *place) for place in LEFT_HALF), release=False)
    bench.viewer.dims.set_point(0, 1)
    bench.settle()
    event.type = "mouse_release"
    mouse_release_callbacks(bench.viewer, event)
    bench.settle()
    assert len(bench.session.region.layer.data) == 0
    assert not bench.session.region.drawing


def test_most_of_an_object_has_to_be_inside():
    labels = numbered()
    half = np.zeros(labels.shape, bool)
    half[:, :10] = True  # four of eight columns of objects 1 and 4
    assert count_inside(labels, half).ids == ()
    half[:, 10] = True
    assert count_inside(labels, half).ids == (1, 4)
    edit = delete_inside(labels, half)
    assert edit.gone == (1, 4)
    assert len(edit) == 2 * 64


@pytest.mark.parametrize("wrong", [np.zeros((64, 80)), [(0, 0), (1, 1)], np.zeros((3, 3, 3)), "x"])
def test_what_is_no_region_is_refused(wrong):
    with pytest.raises(LabelsError):
        region_mask(wrong, (64, 80))
    with pytest.raises(LabelsError):
        delete_inside(numbered(), np.pad([[True]], ((30, 33), (30, 49))))


def test_an_area_is_told_in_its_unit():
    inside = count_inside(numbered(), np.ones((64, 80)), PixelSize(0.5, 0.5, "um"))
    assert told(inside) == "6 cells in 1,280 µm², 8 % covered"
