"""Prompts: what is accepted, what is refused, and how several boxes become several objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sam.errors import NapariSamError, PromptError
from napari_sam.prompts import Prompt

coordinate = st.floats(-50, 50, allow_nan=False)


def test_labels_are_foreground_unless_said() -> None:
    prompt = Prompt(points=[(1, 2), (3, 4)])
    assert prompt.labels.tolist() == [1, 1]
    assert prompt.foreground.tolist() == [[1, 2], [3, 4]]


def test_one_point_may_be_given_without_brackets() -> None:
    assert Prompt(points=(1, 2)).points.tolist() == [[1, 2]]


def test_background_points_are_no_foreground() -> None:
    prompt = Prompt(points=[(1, 2), (3, 4)], labels=[0, 1])
    assert prompt.foreground.tolist() == [[3, 4]]


@given(coordinate, coordinate, coordinate, coordinate)
def test_corners_of_a_box_come_in_any_order(r0: float, c0: float, r1: float, c1: float) -> None:
    if r0 == r1 or c0 == c1:
        with pytest.raises(PromptError, match="no area"):
            Prompt(boxes=[(r0, c0, r1, c1)])
    else:
        assert Prompt(boxes=[(r0, c0, r1, c1)]).box == (
            min(r0, r1),
            min(c0, c1),
            max(r0, r1),
            max(c0, c1),
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "does not say where"),
        ({"points": [(1, 2)], "labels": [0]}, "does not say where"),
        ({"points": [(1, 2, 3)]}, r"shape \(N, 2\)"),
        ({"points": [(1, np.nan)]}, "NaN"),
        ({"points": [(1, np.inf)]}, "NaN"),
        ({"points": "here"}, "numbers"),
        ({"points": [(1, 2)], "labels": [1, 0]}, "need 1 labels"),
        ({"points": [(1, 2)], "labels": [2]}, "1 .object. or 0"),
        ({"points": [(1, 2)], "labels": [-1]}, "1 .object. or 0"),
        ({"boxes": [(1, 2, 3)]}, r"shape \(N, 4\)"),
        ({"mask": np.zeros((4, 4))}, "empty"),
        ({"mask": np.ones((4, 4, 2))}, "one plane"),
        ({"logits": np.ones(5)}, "logits"),
        ({"points": [(1, 2)], "window": (1, 2, 3)}, "window"),
        ({"points": [(1, 2)], "window": (1, 2, 3, np.nan)}, "window"),
    ],
)
def test_malformed_prompts_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(PromptError, match=message) as caught:
        Prompt(**arguments)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, NapariSamError)


def test_a_prompt_cannot_be_changed() -> None:
    given = np.array([(1.0, 2.0)])
    prompt = Prompt(points=given)
    with pytest.raises(ValueError, match="read-only"):
        prompt.points[0, 0] = 9
    with pytest.raises(AttributeError):
        prompt.text = "cell"
    given[0, 0] = 5  # the caller's array stays the caller's
    assert given.flags.writeable


def test_one_prompt_has_one_box() -> None:
    assert Prompt(points=[(1, 2)]).box is None
    with pytest.raises(PromptError, match="2 boxes"):
        Prompt(boxes=[(0, 0, 1, 1), (2, 2, 3, 3)]).box  # noqa: B018


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=6))
def test_splitting_keeps_every_box_in_order(corners: list[tuple[int, int]]) -> None:
    boxes = [(r, c, r + 3, c + 2) for r, c in corners]
    parts = Prompt(boxes=boxes).split()
    assert [part.box for part in parts] == boxes


def test_points_go_with_the_boxes_that_hold_them() -> None:
    left, right = (
        Prompt(
            points=[(2, 2), (2, 12), (2, 7)],
            labels=[1, 0, 0],
            boxes=[(0, 0, 5, 7), (0, 7, 5, 15)],
        )
    ).split()
    assert left.points.tolist() == [[2, 2], [2, 7]]
    assert left.labels.tolist() == [1, 0]
    assert right.points.tolist() == [[2, 12], [2, 7]]
    assert right.labels.tolist() == [0, 0]


def test_a_point_in_none_of_several_boxes_is_refused() -> None:
    prompt = Prompt(points=[(20, 20)], boxes=[(0, 0, 5, 5), (7, 7, 9, 9)])
    with pytest.raises(PromptError, match="none of them"):
        prompt.split()


def test_a_mask_cannot_be_shared_by_several_boxes() -> None:
    prompt = Prompt(mask=np.ones((9, 9)), boxes=[(0, 0, 5, 5), (6, 6, 9, 9)])
    with pytest.raises(PromptError, match="one object"):
        prompt.split()


@pytest.mark.parametrize(
    "arguments",
    [
        {"points": [(-1, 5)]},
        {"points": [(5, 5), (10, 5)]},
        {"points": [(5, 20)]},
        {"boxes": [(11, 0, 15, 5)]},
        {"boxes": [(-9, -9, -3, -3)]},
        {"mask": np.ones((20, 10))},
    ],
)
def test_what_lies_outside_the_plane_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(PromptError, match=r"outside the plane|has shape"):
        Prompt(**arguments).check((10, 20))


@pytest.mark.parametrize(
    "arguments",
    [
        {"points": [(-0.5, -0.5), (9.5, 19.5)]},  # a pixel reaches half a pixel round its centre
        {"boxes": [(-5, -5, 3, 3)]},
        {"boxes": [(-5, -5, 50, 50)]},
        {"mask": np.ones((10, 20))},
    ],
)
def test_what_touches_the_plane_is_accepted(arguments: dict[str, Any]) -> None:
    Prompt(**arguments).check((10, 20))


def test_a_polygon_becomes_its_mask_and_its_box() -> None:
    prompt = Prompt.from_polygon([(2, 3), (2, 8), (6, 8), (6, 3)], (10, 12))
    assert prompt.box == (2, 3, 6, 8)
    expected = np.zeros((10, 12), dtype=bool)
    expected[2:7, 3:9] = True
    np.testing.assert_array_equal(prompt.mask, expected)


@pytest.mark.parametrize("vertices", [[(1, 1), (2, 2)], [(50, 50), (50, 60), (60, 60)]])
def test_a_polygon_without_pixels_is_refused(vertices: Any) -> None:
    with pytest.raises(PromptError, match=r"3 corners|no pixel"):
        Prompt.from_polygon(vertices, (10, 12))


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "arguments",
    [
        {"points": [("1", "2")]},
        {"points": [(1, 2), (3,)]},
        {"points": [(True, False)]},
        {"points": [(1 + 1j, 2)]},
        {"points": np.ma.masked_array([(1.0, 2.0)], [(True, False)])},
        {"points": [(1, 2)], "labels": ["1"]},
        {"points": [(1, 2)], "labels": [NAN]},
        {"points": [(1, 2)], "labels": [[1], [1, 0]]},
        {"boxes": [(0, 0, 1e308, 1e308)]},
        {"mask": [[NAN, 1.0]]},
        {"mask": [["a", "b"]]},
        {"mask": [[1, 2], [3]]},
        {"mask": [[None, object()]]},
        {"logits": [[NAN]]},
        {"logits": [[INF]]},
        {"logits": [[1e300]]},
        {"logits": np.ones((0, 0))},
        {"logits": "abc"},
        {"points": [(1, 2)], "window": 5},
        {"points": [(1, 2)], "window": (9, 9, 1, 1)},
        {"points": [(1, 2)], "window": ("a", "b", "c", "d")},
        {"text": 5},
        {"text": "  "},
    ],
)
def test_nothing_is_taken_for_what_it_is_not(arguments: dict[str, Any]) -> None:
    with pytest.raises(PromptError):
        Prompt(**arguments)


@pytest.mark.parametrize("shape", [(30,), 30, None, (0, 9), (5.5, 9), (10**9, 10**9), (9, 9, 3)])
def test_a_polygon_on_no_plane_is_refused(shape: Any) -> None:
    with pytest.raises(PromptError, match="shape"):
        Prompt.from_polygon([(1, 1), (1, 9), (9, 9)], shape)


def test_a_prompt_does_not_change_with_what_it_was_made_of() -> None:
    points, logits = np.array([(1.0, 2.0)]), np.ones((4, 4), np.float32)
    prompt = Prompt(points=points, logits=logits)
    points[0, 0] = logits[0, 0] = 9
    assert prompt.points.tolist() == [[1, 2]]
    assert prompt.logits[0, 0] == 1


def test_a_polygon_on_a_large_plane_takes_no_more_room_than_it_covers() -> None:
    corners = [(30_000, 20_000), (30_000, 20_050), (30_040, 20_050)]
    prompt = Prompt.from_polygon(corners, (40_000, 40_000), points=[(30_010, 20_040)])
    small = Prompt.from_polygon(np.array(corners) - (29_990, 19_990), (60, 70))
    assert prompt.region is not None
    assert prompt.region.box == (30_000, 20_000, 30_041, 20_051)
    np.testing.assert_array_equal(prompt.region.mask, small.mask[10:51, 10:61])
    assert prompt.mask_shape == (40_000, 40_000)
    assert prompt.foreground.tolist() == [[30_010, 20_040]]


def test_a_prompt_is_said_anew_without_its_logits() -> None:
    mask = np.zeros((9, 9), bool)
    mask[2:4, 5] = True
    prompt = Prompt(points=[(2, 5)], mask=mask, logits=np.ones((4, 4)), window=(0, 0, 9, 9))
    again = prompt.without_logits()
    assert again.logits is None
    assert again.window is None
    np.testing.assert_array_equal(again.mask, mask)
    assert again.points.tolist() == [[2, 5]]


def test_a_stroke_says_where_the_object_is_and_models_hear_places_along_it():
    prompt = Prompt(strokes=[[(1, 1), (1, 11)], [(5, 0), (9, 0)]], stroke_labels=[1, 0])
    assert len(prompt.points) == 0
    assert len(prompt.all_points) == len(prompt.all_labels) == 12
    assert prompt.all_labels.tolist() == [1] * 6 + [0] * 6
    assert prompt.foreground.tolist() == [[1, at] for at in (1, 3, 5, 7, 9, 11)]
    assert not prompt.strokes[0].flags.writeable
    again = prompt.without_logits()
    assert [line.tolist() for line in again.strokes] == [line.tolist() for line in prompt.strokes]
    assert again.stroke_labels.tolist() == [1, 0]
    prompt.check((10, 12))


@pytest.mark.parametrize(
    "wrong",
    [
        {"strokes": [[(1, 1)]]},
        {"strokes": 3},
        {"strokes": [[(1, 1), (2, 2)]], "stroke_labels": [0]},
        {"strokes": [[(1, 1), (2, 2)]], "stroke_labels": [1, 1]},
        {"strokes": [[(1, 1), (2, np.nan)]]},
    ],
)
def test_strokes_that_are_none_are_refused(wrong):
    with pytest.raises(PromptError):
        Prompt(**wrong)


def test_a_stroke_beside_the_plane_is_refused_and_none_is_shared():
    with pytest.raises(PromptError, match="stroke lies outside"):
        Prompt(strokes=[[(1, 1), (30, 2)]]).check((10, 10))
    with pytest.raises(PromptError, match="one object"):
        Prompt(strokes=[[(1, 1), (3, 2)]], boxes=[(0, 0, 4, 4), (5, 5, 8, 8)]).split()


def test_a_box_ends_where_the_plane_does_and_nothing_else_changes():
    prompt = Prompt(points=[(3, 4)], boxes=[(-30, 2, 8, 500)], mask=np.ones((10, 12), bool))
    cut = prompt.on((10, 12))
    assert cut.box == (-0.5, 2.0, 8.0, 11.5)
    assert cut.mask.sum() == 120
    np.testing.assert_array_equal(cut.points, prompt.points)
    assert prompt.box == (-30.0, 2.0, 8.0, 500.0)
    with pytest.raises(ValueError, match="read-only"):
        cut.boxes[0, 0] = 1
    with pytest.raises(PromptError, match="lies outside"):
        Prompt(boxes=[(20, 2, 30, 5)]).on((10, 12))
