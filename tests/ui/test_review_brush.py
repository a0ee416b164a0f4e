"""Brush and eraser while cells are reviewed: the cell in hand, and outlines that are proposed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fake_model import blobs
from napari_sam.segmentation import measure
from napari_sam.ui.canvas.clicks import RIGHT
from napari_sam.ui.tools.review_brush import ReviewHand

DISCS = ((16, 16), (16, 48), (48, 16))
IMAGE = blobs((64, 80), (*DISCS, (48, 60)), radius=6)


def discs() -> np.ndarray:
    labels = np.zeros(IMAGE.shape, np.int32)
    grid = np.indices(IMAGE.shape)
    for number, centre in enumerate(DISCS, start=1):
        labels[((grid - np.reshape(centre, (2, 1, 1))) ** 2).sum(axis=0) <= 36] = number
    return labels


@pytest.fixture
def reviewed(bench: Any) -> Any:
    """Three of four discs, the first one in hand."""
    bench.viewer.add_image(IMAGE, name="nuclei")
    table = measure(discs(), scores={1: 0.6, 2: 0.7, 3: 0.8}, source="cells")
    table.insert(0, "index", table["label"])
    bench.layer = bench.viewer.add_labels(discs(), name="found", features=table)
    bench.settle()
    bench.session.set_tool("review")
    bench.settle()
    bench.click(16, 16)
    bench.settle()
    return bench


def stroke(bench: Any, *path: tuple[float, float], **how: Any) -> Any:
    event = bench.drag(*path, **how)
    bench.settle()
    return event


def row(bench: Any, number: int) -> Any:
    return bench.layer.features.set_index("index").loc[number]


def test_a_stroke_changes_the_cell_in_hand_and_is_one_step(reviewed: Any) -> None:
    assert isinstance(reviewed.review.pens.brush._hand, ReviewHand)
    reviewed.press("B")
    assert stroke(reviewed, (16.0, 20.0), (16.0, 28.0)).handled
    assert reviewed.layer.data[16, 28] == 1
    assert reviewed.review.state.selected == 1
    assert (row(reviewed, 1)["source"], row(reviewed, 1)["reviewed"]) == ("by hand", "accepted")
    assert row(reviewed, 1)["area"] == np.count_nonzero(reviewed.layer.data == 1)
    ring = reviewed.viewer.layers["SAM selection"].data > 0
    assert ring.any()
    assert not ring[reviewed.layer.data == 1].any()
    stroke(reviewed, (16.0, 16.0), button=RIGHT)
    assert reviewed.layer.data[16, 16] == 0
    reviewed.press("Control-Z")
    assert reviewed.layer.data[16, 16] == 1
    reviewed.press("Control-Z")
    np.testing.assert_array_equal(reviewed.layer.data, discs())
    assert row(reviewed, 1)["reviewed"] == "open"
    reviewed.press("Control-Shift-Z")
    assert reviewed.layer.data[16, 28] == 1


def test_a_stroke_that_begins_in_another_cell_is_about_that_one(reviewed: Any) -> None:
    reviewed.press("E")
    stroke(reviewed, (16.0, 48.0), (16.0, 49.0))
    assert reviewed.review.state.selected == 2
    assert reviewed.layer.data[16, 48] == 0
    np.testing.assert_array_equal(reviewed.layer.data == 1, discs() == 1)


def test_a_dab_is_no_click_and_modifiers_do_what_they_always_do(reviewed: Any) -> None:
    reviewed.press("B")
    reviewed.click(16, 23)
    reviewed.settle()
    assert reviewed.layer.data[16, 23] == 1
    assert reviewed.review.state.selected == 1
    reviewed.click(48, 16, modifiers=("Control",))
    reviewed.settle()
    assert not (reviewed.layer.data == 3).any()


def test_a_cell_that_is_being_corrected_is_painted_and_so_is_what_is_proposed(
    reviewed: Any,
) -> None:
    reviewed.press("C")
    reviewed.click(16, 18)  # a mark: the model proposes an outline
    reviewed.settle()
    reviewed.press("B")
    stroke(reviewed, (16.0, 18.0), (16.0, 30.0))
    np.testing.assert_array_equal(reviewed.layer.data, discs())  # it is proposed
    reviewed.press("Control-Z")
    assert not reviewed.state.answer.regions(reviewed.state.choices)[0].on(IMAGE.shape)[16, 30]
    stroke(reviewed, (16.0, 18.0), (16.0, 30.0))
    reviewed.press("Enter")
    reviewed.settle()
    assert reviewed.layer.data[16, 30] == 1
    assert reviewed.review.state.correcting is None
    reviewed.click(48, 16)
    reviewed.press("B")  # clicks select again
    reviewed.click(48, 16)
    reviewed.press("C")
    reviewed.press("B")
    stroke(reviewed, (48.0, 16.0), (48.0, 26.0))  # without a mark it is the cell itself
    assert reviewed.layer.data[48, 26] == 3
    assert reviewed.review.state.correcting is None


def test_a_cell_that_is_added_is_painted_before_it_is_kept(reviewed: Any) -> None:
    reviewed.press("A")
    reviewed.click(48, 60)
    reviewed.settle()
    reviewed.press("B")
    stroke(reviewed, (48.0, 60.0), (48.0, 72.0))
    reviewed.press("Enter")
    reviewed.settle()
    assert reviewed.layer.data[48, 60] == reviewed.layer.data[48, 72] == 4


def test_it_is_put_away_by_escape_another_tool_and_another_page(reviewed: Any) -> None:
    for put_away in (
        lambda: reviewed.press("Escape"),
        lambda: reviewed.review.set_action("merge"),
        lambda: reviewed.session.set_tool("find"),
        lambda: reviewed.press("L"),
    ):
        reviewed.session.set_tool("review")
        reviewed.review.set_action("select")
        reviewed.press("B")
        assert (reviewed.state.pen, reviewed.viewer.cursor.style) == ("brush", "circle")
        put_away()
        reviewed.settle()
        assert reviewed.state.pen == ""
        assert reviewed.viewer.cursor.style == "standard"
    assert reviewed.session.region.drawing
    reviewed.press("B")
    assert not reviewed.session.region.drawing
    np.testing.assert_array_equal(reviewed.layer.data, discs())


def test_hidden_cells_and_empty_places_are_not_painted_on(reviewed: Any) -> None:
    reviewed.press("Escape")
    reviewed.review.set_limits("score", (0.75, 1.0))
    reviewed.press("B")
    stroke(reviewed, (16.0, 16.0), (16.0, 30.0))
    assert "mark a cell first" in reviewed.state.status
    np.testing.assert_array_equal(reviewed.layer.data, discs())
