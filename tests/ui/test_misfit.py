"""Labels that cannot hold cells of the image: told when chosen, and when written."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import pytest

from fake_model import blobs


@pytest.fixture
def dish(bench: Any) -> Any:
    bench.viewer.add_image(blobs(), name="nuclei", scale=(0.5, 0.5))
    bench.settle()
    return bench


def labels(bench: Any, name: str, data: Any = None, scale: float = 0.5) -> Any:
    data = np.zeros(blobs().shape, int) if data is None else data
    return bench.viewer.add_labels(data, name=name, scale=(scale, scale))


MISFITS = {
    "another shape": ({"data": np.zeros((5, 6), int)}, "has shape (5, 6)"),
    "another scale": ({"scale": 1.0}, "lies elsewhere"),
    "computed": ({"data": da.zeros(blobs().shape, dtype=int)}, "cannot be written"),
}


@pytest.mark.parametrize("role", ["target", "merge"])
@pytest.mark.parametrize("case", MISFITS)
def test_what_does_not_fit_is_told_when_it_is_chosen_and_taken_back(
    dish: Any, role: str, case: str
) -> None:
    how, told = MISFITS[case]
    wrong, right = labels(dish, "wrong", **how), labels(dish, "right")
    dish.session.layers.choose(role, wrong)
    dish.settle()
    assert told in dish.state.status
    assert dish.state.problem
    dish.session.layers.choose(role, right)
    dish.settle()
    assert "Cells go into 'right'" in dish.state.status
    assert not dish.state.problem


def test_it_is_told_again_when_a_cell_is_to_be_kept_there(dish: Any) -> None:
    wrong = labels(dish, "wrong", scale=1.0)
    dish.session.layers.choose("target", wrong)
    dish.click(10, 10)  # in the world: pixel (20, 20)
    dish.settle()
    assert "lies elsewhere" not in dish.state.status
    dish.press("Enter")
    dish.settle()
    assert "lies elsewhere" in dish.state.status
    assert not wrong.data.any()
    dish.session.layers.choose("target", None)
    assert "Cells go into new labels" in dish.state.status or not dish.state.problem
    dish.press("Enter")
    dish.settle()
    assert dish.viewer.layers["nuclei cells"].data[20, 20] == 1


def test_what_fits_is_chosen_without_a_word(dish: Any) -> None:
    before = dish.state.status
    dish.session.layers.choose("target", labels(dish, "right"))
    dish.settle()
    assert dish.state.status == before


@pytest.mark.parametrize("act", ["keep", "review", "through", "stack"])
def test_labels_that_agree_on_the_first_slice_alone_are_not_written_to(
    bench: Any, act: str
) -> None:
    """Slices that are three times as thick: only the first one lies on that of the labels."""
    disc = blobs((64, 80), ((20, 20),))
    image = bench.viewer.add_image(np.stack([disc] * 5), name="stack", scale=(3, 1, 1))
    flat = bench.viewer.add_labels(np.zeros((5, 64, 80), int), name="flat")
    bench.viewer.layers.selection.active = image
    bench.viewer.dims.set_point(0, 0)
    bench.settle()
    layers = bench.session.layers
    layers.choose("merge" if act == "stack" else "target", flat)
    bench.settle()
    assert "lies elsewhere" in bench.state.status
    if act == "stack":
        bench.session.set_tool("find")
        bench.find.look_in("volume")
        bench.find.start()
    elif act == "review":
        bench.session.set_tool("review")
        assert bench.review.state.labels is not flat
    else:
        bench.cells.through.set_on(act == "through")
        bench.click(0, 20, 20)
        bench.settle()
        bench.press("Enter")
    bench.settle()
    assert not flat.data.any()
    if act != "review":
        assert "lies elsewhere" in bench.state.status
