"""Objects through slices and tracks through frames: join, cut, swap, set parent, delete, split."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam.errors import LabelsError
from napari_sam.labels.runs import write
from napari_sam.labels.slices import seen_on
from napari_sam.labels.split_whole import split_whole
from napari_sam.labels.through import ThroughEdit, cut, delete, join, set_parent, swap


def movie(*tracks: tuple[int, int, int], frames: int = 8) -> np.ndarray:
    """Tracks (id, first frame, last frame), a column each."""
    labels = np.zeros((frames, 4, 3 * len(tracks)), np.int32)
    for place, (number, first, last) in enumerate(tracks):
        labels[first : last + 1, 1:3, 3 * place : 3 * place + 2] = number
    return labels


def made(labels: np.ndarray, edit: ThroughEdit) -> np.ndarray:
    """Write an edit, and see that it can be taken back."""
    after = labels.copy()
    assert write(after, edit.runs) == 0
    back = after.copy()
    write(back, edit.runs.reversed)
    np.testing.assert_array_equal(back, labels)
    return after


def spans(labels: np.ndarray) -> dict[int, tuple[int, int]]:
    ids = set(np.unique(labels).tolist()) - {0}
    return {i: (seen[0], seen[-1]) for i, seen in seen_on(labels, 0, ids).items()}


def test_joining_gives_frames_and_daughters_to_the_first() -> None:
    labels = movie((1, 0, 2), (2, 3, 5), (3, 6, 7), (4, 6, 7))
    edit = join(labels, 0, 1, 2, {3: 2, 4: 2})
    after = made(labels, edit)
    assert spans(after) == {1: (0, 5), 3: (6, 7), 4: (6, 7)}
    assert edit.parents == {3: 1, 4: 1}


def test_joining_a_mother_to_a_daughter_ends_the_division() -> None:
    labels = movie((1, 0, 2), (2, 3, 5), (3, 3, 5))
    edit = join(labels, 0, 1, 2, {2: 1, 3: 1})
    assert spans(made(labels, edit)) == {1: (0, 5), 3: (3, 5)}
    assert edit.parents == {}
    backwards = join(labels, 0, 2, 1, {2: 1, 3: 1})
    assert spans(made(labels, backwards)) == {2: (0, 5), 3: (3, 5)}
    assert backwards.parents == {}


def test_a_joined_track_keeps_the_mother_of_its_beginning() -> None:
    labels = movie((9, 0, 1), (1, 2, 3), (2, 4, 5))
    assert join(labels, 0, 2, 1, {1: 9}).parents == {2: 9}
    assert join(labels, 0, 1, 2, {1: 9}).parents == {1: 9}


def test_two_cells_of_one_frame_are_not_one_track_but_may_be_one_object() -> None:
    labels = movie((1, 0, 4), (2, 3, 6))
    with pytest.raises(LabelsError, match="both in frame 3"):
        join(labels, 0, 1, 2)
    edit = join(labels, 0, 1, 2, over_time=False)
    assert spans(made(labels, edit)) == {1: (0, 6)}
    with pytest.raises(LabelsError, match="two different"):
        join(labels, 0, 1, 1)
    with pytest.raises(LabelsError, match="no cell 7"):
        join(labels, 0, 1, 7)


def test_cutting_gives_the_rest_and_the_daughters_a_new_number() -> None:
    labels = movie((1, 0, 5), (2, 6, 7), (3, 6, 7))
    edit = cut(labels, 0, 1, 3, 10, {2: 1, 3: 1})
    assert spans(made(labels, edit)) == {1: (0, 2), 2: (6, 7), 3: (6, 7), 10: (3, 5)}
    assert edit.parents == {2: 10, 3: 10}
    for at in (0, 6):
        with pytest.raises(LabelsError, match="cannot be cut"):
            cut(labels, 0, 1, at, 10)


def test_swapping_exchanges_the_rest_and_the_daughters() -> None:
    labels = movie((1, 0, 5), (2, 0, 5), (3, 6, 7))
    edit = swap(labels, 0, 1, 2, 3, {3: 1})
    after = made(labels, edit)
    np.testing.assert_array_equal(after[:3], labels[:3])
    np.testing.assert_array_equal(after[3:6] == 1, labels[3:6] == 2)
    assert edit.parents == {3: 2}
    again = swap(after, 0, 1, 2, 3, edit.parents)
    np.testing.assert_array_equal(made(after, again), labels)
    assert again.parents == {3: 1}


def test_what_goes_on_from_another_is_nobodys_daughter_any_more() -> None:
    labels = movie((9, 0, 2), (1, 3, 6), (2, 0, 6))
    edit = swap(labels, 0, 1, 2, 3, {1: 9})
    assert spans(made(labels, edit)) == {9: (0, 2), 1: (3, 6), 2: (0, 6)}
    assert edit.parents == {}
    with pytest.raises(LabelsError, match="from 7 on"):
        swap(labels, 0, 1, 2, 7)


def test_a_mother_that_is_given_a_daughter_keeps_those_that_she_had_before() -> None:
    labels = movie((1, 0, 7), (2, 2, 7), (3, 4, 7), (4, 4, 7), (5, 6, 7))
    edit = set_parent(labels, 0, 3, 1, 10, {2: 1, 4: 1, 5: 1})
    assert edit.parents == {2: 1, 3: 1, 4: 1, 10: 1, 5: 10}
    now = spans(made(labels, edit))
    assert all(now[mother][0] < now[child][0] for child, mother in edit.parents.items())


def test_a_mother_that_goes_on_divides() -> None:
    labels = movie((1, 0, 5), (2, 3, 7), (3, 6, 7))
    edit = set_parent(labels, 0, 2, 1, 10, {3: 1})
    assert spans(made(labels, edit)) == {1: (0, 2), 2: (3, 7), 3: (6, 7), 10: (3, 5)}
    assert edit.parents == {2: 1, 10: 1, 3: 10}
    ended = movie((1, 0, 2), (2, 3, 7))
    edit = set_parent(ended, 0, 2, 1, 10)
    assert (len(edit.runs), edit.parents) == (0, {2: 1})
    assert set_parent(ended, 0, 2, 0, 10, {2: 1}).parents == {}
    with pytest.raises(LabelsError, match="before her daughter"):
        set_parent(ended, 0, 1, 2, 10)


def test_deleting_over_a_range_leaves_the_rest() -> None:
    labels = movie((1, 0, 7), (2, 0, 3))
    edit = delete(labels, 0, [1], 2, 4)
    after = made(labels, edit)
    assert sorted(seen_on(after, 0, [1])[1]) == [0, 1, 5, 6, 7]
    np.testing.assert_array_equal(after == 2, labels == 2)
    assert delete(labels, 0, [2], 0, 7, {2: 1, 5: 2}).parents == {}
    with pytest.raises(LabelsError, match="not seen from 5 to 7"):
        delete(labels, 0, [2], 5, 7)


TRACKS = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 7)).map(sorted), min_size=3, max_size=5
)


@settings(max_examples=60, deadline=None)
@given(tracks=TRACKS, data=st.data())
def test_whatever_is_done_mothers_come_before_their_daughters(
    tracks: list[list[int]], data: Any
) -> None:
    labels = movie(*((number, *span) for number, span in enumerate(tracks, 1)))
    ends = spans(labels)
    parents = {
        c: p
        for c in ends
        for p in [data.draw(st.sampled_from([0, *ends]))]
        if p and ends[p][1] < ends[c][0]
    }
    a, b = data.draw(st.permutations(sorted(ends)))[:2]
    at = data.draw(st.integers(0, 7))
    for what in (
        lambda: join(labels, 0, a, b, parents),
        lambda: cut(labels, 0, a, at, 50, parents),
        lambda: swap(labels, 0, a, b, at, parents),
        lambda: set_parent(labels, 0, a, b, 50, parents),
        lambda: delete(labels, 0, [a], at, 7, parents),
    ):
        try:
            edit = what()
        except LabelsError:
            continue
        after = spans(made(labels, edit))
        for child, parent in edit.parents.items():
            assert after[parent][1] < after[child][0]
        untouched = set(ends) - set(edit.ids)
        assert all(after[i] == ends[i] for i in untouched)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_may_lie_along_any_axis(axis: int) -> None:
    labels = np.moveaxis(movie((1, 0, 5), (2, 0, 3)), 0, axis)
    after = made(labels, cut(labels, axis, 1, 3, 10))
    expected = np.moveaxis(labels, axis, 0).copy()
    expected[3:][expected[3:] == 1] = 10
    np.testing.assert_array_equal(np.moveaxis(after, axis, 0), expected)


def dumbbell(depth: int = 5) -> np.ndarray:
    """Two balls of one number that touch."""
    grid = np.indices((depth, 20, 40))
    balls = [
        np.sqrt(((grid - np.reshape(c, (3, 1, 1, 1))) ** 2).sum(0))
        for c in ((2, 10, 12), (2, 10, 26))
    ]
    return np.where((balls[0] < 8) | (balls[1] < 7.5), 3, 0).astype(np.int32)


def test_two_that_hang_together_are_split_on_all_slices() -> None:
    labels = dumbbell()
    edit = split_whole(labels, 3, (0, 10, 12), (4, 10, 26), 9)
    after = made(labels, edit)
    assert set(np.unique(after)) == {0, 3, 9}
    assert (after[:, 10, 12] == 3).all()
    assert (after[:, 10, 26] == 9).all()
    left = np.nonzero(after == 3)[2].max()
    right = np.nonzero(after == 9)[2].min()
    assert abs(left - right) <= 3
    assert ((after > 0) == (labels > 0)).all()


def test_a_split_in_a_movie_of_stacks_stays_in_its_time() -> None:
    labels = np.stack([dumbbell(), np.zeros_like(dumbbell())])
    edit = split_whole(labels, 3, (0, 0, 10, 12), (0, 4, 10, 26), 9, axis=1)
    np.testing.assert_array_equal(
        made(labels, edit)[0],
        made(labels[0], split_whole(labels[0], 3, (0, 10, 12), (4, 10, 26), 9)),
    )


def test_one_above_the_other_is_split_where_it_is_narrow() -> None:
    labels = np.zeros((7, 12, 12), np.int32)
    labels[:3, 2:10, 2:10] = labels[4:, 2:10, 2:10] = labels[3, 5:7, 5:7] = 1
    after = made(labels, split_whole(labels, 1, (0, 6, 6), (6, 6, 6), 2))
    parts = [set(np.unique(half).tolist()) - {0} for half in (after[:3], after[4:])]
    assert parts in ([{1}, {2}], [{2}, {1}])
    with pytest.raises(LabelsError, match="same cell"):
        split_whole(labels, 1, (0, 0, 0), (6, 6, 6), 2)
    with pytest.raises(LabelsError, match="two different places"):
        split_whole(labels, 1, (0, 6, 6), (0, 6, 6), 2)


def test_a_swap_that_leaves_nothing_of_one_gives_its_daughters_to_the_other() -> None:
    labels = movie((1, 0, 2), (2, 3, 4), (3, 6, 7))
    edit = swap(labels, 0, 2, 1, 3, {2: 1, 3: 1})
    assert spans(made(labels, edit)) == {1: (0, 4), 3: (6, 7)}
    assert edit.parents == {3: 1}


def test_a_mother_that_is_cut_behind_the_birth_of_a_daughter_stays_her_mother() -> None:
    labels = movie((1, 0, 6), (2, 2, 7), (3, 7, 7))
    edit = cut(labels, 0, 1, 4, 9, {2: 1, 3: 1})
    assert spans(made(labels, edit)) == {1: (0, 3), 2: (2, 7), 3: (7, 7), 9: (4, 6)}
    assert edit.parents == {2: 1, 3: 9}


def test_relatives_that_are_gone_and_have_a_row_stop_nothing() -> None:
    labels = movie((1, 0, 2), (2, 3, 5), (3, 6, 7))
    family = {3: 2, 77: 2, 1: 78}
    assert spans(made(labels, join(labels, 0, 1, 2, family))) == {1: (0, 5), 3: (6, 7)}
    assert spans(made(labels, cut(labels, 0, 2, 4, 9, family)))[9] == (4, 5)
    assert spans(made(labels, swap(labels, 0, 1, 2, 2, family)))[1] == (0, 5)
