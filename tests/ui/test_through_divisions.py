"""Through time: a cell that divides is kept with its daughters, and taken back with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dividing import BORN, FRAMES, daughters, disc, dividing, mother
from napari_sam.labels import table as object_table


class Hands:
    """Goes to frames, clicks, and looks at what is there."""

    def __init__(self, bench: Any, axis: str = "t") -> None:
        self.bench, self.through = bench, bench.cells.through
        self.layer = bench.viewer.add_image(dividing(), name="movie", axis_labels=(axis, "y", "x"))
        bench.cells.proposal.set_look(filled=True)
        bench.settle()
        self.through.set_on(True)
        self.click(0, *place(mother(0)))

    def go(self, at: int) -> None:
        self.bench.viewer.dims.set_point(0, at)
        self.bench.settle()

    def click(self, at: int, row: int, column: int) -> None:
        self.go(at)
        self.bench.click(at, row, column)
        self.bench.settle()

    def press(self, key: str) -> None:
        self.bench.press(key)
        self.bench.settle()

    @property
    def strip(self) -> Any:
        return self.through.state.strip

    @property
    def labels(self) -> Any:
        return self.bench.viewer.layers["movie cells"]


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return np.count_nonzero(a & b) / np.count_nonzero(a | b)


def place(one: tuple[int, int, int]) -> tuple[int, int]:
    return one[0], one[1]


@pytest.fixture
def hands(bench: Any) -> Hands:
    return Hands(bench)


def test_a_click_is_followed_into_both_daughters_who_are_kept_with_their_mother(
    hands: Hands,
) -> None:
    strip = hands.strip
    assert strip.divisions == {BORN}
    assert set(strip.scores) == set(range(FRAMES))
    assert f"divides, at frame {BORN}" in hands.bench.state.status
    hands.go(BORN + 3)
    assert np.unique(hands.bench.viewer.layers["SAM preview"].data).tolist() == [0, 1, 2]
    hands.press("Enter")
    labels = hands.labels
    assert np.unique(labels.data).tolist() == [0, 1, 2, 3]
    for t in range(FRAMES):
        true = [mother(t)] if t < BORN else daughters(t)
        for one in true:
            number = labels.data[(t, *place(one))]
            assert (number == 1) == (t < BORN)
            assert overlap(labels.data[t] == number, disc(*one)) > 0.8
    assert object_table.parents(object_table.adopt(labels.features)) == {2: 1, 3: 1}
    rows = labels.features.set_index("index")
    assert rows.loc[[1, 2], ["first", "last"]].to_numpy().tolist() == [[0, 4], [5, FRAMES - 1]]
    assert "daughters" in hands.bench.state.status


def test_one_undo_takes_the_family_back_and_redo_brings_it_again(hands: Hands) -> None:
    hands.press("Enter")
    kept, rows = hands.labels.data.copy(), hands.labels.features.copy()
    hands.press("Control-Z")
    assert not hands.labels.data.any()
    assert len(hands.labels.features) == 0
    assert hands.strip.divisions == {BORN}
    hands.labels.redo()
    hands.bench.settle()
    np.testing.assert_array_equal(hands.labels.data, kept)
    assert hands.labels.features["parent"].tolist() == rows["parent"].tolist()


def test_its_tracks_are_drawn_with_their_graph(hands: Hands) -> None:
    hands.press("Enter")
    lines = hands.bench.session.lines
    lines.show(hands.labels)
    hands.bench.settle()
    layer = next(one for one in hands.bench.viewer.layers if one.name.endswith("lines"))
    assert {child: list(found) for child, found in layer.graph.items()} == {2: [1], 3: [1]}


def test_switched_off_one_number_goes_on(hands: Hands) -> None:
    hands.through.set_divisions(False)
    hands.bench.settle()
    assert hands.strip.divisions == frozenset()
    hands.press("Enter")
    assert np.unique(hands.labels.data).tolist() == [0, 1]
    hands.press("Control-Z")
    hands.through.set_divisions(True)
    hands.bench.settle()
    assert hands.strip.divisions == {BORN}


def test_a_click_on_a_daughter_corrects_her_and_the_division_stands(hands: Hands) -> None:
    at, (one, other) = BORN + 4, daughters(BORN + 4)
    hands.click(at, *place(one))
    assert hands.strip.given == {0, at}
    assert hands.strip.divisions == {BORN}
    hands.bench.cells.set_overlap("overwrite")  # all is followed anew, with what was said
    hands.bench.settle()
    assert hands.strip.given == {0, at}
    assert hands.strip.divisions == {BORN}
    hands.press("Enter")
    numbers = {hands.labels.data[(at, *place(d))] for d in (one, other)}
    assert numbers == {2, 3}
    assert hands.labels.data[(0, *place(mother(0)))] == 1


def test_through_slices_nothing_divides(bench: Any) -> None:
    assert Hands(bench, "z").strip.divisions == frozenset()


@pytest.mark.parametrize("channels", [0, 2])
def test_labels_opened_from_a_file_that_names_no_axes_are_tracks_on_a_movie(
    bench: Any, channels: int
) -> None:
    labels = np.zeros((FRAMES, *dividing().shape[1:]), np.int32)
    for t in range(FRAMES):
        for number, one in enumerate(daughters(t), 2) if t >= BORN else [(1, mother(t))]:
            labels[t][disc(*one)] = number
    movie, axes, at = dividing(), ("t", "y", "x"), ()
    if channels:
        movie, labels = np.stack([movie] * channels), np.stack([labels, 0 * labels])
        axes, at = ("c", *axes), (0,)
    bench.viewer.add_image(movie, name="movie", axis_labels=axes)
    opened = bench.viewer.add_labels(labels.copy(), name="opened")
    bench.viewer.dims.current_step = (*at, BORN, 0, 0)
    bench.session.set_tool("review")
    bench.settle()
    review = bench.review
    for number, one in enumerate(daughters(BORN), 2):
        review.select(number)
        review.through.begin("mother")
        bench.viewer.dims.set_point(len(at), BORN - 1)
        bench.settle()
        bench.click(*at, BORN - 1, *place(mother(BORN - 1)))
        bench.settle()
        bench.viewer.dims.set_point(len(at), BORN)
        bench.settle()
        assert opened.data[(*at, BORN, *place(one))] == number
    np.testing.assert_array_equal(opened.data, labels)
    rows = opened.features.set_index("index")
    assert rows.loc[[1, 2, 3], "parent"].tolist() == [0, 1, 1]
    assert rows.loc[[1, 2], ["first", "last"]].to_numpy().tolist() == [[0, 4], [5, FRAMES - 1]]
    review.select(2)
    bench.viewer.dims.set_point(len(at), BORN + 3)
    bench.settle()
    review.select(2)
    review.through.cut()
    assert f"Cut cell 2 at {BORN + 3}" in bench.state.status


@pytest.mark.parametrize("at", [3, BORN, BORN + 3, FRAMES - 1])
def test_an_end_is_set_and_taken_back_on_any_frame_of_a_family(hands: Hands, at: int) -> None:
    known = set(hands.strip.scores)
    hands.go(at)
    hands.press("Q")
    assert not hands.bench.state.problem
    assert at not in hands.strip.scores
    hands.press("Q")
    assert not hands.bench.state.problem
    assert set(hands.strip.scores) == known
    assert hands.strip.divisions == {BORN}


def test_a_mother_that_was_deleted_holds_up_no_daughter(hands: Hands) -> None:
    hands.press("Enter")
    bench, review = hands.bench, hands.bench.review
    bench.session.set_tool("review")
    hands.go(BORN)
    review.select(2)
    assert review.through.editing().room(2)[0] == BORN
    for at in range(BORN):
        hands.go(at)
        review.select(1)
        review.reject()
        bench.settle()
    hands.go(BORN)
    review.select(2)
    review.through.follow(False)
    bench.settle()
    assert not bench.state.problem
    assert (hands.labels.data[BORN - 1] == 2).any()
    bench.press("Control-Z")
    bench.settle()
    assert not (hands.labels.data[:BORN] == 2).any()
