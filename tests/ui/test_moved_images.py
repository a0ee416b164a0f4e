"""An image that is moved, or gets other data, in the middle of work: marks stay on its pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fake_model import blobs
from napari_sam.ui.layers.label_grid import grid_of

CENTRE = (3, 20, 50)
STACK = blobs((6, 64, 80), (CENTRE, (3, 44, 20)), radius=6)
AROUND = [(3, 14.7, 44.7), (3, 14.7, 55.3), (3, 25.3, 55.3), (3, 25.3, 44.7)]
MOVES: dict[str, dict[str, Any]] = {
    "scaled": {"scale": (2.0, 0.5, 0.25), "translate": (-6.0, 7.0, 9.0)},
    "turned and flipped": {"scale": (1.0, -0.5, 2.0), "rotate": 30.0},
    "affine": {"affine": np.diag([2.0, 0.1, 0.3, 1.0]), "translate": (0.0, 1.0, 2.0)},
    "in other units": {"scale": (0.2, 0.1, 0.1), "units": ("um", "um", "um")},
}
OTHERS = {
    "cropped": STACK[:4, 5:50, 10:70],
    "a plane": STACK[3],
    "a movie": np.stack([STACK] * 2),
    "of one frame": STACK[None],
}


@pytest.fixture
def dish(bench: Any) -> Any:
    bench.image = bench.viewer.add_image(STACK, name="stack")
    go(bench)
    return bench


def go(bench: Any) -> None:
    world = bench.image.data_to_world(CENTRE)
    bench.viewer.dims.set_point(0, world[0])
    bench.settle()


def move(bench: Any, how: str) -> None:
    for name, value in MOVES[how].items():
        setattr(bench.image, name, value)
    bench.settle()
    go(bench)


def places(bench: Any, voxels: list[tuple[float, ...]] = AROUND) -> list[tuple[float, ...]]:
    return [tuple(bench.image.data_to_world(voxel)) for voxel in voxels]


def lasso(bench: Any) -> None:
    bench.cells.pens.choose("lasso")
    bench.drag(*places(bench))
    bench.settle()


def lies_on_the_image(bench: Any, layer: Any) -> bool:
    return grid_of(layer) == grid_of(bench.image)


@pytest.mark.parametrize("how", MOVES)
def test_marks_and_outlines_go_with_the_image(dish: Any, how: str) -> None:
    dish.click(*CENTRE)
    lasso(dish)
    (before,) = dish.state.answer.prompts
    move(dish, how)
    (after,) = dish.state.answer.prompts
    np.testing.assert_allclose(after.points, before.points, atol=1e-3)
    np.testing.assert_allclose(after.box, before.box, atol=1e-3)
    layers = dish.viewer.layers
    assert lies_on_the_image(dish, layers["SAM points"])
    assert lies_on_the_image(dish, layers["SAM shapes"])
    preview = layers["SAM preview"]
    np.testing.assert_allclose(
        preview.data_to_world((0, *CENTRE[1:])), dish.image.data_to_world(CENTRE), atol=1e-9
    )
    dish.press("Enter")
    kept = layers["stack cells"]
    assert lies_on_the_image(dish, kept)
    assert np.argwhere(kept.data).mean(axis=0) == pytest.approx(CENTRE)


@pytest.mark.parametrize("how", MOVES)
def test_what_is_drawn_afterwards_is_where_it_is_seen(dish: Any, how: str) -> None:
    lasso(dish)
    dish.press("Enter")
    dish.settle()
    dish.viewer.layers.remove("stack cells")
    dish.cells.pens.put_down()
    move(dish, how)
    lasso(dish)
    (prompt,) = dish.state.answer.prompts
    np.testing.assert_allclose(prompt.box, (14.7, 44.7, 25.3, 55.3), atol=1e-3)


def test_a_region_and_boxes_around_examples_go_with_the_image(dish: Any) -> None:
    dish.session.set_tool("find")
    dish.settle()
    dish.press("L")
    dish.drag(*places(dish))
    dish.settle()
    move(dish, "scaled")
    assert lies_on_the_image(dish, dish.viewer.layers["SAM region"])
    dish.find.start()
    dish.settle()
    found = dish.viewer.layers["stack cells found"].data
    assert np.argwhere(found).mean(axis=0) == pytest.approx(CENTRE)


def test_layers_of_a_person_stay_where_they_are(dish: Any) -> None:
    points = dish.viewer.add_points([CENTRE], name="mine")
    labels = dish.viewer.add_labels(np.zeros(STACK.shape, int), name="theirs")
    dish.session.layers.choose("image", dish.image)
    dish.session.layers.choose("target", labels)
    before = grid_of(points), grid_of(labels)
    move(dish, "scaled")
    assert (grid_of(points), grid_of(labels)) == before
    dish.click(*dish.image.data_to_world(CENTRE))
    dish.settle()
    dish.press("Enter")
    assert not labels.data.any()
    assert "lies elsewhere" in dish.state.status


@pytest.mark.parametrize("marks", [1, 2, 3, 4])
@pytest.mark.parametrize("other", OTHERS)
def test_data_of_another_shape_are_another_image(dish: Any, other: str, marks: int) -> None:
    dish.keep(3, 44, 20)
    kept = dish.viewer.layers["stack cells"]
    before = kept.data.copy()
    for column in range(marks):
        dish.click(3, 20, 48 + column)
        dish.settle()
    lasso(dish)
    new = OTHERS[other]
    dish.image.data = new
    dish.settle()
    assert dish.state.answer is None
    assert not [name for name in dish.names() if name.startswith("SAM")]
    np.testing.assert_array_equal(kept.data, before)
    assert dish.state.target is None
    bright = np.argwhere(new > 100)
    at = tuple(int(v) for v in bright[len(bright) // 2])
    for axis, value in enumerate(at[:-2]):
        dish.viewer.dims.set_point(axis, value)
    dish.settle()
    dish.keep(*at)
    made = dish.viewer.layers[-1]
    assert made is not kept
    assert made.data[at] == 1
    np.testing.assert_array_equal(kept.data, before)


def test_names_of_axes_that_are_given_later_count(dish: Any) -> None:
    assert [way.name for way in dish.find.joinable()] == ["volume", "track"]
    dish.image.axis_labels = ("c", "y", "x")
    assert dish.find.joinable() == []
