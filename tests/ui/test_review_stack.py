"""Reviewing a stack: the right slice, whatever the order of the axes, and the others untouched."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fake_model import blobs

IMAGE = blobs((6, 40, 50), ((1, 10, 10), (1, 10, 30), (3, 30, 30)), radius=4)
TRANSFORM = {"scale": (3.0, 0.5, 0.25), "translate": (-20.0, 5.0, 9.0)}


@pytest.fixture
def bench(make_bench):
    """Three cells on slices 1 and 3, and one, number 9, that runs through all of them."""
    bench = make_bench()
    bench.image = bench.viewer.add_image(IMAGE, **TRANSFORM)
    labels = np.zeros(IMAGE.shape, np.uint16)
    labels[1, 6:15, 6:15], labels[1, 6:15, 26:35], labels[3, 26:35, 26:35] = 1, 2, 3
    labels[:, 20:24, 2:6] = 9
    table = pd.DataFrame(
        {
            "index": [1, 2, 3, 9],
            "axis_0": [1, 1, 3, 0],
            "score": [0.9, 0.6, 0.5, 0.99],
            "area": [81, 81, 81, 16],
        }
    )
    bench.labels = bench.viewer.add_labels(labels, features=table, **TRANSFORM)
    bench.first = labels.copy()
    bench.go = lambda at: bench.viewer.dims.set_point(0, bench.image.data_to_world((at, 0, 0))[0])
    bench.go(1)
    bench.settle()
    bench.session.set_tool("review")
    return bench


def world(bench, *voxel):
    return bench.labels.data_to_world(voxel)


def test_the_queue_goes_to_the_slice_of_the_least_certain(bench):
    review = bench.review
    assert sorted(review.state.objects.ids) == [1, 2, 9]
    bench.press("n")
    assert review.state.selected == 3
    assert bench.viewer.dims.point[0] == pytest.approx(world(bench, 3, 0, 0)[0])
    assert bench.viewer.scene.camera.center[-2:] == pytest.approx(
        world(bench, 3, 30, 30)[1:], abs=0.5
    )
    ring = bench.viewer.layers["SAM selection"]
    inside = ring.world_to_data(world(bench, 3, 26, 25))
    assert ring.data[tuple(np.rint(inside).astype(int))] > 0
    bench.press("Enter")
    assert review.state.selected == 2
    assert bench.viewer.dims.point[0] == pytest.approx(world(bench, 1, 0, 0)[0])
    assert (review.state.reviewed, review.state.total) == (1, 4)


def test_an_edit_changes_this_slice_alone(bench):
    bench.click(*world(bench, 1, 21, 3), modifiers=("Control",))
    expected = bench.first.copy()
    expected[1][expected[1] == 9] = 0
    np.testing.assert_array_equal(bench.labels.data, expected)
    rows = bench.labels.features.set_index("index")
    assert rows.loc[9, "reviewed"] != "rejected"  # it goes on on the other slices
    bench.go(3)
    bench.press("Control-Z")
    np.testing.assert_array_equal(bench.labels.data, bench.first)


@pytest.mark.parametrize("whole", [False, True])
def test_what_is_merged_on_one_slice_keeps_its_row_for_the_others(bench, whole):
    table = bench.labels.features
    if whole:
        table = table.assign(voxels=[81, 81, 81, 96], slices=[1, 1, 1, 6])
    bench.labels.features = table.assign(**{"class": ["a", "b", "a", "b"]})
    bench.settle()
    bench.go(1)
    for place in ((10, 10), (21, 3)):
        bench.click(*world(bench, 1, *place), modifiers=("Alt",))
    bench.settle()
    assert (bench.labels.data == 9).any(axis=(1, 2)).tolist() == [True, False, *[True] * 4]
    rows = bench.labels.features.set_index("index")
    assert rows.loc[9, ["score", "class"]].tolist() == [0.99, "b"]
    assert rows.loc[9, "reviewed"] == "open"
    bench.press("Control-Z")
    bench.settle()
    for place in ((10, 10), (10, 30)):
        bench.click(*world(bench, 1, *place), modifiers=("Alt",))
    bench.settle()
    assert sorted(bench.labels.features["index"]) == [1, 3, 9]  # 2 is nowhere else


@pytest.mark.parametrize("order", [(0, 2, 1), (1, 0, 2), (2, 1, 0), (2, 0, 1)])
def test_any_order_of_the_axes(bench, order):
    bench.viewer.dims.order = order
    bench.viewer.dims.point = world(bench, 1, 10, 10)
    bench.settle()
    bench.click(*world(bench, 1, 10, 10), modifiers=("Control",))
    removed = np.argwhere(bench.labels.data != bench.first)
    hidden = order[0]
    position = (1, 10, 10)[hidden]
    expected = np.argwhere(bench.first == 1)
    expected = expected[expected[:, hidden] == position]
    np.testing.assert_array_equal(removed, expected)
    bench.press("Control-Z")
    np.testing.assert_array_equal(bench.labels.data, bench.first)


def test_the_queue_finds_cells_of_which_no_row_says_where_they_are(bench):
    """A search of one slice gives such rows; its cells are to be reviewed from any slice."""
    review = bench.review
    bench.labels.features = bench.labels.features.drop(columns="axis_0")
    bench.go(5)
    bench.settle()
    bench.press("n")
    assert review.state.selected == 3
    assert bench.viewer.dims.point[0] == pytest.approx(world(bench, 3, 0, 0)[0])
    assert bench.state.status.startswith("4 open")


def test_a_row_without_an_object_is_passed_over(bench):
    bench.labels.data[3, 26:35, 26:35] = 0  # 3 was the least certain
    bench.labels.refresh()
    bench.press("n")
    assert bench.review.state.selected == 2
