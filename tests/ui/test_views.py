"""What the viewer shows is what is worked on, or it is said that it is not."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from fake_model import blobs
from napari_sam.errors import ImageError, ViewError
from napari_sam.files.pick import pick
from napari_sam.images import Image, Plane
from napari_sam.regions import Region
from napari_sam.ui.canvas.camera import go_to_slice, look_at, visible_part
from napari_sam.ui.canvas.highlight import Highlight
from napari_sam.ui.canvas.preview import outline_of
from napari_sam.ui.layers.ours import OurLayers
from napari_sam.ui.layers.shown import resolve, same_pixels

STACK = blobs((6, 64, 80), ((3, 20, 50), (3, 44, 20)), radius=6)


def resolved(viewer, image, **how):
    return resolve(viewer, image, **{"limits": False, "version": 0, **how})


def test_what_is_shown_is_resolved_once_until_it_changes(bench):
    image = bench.viewer.add_image(STACK, name="stack")
    bench.viewer.dims.set_point(0, 3)
    shown = bench.session._bench.shown()
    assert bench.session._bench.shown() is shown
    assert shown.image is image
    assert shown.plane.index == (3, None, None)
    for change in (
        lambda: bench.viewer.dims.set_point(0, 4),
        lambda: setattr(image, "scale", (1, 2, 2)),
        lambda: setattr(image, "data", STACK.copy()),
        lambda: bench.viewer.dims.transpose(),
        lambda: image.refresh(),
    ):
        before = bench.session._bench.shown()
        change()
        assert bench.session._bench.shown() is not before
    assert same_pixels(image, bench.session._bench.shown().view)
    assert not same_pixels(image, shown.view)


def test_grid_view_is_refused_with_what_to_do(bench):
    bench.viewer.add_image(blobs(), name="one")
    bench.viewer.add_image(blobs(), name="two")
    bench.settle()
    bench.viewer.canvas.grid.enabled = True
    bench.click(20, 20)
    bench.settle()
    assert bench.state.answer is None
    assert "Ctrl+G" in bench.state.status
    assert "SAM points" not in bench.names()
    bench.viewer.canvas.grid.enabled = False
    bench.click(20, 20)
    bench.settle()
    assert bench.state.answer is not None


def test_slices_that_are_shown_as_one_are_told_of(bench):
    image = bench.viewer.add_image(STACK, name="stack", projection_mode="mean")
    bench.viewer.dims.set_point(0, 3)
    bench.settle()
    assert "merged" not in bench.state.status
    bench.viewer.dims.margin_left = (1, 0, 0)
    bench.viewer.dims.margin_right = (1, 0, 0)
    bench.settle()
    assert "slices 2 to 4 merged, the model sees slice 3 alone" in bench.state.status
    bench.click(3, 20, 50)
    bench.settle()
    assert "slice 3 alone" in bench.state.status
    image.projection_mode = "none"
    bench.settle()
    assert "merged" not in bench.state.status


@pytest.mark.parametrize("scale", [(1, 1), (0.5, 2.0)])
@pytest.mark.parametrize("pyramid", [False, True])
def test_the_visible_part_is_what_the_camera_shows(scale, pyramid):
    viewer = ViewerModel()
    data = np.zeros((400, 600), np.uint8)
    data = [data, data[::2, ::2], data[::4, ::4]] if pyramid else data
    image = viewer.add_image(data, multiscale=pyramid, scale=scale, translate=(10, -5))
    viewer.canvas.size = (200, 300)
    camera = viewer.scene.camera
    camera.zoom = 4.0  # so that 50 by 75 units of the world are seen
    middle = np.array([100.0, 200.0])
    camera.center = (0, *(middle * scale + (10, -5)))
    r0, c0, r1, c1 = visible_part(viewer, image, Plane((0, 1), (None, None), (400, 600)))
    assert abs((r1 - r0) - 50 / scale[0]) <= 2
    assert abs((c1 - c0) - 75 / scale[1]) <= 2
    assert abs((r0 + r1) / 2 - 100.5) <= 1
    assert abs((c0 + c1) / 2 - 200.5) <= 1


def test_the_camera_goes_to_an_object():
    viewer = ViewerModel()
    labels = viewer.add_labels(np.zeros((6, 64, 80), int))
    go_to_slice(viewer, labels, {0: 4})
    assert viewer.dims.point[0] == 4
    mask = np.zeros((64, 80), bool)
    mask[10:20, 30:40] = True
    look_at(viewer, labels, Plane((1, 2), (4, None, None), (64, 80)), Region.of(mask))
    np.testing.assert_allclose(viewer.scene.camera.center[1:], (15, 35))


def test_a_ring_lies_around_its_object_and_goes():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((64, 80)))
    highlight = Highlight(OurLayers(viewer))
    mask = np.zeros((64, 80), bool)
    mask[10:20, 30:40] = True
    highlight.show(image, resolved(viewer, image).plane, Region.of(mask))
    ring = viewer.layers["SAM selection"].data > 0
    assert ring[9, 30]
    assert not ring[mask].any()
    highlight.hide()
    assert "SAM selection" not in viewer.layers


def test_outlines_leave_the_inside_of_a_cell_to_be_seen(bench):
    mask = np.zeros((30, 30), bool)
    mask[5:25, 5:25] = True
    line = outline_of(mask, 2)
    assert line[5, 5]
    assert line[6, 12]
    assert not line[7:23, 7:23].any()
    assert not line[~mask].any()
    assert not outline_of(np.zeros((9, 9), bool), 1).any()
    bench.viewer.add_image(blobs(), name="nuclei")
    bench.click(20, 20)
    bench.settle()
    preview = bench.viewer.layers["SAM preview"]
    outlined = np.count_nonzero(preview.data)
    bench.cells.proposal.set_look(filled=True, opacity=0.5)
    assert np.count_nonzero(preview.data) > outlined
    assert preview.opacity == 0.5


def test_what_cannot_be_shown_is_an_error_that_says_what_to_do():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((3, 64, 80)))
    viewer.dims.ndisplay = 3
    with pytest.raises(ViewError, match="2-D"):
        resolved(viewer, image)


@pytest.mark.parametrize(
    ("shape", "labels", "refused"),
    [
        ((64, 64, 3), None, True),  # channels last, which the view takes for columns
        ((64, 4, 64), None, True),
        ((64, 64, 3), ("z", "y", "x"), False),  # it is said what they are
        ((64, 64, 3), ("y", "x", "c"), True),
        ((64, 64, 5), None, False),
        ((4, 3, 64), None, False),
        ((3, 64), None, False),  # nothing else could be rows
    ],
)
def test_an_axis_of_channels_on_the_screen_is_refused_as_on_the_command_line(
    shape, labels, refused
):
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros(shape), rgb=False, axis_labels=labels)
    pixels = Image(np.zeros(shape), "ZYX"[-len(shape) :])
    if refused:
        with pytest.raises(ViewError, match="Split Stack"):
            resolved(viewer, image)
        with pytest.raises(ImageError, match="--channel"):
            pick(pixels)
    else:
        assert resolved(viewer, image).plane.shape == shape[-2:]
        assert pick(pixels, sure=labels is not None).shape == shape


def test_a_cell_is_clicked_on_an_image_a_few_pixels_high(bench):
    image = np.zeros((4, 60), np.uint8)
    image[:, 20:32] = 200
    bench.viewer.add_image(image, name="line")
    bench.click(2, 25)
    bench.settle()
    bench.press("Enter")
    bench.settle()
    assert (bench.viewer.layers["line cells"].data[2] > 0).nonzero()[0].tolist() == [*range(20, 32)]


def test_a_turn_of_the_slice_keeps_the_outline_that_was_chosen(bench):
    image = bench.viewer.add_image(STACK, name="stack")
    bench.viewer.dims.set_point(0, 3)
    bench.click(3, 20, 50)
    bench.settle()
    bench.press("3")
    wanted = bench.state.answer.regions(2)[0].on(bench.state.answer.plane.shape)
    for turn in (
        lambda: setattr(image, "visible", False),
        lambda: setattr(image, "visible", True),
        lambda: bench.viewer.dims.set_point(0, 1),
        lambda: bench.viewer.dims.set_point(0, 3),
    ):
        turn()
        bench.settle()
    assert bench.state.choice == 2
    bench.press("Enter")
    bench.settle()
    np.testing.assert_array_equal(bench.viewer.layers["stack cells"].data[3] > 0, wanted)


def test_a_refined_outline_stays_refined_and_other_slices_keep_their_own(bench):
    bench.viewer.add_image(STACK, name="stack")
    bench.viewer.dims.set_point(0, 3)
    bench.click(3, 20, 50)
    bench.settle()
    bench.click(3, 22, 52)
    bench.settle()
    assert bench.state.answer.prompts[0].logits is not None
    bench.viewer.dims.set_point(0, 2)
    bench.click(2, 20, 50)
    bench.settle()
    bench.press("2")
    bench.viewer.dims.set_point(0, 3)
    bench.settle()
    assert bench.state.answer.plane.index == (3, None, None)
    assert bench.state.answer.prompts[0].logits is not None
    bench.viewer.dims.set_point(0, 2)
    bench.settle()
    assert bench.state.choice == 1


def test_pixels_that_did_change_are_looked_at_before_anything_is_kept(bench):
    data = blobs()
    image = bench.viewer.add_image(data, name="nuclei")
    bench.click(20, 20)
    bench.settle()
    data[...] = np.roll(data, 3, axis=0)
    image.refresh()
    bench.press("Enter")
    bench.settle()
    assert "nuclei cells" not in bench.names() or not bench.viewer.layers["nuclei cells"].data.any()
    assert "look at the new mask" in bench.state.status
