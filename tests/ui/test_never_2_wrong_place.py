"""Bug class 2 of the field: a mask never lands on another slice, place or axis."""

from __future__ import annotations

import numpy as np
import pytest

from fake_model import FakeModel, blobs

CENTRE = (3, 20, 50)
STACK = blobs((6, 64, 80), (CENTRE,), radius=6)


def the_disc(plane: int = 3) -> np.ndarray:
    mask = np.zeros(STACK.shape, bool)
    mask[plane] = STACK[plane] > 100
    return mask


def add(bench, **keywords):
    layer = bench.viewer.add_image(STACK, name="stack", **keywords)
    go_to(bench, layer, CENTRE[0])
    return layer


def go_to(bench, layer, plane: int) -> None:
    bench.viewer.dims.set_point(0, layer.data_to_world((plane, 0, 0))[0])
    bench.settle()


def click_voxel(bench, layer, voxel, button: int = 1) -> None:
    bench.click(*layer.data_to_world(voxel), button=button)
    bench.settle()


TRANSFORMS = {
    "plain": {},
    "scaled and translated": {"scale": (2.0, 0.5, 0.25), "translate": (-30.0, 7.0, 100.0)},
    "rotated in the plane": {"rotate": 30.0, "scale": (3.0, 1.0, 1.0)},
    "with units": {"scale": (2.0, 0.5, 0.5), "units": ("um", "um", "um")},
    "with an affine": {"affine": np.diag([1.0, 2.0, 0.5, 1.0]), "translate": (1.0, 2.0, 3.0)},
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_click_ends_at_its_voxel_whatever_the_transform(bench, name):
    layer = add(bench, **TRANSFORMS[name])
    before = layer.affine.affine_matrix.copy(), layer.scale.copy(), layer.translate.copy()
    bench.cells.proposal.set_look(filled=True)
    click_voxel(bench, layer, CENTRE)
    preview = bench.viewer.layers["SAM preview"]
    inside = preview.world_to_data(layer.data_to_world(CENTRE))
    assert preview.data[tuple(np.round(inside).astype(int))] == 1
    bench.press("Enter")
    labels = bench.viewer.layers["stack cells"]
    np.testing.assert_array_equal(labels.data > 0, the_disc())
    np.testing.assert_allclose(labels.data_to_world(CENTRE), layer.data_to_world(CENTRE), atol=1e-9)
    after = layer.affine.affine_matrix, layer.scale, layer.translate
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (0, 2, 1)])
def test_any_pair_of_axes_can_be_displayed(bench, order):
    layer = bench.viewer.add_image(STACK, name="stack", scale=(2.0, 1.0, 0.5))
    bench.viewer.dims.order = order
    hidden = order[0]
    bench.viewer.dims.set_point(hidden, layer.data_to_world(CENTRE)[hidden])
    bench.settle()
    click_voxel(bench, layer, CENTRE)
    bench.press("Enter")
    labels = bench.viewer.layers["stack cells"]
    index = [slice(None)] * 3
    index[hidden] = CENTRE[hidden]
    expected = np.zeros(STACK.shape, bool)
    expected[tuple(index)] = STACK[tuple(index)] > 100
    np.testing.assert_array_equal(labels.data > 0, expected)


def test_scrolling_while_it_computes_moves_nothing(bench):
    layer = add(bench)
    bench.click(*CENTRE)
    while bench.loop.turn():  # the request leaves, the worker has not started
        pass
    assert bench.session.jobs.wants("predict")
    bench.viewer.dims.set_point(0, 1)
    bench.settle()
    assert bench.state.answer.plane.index[0] == 3
    assert "SAM preview" not in bench.names()  # not on this slice
    bench.press("Enter")
    labels = bench.viewer.layers["stack cells"]
    np.testing.assert_array_equal(labels.data > 0, the_disc())
    assert "slice 3" in bench.state.status
    assert layer.data is STACK


def test_an_answer_that_comes_while_no_slice_is_shown_waits_for_its_slice(bench):
    add(bench)
    bench.click(*CENTRE)
    while bench.loop.turn():  # the request leaves, the worker has not started
        pass
    bench.viewer.dims.ndisplay = 3
    bench.settle()
    assert "SAM preview" not in bench.names()
    bench.viewer.dims.ndisplay = 2
    bench.settle()
    assert bench.viewer.layers["SAM preview"].data.any()
    bench.press("Enter")
    np.testing.assert_array_equal(bench.viewer.layers["stack cells"].data > 0, the_disc())


def test_the_preview_comes_back_with_its_slice(bench):
    layer = add(bench, scale=(2.0, 1.0, 1.0))
    click_voxel(bench, layer, CENTRE)
    go_to(bench, layer, 0)
    assert "SAM preview" not in bench.names()
    go_to(bench, layer, 3)
    preview = bench.viewer.layers["SAM preview"]
    assert preview.data.shape == (1, 64, 80)  # one plane thick, however long the stack
    np.testing.assert_allclose(
        preview.data_to_world((0, 5, 6)), layer.data_to_world((3, 5, 6)), atol=1e-9
    )


def test_a_points_layer_of_another_scale_is_read_in_the_world(bench):
    layer = add(bench, scale=(2.0, 0.5, 0.5))
    world = np.array(layer.data_to_world(CENTRE))
    points = bench.viewer.add_points([world / 4.0], scale=(4.0, 4.0, 4.0), name="seeds")
    elsewhere = bench.viewer.add_points([CENTRE], name="pixels, wrongly")
    bench.session.layers.choose("points", points)
    bench.settle()
    (prompt,) = bench.model.prompts
    np.testing.assert_allclose(prompt.points, [CENTRE[1:]], atol=1e-6)
    bench.session.layers.choose("points", elsewhere)
    bench.settle()
    assert bench.state.answer is None  # those coordinates are another slice in the world


def test_points_on_other_slices_are_no_prompts(bench):
    add(bench)
    points = bench.viewer.add_points([(3, 20, 50), (2, 20, 50), (4, 1, 1)])
    bench.session.layers.choose("points", points)
    bench.settle()
    np.testing.assert_allclose(bench.model.prompts[-1].points, [(20, 50)])


def test_rows_and_columns_are_never_swapped_for_any_kind_of_mark(bench):
    """A tall object, so that a swap of the two axes cannot go unnoticed."""
    image = np.full((64, 80), 10, np.uint8)
    image[10:50, 20:30] = 200
    layer = bench.viewer.add_image(image, name="tall")
    bench.settle()
    corners = [(8, 18), (8, 32), (52, 32), (52, 18)]
    expected = image > 100
    for kind in ("rectangle", "polygon", "ellipse", "path"):
        marked = [(12, 25), (48, 25)] if kind == "path" else corners
        shapes = bench.viewer.add_shapes([marked], shape_type=kind)
        bench.session.layers.choose("shapes", shapes)
        bench.settle()
        prompt = bench.model.prompts[-1]
        if kind == "path":
            assert np.ptp(prompt.strokes[0][:, 0]) > 30
            assert np.ptp(prompt.strokes[0][:, 1]) < 1
        else:
            r0, c0, r1, c1 = prompt.box
            assert (r0, c0, r1, c1) == pytest.approx((8, 18, 52, 32), abs=0.6)
        mask = bench.state.answer.regions(0)[0].on(bench.state.answer.plane.shape)
        if kind in ("rectangle", "path"):
            np.testing.assert_array_equal(mask, expected)
        else:  # the fake model returns a drawn mask as it is
            assert np.ptp(np.nonzero(mask)[0]) > 2 * np.ptp(np.nonzero(mask)[1])
    assert layer in bench.viewer.layers


def test_a_rough_mask_is_the_selected_label_of_this_slice_only(bench):
    add(bench)
    data = np.zeros(STACK.shape, np.int32)
    data[3, 10:30, 40:60] = 2
    data[3, 40:50, 10:20] = 1
    data[1] = 2
    rough = bench.viewer.add_labels(data)
    rough.selected_label = 2
    bench.session.layers.choose("mask", rough)
    bench.settle()
    np.testing.assert_array_equal(bench.model.prompts[-1].mask, data[3] == 2)


def test_labels_on_another_grid_are_refused(bench):
    layer = add(bench, scale=(2.0, 0.5, 0.5))
    other = bench.viewer.add_labels(np.zeros(STACK.shape, np.int32), name="elsewhere")
    bench.session.layers.choose("target", other)
    bench.viewer.layers.selection.active = layer
    go_to(bench, layer, 3)
    click_voxel(bench, layer, CENTRE)
    bench.press("Enter")
    assert not other.data.any()
    assert bench.state.problem


def test_three_dimensional_display_is_refused_and_leaves_nothing(bench):
    add(bench)
    click_voxel(bench, bench.viewer.layers["stack"], CENTRE)
    bench.viewer.dims.ndisplay = 3
    bench.settle()
    assert "2-D" in bench.state.status
    assert "SAM preview" not in bench.names()
    bench.click(*CENTRE)
    bench.settle()
    assert bench.state.problem
    bench.viewer.dims.ndisplay = 2
    bench.settle()
    assert "SAM preview" in bench.names()


def test_a_position_outside_the_image_is_refused(bench):
    layer = add(bench)
    bench.session.layers.choose("image", layer)  # now it stays
    bench.viewer.add_image(np.zeros((40, 8, 8), np.uint8), name="longer")
    assert bench.state.image is layer
    bench.viewer.dims.set_point(0, 30)
    bench.settle()
    bench.click(30, 5, 5)
    bench.settle()
    assert bench.state.problem
    assert bench.model.prompts == []


def test_channels_on_the_screen_are_refused(bench):
    bench.viewer.add_image(np.zeros((64, 80, 2), np.uint8), name="two channels")
    bench.viewer.dims.order = (0, 1, 2)
    bench.settle()
    assert "channels" in bench.state.status
    assert bench.state.problem


def test_rgb_stacks_work_on_the_displayed_slice(bench):
    colour = np.repeat(STACK[..., None], 3, axis=-1)
    layer = bench.viewer.add_image(colour, rgb=True, name="stack")
    go_to(bench, layer, 3)
    click_voxel(bench, layer, CENTRE)
    assert bench.model.encoded[-1].shape == (64, 80, 3)
    bench.press("Enter")
    np.testing.assert_array_equal(bench.viewer.layers["stack cells"].data > 0, the_disc())


def test_dask_and_multiscale_images_are_read_at_full_resolution(bench):
    da = pytest.importorskip("dask.array")
    lazy = da.from_array(STACK, chunks=(1, 32, 32))
    layer = bench.viewer.add_image([lazy, lazy[:, ::2, ::2]], multiscale=True, name="stack")
    go_to(bench, layer, 3)
    click_voxel(bench, layer, CENTRE)
    bench.press("Enter")
    np.testing.assert_array_equal(bench.viewer.layers["stack cells"].data > 0, the_disc())


def test_a_two_dimensional_image_beside_a_stack_is_marked_as_shown(bench):
    flat = bench.viewer.add_image(blobs(), name="flat", scale=(0.5, 0.5))
    bench.viewer.add_image(STACK, name="stack")
    bench.session.layers.choose("image", flat)
    bench.viewer.dims.set_point(0, 2)
    bench.settle()
    bench.click(2, 10, 10)
    bench.settle()
    bench.press("Enter")
    labels = bench.viewer.layers["flat cells"]
    assert labels.data.shape == (64, 80)
    assert labels.data[20, 20] == 1


def test_the_fake_model_is_asked_about_pixels_of_the_displayed_slice(bench):
    layer = add(bench)
    assert isinstance(bench.model, FakeModel)
    np.testing.assert_array_equal(bench.model.encoded[-1], STACK[3])
    go_to(bench, layer, 1)
    np.testing.assert_array_equal(bench.model.encoded[-1], STACK[1])


def test_a_cell_that_is_to_be_kept_comes_before_what_is_marked_on_another_slice(bench):
    bench.viewer.add_image(np.stack([blobs()] * 3), name="stack")
    bench.viewer.dims.set_point(0, 0)
    bench.settle()
    bench.click(0, 20, 20)
    bench.press("Enter")  # before the model has answered
    bench.viewer.dims.set_point(0, 1)
    bench.click(1, 40, 60)
    bench.settle()
    labels = bench.viewer.layers["stack cells"].data
    assert labels[0, 20, 20] == 1
    assert not labels[1:].any()
    assert bench.state.answer.plane.index[0] == 1  # proposed, not kept
    bench.press("Enter")
    bench.settle()
    assert labels[1, 40, 60] == 2


@pytest.mark.parametrize("made", ["keep", "find", "stack", "volume"])
@pytest.mark.parametrize("order", [(0, 2, 1), (1, 2, 0), (2, 1, 0)])
def test_rows_of_a_table_say_where_in_the_data_objects_lie(bench, made, order):
    layer = bench.viewer.add_image(STACK, name="stack", scale=(2.0, 1.0, 0.5), units="um")
    bench.viewer.dims.order = order
    hidden = order[0]
    bench.viewer.dims.set_point(hidden, layer.data_to_world(CENTRE)[hidden])
    bench.settle()
    if made == "keep":
        click_voxel(bench, layer, CENTRE)
        bench.press("Enter")
        bench.settle()
    else:
        bench.session.set_tool("find")
        bench.find.look_in("slice" if made == "find" else made)
        bench.find.start()
        bench.settle()
    labels = bench.viewer.layers["stack cells" if made == "keep" else "stack cells found"]
    number = int(labels.data[CENTRE])
    row = labels.features.set_index("index").loc[number]
    along = sorted(set(range(3)) - {hidden})
    places = np.argwhere(labels.data == number)
    middle = places.mean(axis=0)[along]
    np.testing.assert_allclose(row[["centroid_row", "centroid_col"]].astype(float), middle)
    corners = [*places.min(axis=0)[along], *(places.max(axis=0)[along] + 1)]
    np.testing.assert_allclose(row[["r0", "c0", "r1", "c1"]].astype(float), corners)
    if made != "keep":
        physical = middle * layer.scale[along]
        np.testing.assert_allclose(
            row[["centroid_row_um", "centroid_col_um"]].astype(float), physical
        )
