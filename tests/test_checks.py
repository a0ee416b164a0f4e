"""Arguments of every kind that are no such thing: refused by name, never taken for something."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from napari_sam import checks
from napari_sam.errors import ImageError, LabelsError, NapariSamError, PromptError


class Thing:
    """An object that is nothing else, and is called the same in every process."""

    def __repr__(self) -> str:
        return "a thing"


NAN, INF = float("nan"), float("inf")
NO_NUMBERS: list[Any] = [
    None,
    "1",
    b"1",
    [[1, 2], [3]],
    [1, None],
    [1, "2"],
    [1 + 2j],
    {1: 2},
    Thing(),
    np.array(["2020-01-01"], "datetime64[D]"),
    np.array([3], "timedelta64[D]"),
    np.ma.masked_array([1, 2], [True, False]),
]


class Broken(Thing):
    """What fails when it is read."""

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise KeyError("not here")


@pytest.mark.parametrize("value", [*NO_NUMBERS, Broken()], ids=repr)
def test_what_holds_no_plain_numbers_is_no_array(value: Any) -> None:
    with pytest.raises(PromptError, match="points"):
        checks.array(value, "points", PromptError)


def test_a_masked_array_without_masked_values_is_an_array() -> None:
    values = checks.array(np.ma.masked_array([1, 2], [False, False]), "points")
    assert values.tolist() == [1, 2]


@pytest.mark.parametrize(
    "value",
    [*NO_NUMBERS, [True, False], [1], [1, 2, 3], [[[1, 2]]], [NAN, 1], [INF, 1], [1e308, 0]],
    ids=repr,
)
def test_what_is_no_place_is_refused(value: Any) -> None:
    with pytest.raises(PromptError, match="points"):
        checks.places(value, 2, "points", PromptError)


def test_places_belong_to_nobody_else() -> None:
    given = np.array([(1.0, 2.0)])
    found = checks.places(given, 2, "points")
    given[0, 0] = 5
    assert found.tolist() == [[1, 2]]


def test_hands_draw_no_endless_lines() -> None:
    with pytest.raises(LabelsError, match="simplify"):
        checks.corners(np.zeros((checks.MOST_CORNERS + 1, 2)), 2, "The line", LabelsError)


@pytest.mark.parametrize(
    "value", [None, "5", NAN, INF, -INF, True, 1j, [5], np.array(5), 10**400, -1, 11, Decimal(5)]
)
def test_what_is_no_number_in_range_is_refused(value: Any) -> None:
    with pytest.raises(NapariSamError, match="size must be a finite number of at least 0 and at"):
        checks.number(value, "size", 0, 10)


@pytest.mark.parametrize("value", [None, "5", NAN, INF, 0, -1, True])
def test_what_is_not_positive_is_refused(value: Any) -> None:
    with pytest.raises(ImageError, match="A pixel size must be positive and finite"):
        checks.positive(value, "A pixel size", ImageError)


@pytest.mark.parametrize("value", [None, "5", NAN, INF, True, 2.5, -1, 10**400, [1], np.array(1)])
def test_what_is_no_whole_number_is_refused(value: Any) -> None:
    with pytest.raises(NapariSamError, match="count must be a whole number"):
        checks.whole(value, "count")


@pytest.mark.parametrize("value", [3, 3.0, np.uint8(3), np.float32(3)])
def test_a_float_that_is_whole_counts(value: Any) -> None:
    found = checks.whole(value, "count")
    assert found == 3
    assert type(found) is int


@pytest.mark.parametrize(
    "value", [None, 5, (5,), (5, 5, 3), (0, 5), (-1, 5), (5.5, 5), ("a", 5), (10**9, 10**9), INF]
)
def test_what_is_no_plane_is_refused(value: Any) -> None:
    with pytest.raises(PromptError, match="shape"):
        checks.plane_shape(value, PromptError)


@pytest.mark.parametrize(
    "value",
    [None, "abcd", (1, 2, 3), (5, 5, 1, 1), (0, 0, 0, 5), (0, 0, 5, NAN), (0, 0, 1e308, 1e308)],
)
def test_what_is_no_window_is_refused(value: Any) -> None:
    with pytest.raises(PromptError, match="window"):
        checks.window(value, "window", PromptError)


@pytest.mark.parametrize(
    "value",
    [
        5,
        "ab",
        (1,),
        (1, 2, 3),
        (2, 1),
        (1, 1),
        (0, NAN),
        (-INF, 0),
        (None, 1),
        ((1, 2),),
        (-1e308, 1e308),  # their difference is infinite
    ],
)
def test_what_are_no_limits_is_refused(value: Any) -> None:
    with pytest.raises(ImageError, match="Contrast limits"):
        checks.limits(value)


@pytest.mark.parametrize("value", [5, (1, 1), (0, 1, 1), (NAN, 1, 1), (1, 1, 1, 1), "abc", INF])
def test_what_is_no_spacing_is_refused(value: Any) -> None:
    with pytest.raises(NapariSamError, match="spacing"):
        checks.spacing(value)


@pytest.mark.parametrize("value", [5, None, ["1"], [1.5], [-1], [True], [NAN], [2**70]])
def test_what_are_no_ids_is_refused(value: Any) -> None:
    with pytest.raises(LabelsError, match="ids"):
        checks.ids(value)


def test_ids_come_once_and_in_order() -> None:
    assert checks.ids(np.array([3, 1, 3, 2])) == [3, 1, 2]


@pytest.mark.parametrize(
    "value", [None, np.zeros((3, 3)), np.zeros((3, 3), bool), np.zeros((2, 3, 3), int), [["a"]]]
)
def test_what_are_no_labels_is_refused(value: Any) -> None:
    with pytest.raises(LabelsError, match="labels"):
        checks.labels(value)


@pytest.mark.parametrize("value", [None, np.ones((3, 3)), np.ones((3, 4), bool), [[True, 2]]])
def test_what_is_no_mask_is_refused(value: Any) -> None:
    with pytest.raises(LabelsError, match="mask"):
        checks.mask(value, (3, 3))


def test_words_that_are_not_known_are_refused() -> None:
    for value in ("Keep", None, 5, ["keep"]):
        with pytest.raises(NapariSamError, match="'keep', 'overwrite'"):
            checks.one_of(value, ("keep", "overwrite"), "overlap")
    for value in (None, 0, "yes"):
        with pytest.raises(NapariSamError, match="True or False"):
            checks.flag(value, "refine")
    with pytest.raises(NapariSamError, match="function"):
        checks.reports(None)
