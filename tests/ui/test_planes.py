"""Layers to planes: what we read must be what napari draws, whatever the geometry."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.components import ViewerModel
from napari.layers import Labels

from napari_sam.errors import LabelsError, ViewError
from napari_sam.ui.layers import label_grid, outlines, planes

UNITS = {"micrometer": 1000.0, "nanometer": 1.0}


@st.composite
def scenes(draw):
    """A viewer with one stack at a random place, scale, unit, axis order and slice."""
    ndim = draw(st.integers(2, 4))
    shape = draw(st.tuples(*[st.integers(2, 6)] * ndim))
    scale = draw(st.tuples(*[st.sampled_from([0.25, 0.5, 1.0, 2.0, 3.5])] * ndim))
    translate = draw(st.tuples(*[st.sampled_from([0.0, -7.0, 12.5])] * ndim))
    unit = draw(st.sampled_from(sorted(UNITS)))
    order = draw(st.permutations(range(ndim)))
    index = tuple(draw(st.integers(0, size - 1)) for size in shape)
    viewer = ViewerModel()
    data = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    image = viewer.add_image(data, scale=scale, translate=translate, units=unit)
    if draw(st.booleans()):  # a second layer changes the world's units and steps
        other = draw(st.sampled_from(sorted(UNITS)))
        viewer.add_image(np.zeros(shape), scale=[9.0] * ndim, units=other)
    viewer.dims.order = order
    to_world_units = UNITS[unit] / UNITS[str(viewer.dims.units[0])]
    point = (np.array(index) * scale + translate) * to_world_units
    for axis, value in enumerate(point):
        viewer.dims.set_point(axis, value)
    return viewer, image, index


@given(scenes())
@settings(max_examples=60, deadline=None)
def test_the_plane_is_the_one_on_screen(scene):
    viewer, image, index = scene
    plane = planes.displayed_plane(viewer, image)
    for axis, position in enumerate(plane.index):
        assert position is None or position == index[axis]
    first, second = (axis - viewer.dims.ndim + image.ndim for axis in viewer.dims.displayed)
    seen = image._slice.image.raw
    seen = seen.T if first > second else seen
    np.testing.assert_array_equal(planes.read_plane(image, plane), seen)


@given(scenes(), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_pixel_to_points_layer_and_back(scene, u, v):
    """A pixel, placed as a point by its world position, is found again at the same pixel."""
    viewer, image, _ = scene
    plane = planes.displayed_plane(viewer, image)
    rowcol = np.array([u * (plane.shape[0] - 1), v * (plane.shape[1] - 1)])
    # A points layer of its own scale and translation.
    points = viewer.add_points(ndim=image.ndim, scale=[0.3] * image.ndim, units=image.units)
    points.data = planes.to_data(viewer, image, points, plane.to_data(rowcol))
    plane = planes.displayed_plane(viewer, image)
    indices, found = outlines.points_on_plane(viewer, points, image, plane)
    assert indices.tolist() == [0]
    np.testing.assert_allclose(found[0], rowcol, atol=1e-4)


@given(scenes())
@settings(max_examples=40, deadline=None)
def test_new_labels_lie_on_the_image(scene):
    viewer, image, _ = scene
    labels = label_grid.new_labels(image, "cells")
    viewer.add_layer(labels)
    plane = planes.displayed_plane(viewer, image)
    label_grid.check_fit(image, labels)
    corner = plane.to_data([(1, 1)])
    np.testing.assert_allclose(planes.to_data(viewer, image, labels, corner), corner, atol=1e-9)


def test_points_of_other_slices_are_not_prompts():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((5, 20, 20)), scale=(3, 1, 1))
    points = viewer.add_points([(1, 4, 4), (2, 5, 6), (2, 99, 6)], scale=(3, 1, 1))
    viewer.dims.set_point(0, 6.0)
    plane = planes.displayed_plane(viewer, image)
    indices, rowcol = outlines.points_on_plane(viewer, points, image, plane)
    assert plane.index == (2, None, None)
    assert indices.tolist() == [1]  # not the one on slice 1, not the one outside the image
    assert rowcol.tolist() == [[5.0, 6.0]]


def test_flat_points_apply_to_the_slice_on_screen():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((5, 20, 20)))
    points = viewer.add_points([(4.0, 7.0)])
    viewer.dims.set_point(0, 3)
    plane = planes.displayed_plane(viewer, image)
    assert outlines.points_on_plane(viewer, points, image, plane)[1].tolist() == [[4.0, 7.0]]


def test_points_of_a_stack_over_a_flat_image_count_only_at_the_current_position():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((20, 20)))
    points = viewer.add_points([(0, 4, 7), (3, 8, 9)])
    viewer.dims.set_point(0, 3)
    plane = planes.displayed_plane(viewer, image)
    assert outlines.points_on_plane(viewer, points, image, plane)[0].tolist() == [1]


def test_shapes_become_boxes_polygons_and_paths():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((40, 40)), scale=(2, 2))
    shapes = viewer.add_shapes(
        [
            [(2, 2), (2, 20), (30, 20), (30, 2)],
            [(10, 10), (20, 20), (10, 30)],
            [(5, 5), (5.4, 5), (5.4, 5.4), (5, 5.4)],
            [(10, 20), (20, 10), (30, 20), (20, 30)],
            [(1, 1), (30, 30)],
        ],
        shape_type=["rectangle", "polygon", "rectangle", "rectangle", "line"],
    )
    plane = planes.displayed_plane(viewer, image)
    found = outlines.shapes_on_plane(viewer, shapes, image, plane)
    # The third is a click without a drag; the fourth stands on its corner.
    assert [(o.index, o.kind) for o in found] == [
        (0, "box"),
        (1, "polygon"),
        (3, "turned"),
        (4, "path"),
    ]
    np.testing.assert_allclose(found[0].vertices.min(axis=0), [1, 1])
    np.testing.assert_allclose(found[0].vertices.max(axis=0), [15, 10])
    assert found[0].box == (1, 1, 15, 10)
    middle, half = 10, 10 / 2**0.5 / 2  # a square on its corner: of the circle in it
    box = [middle - half, middle - half, middle + half, middle + half]
    np.testing.assert_allclose(found[2].box, box, atol=0.01)


def test_shapes_beyond_the_borders_of_the_image_are_left_out():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((3, 40, 40)), scale=(4, 2, 2))
    square = np.array([(0, 0), (0, 20), (20, 20), (20, 0)], float)
    places = [(10, 10), (100, 10), (10, -60), (70, 70), (-30, 10)]
    shapes = viewer.add_shapes(
        [np.insert(square + place, 0, 4, axis=1) for place in places], shape_type="polygon"
    )
    viewer.dims.set_point(0, 4)
    plane = planes.displayed_plane(viewer, image)
    found = outlines.shapes_on_plane(viewer, shapes, image, plane)
    assert [outline.index for outline in found] == [0, 3]  # the last but one lies partly on it
    assert outlines.shapes_beside(viewer, shapes, image, plane) == [1, 2, 4]
    viewer.dims.set_point(0, 8)
    plane = planes.displayed_plane(viewer, image)
    assert outlines.shapes_beside(viewer, shapes, image, plane) == []  # of another slice


def test_what_holds_no_pixel_says_nothing_and_lines_end_at_the_border():
    """A line bent onto the border would mark what nobody has marked."""
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((40, 40)))
    shapes = viewer.add_shapes(
        [
            [(-10, 5), (5, -10), (-10, -10)],  # beyond a corner, with corners beside both sides
            [(10.2, 10.3), (14.7, 10.6), (14.7, 10.7)],  # between columns of pixels
            [(10, 10), (20, 20), (30, 30)],  # on the line of pixels alone
            [(-10, 5), (5, -10)],
            [(20, 20), (20, 60), (5, 60), (5, 30)],
            [(30, 30), (30, 38.5), (30, 50)],
        ],
        shape_type=["polygon", "polygon", "polygon", "line", "path", "path"],
    )
    found = outlines.shapes_on_plane(viewer, shapes, image, planes.displayed_plane(viewer, image))
    assert [(o.index, o.kind) for o in found] == [(2, "polygon"), (4, "path"), (5, "path")]
    assert found[1].vertices.tolist() == [[20, 20], [20, 39.5]]
    assert found[2].vertices.tolist() == [[30, 30], [30, 38.5], [30, 39.5]]


def test_an_ellipse_is_traced_inside_its_box():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((60, 60)))
    shapes = viewer.add_shapes([[(10, 10), (10, 50), (30, 50), (30, 10)]], shape_type="ellipse")
    plane = planes.displayed_plane(viewer, image)
    (outline,) = outlines.shapes_on_plane(viewer, shapes, image, plane)
    r, c = (outline.vertices - (20, 30)).T
    np.testing.assert_allclose((r / 10) ** 2 + (c / 20) ** 2, 1, atol=1e-6)


def test_three_d_display_is_refused():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((5, 20, 20)))
    viewer.dims.ndisplay = 3
    with pytest.raises(ViewError, match="2-D view"):
        planes.displayed_plane(viewer, image)


def test_a_view_outside_the_data_is_refused():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((5, 20, 20)))
    viewer.add_image(np.zeros((50, 20, 20)))
    viewer.dims.set_point(0, 30)
    with pytest.raises(ViewError, match="no slice here"):
        planes.displayed_plane(viewer, image)


def test_a_view_across_slices_is_refused():
    viewer = ViewerModel()
    tilt = np.eye(4)
    tilt[:2, :2] = [[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]]
    with pytest.warns(UserWarning, match="Non-orthogonal slicing"):  # napari says so, too
        image = viewer.add_image(np.zeros((5, 20, 20)), affine=tilt)
    with pytest.raises(ViewError, match="across its slices"):
        planes.displayed_plane(viewer, image)


def test_rotation_within_the_plane_is_honoured():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((20, 30)), rotate=90, translate=(100, 5))
    points = viewer.add_points([image.data_to_world((4, 9))])
    plane = planes.displayed_plane(viewer, image)
    _, rowcol = outlines.points_on_plane(viewer, points, image, plane)
    np.testing.assert_allclose(rowcol, [[4, 9]], atol=1e-9)


def test_rgb_dask_and_multiscale_are_read_at_full_resolution():
    rng = np.random.default_rng(0)
    full = rng.random((64, 48))
    viewer = ViewerModel()
    pyramid = viewer.add_image([da.from_array(full), da.from_array(full[::2, ::2])])
    plane = planes.displayed_plane(viewer, pyramid)
    np.testing.assert_array_equal(planes.read_plane(pyramid, plane), full)
    colour = rng.integers(0, 255, (3, 20, 30, 3), dtype=np.uint8)
    viewer = ViewerModel()
    image = viewer.add_image(colour, rgb=True)
    viewer.dims.set_point(0, 2)
    np.testing.assert_array_equal(
        planes.read_plane(image, planes.displayed_plane(viewer, image)), colour[2]
    )
    viewer.dims.order = (0, 2, 1)  # the screen is turned, the data are not
    np.testing.assert_array_equal(
        planes.read_plane(image, planes.displayed_plane(viewer, image)), colour[2]
    )


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (Labels(np.zeros((20, 20), int), scale=(2, 2)), "elsewhere"),
        (Labels(np.zeros((20, 20), int), translate=(1, 0)), "elsewhere"),
        (Labels(np.zeros((21, 20), int)), "shape"),
        (Labels(da.zeros((20, 20), dtype=int)), "dask"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, reason):
    image = ViewerModel().add_image(np.zeros((20, 20)))
    with pytest.raises(LabelsError, match=reason):
        label_grid.check_fit(image, labels)


def test_labels_in_other_units_on_the_same_grid_are_accepted():
    image = ViewerModel().add_image(np.zeros((20, 20)), scale=(2, 2), units="um")
    labels = Labels(np.zeros((20, 20), int), scale=(2000, 2000), units="nm")
    label_grid.check_fit(image, labels)


@pytest.mark.parametrize(
    "place",
    [
        {"scale": (3, 0.5, 0.25)},
        {"scale": (3, -0.5, 0.25), "rotate": 30},
        {"scale": (3, 0.5, 0.25), "shear": [0, 0, 0.8]},
        {"affine": [[3, 0, 0, 0], [0, 0.5, 0.3, 0], [0, -0.1, 0.2, 0], [0, 0, 0, 1]]},
    ],
)
def test_areas_and_volumes_are_those_of_pixels_in_the_world(place):
    image = ViewerModel().add_image(np.zeros((4, 20, 30)), units="um", **place)
    plane = planes.Plane((1, 2), (0, None, None), (20, 30))
    corner, *ends = (
        np.array(image.data_to_world(at)) for at in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    )
    sides = np.array(ends) - corner
    size = planes.pixel_size(image, plane, 0)
    area = abs(np.linalg.det(sides[1:, 1:]))
    assert size.row * size.column == pytest.approx(area)
    assert np.prod(planes.distances(image)) == pytest.approx(abs(np.linalg.det(sides)))
    assert size.slice == pytest.approx(3)


def test_read_only_labels_are_refused():
    data = np.zeros((20, 20), int)
    data.flags.writeable = False
    image = ViewerModel().add_image(np.zeros((20, 20)))
    with pytest.raises(LabelsError, match="read-only"):
        label_grid.check_fit(image, Labels(data))
